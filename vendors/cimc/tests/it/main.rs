//! The driver against documents of our own, an XML API of our own, and the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod arrays;
mod boot;
mod capabilities;
mod deviations;
mod firmware;
mod listed;
mod media;
mod nuova;
mod quirks;
mod session;
mod simulated;
mod tokens;
