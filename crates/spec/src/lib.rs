//! What operators write about their servers becomes what rackhand knows of them.
//!
//! ```text
//! file, directory, kustomize ──load──> texts ──tree──> located YAML ──cursor──> site │ metal3 │ firmware │ secrets
//!                                                                                      │
//!                                          NodeSpec + diagnostics <── checks <── candidates
//! ```
//!
//! Read are SiteConfig (`ran.openshift.io/v1`, `v2`), ClusterInstance (`siteconfig.open-cluster-management.io/v1alpha1`), and
//! BareMetalHost with HostFirmwareSettings, HostFirmwareComponents and Secret, and rackhand's own HostProvision. Other kinds
//! are named as skipped; whoever reads those finds them with their places in [`located`].
//!
//! Invariants:
//! - [`load`] never fails as a whole and never panics. Each finding is a [`Diagnostic`] with file, line, column and field; a
//!   file with five mistakes gets five.
//! - A node with an error yields no [`NodeSpec`]. An error of a cluster or site counts for all nodes below it, a conflict
//!   between two nodes for both. Other nodes are not touched.
//! - Nothing is passed over in silence: each scalar of a file is in a NodeSpec, or a finding of [`Code::NotUsed`],
//!   [`Code::Shadowed`] or [`Code::UnknownField`] names its field (see `cursor.rs`; a test changes every scalar of a sample in turn).
//! - What kustomize would change is never read unchanged (see `kustomize.rs`).
//! - The value of a Secret is in no finding, no `Debug` and no NodeSpec.
//! - The environment is not read; the only program that is ever run is kustomize.

#![deny(clippy::indexing_slicing)]

mod address;
mod annotations;
mod checks;
mod common;
mod cursor;
mod diagnostic;
mod documents;
mod early_network;
mod firmware;
mod kustomize;
mod load;
pub mod located;
mod metal3;
mod nmstate;
mod node;
mod owned;
mod provision;
pub mod secrets;
mod site;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use address::{BmcAddress, BmcProtocol, BootTransport, InvalidAddress, VendorHint};
pub use annotations::{ANNOTATION_GROUP, ANNOTATIONS};
pub use cursor::nearest;
pub use diagnostic::{Code, Diagnostic, Severity, folded};
pub use documents::read;
pub use early_network::EarlyNetwork;
pub use ipnet::IpNet;
pub use kustomize::Kustomize;
pub use load::{LoadOptions, Loaded, Skipped, Source, collect, load};
pub use node::{
    BiosSettings, BootBy, BootMode, CleaningMode, ClusterNetwork, FirmwareUpdate, Follow, HardwareVolume,
    Interface, NodeName, NodeNetwork, NodeSpec, PodNetwork, Raid, RaidLevel, Role, RootDeviceHints,
    SoftwareVolume, SourceRef,
};
pub use owned::{Located, LocatedEntry, LocatedValue, ScalarKind, field_path};
pub use value::{InvalidMac, InvalidSha256, MacAddress, Sha256};
