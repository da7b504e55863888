//! Redfish: the protocol, and the standard driver that vendor drivers are made of.

#![deny(clippy::indexing_slicing)]

pub mod client;
mod collection;
mod document;
mod form;
mod link;
mod memory;
pub mod messages;
pub mod standard;
#[cfg(test)]
mod testing;
mod uri;
mod wire;

pub use client::{Client, Conduct, Sent};
pub use collection::Collection;
pub use document::{Document, View, names};
pub use link::{Link, link, open};
pub use messages::{Meaning, MessageRule};
pub use standard::{
    Dialect, Generic, Host, Machine, MediaPlace, Plain, Standard, StandardDriver, standard_quirks,
};
pub use uri::{last_segment, same_resource};
pub use wire::Answer;
