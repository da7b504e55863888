//! The commands, one module each.

mod access;
pub(crate) mod apply;
pub(crate) mod bmc;
pub(crate) mod decide;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod gitops;
pub(crate) mod logins;
pub(crate) mod logs;
pub(crate) mod netboot;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod serve;
pub(crate) mod validate;
