//! BareMetalHost `metal3.io/v1alpha1`.

use crate::annotations::Annotations;
use crate::common::{self, Boot, Candidate, Places, Required};
use crate::cursor::{At, Fields, NotUsed};
use crate::diagnostic::Code;
use crate::node::{HardwareVolume, NodeName, Raid, RaidLevel, SoftwareVolume, SourceRef};
use crate::site::name;

const SPEC: &[NotUsed] = &[
    ("architecture", "rackhand reads it from the BMC"),
    ("consumerRef", "another controller's mark"),
    ("customDeploy", "rackhand boots an ISO"),
    ("description", "a remark"),
    ("disablePowerOff", "rackhand does not know it"),
    ("firmware", "write the BIOS's own attributes into a HostFirmwareSettings"),
    ("hardwareProfile", "metal3 has removed it"),
    ("inspectionMode", "rackhand does not run ironic"),
    ("metaData", "the ISO brings its own"),
    ("networkData", "the ISO brings its own"),
    ("networkInterfaces", "rackhand does not configure switches"),
    ("preprovisioningNetworkDataName", "the ISO brings its own"),
    ("taints", "another controller's mark"),
    ("userData", "the ISO brings its own"),
];

const LEVELS: &[(&str, RaidLevel)] = &[
    ("0", RaidLevel::Raid0),
    ("1", RaidLevel::Raid1),
    ("2", RaidLevel::Raid2),
    ("5", RaidLevel::Raid5),
    ("6", RaidLevel::Raid6),
    ("1+0", RaidLevel::Raid10),
    ("5+0", RaidLevel::Raid50),
    ("6+0", RaidLevel::Raid60),
];

/// Namespace and name of an object; without a namespace it goes where `kubectl` puts it.
pub(crate) fn key(root: &Fields<'_>) -> Option<(String, String)> {
    let fields = root.required("metadata")?.fields(common::METADATA)?;
    let namespace = fields.get("namespace").map_or_else(|| Some("default".to_owned()), |at| name(&at));
    let name = fields.required("name").and_then(|at| name(&at));
    Some((namespace?, name?))
}

/// Reads a BareMetalHost; a sound one is added to `out`. One without a BMC address is left out with a warning: the hub
/// registers hosts that way before they are known.
pub(crate) fn bare_metal_host(root: &At<'_>, out: &mut Vec<Candidate>) {
    let before = root.cx.sink.errors();
    let candidate = read(root);
    if root.cx.sink.errors() == before {
        out.extend(candidate);
    }
}

struct Meta {
    name: String,
    namespace: Option<String>,
    annotations: Annotations,
    labels: std::collections::BTreeMap<String, String>,
}

fn read(root: &At<'_>) -> Option<Candidate> {
    let fields = common::object(root)?;
    let meta = fields.required("metadata").and_then(|at| read_meta(&at));
    let without_bmc = || {
        let at = root.child("metadata").and_then(|at| at.child("name")).unwrap_or_else(|| root.clone());
        at.warning(
            Code::Skipped,
            "the host has no BMC address, so there is nothing to reach it by; left out",
        );
        None
    };
    let Some(at) = fields.get("spec") else { return without_bmc() };
    let address = at.child("bmc").and_then(|bmc| bmc.child("address"));
    if address.is_none_or(|at| at.scalar().is_some_and(|scalar| scalar.text.is_empty())) {
        return without_bmc();
    }
    let spec = at.fields(SPEC)?;
    let bmc = spec.required("bmc")?.fields(&[])?;
    let address = bmc.required("address")?;
    read_spec(&spec, &bmc, &address, meta)
}

fn read_meta(at: &At<'_>) -> Option<Meta> {
    let fields = at.fields(common::METADATA)?;
    let annotations = fields.get("annotations").map(|at| Annotations::of_host(&at)).unwrap_or_default();
    let labels = fields.get("labels").map(|at| at.text_map()).unwrap_or_default();
    let namespace = fields.get("namespace").and_then(|at| name(&at));
    Some(Meta { name: fields.required("name").and_then(|at| name(&at))?, namespace, annotations, labels })
}

