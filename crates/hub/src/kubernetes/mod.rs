//! The Kubernetes hub: what it wants of this agent, and what it is told.
//!
//! ```text
//! HostProvision, BareMetalHost, ClusterInstance, InfraEnv, Agent ──watching──> objects ──view──> texts for rackhand-spec
//!                                                                                     └──> targets ─┐
//! journal ──status (fold)──> conditions, steps ──sink──> HostProvision/status <────────────────────┤
//!         └──events──> core Events, one per transition <───────────────────────────────────────────┘
//! Lease: the agent lives; its tenure is the right to act on pool nodes
//! ```
//!
//! Nothing here is needed for work to go on: through an outage the last snapshot stays, and the journal is the backlog.

mod budget;
mod client;
mod conditions;
mod events;
mod host_provision;
mod lease;
mod objects;
mod sink;
mod status;
mod target;
#[cfg(test)]
mod tests;
mod trouble;
mod view;
mod watching;

pub use budget::Budget;
pub use client::connect;
pub use events::KubeEvents;
pub use host_provision::{
    AgentRef, BmcJob, BmcRef, BootMode, FirmwareUpdate, Follow, GROUP, Hardware, HardwareVolume,
    HostProvision, HostProvisionSpec, HostProvisionStatus, Image, NameRef, Raid, SourceRef, Step, Tls,
    VERSION, VirtualMedia, definition,
};
pub use kube::Client;
pub use lease::{LeaseKeeper, LeaseTimes, Standing, Tenure, lease_name};
pub use objects::{Key, Kind, Objects};
pub use sink::{FINALIZER, MAKER, MANAGER, SinkOptions, SinkParts, SinkStatus, StatusSink};
pub use status::{About, Book, Verdict};
pub use target::{Target, Targets};
pub use view::{AGENT, Claim, View, Who, made, node_of_file, view};
pub use watching::{HubSource, Snapshot, SourceParts};
