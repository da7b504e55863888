//! What is asked of a BMC before anybody logs in: whether it speaks RMCP+, and with which cipher suites.
//!
//! ipmi-rs negotiates cipher suite 3 alone and gives up in the middle of it, or falls back to the sessions of
//! IPMI 1.5, where a BMC does not have it. So both are known before it begins.

use std::{
    fmt::Write as _,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};

use crate::command::{Answer, Command, netfn};

/// RMCP header (version 6, no acknowledgement, class IPMI), then a session header of IPMI 1.5 without a
/// session.
const HEADER: [u8; 13] = [0x06, 0x00, 0xFF, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const BMC_ADDRESS: u8 = 0x20;
const OUR_ADDRESS: u8 = 0x81;
/// How often a question is asked whose answer is needed.
const TRIES: u8 = 3;
/// The one suite that is spoken: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
pub(crate) const SPOKEN: u8 = 3;

/// What a BMC says of itself to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) speaks: Speaks,
    /// The standard cipher suites that it offers; `None` when it does not say.
    pub(crate) suites: Option<Vec<u8>>,
}

/// Get Channel Authentication Capabilities, for the channel that it is asked on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetAuthCapabilities(pub(crate) u8);

/// What of them is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speaks {
    /// Whether it has the sessions of IPMI 2.0.
    pub(crate) rmcp_plus: bool,
}

impl Command for GetAuthCapabilities {
    type Output = Speaks;
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x38;

    fn name(&self) -> String {
        "IPMI Get Channel Authentication Capabilities".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        vec![0x8E, self.0]
    }

    fn parse(&self, data: &[u8]) -> Option<Speaks> {
        let (types, extended) = (*data.get(1)?, *data.get(3)?);
        Some(Speaks { rmcp_plus: types & 0x80 != 0 && extended & 0x02 != 0 })
    }
}

/// Get Channel Cipher Suites: one part of sixteen bytes of the list.
#[derive(Debug, Clone, Copy)]
struct GetCipherSuites(u8);

impl Command for GetCipherSuites {
    type Output = Vec<u8>;
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x54;

    fn name(&self) -> String {
        "IPMI Get Channel Cipher Suites".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        vec![0x0E, 0x00, 0x80 | (self.0 & 0x3F)]
    }

    fn parse(&self, data: &[u8]) -> Option<Vec<u8>> {
        data.split_first().map(|(_channel, part)| part.to_vec())
    }
}

/// The standard suites of a list: a record begins with 0xC0 and its number, one of a manufacturer's own with
/// 0xC1, its number and three bytes; algorithms follow, which have their top bits otherwise.
fn suites(list: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    let mut bytes = list.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            0xC0 => found.extend(bytes.next()),
            0xC1 => drop(bytes.nth(3)),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What a suite is made of, for people who look for it in their BMC's settings.
pub(crate) fn names(suites: &[u8]) -> String {
    let mut text = String::new();
    for (at, suite) in suites.iter().enumerate() {
        let made_of = match suite {
            0 => " (no authentication)",
            1 | 2 | 6 | 7 | 11 | 15 | 16 => " (no encryption)",
            3 => " (SHA1, AES)",
            8 | 12 => " (MD5, AES)",
            17 => " (SHA256, AES)",
            _ => "",
        };
        let _ = write!(text, "{}{suite}{made_of}", if at == 0 { "" } else { ", " });
    }
    text
}

/// Asks. The suites are asked for once: a BMC that is silent about them, as some are without a session, costs
/// little, and what is then not known is for the negotiation to find out.
pub(crate) async fn greet(address: SocketAddr, level: u8, wait: Duration) -> Result<Greeting, String> {
    let socket = bind(address).await.map_err(|error| format!("no packet could be sent: {error}"))?;
    let speaks = ask(&socket, 1, &GetAuthCapabilities(level), wait, TRIES).await?;
    Ok(Greeting { speaks, suites: offered(&socket, wait).await })
}

/// The list of suites, whole: half of one would say that ours is not offered.
async fn offered(socket: &UdpSocket, wait: Duration) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for part in 0..=0x3F {
        let more = ask(socket, part + 2, &GetCipherSuites(part), wait, 1).await.ok()?;
        // Some go on for ever with the same part.
        let again = part > 0 && list.ends_with(&more);
        if !again {
            list.extend_from_slice(&more);
        }
        if again || more.len() < 16 {
            break;
        }
    }
    Some(suites(&list)).filter(|suites| !suites.is_empty())
}

async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

