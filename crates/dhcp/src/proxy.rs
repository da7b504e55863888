//! The answerer on its interface.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use rackhand_spec::MacAddress;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
};

use crate::{
    Answerer, Arch, BootFileError, BootFiles, Declined, Destination, Message, Port, Reply, Why, answer,
    boot::{TFTP_PORT, is_reachable},
    told::Told,
};

/// More than any DHCP message on an Ethernet; what is longer is cut off and then fails as it should.
const LARGEST: usize = 2048;

/// How many events wait for whoever reads them.
const WAITING: usize = 256;

/// Between two failed reads of a socket, so that one that fails for good does not take the processor with it.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Says whether a machine may be booted from the network at this moment. Asked for each packet, so it must be quick.
pub type Allowed = Arc<dyn Fn(&MacAddress) -> bool + Send + Sync>;

/// How the answerer is set up.
#[derive(Clone)]
pub struct Settings {
    /// The one interface it listens and answers on, by name.
    pub interface: String,
    /// Our address there.
    pub address: Ipv4Addr,
    /// What machines are told to load.
    pub boot: BootFiles,
    /// Which machines, at each moment.
    pub allowed: Allowed,
    /// The ports; others than the usual ones are for tests.
    pub ports: Ports,
    /// Sends to 127.0.0.1 what goes to everybody on a real link: the loopback interface has no broadcast.
    pub loopback: bool,
}

impl Settings {
    /// On `interface`, where our address is `address`, at the usual ports.
    #[must_use]
    pub fn new(interface: impl Into<String>, address: Ipv4Addr, boot: BootFiles, allowed: Allowed) -> Self {
        Self { interface: interface.into(), address, boot, allowed, ports: Ports::default(), loopback: false }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("interface", &self.interface)
            .field("address", &self.address)
            .field("boot", &self.boot)
            .field("ports", &self.ports)
            .field("loopback", &self.loopback)
            .finish_non_exhaustive()
    }
}

/// The ports of DHCP and PXE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Where DHCP servers listen. 0 takes any free one.
    pub dhcp: u16,
    /// Where PXE servers listen. 0 takes any free one.
    pub pxe: u16,
    /// Where clients listen.
    pub client: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { dhcp: 67, pxe: 4011, client: 68 }
    }
}

/// Something the answerer did or would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A machine that looked for a boot server was told what to load.
    Offered {
        /// Which machine.
        mac: MacAddress,
        /// Where its request came from: itself, or a relay.
        peer: SocketAddrV4,
        /// What its firmware is.
        arch: Arch,
        /// iPXE runs already and was told its script.
        ipxe: bool,
        /// What it was told to load.
        file: String,
    },
    /// A machine that chose us was told so.
    Acknowledged {
        /// Which machine.
        mac: MacAddress,
        /// Where its request came from.
        peer: SocketAddrV4,
        /// What its firmware is.
        arch: Arch,
        /// iPXE runs already and was told its script.
        ipxe: bool,
        /// What it was told to load.
        file: String,
    },
    /// A machine wanted to boot from the network and got nothing of us. Told once per machine and reason until it is answered.
    Ignored {
        /// Which machine.
        mac: MacAddress,
        /// Why.
        why: Why,
    },
}

/// Why the answerer did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What machines are to be told is wrong.
    #[error("the boot files cannot be offered: {0}")]
    BootFiles(#[from] BootFileError),
    /// Firmware would ask the wrong port.
    #[error(
        "the TFTP server is at port {0}, and PXE firmware asks port 69 whatever it is told; serve it there"
    )]
    TftpPort(u16),
    /// Not an address of ours.
    #[error("{0} is not an address that a machine can have, so clients could not answer to it")]
    Address(Ipv4Addr),
    /// The interface cannot be listened on.
    #[error("cannot listen on interface {interface} alone: {source} (does `ip link` show it?)")]
    Interface {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The port is another's, or needs privileges.
    #[error("cannot listen on UDP port {port} of {interface}: {source}{}", remedy(.source))]
    Port {
        /// The interface.
        interface: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// There is no tokio runtime, or it cannot watch sockets.
    #[error("cannot watch the sockets: {0}")]
    Runtime(io::Error),
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; a DHCP server runs on this machine, so give it the output of `rackhand netboot hints` instead"
        }
        io::ErrorKind::PermissionDenied => "; this takes root or CAP_NET_BIND_SERVICE",
        _ => "",
    }
}

/// A proxyDHCP answerer: tells machines that boot from the network what to load, and gives no address.
///
/// Ends when it is dropped.
#[derive(Debug)]
pub struct ProxyDhcp {
    task: JoinHandle<()>,
    dhcp: SocketAddr,
    pxe: SocketAddr,
}