fn read_spec(spec: &Fields<'_>, bmc: &Fields<'_>, address: &At<'_>, meta: Option<Meta>) -> Option<Candidate> {
    let bmc_address = address.parse();
    let credentials = bmc.required("credentialsName").and_then(|at| at.word());
    // metal3 does without where it can; the proof that a BMC belongs to the server it is taken for needs it.
    let why = "rackhand tells by it that this BMC is this server's";
    let mac = spec.required_because("bootMACAddress", why);
    let boot_mac = mac.as_ref().and_then(|at| at.parse());
    let boot = Boot::read(spec);
    let insecure = bmc.get("disableCertificateVerification").and_then(|at| at.boolean());
    let online = spec.get("online").and_then(|at| at.boolean());
    let external = spec.get("externallyProvisioned").and_then(|at| at.boolean()).unwrap_or(false);
    let raid = spec.get("raid").and_then(|at| read_raid(&at));
    let image = spec.get("image").map(|at| read_image(&at)).unwrap_or_default();
    let Meta { name, namespace: written, annotations: own, labels } = meta?;
    let namespace = written.clone().unwrap_or_else(|| "default".to_owned());
    let required = Required {
        cluster: namespace.clone(),
        host_name: own.host_name.clone().unwrap_or_else(|| name.clone()),
        namespace: namespace.clone(),
        bmh_name: name.clone(),
        source: SourceRef {
            file: spec.at.cx.file.to_owned(),
            line: spec.at.node.mark.line,
            kind: "BareMetalHost".to_owned(),
            name: name.clone(),
            namespace: written,
        },
        bmc: bmc_address?,
        credentials_name: credentials?,
        boot_mac: boot_mac?,
    };
    let mut node = required.spec(NodeName::new(&namespace, &name));
    own.apply(&mut node);
    boot.apply(&mut node);
    node.role = own.role.unwrap_or_default();
    node.disable_certificate_verification = insecure;
    node.raid = raid;
    node.iso = node.iso.or(image.iso);
    node.iso_sha256 = node.iso_sha256.or(image.sha256);
    node.hold = external;
    node.online = online;
    node.labels = labels;
    let places =
        Places { host: spec.at.place(), bmc: address.place(), mac: mac?.place(), interfaces: Vec::new() };
    Some(Candidate { spec: node, places, refused: false })
}

#[derive(Default)]
struct Image {
    iso: Option<String>,
    sha256: Option<crate::Sha256>,
}

/// An image is the ISO to boot if its format is `live-iso`; a disk image is written by ironic, which rackhand does not run.
fn read_image(at: &At<'_>) -> Image {
    let live = at
        .entries()
        .iter()
        .any(|(key, at)| key.text == "format" && at.scalar().is_some_and(|s| s.text == "live-iso"));
    if !live {
        at.not_used(
            "only an image of format live-iso can be booted; name an ISO by the annotation rackhand.dev/iso",
        );
        return Image::default();
    }
    let Some(fields) = at.fields(&[("ociAuthSecretName", "rackhand does not read registries")]) else {
        return Image::default();
    };
    let _ = fields.peek("format");
    let iso = fields.required("url").and_then(|at| at.word());
    let kind = fields.get("checksumType").and_then(|at| at.word());
    let checksum = fields.get("checksum");
    let sha256 = match (checksum, kind.as_deref()) {
        (Some(at), Some("sha256")) => at.parse(),
        (Some(at), _) => {
            at.not_used("only a checksum of checksumType sha256 is verified");
            None
        }
        (None, _) => None,
    };
    Image { iso, sha256 }
}

pub(crate) fn read_raid(at: &At<'_>) -> Option<Raid> {
    let fields = at.fields(&[])?;
    let hardware = fields.peek("hardwareRAIDVolumes").filter(|at| !at.is_null());
    let software = fields.peek("softwareRAIDVolumes").filter(|at| !at.is_null());
    let raid = Raid {
        hardware: hardware.map(|at| at.items().iter().filter_map(hardware_volume).collect()),
        software: software.as_ref().map(|at| at.items().iter().filter_map(software_volume).collect()),
    };
    if let (Some(at), Some(volumes)) = (&software, &raid.software) {
        let first = volumes.first().is_some_and(|volume| volume.level != RaidLevel::Raid1);
        if volumes.len() > 2 || first {
            at.error(
                Code::InvalidValue,
                "there are at most two software volumes, and the first is of level 1",
            );
        }
    }
    (raid != Raid::default()).then_some(raid)
}

fn hardware_volume(at: &At<'_>) -> Option<HardwareVolume> {
    let fields = at.fields(&[])?;
    let level = fields.required("level").and_then(|at| at.choice(LEVELS));
    let word = |name| fields.get(name).and_then(|at| at.word());
    let number = |name| fields.get(name).and_then(|at| at.unsigned());
    Some(HardwareVolume {
        name: word("name"),
        size_gibibytes: number("sizeGibibytes"),
        rotational: fields.get("rotational").and_then(|at| at.boolean()),
        number_of_physical_disks: number("numberOfPhysicalDisks"),
        controller: word("controller"),
        physical_disks: fields.get("physicalDisks").map(|at| at.words()).unwrap_or_default(),
        level: level?,
    })
}

fn software_volume(at: &At<'_>) -> Option<SoftwareVolume> {
    let fields = at.fields(&[("rootVolume", "the root disk is chosen by rootDeviceHints")])?;
    let level = fields.required("level").and_then(|at| at.choice(LEVELS));
    let disks = fields.get("physicalDisks").map(|at| at.items()).unwrap_or_default();
    Some(SoftwareVolume {
        size_gibibytes: fields.get("sizeGibibytes").and_then(|at| at.unsigned()),
        physical_disks: disks.iter().filter_map(common::root_device_hints).collect(),
        level: level?,
    })
}
