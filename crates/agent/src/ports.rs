//! The engine's ports: how it reaches BMCs, images and signs of an installation.

use std::{fmt, future::Future, pin::Pin};

use rackhand_bmc::{Bmc, Fut};
use tokio::sync::oneshot;

use crate::{
    event::Evidence,
    wanted::{BootWay, WantedFirmware},
};

/// A boxed future with any output.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Connects to the BMC of a node. The agent knows neither vendors nor HTTP; this does.
pub trait Connector: Send + Sync {
    /// Logs in and assembles the machine. Tried again by the engine, not inside.
    fn connect<'a>(&'a self, node: &'a str) -> Fut<'a, Bmc>;
}

/// Serves the image that a node boots.
pub trait ImageHost: Send + Sync {
    /// Makes the node's image ready to be booted that way: fetched, its digest taken and compared where one was given,
    /// served. The same node gets the same URL again, in this process and in the next.
    ///
    /// For PXE it is taken apart. On either way over the network nothing of it is handed to a host that asks before it is
    /// [offered](Self::offer).
    fn prepare<'a>(&'a self, node: &'a str, way: BootWay)
    -> BoxFuture<'a, Result<PreparedImage, ImageError>>;

    /// Whether a host that boots over the network is given its installer. Said just before it can come for it, and taken
    /// back as soon as it has what it needs, and at every end of the node's task: whoever asks else boots its own disk. Of
    /// an image that the BMC reads it says only where its count begins.
    fn offer(&self, node: &str, offer: Offer);

    /// Makes a firmware file ready to be read by the node's BMC in the same way, beside the image, under a name that ends as
    /// the vendor's does: several BMCs judge by it. What is read of it counts nowhere.
    fn prepare_firmware<'a>(
        &'a self,
        node: &'a str,
        file: &'a WantedFirmware,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>>;

    /// How much of the image was read by the node's BMC or host so far, in bytes.
    fn bytes_read(&self, node: &str) -> u64;
}

/// What a host that boots over the network is given from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Its installer, and what was read before counts no more.
    Anew,
    /// Its installer still: an earlier process had switched it on for that, or a service has mounted it. Not where a script
    /// told it to, and it has read everything since.
    Again,
    /// Nothing.
    Ended,
}

/// An image, or a firmware file, ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedImage {
    /// Its URL as whoever reads it must see it: the BMC, or for a network boot the host. For PXE that of the host's script.
    pub url: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether a digest was given and matched.
    pub verified: bool,
}

/// Why an image cannot be served: one sentence that says what was seen and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageError(pub String);

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImageError {}

/// A sign of a node's installation, seen outside the BMC.
#[derive(Debug)]
pub struct Sighting {
    /// The node.
    pub node: String,
    /// What was seen.
    pub evidence: Evidence,
    /// Told once the sign is durable in the journal. A call-back is answered only then: an installer that was answered
    /// does not call again.
    pub ack: Option<oneshot::Sender<()>>,
}
