//! Trouble, one kind at a time, against the simulator under a paused clock: what the operator is told, that other nodes are
//! not harmed, and that nothing is left behind.
//!
//! Each case runs a node `bad`, which meets the trouble, beside a node `good` on another vendor's BMC, which must be
//! installed all the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod answers;
mod away;
mod bios;
mod credentials;
mod journal;
mod media;
mod operator;
mod support;
