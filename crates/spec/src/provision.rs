//! HostProvision `rackhand.dev/v1alpha1`: what the hub says of one host to the agent that acts for it.
//!
//! It has the name and namespace of the BareMetalHost. What it says goes before what the BareMetalHost or the site says of the
//! same host, field by field; what it does not say is taken from there. So one that stands alone has to say all that is needed.

use std::collections::BTreeMap;

use rackhand_bmc::Attributes;

use crate::annotations::Annotations;
use crate::common::{self, BOOT_MODES, Candidate, Places, Required};
use crate::cursor::{At, Fields, Place, Sink};
use crate::diagnostic::{Code, Severity};
use crate::firmware::{attributes, updates};
use crate::node::{
    BOOT_BY, BiosSettings, BootBy, BootMode, FirmwareUpdate, Follow, NodeName, NodeSpec, Raid, SourceRef,
};
use crate::site::name;
use crate::{BmcAddress, MacAddress, Sha256, metal3};

/// A HostProvision as it was read: everything is optional that a BareMetalHost or a site can say instead.
pub(crate) struct Provision {
    namespace: String,
    name: String,
    place: Place,
    line: usize,
    /// False: there was an error in it, which counts for the host.
    sound: bool,
    annotations: Annotations,
    labels: BTreeMap<String, String>,
    bmc: Bmc,
    mac: Option<(MacAddress, Place)>,
    boot_mode: Option<BootMode>,
    image: Image,
    bios: Option<Attributes>,
    updates: Vec<FirmwareUpdate>,
    raid: Option<Raid>,
    profile: Option<String>,
    boot: Option<BootBy>,
    follow: Option<Follow>,
    online: Option<bool>,
    request_id: Option<String>,
    install: Option<String>,
    hold: Option<bool>,
}

#[derive(Default)]
struct Bmc {
    address: Option<(BmcAddress, Place)>,
    credentials: Option<String>,
    fingerprint: Option<Sha256>,
    insecure: Option<bool>,
}

#[derive(Default)]
struct Image {
    url: Option<String>,
    sha256: Option<Sha256>,
    ipxe_script: Option<String>,
}

/// Reads one HostProvision.
pub(crate) fn host_provision(root: &At<'_>, out: &mut Vec<Provision>) {
    let before = root.cx.sink.errors();
    let Some(mut provision) = read(root) else { return };
    provision.sound = root.cx.sink.errors() == before;
    out.push(provision);
}

fn read(root: &At<'_>) -> Option<Provision> {
    let fields = common::object(root)?;
    let meta = fields.required("metadata")?.fields(common::METADATA)?;
    let annotations = meta.get("annotations").map(|at| Annotations::of_host(&at)).unwrap_or_default();
    let labels = meta.get("labels").map(|at| at.text_map()).unwrap_or_default();
    let namespace = meta.get("namespace").map_or_else(|| Some("default".to_owned()), |at| name(&at));
    let own = meta.required("name").and_then(|at| name(&at));
    let spec = fields.required("spec")?.fields(&[("sourceRef", "it says where the host came from")])?;
    agent(&spec);
    let word = |name: &'static str| spec.get(name).and_then(|at| at.word());
    Some(Provision {
        bmc: spec.get("bmc").and_then(|at| bmc(&at)).unwrap_or_default(),
        mac: spec.get("bootMACAddress").and_then(|at| Some((at.parse()?, at.place()))),
        boot_mode: spec.get("bootMode").and_then(|at| at.choice(BOOT_MODES)),
        image: spec.get("image").and_then(|at| image(&at)).unwrap_or_default(),
        bios: spec.get("firmwareSettings").map(|at| attributes(&at)),
        updates: spec.get("firmwareUpdates").map(|at| updates(&at)).unwrap_or_default(),
        raid: spec.get("raid").and_then(|at| metal3::read_raid(&at)),
        profile: word("profile"),
        boot: spec.get("boot").and_then(|at| at.choice(BOOT_BY)),
        follow: spec
            .get("follow")
            .and_then(|at| at.choice(&[("callback", Follow::Callback), ("none", Follow::None)])),
        online: spec.get("online").and_then(|at| at.boolean()),
        request_id: word("requestID"),
        install: word("install"),
        hold: spec.get("hold").and_then(|at| at.boolean()),
        place: spec.at.place(),
        line: spec.at.node.mark.line,
        sound: true,
        annotations,
        labels,
        namespace: namespace?,
        name: own?,
    })
}