impl ProxyDhcp {
    /// Begins to answer. Call it inside a tokio runtime. Events that nobody takes are dropped with a warning.
    pub fn start(settings: Settings) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        let Settings { interface, address, boot, allowed, ports, loopback } = settings;
        boot.check()?;
        if boot.tftp_port != TFTP_PORT {
            return Err(StartError::TftpPort(boot.tftp_port));
        }
        if !is_reachable(address) {
            return Err(StartError::Address(address));
        }
        let dhcp = bind(&interface, ports.dhcp)?;
        let pxe = bind(&interface, ports.pxe)?;
        let dhcp_address = dhcp.local_addr().map_err(StartError::Runtime)?;
        let pxe_address = pxe.local_addr().map_err(StartError::Runtime)?;
        let (events, receiver) = mpsc::channel(WAITING);
        let everybody = if loopback { Ipv4Addr::LOCALHOST } else { Ipv4Addr::BROADCAST };
        let worker = Worker {
            answerer: Answerer { server: address, boot },
            allowed,
            everybody: SocketAddrV4::new(everybody, ports.client),
            server_port: ports.dhcp,
            events,
            told: Told::default(),
        };
        tracing::info!(interface, %address, "answering network boots beside the site's DHCP server");
        let task = tokio::spawn(worker.run(dhcp, pxe));
        Ok((Self { task, dhcp: dhcp_address, pxe: pxe_address }, receiver))
    }

    /// Where it listens for DHCP.
    #[must_use]
    pub fn dhcp_address(&self) -> SocketAddr {
        self.dhcp
    }

    /// Where it listens for PXE.
    #[must_use]
    pub fn pxe_address(&self) -> SocketAddr {
        self.pxe
    }

    /// Ends it, and returns when its ports are free again.
    pub async fn shutdown(mut self) {
        self.task.abort();
        if let Err(error) = (&mut self.task).await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the proxyDHCP answerer had failed");
        }
    }
}

impl Drop for ProxyDhcp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A socket on one interface only. The port is not shared: a DHCP server on this machine would lose the renewals that are sent to it.
fn bind(interface: &str, port: u16) -> Result<UdpSocket, StartError> {
    let at = |source| StartError::Port { interface: interface.to_owned(), port, source };
    let on = |source| StartError::Interface { interface: interface.to_owned(), source };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(StartError::Runtime)?;
    // An empty name would bind to every interface.
    if interface.is_empty() {
        return Err(on(io::Error::new(io::ErrorKind::InvalidInput, "it has no name")));
    }
    socket.bind_device(Some(interface.as_bytes())).map_err(on)?;
    socket.set_broadcast(true).map_err(at)?;
    socket.set_nonblocking(true).map_err(at)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into()).map_err(at)?;
    UdpSocket::from_std(socket.into()).map_err(StartError::Runtime)
}

struct Worker {
    answerer: Answerer,
    allowed: Allowed,
    everybody: SocketAddrV4,
    server_port: u16,
    events: mpsc::Sender<Event>,
    told: Told,
}

impl Worker {
    async fn run(mut self, dhcp: UdpSocket, pxe: UdpSocket) {
        let mut at_dhcp = vec![0; LARGEST];
        let mut at_pxe = vec![0; LARGEST];
        loop {
            let (port, socket, received, buffer) = tokio::select! {
                received = dhcp.recv_from(&mut at_dhcp) => (Port::Dhcp, &dhcp, received, &at_dhcp),
                received = pxe.recv_from(&mut at_pxe) => (Port::Pxe, &pxe, received, &at_pxe),
            };
            match received {
                Ok((length, SocketAddr::V4(sender))) => {
                    let packet = buffer.get(..length).unwrap_or(buffer);
                    self.handle(packet, port, sender, socket).await;
                }
                Ok((_, SocketAddr::V6(_))) => {}
                Err(error) => {
                    tracing::warn!(%error, ?port, "cannot read from the network");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn handle(&mut self, packet: &[u8], port: Port, sender: SocketAddrV4, socket: &UdpSocket) {
        match answer(packet, port, sender, &self.answerer, &*self.allowed) {
            Ok(reply) => self.send(reply, sender, socket).await,
            Err(Declined { mac: Some(mac), why }) if is_news(why) => {
                if self.told.is_new(mac, why) {
                    tracing::info!(%mac, %sender, "not answered: {why}");
                    self.tell(Event::Ignored { mac, why });
                }
            }
            Err(Declined { why, .. }) => tracing::trace!(%sender, ?port, "not answered: {why}"),
        }
    }

    async fn send(&mut self, reply: Reply, peer: SocketAddrV4, socket: &UdpSocket) {
        let Reply { bytes, to, message, mac, arch, ipxe, file } = reply;
        let to = match to {
            Destination::Broadcast => self.everybody,
            Destination::Relay(relay) => SocketAddrV4::new(relay, self.server_port),
            Destination::Sender(sender) => sender,
        };
        if let Err(error) = socket.send_to(&bytes, to).await {
            tracing::warn!(%mac, %to, %error, "cannot send what to boot");
            return;
        }
        tracing::info!(%mac, %to, %arch, file, "{}", if ipxe { "told iPXE its script" } else { "told what to boot" });
        self.told.forget(mac);
        self.tell(match message {
            Message::Offer => Event::Offered { mac, peer, arch, ipxe, file },
            Message::Ack => Event::Acknowledged { mac, peer, arch, ipxe, file },
        });
    }

    fn tell(&self, event: Event) {
        match self.events.try_send(event) {
            // Nobody has to listen.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(event)) => {
                tracing::warn!(?event, "nobody takes this event; it is dropped")
            }
        }
    }
}

/// Whether a reason is worth somebody's attention: a machine that wanted to boot. Everything else on a network's port 67 is its
/// everyday life.
fn is_news(why: Why) -> bool {
    match why {
        Why::NotAllowed | Why::UnknownArch(_) | Why::NoLoader(_) | Why::Unwritable => true,
        Why::Malformed | Why::NotForUs | Why::NotBooting => false,
    }
}
