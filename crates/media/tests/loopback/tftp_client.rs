//! A TFTP client (RFC 1350, 2347, 2348, 2349, 7440) that loses packets when a test wants it.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::UdpSocket, time::timeout};

/// How a file is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) options: Vec<(&'static str, String)>,
    /// Every packet of that number, counted from one, is lost the first time.
    pub(crate) lose_each: Option<usize>,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) content: Vec<u8>,
    /// The options that the server took, in its order.
    pub(crate) options: Vec<(String, String)>,
}

impl Got {
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The server's refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: u16,
    pub(crate) message: String,
}

pub(crate) const READ: u16 = 1;
pub(crate) const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// A request for a file.
pub(crate) fn request(kind: u16, name: &str, options: &[(&'static str, String)]) -> Vec<u8> {
    let mut packet = kind.to_be_bytes().to_vec();
    let words = options.iter().flat_map(|(name, value)| [*name, value.as_str()]);
    for word in [name, "octet"].into_iter().chain(words) {
        packet.extend(word.as_bytes());
        packet.push(0);
    }
    packet
}

pub(crate) fn ack(block: u16) -> Vec<u8> {
    [ACK.to_be_bytes(), block.to_be_bytes()].concat()
}

/// A socket of its own on loopback, as each transfer has.
pub(crate) async fn socket(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    UdpSocket::bind(any).await.unwrap()
}

/// The next packet and who sent it.
pub(crate) async fn receive(socket: &UdpSocket) -> (u16, Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, from) =
        timeout(Duration::from_secs(20), socket.recv_from(&mut buffer)).await.unwrap().unwrap();
    (u16::from_be_bytes([buffer[0], buffer[1]]), buffer[2..length].to_vec(), from)
}

/// Sends a request each second until something comes: it may be lost where many arrive at once.
pub(crate) async fn ask_until_answered(
    socket: &UdpSocket,
    server: SocketAddr,
    request: &[u8],
) -> (u16, Vec<u8>, SocketAddr) {
    for _ in 0..20 {
        socket.send_to(request, server).await.unwrap();
        if timeout(Duration::from_secs(1), socket.readable()).await.is_ok() {
            break;
        }
    }
    receive(socket).await
}

/// Fetches a file.
pub(crate) async fn get(server: SocketAddr, name: &str, ask: &Ask) -> Result<Got, Refused> {
    ask_for(server, READ, name, ask).await
}

/// Sends a request of that kind and takes what comes.
pub(crate) async fn ask_for(server: SocketAddr, kind: u16, name: &str, ask: &Ask) -> Result<Got, Refused> {
    let socket = socket(server).await;
    let mut first = Some(ask_until_answered(&socket, server, &request(kind, name, &ask.options)).await);
    let (mut got, mut block, mut window, mut size) = (Got::default(), 0_u16, 1_usize, 512_usize);
    let (mut packets, mut unanswered) = (0_usize, 0_usize);
    loop {
        let (kind, rest, peer) = match first.take() {
            Some(first) => first,
            None => receive(&socket).await,
        };
        packets += 1;
        if ask.lose_each.is_some_and(|each| packets.is_multiple_of(each)) {
            continue;
        }
        let number = u16::from_be_bytes([rest[0], *rest.get(1).unwrap_or(&0)]);
        match kind {
            OACK => {
                got.options = options(&rest);
                let value = |name: &str| got.option(name).map(|value| value.parse::<usize>().unwrap());
                (size, window) = (value("blksize").unwrap_or(size), value("windowsize").unwrap_or(window));
                socket.send_to(&ack(0), peer).await.unwrap();
            }
            DATA if number == block.wrapping_add(1) => {
                block = number;
                got.content.extend(&rest[2..]);
                unanswered += 1;
                let last = rest.len() - 2 < size;
                if last || unanswered == window {
                    unanswered = 0;
                    socket.send_to(&ack(block), peer).await.unwrap();
                }
                if last {
                    return Ok(got);
                }
            }
            // Out of order: says up to where it has all (RFC 7440), or again what it said.
            DATA => {
                unanswered = 0;
                socket.send_to(&ack(block), peer).await.unwrap();
            }
            ERROR => {
                let message = String::from_utf8_lossy(&rest[2..]).trim_end_matches('\0').to_owned();
                return Err(Refused { code: number, message });
            }
            other => panic!("packet of kind {other}"),
        }
    }
}

fn options(packet: &[u8]) -> Vec<(String, String)> {
    let words: Vec<String> = packet
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8(word.to_vec()).unwrap().to_lowercase())
        .collect();
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}
