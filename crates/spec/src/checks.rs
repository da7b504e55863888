//! What no file shows by itself: two nodes that claim the same thing.
//!
//! Neither of two such nodes is provisioned, because nothing tells which one is right.

use std::collections::BTreeMap;

use crate::common::Candidate;
use crate::cursor::{Place, Sink};
use crate::diagnostic::{Code, Severity};

/// Something that only one node may have, and the words for it.
struct Claim {
    key: String,
    what: String,
    place: Place,
}

/// Compares all nodes of all files.
pub(crate) fn cross_checks(candidates: &mut [Candidate], sink: &Sink) {
    unique(candidates, sink, Code::DuplicateNode, |candidate| {
        let name = &candidate.spec.name;
        let what = format!("node {name}");
        vec![Claim { key: name.to_string(), what, place: candidate.places.host.clone() }]
    });
    unique(candidates, sink, Code::DuplicateMac, macs);
    unique(candidates, sink, Code::DuplicateBmc, |candidate| {
        let bmc = &candidate.spec.bmc;
        let system = bmc.system_path.as_deref().unwrap_or("").to_lowercase();
        let what = match &bmc.system_path {
            Some(path) => format!("BMC {} with system {path}", bmc.authority()),
            None => format!("BMC {}", bmc.authority()),
        };
        let key = format!("{}{system}", bmc.authority().to_lowercase());
        vec![Claim { key, what, place: candidate.places.bmc.clone() }]
    });
    whole_bmcs(candidates, sink);
    host_names(candidates, sink);
}

/// A node's MAC addresses: the one it boots from, and its interfaces'.
fn macs(candidate: &Candidate) -> Vec<Claim> {
    let claim = |mac: crate::MacAddress, place: &Place| Claim {
        key: mac.to_string(),
        what: format!("MAC address {mac}"),
        place: place.clone(),
    };
    let spec = &candidate.spec;
    let mut claims = vec![claim(spec.boot_mac, &candidate.places.mac)];
    for (interface, place) in spec.network.interfaces.iter().zip(&candidate.places.interfaces) {
        if interface.mac != spec.boot_mac {
            claims.push(claim(interface.mac, place));
        }
    }
    claims
}

/// Each claim by one node at most.
fn unique(candidates: &mut [Candidate], sink: &Sink, code: Code, claims: impl Fn(&Candidate) -> Vec<Claim>) {
    let mut first: BTreeMap<String, (usize, Place)> = BTreeMap::new();
    let mut refused = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for claim in claims(candidate) {
            match first.get(&claim.key) {
                None => {
                    first.insert(claim.key, (index, claim.place));
                }
                Some((other, place)) if *other != index => {
                    let name =
                        candidates.get(*other).map(|other| other.spec.name.to_string()).unwrap_or_default();
                    let message = format!("{} is also that of {name}, at {}", claim.what, place.short());
                    sink.push(claim.place.say(Severity::Error, code, message));
                    refused.extend([index, *other]);
                }
                Some(_) => {}
            }
        }
    }
    for index in refused {
        if let Some(candidate) = candidates.get_mut(index) {
            candidate.refused = true;
        }
    }
}

/// An address without a system means the whole BMC, which another node's system is a part of.
fn whole_bmcs(candidates: &mut [Candidate], sink: &Sink) {
    let mut wholes: BTreeMap<String, (usize, Place)> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if candidate.spec.bmc.system_path.is_none() {
            wholes
                .insert(candidate.spec.bmc.authority().to_lowercase(), (index, candidate.places.bmc.clone()));
        }
    }
    let mut refused = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if candidate.spec.bmc.system_path.is_none() {
            continue;
        }
        let authority = candidate.spec.bmc.authority();
        if let Some((whole, place)) = wholes.get(&authority.to_lowercase()) {
            let message =
                format!("BMC {authority} is claimed as a whole, without a system, at {}", place.short());
            sink.push(candidate.places.bmc.say(Severity::Error, Code::DuplicateBmc, message));
            refused.extend([index, *whole]);
        }
    }
    for index in refused {
        if let Some(candidate) = candidates.get_mut(index) {
            candidate.refused = true;
        }
    }
}

/// One host name in two clusters is possible, and mostly a copy that was not finished.
fn host_names(candidates: &[Candidate], sink: &Sink) {
    let mut first: BTreeMap<&str, &Candidate> = BTreeMap::new();
    for candidate in candidates {
        match first.get(candidate.spec.host_name.as_str()) {
            None => {
                first.insert(&candidate.spec.host_name, candidate);
            }
            Some(other) if other.spec.cluster != candidate.spec.cluster => {
                let message = format!(
                    "host name `{}` is also that of {}, at {}",
                    candidate.spec.host_name,
                    other.spec.name,
                    other.places.host.short()
                );
                sink.push(candidate.places.host.say(Severity::Warning, Code::DuplicateHostName, message));
            }
            Some(_) => {}
        }
    }
}
