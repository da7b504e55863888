//! Plan, journal and engine: from NodeSpec to installed server.
//!
//! The flow, for each node: **observe → plan → journal the intent → act → prove → journal the outcome → plan anew**.
//!
//! - [`event`] is the vocabulary; [`journal`] keeps it durable and in order; [`history`] folds it into what is known of
//!   a node.
//! - [`plan`](mod@plan) is a pure function of what is wanted, observed and remembered. `plan`, `apply` and drift are
//!   one piece of code.
//! - [`engine`] does what the plan says next, one act at a time, and writes before and after.
//! - [`ports`] are the traits through which the engine reaches BMCs, images and signs of an installation. The agent
//!   knows no vendor and no HTTP.
//!
//! Invariants: no mutating request leaves before its intent is durable; an intent whose outcome is missing is decided by
//! a read, after everything in flight must have arrived, and never by sending again; a host is installed only when the
//! journal says it is new and off, or when somebody asked for it by name.

pub mod cause;
pub mod engine;
pub mod event;
pub mod gather;
pub mod history;
pub mod journal;
pub mod ledger;
pub mod plan;
pub mod ports;
pub mod wanted;
