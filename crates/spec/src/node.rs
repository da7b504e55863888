//! [`NodeSpec`]: everything that is wanted of one server, whatever format it was written in.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use rackhand_bmc::Attributes;

use crate::{BmcAddress, MacAddress, Sha256};

/// The unique name of a node: `CLUSTER/HOST`. A BareMetalHost that stands alone has its namespace for a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeName(String);

impl NodeName {
    /// The name of `host` in `cluster`.
    pub fn new(cluster: &str, host: &str) -> Self {
        Self(format!("{cluster}/{host}"))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// What a node is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A control-plane node; the default.
    #[default]
    Master,
    /// A worker.
    Worker,
    /// The third vote of a two-node control plane.
    Arbiter,
}

/// The firmware's boot mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub enum BootMode {
    /// UEFI, Secure Boot off; the default.
    #[default]
    #[serde(rename = "UEFI")]
    Uefi,
    /// UEFI, Secure Boot on.
    #[serde(rename = "UEFISecureBoot")]
    UefiSecureBoot,
    /// BIOS.
    #[serde(rename = "legacy")]
    Legacy,
}

/// Whether disks are wiped between two lives of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CleaningMode {
    /// Partition tables and signatures are removed.
    Metadata,
    /// Nothing is removed.
    Disabled,
}

/// How a host is to boot the installer, where that is not left to its BMC's address (`rackhand.dev/boot`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootBy {
    /// From an ISO that its BMC reads.
    VirtualMedia,
    /// Its firmware fetches the ISO over HTTP.
    UefiHttp,
    /// Its firmware asks DHCP.
    Pxe,
    /// By HTTP where its BMC can have it so, else by PXE.
    Network,
    /// Whichever its BMC can do, virtual media first.
    Any,
}

/// The words for it, in every format.
pub(crate) const BOOT_BY: &[(&str, BootBy)] = &[
    ("virtual-media", BootBy::VirtualMedia),
    ("uefi-http", BootBy::UefiHttp),
    ("pxe", BootBy::Pxe),
    ("network", BootBy::Network),
    ("any", BootBy::Any),
];

/// How the progress of an installation is followed (`rackhand.dev/follow`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// The installer calls back.
    Callback,
    /// Nothing reports: booting is the last thing that can be proven.
    None,
}

/// Where a [`NodeSpec`] was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// The file. Not serialized: the same content in another checkout has the same digest.
    #[serde(skip)]
    pub file: PathBuf,
    /// The line of the node, from 1. Not serialized: a comment added above does not change a digest.
    #[serde(skip)]
    pub line: usize,
    /// `SiteConfig`, `ClusterInstance` or `BareMetalHost`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, when written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// The BIOS settings a node's spec names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosSettings {
    /// The `.profile` file or HostFirmwareSettings that holds them, as the spec names it.
    pub source: String,
    /// Attribute name to value, in the vendor's own names.
    pub values: Attributes,
}

/// Which disk the system goes on. All given hints must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct RootDeviceHints {
    /// A Linux device name, as `/dev/sda` or a by-path link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// SCSI address, as `0:0:0:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hctl: Option<String>,
    /// Part of the model's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Part of the vendor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Least size, in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_size_gigabytes: Option<u64>,
    /// World Wide Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// World Wide Name with the vendor's extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn_with_extension: Option<String>,
    /// The vendor's extension alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn_vendor_extension: Option<String>,
    /// Whether the disk spins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
}

/// A RAID level, in metal3's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RaidLevel {
    /// Striped.
    #[serde(rename = "0")]
    Raid0,
    /// Mirrored.
    #[serde(rename = "1")]
    Raid1,
    /// Bit-striped with Hamming code.
    #[serde(rename = "2")]
    Raid2,
    /// Striped with parity.
    #[serde(rename = "5")]
    Raid5,
    /// Striped with double parity.
    #[serde(rename = "6")]
    Raid6,
    /// Stripe of mirrors.
    #[serde(rename = "1+0")]
    Raid10,
    /// Stripe of RAID 5.
    #[serde(rename = "5+0")]
    Raid50,
    /// Stripe of RAID 6.
    #[serde(rename = "6+0")]
    Raid60,
}

/// A volume on a RAID controller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareVolume {
    /// Its RAID level.
    pub level: RaidLevel,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in GiB; all the room there is when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_gibibytes: Option<u64>,
    /// Whether spinning disks are to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// How many disks are to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_physical_disks: Option<u64>,
    /// The controller's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The disks by name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub physical_disks: Vec<String>,
}

