//! bios
