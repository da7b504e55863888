//! The hub: what it is told, what it wants, and what happens when it is away. Against the API double; `tests/peers` does the
//! same things against a real API server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod git;
mod outage;
mod pool;
mod replaced;
mod scale;
mod schema;
mod serve;
mod told;
mod wire;