/// A volume that the installed system builds by itself (md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoftwareVolume {
    /// Its RAID level: 0, 1 or 1+0.
    pub level: RaidLevel,
    /// Its size in GiB; all the room there is when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_gibibytes: Option<u64>,
    /// The disks, by hints.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub physical_disks: Vec<RootDeviceHints>,
}

/// `spec.raid` of a BareMetalHost. An empty list is an order to clear; an absent one says nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Raid {
    /// Volumes on RAID controllers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<Vec<HardwareVolume>>,
    /// Volumes of the installed system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<Vec<SoftwareVolume>>,
}

/// One update of HostFirmwareComponents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmwareUpdate {
    /// `bios`, `bmc`, or `nic:` and the adapter's name.
    pub component: String,
    /// Where the vendor's file is.
    pub url: String,
}

/// A network interface of the node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// The name it has in the nmstate configuration.
    pub name: String,
    /// Its MAC address.
    pub mac: MacAddress,
}

/// The node's own network: `nodeNetwork`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct NodeNetwork {
    /// The interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub interfaces: Vec<Interface>,
    /// The nmstate configuration, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
}

/// A pod network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodNetwork {
    /// The network.
    pub cidr: IpNet,
    /// The prefix length that each node gets of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_prefix: Option<u8>,
}

/// The cluster's networks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterNetwork {
    /// The networks the machines stand in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub machine: Vec<IpNet>,
    /// The networks of pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodNetwork>,
    /// The networks of services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<IpNet>,
    /// The addresses of the API.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_vips: Vec<IpAddr>,
    /// The addresses of ingress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingress_vips: Vec<IpAddr>,
}

/// What is wanted of one server.
///
/// The only thing the rest of rackhand knows of site files: the plan is made from it, and its serialized form is what
/// `validate -o yaml` prints and what a digest of the wish is taken of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// Its unique name.
    pub name: NodeName,
    /// The cluster it belongs to.
    pub cluster: String,
    /// Its host name.
    pub host_name: String,
    /// The namespace of its BareMetalHost, where its Secret stands too.
    pub namespace: String,
    /// The name of its BareMetalHost: its host name, or what `hostRef` says.
    pub bmh_name: String,
    /// What it is in its cluster.
    pub role: Role,
    /// Where this was written.
    pub source: SourceRef,
    /// Its BMC.
    pub bmc: BmcAddress,
    /// The name of the Secret with the BMC's user name and password.
    pub credentials_name: String,
    /// A BareMetalHost's `disableCertificateVerification`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_certificate_verification: Option<bool>,
    /// The SHA-256 fingerprint of the BMC's certificate (`rackhand.dev/bmc-fingerprint`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bmc_fingerprint: Option<Sha256>,
    /// The MAC address it boots from: proof that this BMC belongs to this server.
    pub boot_mac: MacAddress,
    /// The firmware's boot mode.
    pub boot_mode: BootMode,
    /// Which disk the system goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_device_hints: Option<RootDeviceHints>,
    /// BIOS settings of the site file; they override those of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios_settings: Option<BiosSettings>,
    /// RAID volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raid: Option<Raid>,
    /// Firmware updates.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub firmware: Vec<FirmwareUpdate>,
    /// The firmware profile's name (`rackhand.dev/profile`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The ISO to boot: a path or a URL (`rackhand.dev/iso`, or a live-iso image).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<String>,
    /// The ISO's digest (`rackhand.dev/iso-sha256`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso_sha256: Option<Sha256>,
    /// An iPXE script whose files a host that boots by PXE is given in place of those on the ISO: a path or a URL
    /// (`rackhand.dev/ipxe-script`, or an InfraEnv's boot artifacts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipxe_script: Option<String>,
    /// How it is to boot the installer (`rackhand.dev/boot`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootBy>,
    /// How its installation is followed (`rackhand.dev/follow`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// A nonce: changed, it asks for a new installation (`rackhand.dev/request-id`, or `reinstall.generation`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// A nonce: it permits one installation over a host that is on and of which no record is found (`rackhand.dev/install`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// `holdInstallation`, or a host that its owner calls externally provisioned: nothing may be installed.
    pub hold: bool,
    /// A BareMetalHost's `online`; `false` asks for a host that is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// Whether disks are wiped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated_cleaning: Option<CleaningMode>,
    /// Its own network.
    pub network: NodeNetwork,
    /// The cluster's networks.
    pub cluster_network: ClusterNetwork,
    /// The node's labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub labels: BTreeMap<String, String>,
    /// The cluster's labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub cluster_labels: BTreeMap<String, String>,
    /// Kinds that the hub is told not to render for this node (`crSuppression`, `suppressedManifests`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub suppressed_manifests: Vec<String>,
}
