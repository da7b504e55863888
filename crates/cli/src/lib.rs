//! The rackhand program.
