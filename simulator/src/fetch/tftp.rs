//! A TFTP client that reads: RFC 1350 with the options of RFC 2347 to 2349, block size and size of the file.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::FetchError;

/// The port that a server listens on.
pub(super) const PORT: u16 = 69;
/// The block that is asked for: a packet of it fits an Ethernet frame.
const BLOCK: usize = 1468;
/// The block of a server that knows no options.
const PLAIN_BLOCK: usize = 512;

/// How long an answer is waited for, and how often a packet is sent. In real time: the server is outside the simulation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) answer: Duration,
    pub(super) tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(1), tries: 5 }
    }
}

/// What a server sends.
#[derive(Debug, PartialEq, Eq)]
enum Packet<'a> {
    Data(u16, &'a [u8]),
    Options(Vec<(String, String)>),
    Error(u16, String),
}

impl<'a> Packet<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let (kind, rest) = number(packet)?;
        match kind {
            3 => number(rest).map(|(block, data)| Self::Data(block, data)),
            5 => number(rest).map(|(code, text)| Self::Error(code, word(text).0)),
            6 => Some(Self::Options(options(rest))),
            _ => None,
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*head), rest))
}

/// The text up to the next zero, and what follows it.
fn word(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(end);
    (String::from_utf8_lossy(text).into_owned(), rest.get(1..).unwrap_or(&[]))
}

fn options(mut rest: &[u8]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (name, after) = word(rest);
        let (value, after) = word(after);
        all.push((name.to_ascii_lowercase(), value));
        rest = after;
    }
    all
}

fn read_request(file: &str) -> Vec<u8> {
    let mut packet = vec![0, 1];
    for text in [file, "octet", "blksize", &BLOCK.to_string(), "tsize", "0"] {
        packet.extend_from_slice(text.as_bytes());
        packet.push(0);
    }
    packet
}

/// What a packet of the server leads to.
enum Step {
    /// Nothing: the packet is none of this transfer's.
    Ignore,
    /// Another packet is sent; with `new` the transfer went on.
    Send { packet: Vec<u8>, new: bool },
    /// The file is there.
    Done,
}

struct Transfer {
    block: usize,
    expected: u16,
    limit: usize,
    data: BytesMut,
}

impl Transfer {
    fn take(&mut self, packet: Packet<'_>) -> Result<Step, FetchError> {
        let begun = self.expected != 1 || !self.data.is_empty();
        match packet {
            Packet::Error(code, text) => Err(FetchError::Tftp(code, text)),
            Packet::Options(_) if begun => Ok(Step::Ignore),
            Packet::Options(options) => {
                self.agree(&options)?;
                Ok(Step::Send { packet: acknowledge(0), new: true })
            }
            Packet::Data(block, data) if block == self.expected => {
                if self.data.len() + data.len() > self.limit {
                    return Err(FetchError::TooLarge(self.limit));
                }
                self.data.extend_from_slice(data);
                self.expected = self.expected.wrapping_add(1);
                if data.len() < self.block {
                    return Ok(Step::Done);
                }
                Ok(Step::Send { packet: acknowledge(block), new: true })
            }
            // The server has not seen the acknowledgement.
            Packet::Data(block, _) if begun && block == self.expected.wrapping_sub(1) => {
                Ok(Step::Send { packet: acknowledge(block), new: false })
            }
            Packet::Data(..) => Ok(Step::Ignore),
        }
    }

    fn agree(&mut self, options: &[(String, String)]) -> Result<(), FetchError> {
        for (name, value) in options {
            let number = value.parse::<usize>().ok();
            match (name.as_str(), number) {
                ("blksize", Some(size)) if (8..=BLOCK).contains(&size) => self.block = size,
                ("tsize", Some(size)) if size <= self.limit => {}
                ("tsize", Some(_)) => return Err(FetchError::TooLarge(self.limit)),
                _ => return Err(FetchError::Tftp(8, format!("the option {name}={value} was not asked for"))),
            }
        }
        Ok(())
    }
}

fn acknowledge(block: u16) -> Vec<u8> {
    let mut packet = vec![0, 4];
    packet.extend_from_slice(&block.to_be_bytes());
    packet
}

fn refuse(why: &FetchError) -> Vec<u8> {
    let code: u16 = match why {
        FetchError::Tftp(8, _) => 8,
        _ => 3,
    };
    let mut packet = vec![0, 5];
    packet.extend_from_slice(&code.to_be_bytes());
    packet.extend_from_slice(why.to_string().as_bytes());
    packet.push(0);
    packet
}

fn unreachable(error: &std::io::Error) -> FetchError {
    FetchError::Unreachable(error.to_string())
}

/// Reads `file` from `server`, written `HOST:PORT`.
///
/// # Errors
/// When the server does not answer or says no; when the file has more than `limit` bytes.
pub(super) async fn get(
    server: &str,
    file: &str,
    limit: usize,
    patience: Patience,
) -> Result<Bytes, FetchError> {
    if file.contains('\0') || file.len() > 255 {
        return Err(FetchError::BadUrl(file.into()));
    }
    let mut found = tokio::net::lookup_host(server).await.map_err(|error| unreachable(&error))?;
    let server = found.next().ok_or_else(|| FetchError::Unreachable(format!("{server} has no address")))?;
    let own = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).await.map_err(|error| unreachable(&error))?;
    let transfer = Transfer { block: PLAIN_BLOCK, expected: 1, limit, data: BytesMut::new() };
    run(&socket, server, read_request(file), transfer, patience).await
}

async fn run(
    socket: &UdpSocket,
    server: SocketAddr,
    request: Vec<u8>,
    mut transfer: Transfer,
    patience: Patience,
) -> Result<Bytes, FetchError> {
    // The server answers from a port of its own, which is the transfer's name from then on.
    let mut peer = None;
    let mut last = request;
    let mut tries = 0;
    let mut buffer = vec![0; BLOCK + 64];
    loop {
        if tries == patience.tries {
            return Err(FetchError::Unreachable(format!("no answer by TFTP, asked {tries} times")));
        }
        tries += 1;
        socket.send_to(&last, peer.unwrap_or(server)).await.map_err(|error| unreachable(&error))?;
        let deadline = Instant::now() + patience.answer;
        // Until something new is to be sent, or the time has come to send the same again.
        while let Ok(received) = tokio::time::timeout_at(deadline, socket.recv_from(&mut buffer)).await {
            let (length, from) = received.map_err(|error| unreachable(&error))?;
            let ours = peer.map_or(from.ip() == server.ip(), |peer| peer == from);
            let Some(packet) = buffer.get(..length).and_then(Packet::parse).filter(|_| ours) else {
                continue;
            };
            peer = Some(from);
            let step = transfer.take(packet);
            let send =
                async |packet: &[u8]| socket.send_to(packet, from).await.map_err(|error| unreachable(&error));
            match step {
                Ok(Step::Ignore) => {}
                Ok(Step::Send { packet, new: true }) => {
                    last = packet;
                    tries = 0;
                    break;
                }
                Ok(Step::Send { packet, new: false }) => {
                    send(&packet).await?;
                }
                Ok(Step::Done) => {
                    send(&acknowledge(transfer.expected.wrapping_sub(1))).await?;
                    return Ok(transfer.data.freeze());
                }
                Err(why @ FetchError::Tftp(code, _)) if code != 8 => return Err(why),
                Err(why) => {
                    send(&refuse(&why)).await?;
                    return Err(why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
