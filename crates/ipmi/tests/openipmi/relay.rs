//! A UDP relay between us and a BMC, which counts what we send and keeps back what it is told to.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tokio::{net::UdpSocket, task::JoinSet};

const PASS: u8 = 0;
const DEAF: u8 = 1;
const MUTE: u8 = 2;

/// How the relay behaves, and what it counted. Cloned into hooks.
#[derive(Clone, Default)]
pub(crate) struct Valve {
    mode: Arc<AtomicU8>,
    logins: Arc<AtomicUsize>,
}

impl Valve {
    /// All goes through.
    pub(crate) fn open(&self) {
        self.mode.store(PASS, Ordering::SeqCst);
    }

    /// Nothing reaches the BMC.
    pub(crate) fn deaf(&self) {
        self.mode.store(DEAF, Ordering::SeqCst);
    }

    /// What we send arrives; no answer comes back.
    pub(crate) fn mute(&self) {
        self.mode.store(MUTE, Ordering::SeqCst);
    }

    /// How many packets named a user: the first message of a login.
    pub(crate) fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    fn count(&self, packet: &[u8]) {
        const NAMES_USER: u8 = 0x12;
        if packet.get(3..6) == Some(&[7, 6, NAMES_USER]) {
            self.logins.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn is(&self, mode: u8) -> bool {
        self.mode.load(Ordering::SeqCst) == mode
    }
}

/// The relay; ends with its value.
pub(crate) struct Relay {
    pub(crate) valve: Valve,
    pub(crate) port: u16,
    _tasks: JoinSet<()>,
}

impl Relay {
    pub(crate) async fn to(bmc: SocketAddr) -> Self {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let port = front.local_addr().unwrap().port();
        let valve = Valve::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(forward(front, bmc, valve.clone()));
        Self { valve, port, _tasks: tasks }
    }
}

/// Each of our sockets gets one of its own towards the BMC, so that sessions stay apart.
async fn forward(front: Arc<UdpSocket>, bmc: SocketAddr, valve: Valve) {
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answers = JoinSet::new();
    let mut packet = [0u8; 2048];
    loop {
        let Ok((length, client)) = front.recv_from(&mut packet).await else { continue };
        valve.count(&packet[..length]);
        if valve.is(DEAF) {
            continue;
        }
        let back = match backs.entry(client) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
                back.connect(bmc).await.unwrap();
                answers.spawn(answer(front.clone(), back.clone(), client, valve.clone()));
                new.insert(back)
            }
        };
        let _ = back.send(&packet[..length]).await;
    }
}

async fn answer(front: Arc<UdpSocket>, back: Arc<UdpSocket>, client: SocketAddr, valve: Valve) {
    let mut packet = [0u8; 2048];
    loop {
        let Ok(length) = back.recv(&mut packet).await else { continue };
        if valve.is(PASS) {
            let _ = front.send_to(&packet[..length], client).await;
        }
    }
}
