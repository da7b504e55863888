//! What the main job costs a BMC: mount, boot once, power on, prove, over real TLS sockets with nothing known before.
//!
//! Counted is what the simulator saw, from the first request of connecting to the last of giving the session back. A GET
//! that repeats one sent since the last write is a poll: how many there are depends on how long the machine takes, so
//! they are counted apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::{net::Ipv4Addr, time::Duration};

use rackhand::{Credentials, MediaImage, Options, Pacing, Trust};
use rackhand_simulator::{
    MachineSpec, Simulator, iso::IsoBuilder, log::RequestEntry, machine::Power, personality,
};
use rackhand_tests::traffic::{Kind, kinds};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

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
        self.reads + self.writes + self.sessions
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

async fn measured(name: &str, image_url: &str) -> (Cost, Vec<RequestEntry>) {
    let kind = personality::all().into_iter().find(|known| known.name() == name).unwrap();
    let machine = MachineSpec::new(name, kind).login("root", "calvin-is-not-it");
    let simulator = Simulator::builder().seed(3).time_scale(200.0).machine(machine).build().unwrap();
    let endpoints = simulator.serve((Ipv4Addr::LOCALHOST, 0).into(), true).await.unwrap();
    let fingerprint = endpoints[0].fingerprint.as_deref().unwrap();
    let mut options = Options::new(Credentials::new("root", "calvin-is-not-it".to_owned()));
    options.trust = Trust::Pin(fingerprint.parse().unwrap());
    options.pacing = Pacing::default().scaled(0.01);
    let address = format!("redfish-virtualmedia+{}", endpoints[0].url).parse().unwrap();

    let bmc = rackhand::connect(&address, options).await.unwrap();
    let image = MediaImage { url: image_url.to_owned(), credentials: None };
    let slot = bmc.boot_image_once(&image).await;
    bmc.close().await.unwrap();
    assert!(slot.unwrap().is_optical());

    let cell = simulator.machine(name).unwrap();
    let requests = simulator.log().requests(name);
    let mut cost = cost(&requests);
    cost.connections = cell.tls_connections();
    cell.with(|machine| {
        assert_eq!(machine.power(), Power::On, "{name} is proven to be on");
        cost.sessions_left = machine.sessions.len();
    });
    // It is the image that the host boots, not only a flag that says so.
    let booted = simulator.log().wait_state(name, "guest", "loading cd");
    tokio::time::timeout(Duration::from_secs(60), booted).await.unwrap();
    simulator.shut_down().await;
    (cost, requests)
}

#[tokio::test]
async fn booting_an_image_costs_a_dozen_requests_over_one_connection() {
    let image_url = serve_image(IsoBuilder::new("BUDGET").build().unwrap()).await.unwrap();
    println!("personality  requests (reads, writes, session)  polls  TLS connections  sessions left");
    // CIMC and sushy-tools expand no collection, so their media slots are read one by one.
    for (name, allowed) in [("idrac9", 12), ("ilo5", 12), ("ilo6", 12), ("cimc", 15), ("sushy", 13)] {
        let (cost, requests) = measured(name, &image_url).await;
        println!(
            "{name:<11}  {:>8} ({:>5}, {:>6}, {:>7})  {:>5}  {:>15}  {:>13}",
            cost.requests(),
            cost.reads,
            cost.writes,
            cost.sessions,
            cost.polls,
            cost.connections,
            cost.sessions_left
        );
        let listed: Vec<String> = requests.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        assert!(cost.requests() <= allowed, "{name}: {cost:?}\n{}", listed.join("\n"));
        // iLO 5 and 6 close the connection after each answer; nobody else's is opened twice.
        let answers = u64::try_from(cost.requests() + cost.polls).unwrap();
        let expected = if name.starts_with("ilo") { answers } else { 1 };
        assert_eq!(cost.connections, expected, "{name}");
        assert_eq!(cost.sessions_left, 0, "{name}");
    }
}
