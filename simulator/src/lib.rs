//! Simulated servers and their BMCs.
//!
//! A [`simulator::Simulator`] holds machines. Each is a vendor-neutral state machine ([`machine::Machine`]) behind a
//! [`personality::Personality`]: a vendor and generation with its tree, names, timings and documented quirks.
//! Its BMC is called in-process ([`service::Service`]) or over HTTP(S) ([`simulator::Simulator::serve`]).
//! [`faults`] spoil what happens, and the [`log`] tells what did.
//!
//! The simulator shares no code with the drivers it is used to test: a shared mistake would hide itself.

pub mod cell;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod faults;
pub mod fetch;
pub mod guest;
mod ipxe;
pub mod iso;
pub mod log;
pub mod machine;
pub mod package;
pub mod personality;
pub mod serve;
pub mod service;
pub mod simulator;
pub mod site;
pub mod tasks;
pub mod tls;
pub mod update;
pub mod web;

pub use cell::Cell;
pub use service::{CallFailure, Service};
pub use simulator::{Builder, MachineSpec, Simulator};