async fn ask<C: Command>(
    socket: &UdpSocket,
    number: u8,
    command: &C,
    wait: Duration,
    tries: u8,
) -> Result<C::Output, String> {
    let packet = packet(number, C::NETFN, C::NUMBER, &command.data());
    let mut seen = format!("no answer to {} ({tries} times, {wait:?} each)", command.name());
    for _ in 0..tries {
        if let Err(error) = socket.send(&packet).await {
            seen = format!("{} was not sent: {error}", command.name());
            continue;
        }
        match timeout(wait, hear(socket, number, C::NETFN, C::NUMBER)).await {
            Ok(Ok(answer)) if answer.code == 0 => {
                let nonsense = || format!("the answer to {} cannot be understood", command.name());
                return command.parse(&answer.data).ok_or_else(nonsense);
            }
            Ok(Ok(answer)) => {
                let meaning = crate::command::meaning(answer.code);
                return Err(format!("{} was answered with 0x{:02X}: {meaning}", command.name(), answer.code));
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                seen = "nothing listens on this port".to_owned();
            }
            Ok(Err(error)) => seen = format!("no answer to {}: {error}", command.name()),
            Err(_) => {}
        }
    }
    Err(seen)
}

/// The answer to this very packet; others are passed over.
async fn hear(socket: &UdpSocket, number: u8, netfn: u8, command: u8) -> io::Result<Answer> {
    let mut buffer = [0u8; 512];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer.get(..length).and_then(|packet| unpack(packet, number, netfn, command));
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

fn packet(number: u8, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let to = [BMC_ADDRESS, netfn << 2];
    let mut body = vec![OUR_ADDRESS, number << 2, command];
    body.extend_from_slice(data);
    let mut packet = HEADER.to_vec();
    packet.push(u8::try_from(body.len() + 4).unwrap_or(u8::MAX));
    packet.extend([to[0], to[1], checksum(&to)]);
    packet.extend_from_slice(&body);
    packet.push(checksum(&body));
    packet
}

fn unpack(packet: &[u8], number: u8, netfn: u8, command: u8) -> Option<Answer> {
    let (header, rest) = packet.split_at_checked(HEADER.len())?;
    // The sequence number of RMCP is as it likes; class, authentication and session are not.
    let ours = header.first() == Some(&6) && header.get(3) == Some(&7) && header.get(4) == Some(&0);
    let (length, message) = rest.split_first()?;
    let message = message.get(..usize::from(*length))?;
    let [_, function, _, _, sequence, seen, code, data @ .., _] = message else { return None };
    let expected = function >> 2 == netfn | 1 && sequence >> 2 == number & 0x3F && *seen == command;
    (ours && expected).then(|| Answer { code: *code, data: data.to_vec() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_have_the_bytes_of_the_specification() {
        let asked = packet(1, netfn::APP, 0x38, &[0x8E, 0x04]);
        assert_eq!(
            asked,
            [
                0x06, 0x00, 0xFF, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xC8, 0x81, 0x04, 0x38,
                0x8E, 0x04, 0xB1
            ]
        );
        let mut answer = HEADER.to_vec();
        answer.extend([16, 0x81, 0x1C, 0x63, 0x20, 0x04, 0x38, 0x00, 0x01, 0x94, 0x26, 0x02, 0, 0, 0, 0, 0]);
        let heard = unpack(&answer, 1, netfn::APP, 0x38).unwrap();
        assert_eq!(heard.code, 0);
        let speaks = GetAuthCapabilities(4).parse(&heard.data).unwrap();
        assert_eq!(speaks, Speaks { rmcp_plus: true });
        assert_eq!(unpack(&answer, 2, netfn::APP, 0x38), None, "the answer to another packet");
        assert_eq!(unpack(&answer, 1, netfn::APP, 0x54), None, "the answer to another command");
    }

    #[test]
    fn lists_of_suites_are_read_record_by_record() {
        assert_eq!(suites(&[0xC0, 3, 1, 0x41, 0x81, 0xC0, 17, 3, 0x44, 0x81]), [3, 17]);
        assert_eq!(
            suites(&[0xC1, 0x80, 0xC0, 5, 0, 1, 0x41, 0xC0, 0, 0]),
            [0],
            "a manufacturer's own has a number too"
        );
        assert_eq!(names(&[0, 3, 17]), "0 (no authentication), 3 (SHA1, AES), 17 (SHA256, AES)");
    }

    proptest! {
        #[test]
        fn any_packet_is_read_without_panic(packet in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(answer) = unpack(&packet, 1, netfn::APP, 0x38) {
                let _ = GetAuthCapabilities(4).parse(&answer.data);
            }
            prop_assert!(suites(&packet).len() <= packet.len());
        }

        #[test]
        fn an_answer_is_found_in_its_packet(data in proptest::collection::vec(any::<u8>(), 0..40), code: u8) {
            let mut answered = vec![code];
            answered.extend_from_slice(&data);
            let packet = packet(5, netfn::APP | 1, 0x54, &answered);
            prop_assert_eq!(unpack(&packet, 5, netfn::APP, 0x54), Some(Answer { code, data }));
        }
    }
}
