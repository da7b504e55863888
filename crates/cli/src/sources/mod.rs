//! Where a daemon's nodes come from: files, Git, or the objects of a hub.
//!
//! Each is a task that says everything it has whenever something may have changed; what did change is found out by who listens.
//! A source that cannot be read says nothing: what was said last stays.

mod files;
mod git;
mod hub;

pub(crate) use files::{Files, Origin, Told};
pub(crate) use git::Git;
pub(crate) use hub::{FromHub, HubRules};
