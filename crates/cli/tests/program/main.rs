//! The program as its users see it: arguments in, output and exit code out, against simulated BMCs on real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod bench;
mod beside;
mod bmc;
mod decisions;
mod demo;
mod direct;
mod help;
mod profiles;
mod provision;
mod validate;
