//! TFTP beside the HTTP server: the first loader of machines whose firmware knows nothing better.
//!
//! The protocol knows no passwords and its names can be guessed. So a machine's own files are served only while it is offered,
//! nothing can be written, and of the directory of loaders only what lies directly in it.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_tftp::{
    packet::Error as Refusal,
    server::{Handler, TftpServer, TftpServerBuilder},
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use rackhand_spec::MacAddress;

use crate::{
    AddressError, advertise, body::Account, ipxe, loaders, registry::Registry, tftp_reader::TftpReader,
};

/// How files are served over TFTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpOptions {
    /// The address to listen on: firmware asks port 69, which needs privilege. Port 0 takes any free one. Answers go out from
    /// the address of the route, so on a machine with several addresses in one network name the one that DHCP gives out.
    pub listen: SocketAddr,
    /// The HTTP server's base URL as machines see it, for the script that all of them are given.
    pub base: String,
    /// The directory with loaders: `ipxe.efi`, `snponly.efi`, `undionly.kpxe`.
    pub loaders: Option<PathBuf>,
}

/// Why TFTP is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TftpError {
    /// An address that cannot be listened on.
    #[error("the TFTP server cannot listen on {address}: {error}{}", privilege(error))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What was seen.
        error: io::Error,
    },
    /// The base URL of the HTTP server.
    #[error(transparent)]
    Base(#[from] AddressError),
    /// The directory of loaders.
    #[error("the directory of loaders {path}: {reason}")]
    Loaders {
        /// Which directory.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
}

fn privilege(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        _ => "",
    }
}

/// Transfers at once. Further ones are told to come again. Each takes a socket and may take a file, of the 1024 that a
/// process usually may have open.
const MOST_TRANSFERS: usize = 256;

/// The largest block, which a frame of 9000 bytes holds.
const LARGEST_BLOCK: u16 = 8956;

/// The most blocks that are sent before one is answered: with the block's size it bounds what a transfer costs in memory.
const LARGEST_WINDOW: u16 = 32;

/// When a block that is not answered is sent again, and how often; then the transfer ends. A peer's own wish, up to four minutes a
/// block, is not followed, since whoever is silent keeps a place.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const MOST_RETRIES: u32 = 8;

/// The longest name of which more than its length is told.
const LONGEST_NAME: usize = 80;

/// What of the media server TFTP needs.
pub(crate) struct Surroundings {
    pub(crate) registry: Arc<Registry>,
    pub(crate) tasks: TaskTracker,
    pub(crate) opened: CancellationToken,
    pub(crate) closing: CancellationToken,
    pub(crate) kill: CancellationToken,
}

