//! The driver over documents of our own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod cures;
mod deviations;
mod recoveries;
mod requests;
mod support;
mod whole;
