//! Firmware profiles: what a kind of server's firmware is to look like, in the vendor's own names.
//!
//! A node names a profile (`rackhand.dev/profile: ran-low-latency`); which document of that name holds for it is decided by
//! who the machine says it is. So one name covers a mixed fleet, and each document speaks of one vendor's generation:
//!
//! ```text
//! directory of *.yaml ──load──> Profiles ──select(name, host)──> Profile ──effective(+ biosConfigRef)──> Attributes
//!                                                                                 diff(current, desired) ──> rows
//! ```
//!
//! - [`Profiles::load`] reads a directory, [`Profiles::builtin`] the ones that ship with rackhand. A user's directory put
//!   [`over`](Profiles::over) the built-in ones wins where both match.
//! - [`Profiles::select`] answers exactly one profile, or an error that lists what was near and why it did not fit. It never
//!   takes a best guess: a wrong BIOS profile is a node that does not boot.
//! - [`Seen::capture`] makes a profile of a machine that is as it should be.
//! - [`effective`] lays the site file's settings over the profile's, and [`diff`] sets them against what the BMC reports.
//!
//! Invariants: a value keeps the type it was written with (`"2"` and `2` differ); an unknown field, a duplicate one and a
//! malformed range or digest are errors with file, line and column; nothing here does I/O beyond reading the directory.

#![deny(clippy::indexing_slicing)]

mod capture;
mod diff;
mod load;
mod profile;
mod select;
mod version;

#[cfg(test)]
mod tests;

pub use capture::{Captured, LeftOut, Seen};
pub use diff::{DiffRow, Verdict, diff, effective};
pub use load::{LoadError, Problem, Profiles};
pub use profile::{
    Bios, Digest, DriveSelection, FirmwareUpdate, MediaType, ModelPattern, Profile, ProfileMatch, RaidType,
    Spec, Storage, Volume,
};
pub use select::{HostIdentity, Near, SelectError};
pub use version::{InvalidRange, VersionRange};
