//! A host boots over the network from real servers on loopback: TFTP over UDP, HTTP over TCP.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rackhand_simulator::log::Entry;
use rackhand_simulator::machine::NetworkBoot;
use rackhand_simulator::{MachineSpec, Simulator};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::plain::{Bmc, Plain, RESET, SYSTEM};

type Files = Arc<BTreeMap<String, Bytes>>;

/// A TFTP server that grants the blocks asked for, and loses the first acknowledgement of data of every file.
struct Tftp {
    address: SocketAddr,
}

impl Tftp {
    async fn start(files: Files) -> Self {
        let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok((length, client)) = listener.recv_from(&mut buffer).await {
                tokio::spawn(Self::transfer(buffer[..length].to_vec(), client, Arc::clone(&files)));
            }
        });
        Self { address }
    }

    async fn transfer(request: Vec<u8>, client: SocketAddr, files: Files) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(client).await.unwrap();
        let words: Vec<_> = request[2..].split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        assert_eq!(request[..2], [0, 1]);
        let Some(content) = files.get(words[0].as_ref()) else {
            socket.send(b"\x00\x05\x00\x01no such file\x00").await.unwrap();
            return;
        };
        let asked = words.iter().position(|word| word == "blksize").unwrap();
        let block: usize = words[asked + 1].parse().unwrap();
        let agreed = format!("\x00\x06blksize\x00{block}\x00tsize\x00{}\x00", content.len());
        let mut packets = vec![agreed.into_bytes()];
        for (number, part) in (1_u16..).zip(content.chunks(block)) {
            packets.push([&[0, 3], &number.to_be_bytes()[..], part].concat());
        }
        if content.len() % block == 0 {
            let number = u16::try_from(packets.len()).unwrap();
            packets.push([&[0, 3], &number.to_be_bytes()[..]].concat());
        }
        let mut dropped = false;
        for (number, packet) in (0_u16..).zip(&packets) {
            let mut answer = [0; 4];
            loop {
                socket.send(packet).await.unwrap();
                let length = socket.recv(&mut answer).await.unwrap();
                if number == 1 && !dropped {
                    dropped = true;
                    continue;
                }
                if length == 4 && answer[..2] == [0, 4] && answer[2..] == number.to_be_bytes() {
                    break;
                }
            }
        }
    }
}

/// An HTTP server that answers GET from a table and keeps what is posted.
struct Http {
    posts: Arc<Mutex<Vec<String>>>,
}

impl Http {
    fn start(listener: TcpListener, files: Files) -> Self {
        let posts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::answer(stream, Arc::clone(&files), Arc::clone(&kept)));
            }
        });
        Self { posts }
    }

    async fn answer(mut stream: TcpStream, files: Files, posts: Arc<Mutex<Vec<String>>>) {
        let mut request = Vec::new();
        let (head, length) = loop {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                break (head.len() + 4, length.unwrap_or(0));
            }
        };
        while request.len() < head + length {
            stream.read_buf(&mut request).await.unwrap();
        }
        let line = String::from_utf8_lossy(&request).lines().next().unwrap().to_owned();
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.split(' ').next().unwrap();
        let (status, body) = match (method, files.get(path.trim_start_matches('/'))) {
            ("POST", _) => {
                posts.lock().unwrap().push(String::from_utf8_lossy(&request[head..]).into_owned());
                ("204 No Content", Bytes::new())
            }
            (_, Some(content)) => ("200 OK", content.clone()),
            _ => ("404 Not Found", Bytes::new()),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
    }
}

async fn simulator(offer: NetworkBoot) -> (Simulator, Bmc) {
    let machine = MachineSpec::new("node1", Arc::new(Plain)).old_os();
    let simulator =
        Simulator::builder().seed(7).time_scale(2000.0).machine(machine).network_boot(offer).build().unwrap();
    let bmc = Bmc::inside(&simulator);
    let boot = json!({"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"});
    assert_eq!(bmc.patch(SYSTEM, json!({"Boot": boot})).await.unwrap().status, 204);
    assert_eq!(bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap().status, 204);
    (simulator, bmc)
}

fn bytes(length: usize, factor: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at * factor % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_host_installs_from_tftp_and_http() {
    // One file ends with a full block, so that an empty one follows.
    let loader = bytes(1468 * 20, 3);
    let (kernel, initrd, root) = (bytes(300_000, 5), bytes(1468 * 70 + 1, 7), bytes(2_000_000, 11));
    let tftp = [("ipxe.efi", &loader), ("files/initrd.img", &initrd)];
    let tftp = tftp.map(|(name, content)| (name.to_owned(), content.clone()));
    let tftp = Tftp::start(Arc::new(tftp.into_iter().collect())).await;
    let mut web =
        BTreeMap::from([("vmlinuz".to_owned(), kernel.clone()), ("rootfs.img".into(), root.clone())]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = format!(
        "#!ipxe\nset base http://{address}\nkernel vmlinuz coreos.live.rootfs_url=${{base}}/rootfs.img \
         rackhand.callback=${{base}}/callback\ninitrd tftp://{}/files/initrd.img\nboot\n",
        tftp.address
    );
    web.insert("boot.ipxe".into(), Bytes::from(script));
    let http = Http::start(listener, Arc::new(web));
    let offer = NetworkBoot::new(&tftp.address.to_string(), "ipxe.efi")
        .script(&format!("http://{address}/boot.ipxe"));
    let (simulator, _bmc) = simulator(offer).await;
    simulator.log().wait_state("node1", "callback", "Done").await;
    let whole = [kernel, initrd, root].concat();
    let digest: String = Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
    let disk = simulator.machine("node1").unwrap().with(|machine| machine.disk().word());
    assert_eq!(disk, format!("installed {digest}"));
    let posts = http.posts.lock().unwrap().clone();
    assert_eq!(posts.len(), 3);
    assert!(posts[2].contains("\"Done\""), "{posts:?}");
    let told: Vec<_> = simulator.log().changes("node1", "tftp").into_iter().map(|(_, to)| to).collect();
    assert_eq!(told[0], format!("ipxe.efi: {} bytes", 1468 * 20));
    simulator.shut_down().await;
}

#[tokio::test]
async fn a_host_whose_tftp_server_is_silent_boots_its_disk() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let offer = NetworkBoot::new(&silent.local_addr().unwrap().to_string(), "ipxe.efi");
    let (simulator, _bmc) = simulator(offer).await;
    let failed = simulator.log().wait_for(
        |entry| matches!(entry, Entry::State(one) if one.what == "tftp" && one.to.contains("failed")),
    );
    let Entry::State(failed) = failed.await else { unreachable!("only states were asked for") };
    assert!(failed.to.ends_with("no answer by TFTP, asked 5 times"), "{}", failed.to);
    simulator.log().wait_state("node1", "guest", "old os running").await;
    simulator.shut_down().await;
}
