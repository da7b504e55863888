//! The objects on the hub that a node is told to.

use std::collections::BTreeMap;

use super::{host_provision::HostProvisionSpec, status::Verdict};

/// By node.
pub type Targets = BTreeMap<String, Target>;

/// The HostProvision of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its namespace: the node's.
    pub namespace: String,
    /// Its name: that of the BareMetalHost.
    pub name: String,
    /// Its UID; none while it does not exist.
    pub uid: Option<String>,
    /// The UID of the BareMetalHost, where there is one.
    pub bmh_uid: Option<String>,
    /// The generation that was read.
    pub generation: Option<i64>,
    /// What is to be said of its spec.
    pub verdict: Verdict,
    /// What it is made of when it does not exist.
    pub create: Option<HostProvisionSpec>,
    /// Whether somebody deletes it and only our finalizer keeps it.
    pub going: bool,
    /// What the hub shows that was last written: the agent, the journal's sequence, the generation.
    pub shown: Option<(String, i64, Option<i64>)>,
}
