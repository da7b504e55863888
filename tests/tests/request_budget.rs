//! What the main job costs a BMC: mount, boot once, power on, prove, over real TLS sockets; cold, with nothing known and
//! the host off, and warm, with what the cold run remembered of this BMC.
//!
//! Counted is what the simulator saw. A GET that repeats one sent since the last write is a poll: how many there are
//! depends on how long the machine takes, so they are counted apart, and so are the two requests that open and delete the
//! session.
//!
//! The least that it takes to find things by following links, and to prove each of the three writes by a read:
//!
//! | | cold | warm |
//! |---|---|---|
//! | iDRAC9 | root, Systems and slots with their members, then 6 | insert, slot, override, System, reset, System |
//! | iLO | root, Systems with its members, Manager, slots with their members, then 6 | 6 |
//! | CIMC, sushy-tools | root, Systems, System, Manager, slots, one slot, then 6 | 6 |
//! | iDRAC9 before 6.00 | as iDRAC9, its Manager, and the attributes that the override stands in | 6 and those attributes |
//! | CIMC of a blade | as CIMC, and the three slots before the one that takes images | 6 |
//! | Supermicro | as iDRAC9, its Manager, and the ActionInfo of its reset | 6 and that ActionInfo |
//! | Lenovo | root, Systems and slots with their members, ETags of slot and System, then 6 | ETags, then 6 |
//!
//! One more than that goes cold into an iDRAC's Manager, which tells firmware and licence, and into the second slot of
//! those that expand nothing; and warm into a look at the slot of those that do not refuse to insert into a full one.
//! A Lenovo takes two more cold: its Manager tells the licence, and the ETag of a member that came expanded is stale.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use rackhand::{Bmc, Credentials, MediaImage, Memory, Options, Pacing, PowerOffPolicy, Trust};
use rackhand_simulator::{
    MachineSpec, Simulator, iso::IsoBuilder, log::RequestEntry, machine::Power, personality,
};
use rackhand_tests::traffic::{Kind, kinds};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const PASSWORD: &str = "calvin-is-not-it";

/// The least that following links takes, cold and warm.
const MINIMA: [(&str, usize, usize); 12] = [
    ("idrac9-4", 11, 7),
    ("idrac9", 9, 6),
    ("idrac9-7", 9, 6),
    ("idrac10", 9, 6),
    ("ilo5", 10, 6),
    ("ilo6", 10, 6),
    ("ilo7", 10, 6),
    ("cimc", 12, 6),
    ("cimc-x", 15, 6),
    ("supermicro", 11, 7),
    ("lenovo", 11, 8),
    ("sushy", 12, 6),
];

/// What one run cost.
#[derive(Debug)]
struct Cost {
    reads: usize,
    polls: usize,
    writes: usize,
    sessions: usize,
    connections: u64,
    sessions_left: usize,
}

impl Cost {
    fn requests(&self) -> usize {
        self.reads + self.writes
    }
}

/// Requests sorted into first reads, polls, writes and those of the session itself.
fn cost(requests: &[RequestEntry]) -> Cost {
    let kinds = kinds(requests);
    let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
    Cost {
        reads: count(Kind::Read),
        polls: count(Kind::Poll),
        writes: count(Kind::Write),
        sessions: count(Kind::Session),
        connections: 0,
        sessions_left: 0,
    }
}

/// An image server as small as can be: HEAD and GET, whole or in ranges.
async fn serve_image(image: Vec<u8>) -> std::io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/image.iso", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let image = image.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                    while let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                        let request = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
                        head.drain(..end + 4);
                        if stream.write_all(&answer(&request, &image)).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    Ok(url)
}

fn answer(request: &str, image: &[u8]) -> Vec<u8> {
    let range = request.lines().find_map(|line| line.strip_prefix("range: bytes=")).and_then(|range| {
        let (first, last) = range.trim().split_once('-')?;
        let last = last.parse().unwrap_or(image.len() - 1).min(image.len() - 1);
        Some((first.parse::<usize>().ok()?, last))
    });
    let (status, body) = match range {
        Some((first, last)) => {
            let status =
                format!("206 Partial Content\r\ncontent-range: bytes {first}-{last}/{}", image.len());
            (status, &image[first..=last])
        }
        None => ("200 OK".to_owned(), image),
    };
    let head = format!("HTTP/1.1 {status}\r\naccept-ranges: bytes\r\ncontent-length: {}\r\n\r\n", body.len());
    let body = if request.starts_with("head ") { &[][..] } else { body };
    [head.as_bytes(), body].concat()
}

