//! SiteConfig, ClusterInstance and BareMetalHost become NodeSpecs.

#![deny(clippy::indexing_slicing)]

mod address;
mod diagnostic;
mod node;
mod value;

pub use address::{BmcAddress, BmcProtocol, BootTransport, InvalidAddress, VendorHint};
pub use diagnostic::{Code, Diagnostic, Severity, folded};
pub use ipnet::IpNet;
pub use node::{
    BiosSettings, BootMode, CleaningMode, ClusterNetwork, FirmwareUpdate, Follow, HardwareVolume, Interface,
    NodeName, NodeNetwork, NodeSpec, PodNetwork, Raid, RaidLevel, Role, RootDeviceHints, SoftwareVolume,
    SourceRef,
};
pub use value::{InvalidMac, InvalidSha256, MacAddress, Sha256};
