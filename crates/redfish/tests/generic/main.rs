//! The standard driver over documents of our own: OpenBMC, AMI, NVIDIA and the like.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod cases;
mod cures;
mod services;
mod support;
