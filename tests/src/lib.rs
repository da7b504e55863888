//! What the tests that cross crates share.
//!
//! [`lab`] runs the whole agent against simulated machines in one process, without a socket, a thread or a second of
//! waiting: tokio's clock is paused, and everything that could be random is seeded. [`fuse`] kills it at a chosen point.

pub mod effects;
pub mod fuse;
pub mod hub;
pub mod images;
pub mod lab;
pub mod process;
pub mod traffic;
