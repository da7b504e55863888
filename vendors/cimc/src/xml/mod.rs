//! The XML API: what Redfish on this firmware lacks.
//!
//! Everything is a managed object with a class, a distinguished name and attributes, in one tree below `sys`. Objects are
//! read by name, class or parent, and changed by `configConfMo`. An error comes as HTTP 200 with `errorCode`.
//!
//! [`XmlClient`] logs in with the first request, keeps within the login budget, refreshes the session while it is used,
//! and always logs out. What a session is called in the ledger says when it ends by itself, never its cookie: a session
//! of a killed process cannot be logged out by another one, only waited for.

mod client;
mod core;
mod element;
mod fault;
mod ledger;

pub(crate) use self::ledger::RedfishLedger;
pub use self::{
    client::{Changed, XmlClient},
    element::Element,
};
