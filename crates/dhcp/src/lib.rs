//! Boot options for machines that start from the network.
//!
//! An installation by PXE or UEFI HTTP boot needs three answers from DHCP: where the loader is, which one fits the firmware, and,
//! once iPXE runs, where its script is. The site's own server gives them, with what [`hints`] writes for it; or, where nobody may
//! touch that server, a [`ProxyDhcp`] beside it adds them. Neither ever gives an address.
//!
//! Both speak of the machines that they are told of and of no other: a machine in service that falls back to its network card
//! must find nothing there.

#![deny(clippy::indexing_slicing)]

mod answer;
mod boot;
pub mod hints;
mod proxy;
mod told;

pub use crate::{
    answer::{Answerer, Declined, Destination, Message, Port, Reply, Why, answer},
    boot::{Arch, BootFileError, BootFiles, Loaders},
    hints::{HintError, HintedHost, Hints},
    proxy::{Allowed, Event, Ports, ProxyDhcp, Settings, StartError},
};
