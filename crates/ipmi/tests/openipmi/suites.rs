//! BMCs that do not speak what we do: stubs, because `ipmi_sim` offers cipher suite 3 whatever it is told.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use rackhand_bmc::ErrorKind;
use rackhand_ipmi::Options;
use tokio::{net::UdpSocket, task::JoinSet};

use crate::sim::{PASSWORD, connect_to, target};

/// What a stub says to whoever asks.
#[derive(Clone, Copy)]
struct Says {
    /// The bytes of Get Channel Authentication Capabilities that matter.
    capabilities: [u8; 3],
    /// The parts of the list of cipher suites; silence about those that are not there.
    suites: &'static [&'static [u8]],
    /// The status with which it answers the request for a session, and the algorithms that it takes.
    session: (u8, [u8; 3]),
}

const RMCP_PLUS: Says = Says { capabilities: [0x80, 0x04, 0x02], suites: &[], session: (0x12, [0, 0, 0]) };

/// A BMC up to the user's name.
struct Stub {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Stub {
    async fn start(says: Says) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = heard.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = [0u8; 512];
            let mut console = [0u8; 4];
            loop {
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                let (name, answer) = answer(&buffer[..length], says, &mut console);
                log.lock().unwrap().push(name);
                if let Some(answer) = answer {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self { port, heard, _task: task }
    }

    async fn refusal(&self) -> (ErrorKind, String, String) {
        let error = connect_to(self.port, target(PASSWORD), Options::default()).await.unwrap_err();
        (error.kind().clone(), error.to_string(), self.heard.lock().unwrap().join(" "))
    }
}

/// What came, and what is said to it.
fn answer(packet: &[u8], says: Says, console: &mut [u8; 4]) -> (String, Option<Vec<u8>>) {
    match (packet[3], packet[4]) {
        (0x06, _) => {
            let mut pong = vec![6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x40, packet[9], 0, 0x10];
            pong.extend([0, 0, 0x11, 0xBE, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
            ("ping".to_owned(), Some(pong))
        }
        (0x07, 0x06) => {
            let payload = &packet[16..];
            let (name, kind, payload) = match packet[5] {
                0x10 => {
                    console.copy_from_slice(&payload[4..8]);
                    ("session", 0x11, session(payload, says.session))
                }
                0x12 => ("user", 0x13, user(payload, *console, says.session.1[0])),
                _ => ("more", 0, Vec::new()),
            };
            let mut answer = vec![6, 0, 0xFF, 7, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0];
            answer.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
            answer.extend(payload);
            (name.to_owned(), (kind != 0).then_some(answer))
        }
        _ => command(packet, says),
    }
}

/// An answer outside of any session.
fn command(packet: &[u8], says: Says) -> (String, Option<Vec<u8>>) {
    let (function, sequence, command) = (packet[15], packet[18], packet[19]);
    let (name, data) = match command {
        0x38 => ("capabilities", Some([&[0, 1][..], &says.capabilities, &[0; 4]].concat())),
        0x54 => (
            "suites",
            says.suites.get(usize::from(packet[22] & 0x3F)).map(|part| [&[0, 1][..], *part].concat()),
        ),
        _ => ("other", None),
    };
    let answer = data.map(|data| {
        let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
        let to = [0x81, function | 4];
        let body = [&[0x20, sequence, command][..], &data].concat();
        let mut answer = vec![6, 0, 0xFF, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        answer.push(u8::try_from(body.len() + 4).unwrap());
        answer.extend([to[0], to[1], sum(&to)]);
        answer.extend(&body);
        answer.push(sum(&body));
        answer
    });
    (name.to_owned(), answer)
}

fn session(request: &[u8], (status, algorithms): (u8, [u8; 3])) -> Vec<u8> {
    let mut answer = vec![request[0], status, 4, 0];
    answer.extend(&request[4..8]);
    if status == 0 {
        answer.extend([1, 0, 0, 0]);
        for (kind, algorithm) in (0u8..).zip(algorithms) {
            answer.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
    }
    answer
}

/// The second message of a login, with as much of a signature as the algorithm has.
fn user(request: &[u8], console: [u8; 4], algorithm: u8) -> Vec<u8> {
    let signature = if algorithm == 0 { 0 } else { 32 };
    [&[request[0], 0, 0, 0][..], &console, &[7; 32], &[9; 32][..signature]].concat()
}

#[tokio::test]
async fn other_suites_are_named_before_the_login() {
    let suites: &[&[u8]] = &[&[0xC0, 17, 3, 0x44, 0x81]];
    let (kind, text, heard) = Stub::start(Says { suites, ..RMCP_PLUS }).await.refusal().await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert_eq!(
        text,
        "BMC rack-1: the BMC offers the cipher suites 17 (SHA256, AES), and 3 (SHA1, AES) is what is spoken: \
         allow it in the BMC's IPMI settings"
    );
    assert_eq!(heard, "capabilities suites");
    let suites: &[&[u8]] = &[&[0xC0, 0, 0, 0x40, 0x80]];
    let (_, text, _) = Stub::start(Says { suites, ..RMCP_PLUS }).await.refusal().await;
    assert!(text.contains("the cipher suites 0 (no authentication), and"), "{text}");
}

/// A list of several parts, the last of which is lost: nobody knows whether ours was in it.
#[tokio::test]
async fn half_a_list_says_nothing() {
    const FIRST: &[u8] = &[0xC0, 0, 0, 0x40, 0x80, 0xC0, 1, 1, 0x40, 0x80, 0xC0, 2, 1, 0x41, 0x80, 0xC0];
    let refused = (0x11, [0, 0, 0]);
    let half = Says { suites: &[FIRST], session: refused, ..RMCP_PLUS };
    let (_, text, heard) = Stub::start(half).await.refusal().await;
    assert!(heard.contains("session"), "it was tried: {heard}; {text}");
    let whole = Says { suites: &[FIRST, &[3, 1, 0x41, 0x81]], session: refused, ..RMCP_PLUS };
    let (_, _, heard) = Stub::start(whole).await.refusal().await;
    assert!(heard.starts_with("capabilities suites suites ping"), "{heard}");
    let other = Says { suites: &[FIRST, &[17, 3, 0x44, 0x81]], ..RMCP_PLUS };
    let (_, text, _) = Stub::start(other).await.refusal().await;
    assert!(text.contains("1 (no encryption), 2 (no encryption), 17 (SHA256, AES), and 3"), "{text}");
}

/// One that does not say which suites it offers, and refuses ours when it is asked for a session.
#[tokio::test]
async fn a_suite_that_is_refused_is_named_too() {
    let (kind, text, heard) =
        Stub::start(Says { session: (0x11, [0, 0, 0]), ..RMCP_PLUS }).await.refusal().await;
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
    assert!(text.contains("does not take cipher suite 3 (SHA1, AES)"), "{text}");
    assert_eq!(heard.matches("session").count(), 1, "{heard}");
}

/// One that takes another suite than it was asked for: ipmi-rs panics over most of them, which must not reach
/// the caller as such.
#[tokio::test]
async fn a_suite_that_was_not_asked_for_ends_in_an_error() {
    for algorithms in [[0, 0, 0], [3, 4, 1]] {
        let (kind, text, heard) =
            Stub::start(Says { session: (0, algorithms), ..RMCP_PLUS }).await.refusal().await;
        assert_eq!(kind, ErrorKind::Unsupported, "{text}");
        assert!(text.contains("was asked for cipher suite 3 (SHA1, AES) and took another"), "{text}");
        assert!(heard.ends_with("session user"), "{heard}");
    }
}

#[tokio::test]
async fn sessions_of_ipmi_1_5_are_not_tried() {
    let old = Says { capabilities: [0x04, 0x04, 0x00], suites: &[&[]], ..RMCP_PLUS };
    let (kind, text, heard) = Stub::start(old).await.refusal().await;
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(text.contains("the sessions of IPMI 1.5 only"), "{text}");
    assert!(!heard.contains("session"), "{heard}");
}
