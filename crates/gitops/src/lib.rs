//! What a GitOps repository means to the hub, before it gets there.
//!
//! - [`render`] makes the custom resources that a SiteConfig or ClusterInstance stands for, as the hub's own generators do.
//! - [`convert`] turns a SiteConfig into ClusterInstances and names every field that has no home there.
//! - [`lint`] checks a whole repository: specs, policy bindings, Secrets, profiles, and conflicts across sites.
//!
//! Nothing here speaks to a hub or logs in to a BMC; only [`lint::lint_live`] asks the network anything, through a trait.

#![deny(clippy::indexing_slicing)]

pub mod convert;
pub mod lint;
pub mod render;