/// Listens, and serves until the media server ends.
pub(crate) async fn start(options: TftpOptions, around: Surroundings) -> Result<SocketAddr, TftpError> {
    let TftpOptions { listen, base, loaders } = options;
    let base = advertise::checked(&base)?;
    if let Some(path) = &loaders {
        let readable = std::fs::read_dir(path).map(|_| ());
        readable.map_err(|error| TftpError::Loaders { path: path.clone(), reason: error.to_string() })?;
    }
    let failed = |error| TftpError::Listen { address: listen, error };
    let socket = bind(listen).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let slots = Arc::new(Semaphore::new(MOST_TRANSFERS));
    let files = Files {
        registry: around.registry.clone(),
        base,
        loaders,
        slots: slots.clone(),
        closing: around.closing.clone(),
    };
    let refused = |error: async_tftp::Error| failed(io::Error::other(error));
    let server = TftpServerBuilder::with_handler(files)
        .std_socket(socket)
        .map_err(refused)?
        .block_size_limit(LARGEST_BLOCK)
        .window_size_limit(LARGEST_WINDOW)
        .timeout(AGAIN_AFTER)
        .ignore_client_timeout()
        .max_send_retries(MOST_RETRIES)
        .build()
        .await
        .map_err(refused)?;
    // Its sockets have a reactor of their own. On a thread that drives it, a packet wakes no other.
    let (tracked, runtime) = (around.tasks.token(), Handle::current());
    let thread = std::thread::Builder::new().name("tftp".to_owned());
    let run = move || {
        let _inside = runtime.enter();
        async_io::block_on(serve(server, slots, around));
        drop(tracked);
    };
    thread.spawn(run).map_err(failed)?;
    Ok(address)
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // As the HTTP listeners: [::] means no IPv4.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Serves once the media server is open; when it closes, transfers under way go on until it ends them.
async fn serve(server: TftpServer<Files>, slots: Arc<Semaphore>, around: Surroundings) {
    tokio::select! {
        biased;
        () = around.closing.cancelled() => return,
        () = around.kill.cancelled() => return,
        () = around.opened.cancelled() => {}
    }
    let over = async {
        around.closing.cancelled().await;
        // Every place is free again, so nobody reads any more.
        let _ = slots.acquire_many(MOST_TRANSFERS as u32).await;
    };
    tokio::select! {
        biased;
        () = around.kill.cancelled() => {}
        () = over => {}
        ended = server.serve() => if let Err(error) = ended {
            tracing::error!(%error, "the TFTP server has ended");
        },
    }
}

/// What is read under which name.
struct Files {
    registry: Arc<Registry>,
    base: String,
    loaders: Option<PathBuf>,
    slots: Arc<Semaphore>,
    closing: CancellationToken,
}

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
enum Name<'a> {
    /// The script that all machines are given.
    Common,
    /// The script of one machine.
    Script(MacAddress),
    /// A file of one machine.
    Of(MacAddress, &'a str),
    /// A file in the directory of loaders.
    Loader(&'a str),
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Option<Self> {
        match name.split_once('/') {
            None if name == "boot.ipxe" => Some(Self::Common),
            None => Some(Self::Loader(name)),
            Some(("ipxe", mac)) => ipxe::mac_of(mac).map(Self::Script),
            Some((mac, file)) => Some(Self::Of(ipxe::mac_of(mac)?, file)),
        }
    }
}

impl Files {
    async fn open(&self, peer: IpAddr, path: &Path) -> Result<(TftpReader, u64), Refusal> {
        let slot = self.slot()?;
        let refuse = |node: Option<&str>, reason: &str, refusal| {
            let name = path.to_string_lossy();
            let name: String = name.escape_debug().take(LONGEST_NAME).collect();
            self.registry.refuse(node, peer, &format!("TFTP read of \"{name}\": {reason}"));
            Err(refusal)
        };
        let Some(name) = path.to_str().and_then(Name::of) else {
            return refuse(None, "no such file is served", Refusal::FileNotFound);
        };
        match name {
            Name::Common => Ok(text(ipxe::common(Some(&self.base)), slot)),
            Name::Script(mac) => Ok(text(self.registry.give_script(mac, peer).await, slot)),
            Name::Of(mac, file) => match self.part(mac, file, peer, slot) {
                Ok(reader) => Ok(reader),
                Err((node, reason, refusal)) => refuse(node.as_deref(), reason, refusal),
            },
            Name::Loader(file) => match loaders::open(self.loaders.clone(), file.to_owned()).await {
                Ok((open, size)) => Ok((TftpReader::file(Arc::new(open), 0..size, None, slot), size)),
                Err(reason) => refuse(None, &reason, Refusal::FileNotFound),
            },
        }
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.closing.is_cancelled() {
            return Err(Refusal::Msg("the server is ending".to_owned()));
        }
        let slot = self.slots.clone().try_acquire_owned();
        slot.map_err(|_| Refusal::Msg("too many transfers at once; try again later".to_owned()))
    }

    /// A file of a machine that is offered; otherwise whose it is, and what is wrong.
    fn part(
        &self,
        mac: MacAddress,
        name: &str,
        peer: IpAddr,
        slot: OwnedSemaphorePermit,
    ) -> Result<(TftpReader, u64), (Option<String>, &'static str, Refusal)> {
        let Some(entry) = self.registry.find_mac(mac) else {
            return Err((None, "no node has that address", Refusal::FileNotFound));
        };
        let wrong = |reason, refusal| Err((Some(entry.node.clone()), reason, refusal));
        let Some(file) = entry.file(name) else {
            return wrong("no such file is served", Refusal::FileNotFound);
        };
        if !entry.is_offered() {
            return wrong("the node is not to be installed now", Refusal::PermissionDenied);
        }
        let Some(account) = Account::open(&self.registry, &entry, file, peer) else {
            return wrong("it was changed after it was published", Refusal::FileNotFound);
        };
        let size = file.part.size();
        Ok((TftpReader::file(file.part.file(), file.part.range(), Some(account), slot), size))
    }
}

fn text(text: String, slot: OwnedSemaphorePermit) -> (TftpReader, u64) {
    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
    (TftpReader::text(text, slot), size)
}

impl Handler for Files {
    type Reader = TftpReader;
    type Writer = NoWriter;

    async fn read_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
    ) -> Result<(TftpReader, Option<u64>), Refusal> {
        let (reader, size) = self.open(client.ip().to_canonical(), path).await?;
        Ok((reader, Some(size)))
    }

    async fn write_req_open(
        &mut self,
        client: &SocketAddr,
        _path: &Path,
        _size: Option<u64>,
    ) -> Result<NoWriter, Refusal> {
        self.registry.refuse(None, client.ip().to_canonical(), "TFTP write: nothing can be written here");
        Err(Refusal::PermissionDenied)
    }
}

/// There is none: nothing is ever written.
enum NoWriter {}

impl futures_io::AsyncWrite for NoWriter {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_close(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        let mac = "52:54:00:12:34:56".parse().unwrap();
        assert_eq!(Name::of("boot.ipxe"), Some(Name::Common));
        assert_eq!(Name::of("ipxe/52-54-00-12-34-56"), Some(Name::Script(mac)));
        assert_eq!(Name::of("52-54-00-12-34-56/vmlinuz"), Some(Name::Of(mac, "vmlinuz")));
        assert_eq!(Name::of("ipxe.efi"), Some(Name::Loader("ipxe.efi")));
        for none in ["/ipxe.efi", "/etc/passwd", "../etc/passwd", "ipxe/", "ipxe/../x", "x/y", "/"] {
            assert_eq!(Name::of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_loader_s_name_is_never_a_path(name in r"(\.\.|/|\\|ipxe|a|\.|-|52-54-00-12-34-56|\x00){0,8}") {
            if let Some(Name::Loader(file)) = Name::of(&name) {
                prop_assert!(!file.contains('/'));
            }
        }
    }
}