/// What the machine's BMC saw while `work` was done.
async fn measured(
    lab: &Lab,
    work: impl AsyncFnOnce(&Bmc),
    memory: Option<Arc<Memory>>,
) -> (Cost, Vec<String>) {
    let cell = lab.simulator.machine(&lab.name).unwrap();
    let (before, connections) = (lab.simulator.log().requests(&lab.name).len(), cell.tls_connections());
    let mut options = Options::new(Credentials::new("root", PASSWORD.to_owned()));
    options.trust = Trust::Pin(lab.fingerprint.parse().unwrap());
    options.pacing = Pacing::default().scaled(0.01);
    options.memory = memory;
    let bmc = rackhand::connect(&lab.address.parse().unwrap(), options).await.unwrap();
    work(&bmc).await;
    bmc.close().await.unwrap();
    let requests = lab.simulator.log().requests(&lab.name).split_off(before);
    let mut cost = cost(&requests);
    cost.connections = cell.tls_connections() - connections;
    cost.sessions_left = cell.with(|machine| machine.sessions.len());
    let listed = requests.iter().zip(kinds(&requests));
    let listed = listed.map(|(one, kind)| format!("{kind:?} {} {}", one.method, one.path)).collect();
    (cost, listed)
}

/// A simulated machine behind real TLS.
struct Lab {
    name: String,
    simulator: Simulator,
    address: String,
    fingerprint: String,
}

impl Lab {
    async fn of(name: &str) -> Self {
        let kind = personality::all().into_iter().find(|known| known.name() == name).unwrap();
        let machine = MachineSpec::new(name, kind).login("root", PASSWORD);
        let simulator = Simulator::builder().seed(3).time_scale(200.0).machine(machine).build().unwrap();
        let endpoints = simulator.serve((Ipv4Addr::LOCALHOST, 0).into(), true).await.unwrap();
        let fingerprint = endpoints[0].fingerprint.clone().unwrap();
        let address = format!("redfish-virtualmedia+{}", endpoints[0].url);
        Self { name: name.to_owned(), simulator, address, fingerprint }
    }

    /// The main job, and that it is the image that the host boots, not only a flag that says so.
    async fn boots(&self, image_url: &str, memory: &Arc<Memory>) -> (Cost, Vec<String>) {
        let image = MediaImage { url: image_url.to_owned(), credentials: None };
        let boot = async |bmc: &Bmc| assert!(bmc.boot_image_once(&image).await.unwrap().is_optical());
        let (cost, requests) = measured(self, boot, Some(Arc::clone(memory))).await;
        self.simulator.machine(&self.name).unwrap().with(|machine| {
            assert_eq!(machine.power(), Power::On, "{} is proven to be on", self.name);
        });
        let booted = self.simulator.log().wait_state(&self.name, "guest", "loading cd");
        tokio::time::timeout(Duration::from_secs(60), booted).await.unwrap();
        (cost, requests)
    }

    /// Off and empty, as before.
    async fn clears(&self) {
        let clear = async |bmc: &Bmc| {
            let _ = bmc.power_off(PowerOffPolicy::Force).await.unwrap();
            let slot = bmc.choose_slot().await.unwrap();
            let _ = bmc.clear_slot(&slot.id).await.unwrap();
        };
        measured(self, clear, None).await;
    }
}

#[tokio::test]
async fn booting_an_image_costs_few_requests_over_one_connection() {
    let image_url = serve_image(IsoBuilder::new("BUDGET").build().unwrap()).await.unwrap();
    println!(
        "personality        requests (reads, writes) minimum  of the session  polls  TLS connections  sessions left"
    );
    for (name, cold_minimum, warm_minimum) in MINIMA {
        let lab = Lab::of(name).await;
        let memory = Arc::new(Memory::default());
        let cold = lab.boots(&image_url, &memory).await;
        lab.clears().await;
        let warm = lab.boots(&image_url, &memory).await;
        for (state, (cost, requests), minimum) in
            [("cold", &cold, cold_minimum), ("warm", &warm, warm_minimum)]
        {
            println!(
                "{name:<11}  {state}  {:>8} ({:>5}, {:>6}) {minimum:>7}  {:>14}  {:>5}  {:>15}  {:>13}",
                cost.requests(),
                cost.reads,
                cost.writes,
                cost.sessions,
                cost.polls,
                cost.connections,
                cost.sessions_left
            );
            let listed = requests.join("\n");
            let beyond = if name == "lenovo" { 2 } else { 1 };
            assert!(cost.requests() <= minimum + beyond, "{name} {state}: {cost:?}\n{listed}");
            // iLO 5 and 6 close the connection after each answer; nobody else's is opened twice.
            let answers = u64::try_from(requests.len()).unwrap();
            let expected = if ["ilo5", "ilo6"].contains(&name) { answers } else { 1 };
            assert_eq!(cost.connections, expected, "{name} {state}");
            assert_eq!(cost.sessions_left, 0, "{name} {state}");
        }
        if name == "idrac9" {
            assert!(cold.0.requests() <= 10 && warm.0.requests() <= 6, "{cold:?} {warm:?}");
        }
        lab.simulator.shut_down().await;
    }
}
