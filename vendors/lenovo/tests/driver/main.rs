//! The driver over documents of our own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod cures;
mod deviations;
mod support;
