//! What joins the agent's ports to the crates that do the work.

pub(crate) mod connector;
pub(crate) mod images;
pub(crate) mod netboot;
pub(crate) mod trust;
