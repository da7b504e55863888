//! The HostProvision resource: what is wanted of one host, and how far it is.
//!
//! One object per host, with the name and namespace of its BareMetalHost. The types here are the only source of the custom
//! resource definition in `deploy/`. Fields of `spec` are read by `rackhand-spec`, like every other format; a test holds the
//! two against each other.

// Each printer column has a type and a path: clippy takes the second of them for a mistake.
#![allow(clippy::duplicated_attributes, reason = "the columns of one table look alike")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The group of the resource.
pub const GROUP: &str = "rackhand.dev";
/// Its version.
pub const VERSION: &str = "v1alpha1";

/// What is wanted of one host, and which agent acts. What is not said here is taken from the BareMetalHost of the same name.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rackhand.dev",
    version = "v1alpha1",
    kind = "HostProvision",
    plural = "hostprovisions",
    shortname = "hp",
    category = "rackhand",
    namespaced,
    derive = "PartialEq",
    status = "HostProvisionStatus",
    printcolumn(name = "Agent", type_ = "string", json_path = ".status.agent"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Percent", type_ = "integer", json_path = ".status.percent"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Power", type_ = "string", json_path = ".status.hardware.powerState", priority = 1),
    printcolumn(name = "Model", type_ = "string", json_path = ".status.hardware.model", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct HostProvisionSpec {
    /// Which agent acts for the host.
    pub agent_ref: AgentRef,
    /// The object that the host comes from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
    /// Its BMC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bmc: Option<BmcRef>,
    /// The MAC address it boots from: proof that this BMC belongs to this server.
    #[serde(default, rename = "bootMACAddress", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$"))]
    pub boot_mac_address: Option<String>,
    /// What it boots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The firmware's boot mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// BIOS attributes by the vendor's own names: a text, a whole number, true or false.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "preserved_object")]
    pub firmware_settings: BTreeMap<String, serde_json::Value>,
    /// Firmware updates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["component"]))]
    pub firmware_updates: Vec<FirmwareUpdate>,
    /// RAID volumes, as in a BareMetalHost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raid: Option<Raid>,
    /// The name of a firmware profile that the agent has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How it boots the ISO; else as the BMC's address says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootBy>,
    /// How the installation is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// `false` asks for a host that is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// Nothing may be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<bool>,
    /// A nonce: it permits one installation over a host that is on and of which no record is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub install: Option<String>,
    /// A nonce: changed, it asks for a new installation, over whatever runs on the host.
    #[serde(default, rename = "requestID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub request_id: Option<String>,
}

/// Which agent acts: exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AgentRef {
    /// This agent and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whichever agent of this pool is alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// The object that a host comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// Its group and version.
    pub api_version: String,
    /// Its kind: SiteConfig, ClusterInstance, BareMetalHost.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The node within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
}

/// A BMC and how it is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BmcRef {
    /// Its address, as in a BareMetalHost. It has to be inside the networks that the agent allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The Secret with `username` and `password`, in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_name: Option<String>,
    /// How its certificate is judged; by what the agent trusts when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// How a BMC's certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The SHA-256 fingerprint of the BMC's certificate, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Not at all. It counts only where the agent's own configuration allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure: Option<bool>,
}

/// What a host boots.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The InfraEnv in this namespace whose ISO is booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra_env_ref: Option<NameRef>,
    /// The ISO's URL, or a path on the jump host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The ISO's SHA-256 digest; another one is not booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<String>,
    /// The URL of an iPXE script, or a path on the jump host: a host that boots by PXE is given what it names, in place of
    /// what is on the ISO. An InfraEnv gives its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipxe_script: Option<String>,
}

/// An object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NameRef {
    /// Its name.
    pub name: String,
}

/// The firmware's boot mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BootMode {
    /// UEFI, secure boot off.
    #[serde(rename = "UEFI")]
    Uefi,
    /// UEFI, secure boot on.
    #[serde(rename = "UEFISecureBoot")]
    UefiSecureBoot,
    /// BIOS.
    #[serde(rename = "legacy")]
    Legacy,
}

/// How a host boots the ISO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootBy {
    /// Its BMC reads the ISO.
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

/// How an installation is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// The hub's Agent, or the installer itself, tells how far it is.
    Callback,
    /// Nothing tells.
    None,
}

/// One firmware update.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct FirmwareUpdate {
    /// `bios`, `bmc`, or `nic:` and the adapter's name.
    pub component: String,
    /// Where the vendor's file is.
    pub url: String,
}

/// RAID volumes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Raid {
    /// Volumes on RAID controllers.
    #[serde(default, rename = "hardwareRAIDVolumes", skip_serializing_if = "Vec::is_empty")]
    pub hardware: Vec<HardwareVolume>,
    /// Volumes that the installed system builds by itself.
    #[serde(default, rename = "softwareRAIDVolumes", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "preserved_list")]
    pub software: Vec<serde_json::Value>,
}

/// A volume on a RAID controller.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HardwareVolume {
    /// Its level: 0, 1, 2, 5, 6, 1+0, 5+0 or 6+0.
    #[schemars(regex(pattern = r"^([01256]|[156]\+0)$"))]
    pub level: String,
    /// Its name: what it is found again by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in GiB; all the room there is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "natural")]
    pub size_gibibytes: Option<i64>,
    /// Whether its disks are to rotate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// How many disks are to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "natural")]
    pub number_of_physical_disks: Option<i64>,
    /// The controller's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The disks by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub physical_disks: Vec<String>,
}

/// How far a host is. Written by its agent alone; everything in it was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostProvisionStatus {
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The request that was carried out, or is.
    #[serde(default, rename = "observedRequestID", skip_serializing_if = "Option::is_none")]
    pub observed_request_id: Option<String>,
    /// The agent that acts, or acted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// When the agent last wrote this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<Time>,
    /// The step that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How many of the steps are over, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
    /// Installations begun so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i64>,
    /// The newest journal record that is in this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// Who the machine is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<Hardware>,
    /// The virtual medium; in slot `none` before the first is inserted.
    // Always there, as the lists are: API servers before 1.21 refuse an apply that takes the last field of an object away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_media: Option<VirtualMedia>,
    /// Jobs that the BMC carries out for us.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub jobs: Vec<BmcJob>,
    /// The steps of the newest installation, in order.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
    /// What holds: Ready, Reconciling and Stalled sum up, the others are milestones.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Who a machine is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// Its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The BMC's firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bmc_version: Option<String>,
    /// The BIOS's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bios_version: Option<String>,
    /// Whether it is on, as far as the newest act shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<String>,
}

/// A virtual medium.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct VirtualMedia {
    /// The slot.
    pub slot: String,
    /// The SHA-256 digest of the image in it. Its URL is as good as a password, so it is not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether it is in the slot.
    pub inserted: bool,
}

/// A job of the BMC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BmcJob {
    /// What it is about: the component whose firmware is installed.
    pub id: String,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands: Running, Completed or Failed.
    pub state: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Running, Done, AlreadySo, NotRequired or Failed.
    pub state: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A map of scalars: the server cannot say "text, number or boolean" in a structural schema, so it keeps what is there and
/// the agent judges it.
fn preserved_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

fn preserved_list(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    })
}

fn natural(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "format": "int64", "minimum": 1 })
}

/// The definition of the resource, for a hub.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn definition() -> Result<serde_json::Value, serde_json::Error> {
    use kube::CustomResourceExt as _;
    serde_json::to_value(HostProvision::crd())
}
