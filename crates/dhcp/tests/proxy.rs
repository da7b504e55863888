//! The answerer on sockets of the loopback interface. `link.rs` has it beside a real DHCP server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod common;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{Answer, Request, boot, other, ours};
use rackhand_dhcp::{Allowed, Arch, Event, Ports, ProxyDhcp, Settings, StartError, Why};
use tokio::{net::UdpSocket, sync::mpsc::Receiver, time::timeout};

const LONG: Duration = Duration::from_secs(20);

/// A client at its own port, and an answerer that answers there.
struct Link {
    client: UdpSocket,
    proxy: ProxyDhcp,
    events: Receiver<Event>,
    allowed: Arc<AtomicBool>,
}

impl Link {
    async fn new() -> Self {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let allowed = Arc::new(AtomicBool::new(true));
        let settings = settings(client.local_addr().unwrap().port(), &allowed);
        let (proxy, events) = ProxyDhcp::start(settings).unwrap();
        Self { client, proxy, events, allowed }
    }

    async fn send(&self, request: &Request, to: SocketAddr) {
        self.client.send_to(&request.bytes(), (Ipv4Addr::LOCALHOST, to.port())).await.unwrap();
    }

    async fn receive(&self) -> Vec<u8> {
        receive(&self.client).await
    }

    async fn event(&mut self) -> Event {
        timeout(LONG, self.events.recv()).await.unwrap().unwrap()
    }
}

async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 2048];
    let (length, _) = timeout(LONG, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    buffer.truncate(length);
    buffer
}

fn settings(client: u16, allowed: &Arc<AtomicBool>) -> Settings {
    let allowed = Arc::clone(allowed);
    let allowed: Allowed = Arc::new(move |mac| *mac == ours() && allowed.load(Ordering::SeqCst));
    Settings {
        ports: Ports { dhcp: 0, pxe: 0, client },
        loopback: true,
        ..Settings::new("lo", Ipv4Addr::LOCALHOST, boot(), allowed)
    }
}

#[tokio::test]
async fn a_machine_is_offered_its_loader_and_then_told_so() {
    let mut link = Link::new().await;
    let firmware = Request::firmware(ours(), "PXEClient", 7);
    link.send(&firmware, link.proxy.dhcp_address()).await;
    let offer = link.receive().await;
    assert_eq!((Answer(&offer).file(), Answer(&offer).option(53)), ("ipxe.efi", Some([2].as_slice())));
    let Event::Offered { mac, peer, arch, ipxe, file } = link.event().await else { panic!("an offer") };
    assert_eq!((mac, arch, ipxe, file.as_str()), (ours(), Arch::UefiX64, false, "ipxe.efi"));
    assert_eq!(SocketAddr::V4(peer), link.client.local_addr().unwrap());

    link.send(&firmware.with(53, &[3]), link.proxy.pxe_address()).await;
    let ack = link.receive().await;
    assert_eq!((Answer(&ack).file(), Answer(&ack).option(53)), ("ipxe.efi", Some([5].as_slice())));
    assert!(matches!(link.event().await, Event::Acknowledged { file, .. } if file == "ipxe.efi"));
    link.proxy.shutdown().await;
}

#[tokio::test]
async fn who_may_not_boot_gets_nothing_and_is_told_of_once() {
    let mut link = Link::new().await;
    link.allowed.store(false, Ordering::SeqCst);
    let dhcp = link.proxy.dhcp_address();
    let firmware = Request::firmware(ours(), "PXEClient", 0);
    for _ in 0..3 {
        link.send(&firmware, dhcp).await;
        link.send(&Request::discover(other()), dhcp).await;
    }
    link.send(&Request::firmware(other(), "PXEClient", 0), dhcp).await;
    assert_eq!(link.event().await, Event::Ignored { mac: ours(), why: Why::NotAllowed });
    assert_eq!(link.event().await, Event::Ignored { mac: other(), why: Why::NotAllowed });
    // One socket's packets are read in order, so the answer to this one is the first that is sent at all.
    link.allowed.store(true, Ordering::SeqCst);
    link.send(&firmware, dhcp).await;
    assert_eq!(Answer(&link.receive().await).file(), "undionly.kpxe");
    assert!(matches!(link.event().await, Event::Offered { .. }));
    link.allowed.store(false, Ordering::SeqCst);
    link.send(&firmware, dhcp).await;
    assert_eq!(link.event().await, Event::Ignored { mac: ours(), why: Why::NotAllowed }, "it is news again");
    let mut nothing = [0; 1];
    assert!(link.client.try_recv(&mut nothing).is_err());
}

#[tokio::test]
async fn it_ends_when_it_is_shut_down_and_when_it_is_dropped() {
    let link = Link::new().await;
    let (dhcp, pxe) = (link.proxy.dhcp_address(), link.proxy.pxe_address());
    link.proxy.shutdown().await;
    for address in [dhcp, pxe] {
        UdpSocket::bind(address).await.unwrap();
    }
    let mut link = Link::new().await;
    drop(link.proxy);
    assert_eq!(timeout(LONG, link.events.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let allowed = Arc::new(AtomicBool::new(true));
    let error = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(68, &allowed);
        change(&mut settings);
        ProxyDhcp::start(settings).unwrap_err()
    };
    let missing = error(&|settings| settings.interface = "rackhand-none".to_owned()).to_string();
    assert!(missing.contains("interface rackhand-none"), "{missing}");
    assert!(matches!(error(&|settings| settings.interface.clear()), StartError::Interface { .. }));
    assert!(matches!(error(&|settings| settings.address = Ipv4Addr::BROADCAST), StartError::Address(_)));
    assert!(matches!(error(&|settings| settings.boot.tftp_port = 70), StartError::TftpPort(70)));
    assert!(matches!(error(&|settings| settings.boot.script_url.clear()), StartError::BootFiles(_)));

    let link = Link::new().await;
    let taken = link.proxy.dhcp_address().port();
    let taken = error(&|settings| settings.ports.dhcp = taken).to_string();
    assert!(taken.contains("a DHCP server runs on this machine"), "{taken}");
}
