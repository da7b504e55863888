//! Against a server of the test's own on loopback, and packet by packet.

use proptest::prelude::*;

use super::*;

/// For a server that is not to answer.
const HASTY: Patience = Patience { answer: Duration::from_millis(40), tries: 3 };

/// Answers the first packet of a client with each of `script`'s packets in turn, every one after another packet came.
async fn server(script: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<Vec<Vec<u8>>>) {
    let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        let (length, client) = listener.recv_from(&mut buffer).await.unwrap();
        let mut came = vec![buffer[..length].to_vec()];
        let own = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for packet in script {
            own.send_to(&packet, client).await.unwrap();
            let (length, _) = own.recv_from(&mut buffer).await.unwrap();
            came.push(buffer[..length].to_vec());
        }
        came
    });
    (address, task)
}

fn data(block: u16, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![0, 3];
    packet.extend_from_slice(&block.to_be_bytes());
    packet.extend_from_slice(content);
    packet
}

fn agreed(options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, 6];
    for text in options.iter().flat_map(|(name, value)| [name, value]) {
        packet.extend_from_slice(text.as_bytes());
        packet.push(0);
    }
    packet
}

#[tokio::test]
async fn options_are_asked_for_and_what_the_server_grants_holds() {
    let script = vec![agreed(&[("blksize", "8"), ("tsize", "11")]), data(1, b"12345678"), data(2, b"abc")];
    let (address, came) = server(script).await;
    let got = get(&address, "dir/boot.ipxe", 100, Patience::default()).await.unwrap();
    assert_eq!(got, "12345678abc");
    let came = came.await.unwrap();
    assert_eq!(came[0], b"\x00\x01dir/boot.ipxe\x00octet\x00blksize\x001468\x00tsize\x000\x00");
    assert_eq!(came[1..], [acknowledge(0), acknowledge(1), acknowledge(2)]);
}

#[tokio::test]
async fn a_server_without_options_sends_blocks_of_512() {
    let first = [7; 512];
    let (address, _server) = server(vec![data(1, &first), data(2, b"")]).await;
    assert_eq!(get(&address, "a", 1000, Patience::default()).await.unwrap(), first.as_slice());
}

#[tokio::test]
async fn a_lost_acknowledgement_is_sent_again() {
    let first = [7; 512];
    // The server sends block 1 twice, as one that did not see its acknowledgement.
    let (address, came) = server(vec![data(1, &first), data(1, &first), data(2, b"end")]).await;
    let got = get(&address, "a", 1000, Patience::default()).await.unwrap();
    assert_eq!(got.len(), 515);
    assert_eq!(came.await.unwrap()[1..], [acknowledge(1), acknowledge(1), acknowledge(2)]);
}

#[tokio::test]
async fn a_request_that_is_lost_is_sent_again() {
    let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        listener.recv_from(&mut buffer).await.unwrap();
        let (_, client) = listener.recv_from(&mut buffer).await.unwrap();
        let own = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        own.send_to(&data(1, b"late"), client).await.unwrap();
    });
    assert_eq!(get(&address, "a", 1000, Patience::default()).await.unwrap(), "late");
    server.await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let why = get(&address, "a", 1000, HASTY).await.unwrap_err();
    assert_eq!(why, FetchError::Unreachable("no answer by TFTP, asked 3 times".into()));
}

#[tokio::test]
async fn what_the_server_says_and_what_is_too_large_ends_it() {
    let (address, _server) = server(vec![b"\x00\x05\x00\x01File not found\x00".to_vec()]).await;
    let why = get(&address, "a", 1000, Patience::default()).await.unwrap_err();
    assert_eq!(why, FetchError::Tftp(1, "File not found".into()));
    let (address, came) = server(vec![agreed(&[("tsize", "1001")])]).await;
    assert_eq!(get(&address, "a", 1000, Patience::default()).await.unwrap_err(), FetchError::TooLarge(1000));
    assert_eq!(came.await.unwrap()[1][..4], [0, 5, 0, 3]);
    let (address, came) = server(vec![agreed(&[("windowsize", "8")])]).await;
    assert!(matches!(get(&address, "a", 1000, Patience::default()).await, Err(FetchError::Tftp(8, _))));
    assert_eq!(came.await.unwrap()[1][..4], [0, 5, 0, 8]);
    let (address, _server) = server(vec![data(1, &[1; 512])]).await;
    assert_eq!(get(&address, "a", 511, Patience::default()).await.unwrap_err(), FetchError::TooLarge(511));
}

#[test]
fn block_numbers_wrap() {
    let mut transfer = Transfer { block: 8, expected: u16::MAX, limit: 100, data: BytesMut::new() };
    let step = transfer.take(Packet::Data(u16::MAX, b"12345678")).unwrap();
    assert!(matches!(step, Step::Send { new: true, .. }));
    assert!(matches!(transfer.take(Packet::Data(0, b"x")).unwrap(), Step::Done));
    assert_eq!(transfer.data, "12345678x");
}

proptest! {
    #[test]
    fn any_packet_can_be_read(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..20)) {
        let mut transfer = Transfer { block: PLAIN_BLOCK, expected: 1, limit: 2000, data: BytesMut::new() };
        for packet in &packets {
            if let Some(packet) = Packet::parse(packet) {
                drop(transfer.take(packet));
            }
        }
        prop_assert!(transfer.data.len() <= 2000);
    }
}
