//! The ISO server and its image store.
//!
//! [`ImageStore`] turns a path or a URL into an [`Image`]: a file on this machine whose SHA-256 is known and, when one was
//! asked for, right. [`MediaServer`] serves images to BMCs over HTTP and HTTPS, one short unguessable URL per node, counts what
//! each node has read of it, and takes call-backs of what is installed. What it sees comes out as [`MediaEvent`]s.
//!
//! Machines whose BMC takes no media boot over the network: [`NetbootFiles`] finds kernel and file systems on the ISO,
//! [`MediaServer::publish_netboot`] serves them with an iPXE script, and [`MediaServer::start_tftp`] serves the first loader. A
//! machine is told to install only while it is [offered](MediaServer::offer).
//!
//! BMCs refuse a URL that is long, lacks `.iso`, or holds `?` or `=`; they want an address of their own family that they can
//! route to; some ask with HEAD first, most read ranges, several at a time. All of that is settled here.

#![deny(clippy::indexing_slicing)]

mod advertise;
mod artifacts;
mod body;
mod bootmenu;
mod chunks;
mod conditional;
mod coverage;
mod digest;
mod events;
mod fetch;
mod identity;
mod image;
mod ipxe;
mod iso;
mod listener;
mod loaders;
mod netboot;
mod offers;
mod part;
mod range;
mod registry;
mod server;
mod service;
mod store;
mod tftp;
mod tftp_reader;
mod token;

pub use crate::{
    advertise::{AddressError, Advertise, Scheme},
    digest::{DigestError, Sha256Digest},
    events::{EventKind, Heard, MediaEvent, Served},
    identity::{IdentityError, TlsIdentity},
    image::{Image, ImageError, Source},
    listener::{Bound, Listen},
    loaders::missing_loader,
    netboot::{NetbootError, NetbootFiles},
    offers::{NetbootPublication, NetbootSettings, Offering},
    part::Part,
    registry::{Publication, PublishError},
    server::{Events, MediaServer, StartError},
    store::{FetchSettings, ImageStore},
    tftp::{TftpError, TftpOptions},
    token::{Token, TokenError},
};
