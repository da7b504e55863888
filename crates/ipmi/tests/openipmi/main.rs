//! The driver against OpenIPMI's `ipmi_sim`, with ipmitool as the second opinion.
//!
//! Needs Debian's packages `openipmi` and `ipmitool`; without them each test says that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod operations;
mod refusals;
mod relay;
mod sensors;
mod silence;
mod sim;
mod suites;
