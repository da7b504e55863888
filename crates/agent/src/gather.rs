//! From a node's spec, its profile and the operator's word to what is wanted of it.

use rackhand_profiles::{Profile, effective};
use rackhand_spec::{BmcProtocol, BootMode, BootTransport, Follow as SpecFollow, NodeSpec};

use crate::{
    history::NodeHistory,
    wanted::{Follow, Wanted},
};

/// The request of a spec that names none.
const FIRST: &str = "first";

/// What counts beside the spec and the profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct GatherOptions<'a> {
    /// Who asked by name for this node to be installed, whatever runs on it: `--install`.
    pub asked: Option<&'a str>,
    /// What the journal knows of the node. It decides whether the spec's own permission is used up.
    pub history: Option<&'a NodeHistory>,
}

/// Gathers what is wanted of a node. Pure; what is asked for and cannot be done becomes a sentence in
/// [`Wanted::cannot`], never silence.
#[must_use]
pub fn gather(spec: &NodeSpec, profile: Option<&Profile>, options: GatherOptions<'_>) -> Wanted {
    let request = spec.request_id.as_ref().or(spec.install.as_ref()).map_or(FIRST, String::as_str).to_owned();
    let permission = match options.asked {
        Some(by) => Some(by.to_owned()),
        None => permission_of_spec(spec, &request, options.history),
    };
    let (secure_boot, contradiction) = secure_boot(spec, profile);
    let mut cannot = cannot(spec, profile);
    cannot.extend(contradiction);
    Wanted {
        node: spec.name.as_str().to_owned(),
        source: format!("{}:{}", spec.source.file.display(), spec.source.line),
        request,
        boot_mac: Some(spec.boot_mac.to_string()),
        bios: effective(profile, spec.bios_settings.as_ref()),
        bios_source: bios_source(spec, profile),
        secure_boot,
        follow: match spec.follow {
            Some(SpecFollow::Callback) => Follow::CallBack,
            Some(SpecFollow::None) | None => Follow::NotObservable,
        },
        cannot,
        hold: spec.hold,
        permission,
    }
}

/// The annotation permits one installation: of a node without a record, or once more after one that ended badly if the
/// request has changed since. Read again after that it permits nothing, or every run would install anew.
fn permission_of_spec(spec: &NodeSpec, request: &str, history: Option<&NodeHistory>) -> Option<String> {
    let nonce = spec.install.as_ref()?;
    let unused = match history {
        Some(NodeHistory { installed: Some(_), .. }) => false,
        Some(NodeHistory { job: Some(job), .. }) => job.result.is_some() && job.request != request,
        Some(_) | None => true,
    };
    unused.then(|| format!("annotation rackhand.dev/install: {nonce}"))
}

fn bios_source(spec: &NodeSpec, profile: Option<&Profile>) -> Option<String> {
    let profile = profile
        .filter(|profile| !profile.spec.bios.attributes.is_empty())
        .map(|profile| format!("profile {} ({})", profile.name, profile.source));
    let settings = spec.bios_settings.as_ref().map(|settings| settings.source.clone());
    match (profile, settings) {
        (Some(profile), Some(settings)) => Some(format!("{profile}, overridden by {settings}")),
        (one, other) => one.or(other),
    }
}

/// Whether secure boot shall be on, and a sentence where spec and profile contradict each other.
fn secure_boot(spec: &NodeSpec, profile: Option<&Profile>) -> (Option<bool>, Option<String>) {
    let of_profile = profile.and_then(|profile| match profile.spec.boot_mode() {
        Some(BootMode::UefiSecureBoot) => Some(true),
        _ => profile.spec.secure_boot,
    });
    let legacy = profile.is_some_and(|profile| profile.spec.boot_mode() == Some(BootMode::Legacy));
    let name = profile.map_or("", |profile| profile.name.as_str());
    let against = |what: &str, other: &str| {
        Some(format!(
            "the spec's bootMode is {what}, and profile {name} asks for {other}; make the two agree"
        ))
    };
    match (spec.boot_mode, of_profile) {
        (BootMode::UefiSecureBoot, Some(false)) => (Some(true), against("UEFISecureBoot", "secure boot off")),
        (BootMode::UefiSecureBoot, _) if legacy => (Some(true), against("UEFISecureBoot", "legacy boot")),
        (BootMode::UefiSecureBoot, _) => (Some(true), None),
        (BootMode::Legacy, Some(true)) => (None, against("legacy", "secure boot on")),
        (BootMode::Legacy, _) => (None, None),
        (BootMode::Uefi, _) if legacy => (None, against("UEFI", "legacy boot")),
        (BootMode::Uefi, wanted) => (wanted, None),
    }
}

/// A sentence for each thing that is asked for and that this version does not do.
fn cannot(spec: &NodeSpec, profile: Option<&Profile>) -> Vec<String> {
    let mut cannot = Vec::new();
    match (spec.bmc.protocol, spec.bmc.boot) {
        (BmcProtocol::Ipmi, _) => cannot.push(format!(
            "{} speaks IPMI, which this version does not; give the BMC's Redfish address: redfish-virtualmedia://…",
            spec.bmc
        )),
        (BmcProtocol::Redfish, BootTransport::Pxe | BootTransport::UefiHttp) => cannot.push(format!(
            "{} boots by network, which this version does not do; use a …-virtualmedia address",
            spec.bmc
        )),
        (BmcProtocol::Redfish, BootTransport::VirtualMedia) => {}
    }
    if let Some(raid) = &spec.raid {
        let mut say = |asked: Option<usize>, kind: &str| match asked {
            None => {}
            Some(0) => cannot.push(format!(
                "the spec asks for every {kind} RAID volume to be removed, which this version does not do"
            )),
            Some(count) => cannot.push(format!(
                "the spec asks for {count} {kind} RAID volume(s), which this version does not create"
            )),
        };
        say(raid.hardware.as_ref().map(Vec::len), "hardware");
        say(raid.software.as_ref().map(Vec::len), "software");
    }
    let updates = spec.firmware.len() + profile.map_or(0, |profile| profile.spec.firmware.len());
    if updates > 0 {
        cannot.push(format!("{updates} firmware update(s) are asked for, which this version does not do"));
    }
    if let Some(profile) = profile.filter(|profile| !profile.spec.storage.volumes.is_empty()) {
        let names: Vec<&str> =
            profile.spec.storage.volumes.iter().map(|volume| volume.name.as_str()).collect();
        cannot.push(format!(
            "profile {} asks for the storage volumes {}, which this version does not create",
            profile.name,
            names.join(", ")
        ));
    }
    if spec.online == Some(false) {
        cannot.push(
            "the spec says online: false, a host that is to stay off; installing would switch it on"
                .to_owned(),
        );
    }
    cannot
}

#[cfg(test)]
mod tests;
