//! The `rackhand` program as a library: everything but the process itself.
//!
//! [`run`] takes arguments and a [`World`] and answers an exit code. The world is everything that a program has around
//! it (output, environment, clock), so a test replaces it and the program's ten-line `main` fills it in. Nothing else in
//! rackhand reads the environment, the terminal or the home directory.
//!
//! The way of a command: [`args`] as parsed → [`options`] as resolved (flags over environment over configuration file) →
//! `commands`, one module each → the library crates, through `adapters` where they ask for a port. What people see is
//! made in `render`; data goes to stdout, everything else to stderr.

mod adapters;
pub mod args;
mod commands;
mod exit;
mod fleet;
mod options;
mod record;
mod render;
mod run;
mod service;
mod site;
mod sources;
mod state;
mod systemd;
mod world;

pub use exit::Exit;
pub use run::{run, run_to_exit};
pub use world::{Hooks, Stream, World, WrapJournal, WrapTransport};