/// Who acts is decided before the object is read here, so it is only checked.
fn agent(spec: &Fields<'_>) {
    let Some(at) = spec.required("agentRef") else { return };
    let Some(fields) = at.fields(&[]) else { return };
    let (one, pool) = (fields.get("name"), fields.get("pool"));
    let named = [&one, &pool].into_iter().flatten().filter_map(|at| at.word()).count();
    if named != 1 {
        at.error_help(
            Code::InvalidValue,
            "either the agent's `name` is given or its `pool`",
            "name: this agent and no other; pool: whichever agent of it is alive",
        );
    }
}

fn bmc(at: &At<'_>) -> Option<Bmc> {
    let fields = at.fields(&[])?;
    let mut bmc = Bmc {
        address: fields.get("address").and_then(|at| Some((at.parse()?, at.place()))),
        credentials: fields.get("credentialsName").and_then(|at| at.word()),
        ..Bmc::default()
    };
    if let Some(tls) = fields.get("tls").and_then(|at| at.fields(&[])) {
        bmc.fingerprint = tls.get("fingerprint").and_then(|at| at.parse());
        bmc.insecure = tls.get("insecure").and_then(|at| at.boolean());
        if bmc.fingerprint.is_some() && bmc.insecure == Some(true) {
            tls.at.error(Code::Conflict, "a fingerprint is given, and that nothing is to be checked");
        }
    }
    Some(bmc)
}

fn image(at: &At<'_>) -> Option<Image> {
    let fields = at.fields(&[("infraEnvRef", "the hub's InfraEnv gives the URL, where one is found")])?;
    let by_ref = fields.peek("infraEnvRef").is_some();
    let url = fields.get("url");
    if let (true, Some(at)) = (by_ref, &url) {
        at.error(Code::Conflict, "either `infraEnvRef` or `url`: both name the image to boot");
    }
    Some(Image {
        url: url.and_then(|at| at.word()),
        sha256: fields.get("sha256").and_then(|at| at.parse()),
        ipxe_script: fields.get("ipxeScript").and_then(|at| at.word()),
    })
}

/// Puts each over what is known of its host, or makes a host of it.
pub(crate) fn govern(provisions: Vec<Provision>, candidates: &mut Vec<Candidate>, sink: &Sink) {
    let mut seen: BTreeMap<(String, String), Place> = BTreeMap::new();
    for provision in provisions {
        let key = (provision.namespace.clone(), provision.name.clone());
        let host = |one: &Candidate| one.spec.namespace == key.0 && one.spec.bmh_name == key.1;
        let position = candidates.iter().position(host);
        if let Some(first) = seen.get(&key) {
            let message = format!("this HostProvision is given already, at {}", first.short());
            sink.push(provision.place.say(Severity::Error, Code::Conflict, message));
            if let Some(candidate) = position.and_then(|at| candidates.get_mut(at)) {
                candidate.refused = true;
            }
            continue;
        }
        seen.insert(key, provision.place.clone());
        match position.and_then(|at| candidates.get_mut(at)) {
            Some(candidate) => provision.over(candidate),
            None => candidates.extend(provision.alone(sink)),
        }
    }
}

impl Provision {
    fn over(self, candidate: &mut Candidate) {
        candidate.refused |= !self.sound;
        if let Some((_, place)) = &self.bmc.address {
            candidate.places.bmc = place.clone();
        }
        if let Some((_, place)) = &self.mac {
            candidate.places.mac = place.clone();
        }
        self.apply(&mut candidate.spec);
    }

