//! The simulator as its users see it: in-process and over sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers are part of the tests: a failure in them fails the test"
)]

mod faults;
mod flow;
mod network;
mod network_sockets;
mod plain;
mod service;
mod site;
mod storage;
mod upkeep;