    /// A host of which nothing else speaks.
    fn alone(self, sink: &Sink) -> Option<Candidate> {
        let missing: Vec<&str> = [
            ("spec.bmc.address", self.bmc.address.is_none()),
            ("spec.bmc.credentialsName", self.bmc.credentials.is_none()),
            ("spec.bootMACAddress", self.mac.is_none()),
        ]
        .into_iter()
        .filter_map(|(field, missing)| missing.then_some(field))
        .collect();
        if !missing.is_empty() && self.sound {
            let message = format!(
                "{} missing, and there is no BareMetalHost {}/{} to take it from",
                missing.join(", "),
                self.namespace,
                self.name
            );
            sink.push(self.place.say(Severity::Error, Code::MissingField, message));
        }
        let ((bmc, bmc_place), (boot_mac, mac_place)) = (self.bmc.address.clone()?, self.mac.clone()?);
        let required = Required {
            cluster: self.namespace.clone(),
            host_name: self.annotations.host_name.clone().unwrap_or_else(|| self.name.clone()),
            namespace: self.namespace.clone(),
            bmh_name: self.name.clone(),
            source: SourceRef {
                file: self.place.file.clone(),
                line: self.line,
                kind: "HostProvision".to_owned(),
                name: self.name.clone(),
                namespace: Some(self.namespace.clone()),
            },
            bmc,
            credentials_name: self.bmc.credentials.clone()?,
            boot_mac,
        };
        let mut spec = required.spec(NodeName::new(&self.namespace, &self.name));
        spec.labels.clone_from(&self.labels);
        spec.role = self.annotations.role.unwrap_or_default();
        let places =
            Places { host: self.place.clone(), bmc: bmc_place, mac: mac_place, interfaces: Vec::new() };
        let refused = !self.sound;
        self.apply(&mut spec);
        Some(Candidate { spec, places, refused })
    }

    /// What it says, over what was said.
    fn apply(self, spec: &mut NodeSpec) {
        let own = self.annotations;
        let set = |to: &mut Option<String>, from: Option<String>| {
            if from.is_some() {
                *to = from;
            }
        };
        set(&mut spec.profile, self.profile.or(own.profile));
        set(&mut spec.install, self.install.or(own.install));
        spec.hold = self.hold.unwrap_or(spec.hold);
        set(&mut spec.request_id, self.request_id.or(own.request_id));
        let url = self.image.url.or(own.iso);
        if url.is_some() {
            // These are of the other image.
            spec.iso_sha256 = None;
            spec.ipxe_script = None;
        }
        set(&mut spec.iso, url);
        set(&mut spec.ipxe_script, self.image.ipxe_script.or(own.ipxe_script));
        spec.iso_sha256 = self.image.sha256.or(own.iso_sha256).or(spec.iso_sha256);
        spec.boot = self.boot.or(own.boot).or(spec.boot);
        spec.follow = self.follow.or(own.follow).or(spec.follow);
        if let Some((address, _)) = self.bmc.address {
            spec.bmc = address;
        }
        if let Some(name) = self.bmc.credentials {
            spec.credentials_name = name;
        }
        spec.bmc_fingerprint = self.bmc.fingerprint.or(own.bmc_fingerprint).or(spec.bmc_fingerprint);
        spec.disable_certificate_verification = self.bmc.insecure.or(spec.disable_certificate_verification);
        if let Some((mac, _)) = self.mac {
            spec.boot_mac = mac;
        }
        spec.boot_mode = self.boot_mode.unwrap_or(spec.boot_mode);
        spec.online = self.online.or(spec.online);
        if let Some(values) = self.bios {
            let source = format!("HostProvision {}/{}", self.namespace, self.name);
            spec.bios_settings = Some(BiosSettings { source, values });
        }
        if !self.updates.is_empty() {
            spec.firmware = self.updates;
        }
        if self.raid.is_some() {
            spec.raid = self.raid;
        }
    }
}
