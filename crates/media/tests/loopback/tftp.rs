//! What firmware gets over TFTP, and what others do not.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rackhand_media::{EventKind, NetbootFiles, Offering, TftpError, TftpOptions};
use tokio::net::UdpSocket;

use crate::{
    disc::Names,
    netboot::{live, mac, settings},
    support::{Rig, content, loopback, token},
    tftp_client::{
        Ask, READ, Refused, WRITE, ack, ask_for, ask_until_answered, get, receive, request, socket,
    },
};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A server with TFTP, one published machine and a directory of loaders.
struct Tftp {
    rig: Rig,
    at: SocketAddr,
}

/// A loader whose size is no multiple of any block's.
const LOADER: usize = 300_001;

impl Tftp {
    async fn new() -> Self {
        Self::listening("127.0.0.1:0").await
    }

    async fn listening(address: &str) -> Self {
        let rig = Rig::new(10).await;
        let image = rig.store.image("live.iso", &live(Names::RockRidge)).await;
        let files = NetbootFiles::from_iso(&image).unwrap();
        rig.server.publish_netboot("node-1", mac(), &files, &token(), &settings(&rig)).unwrap();
        let loaders = rig.store.directory.path().join("loaders");
        std::fs::create_dir_all(loaders.join("below")).unwrap();
        std::fs::write(loaders.join("ipxe.efi"), content(LOADER)).unwrap();
        std::fs::write(loaders.join("even.kpxe"), content(5120)).unwrap();
        std::fs::write(loaders.join("below/secret"), b"secret").unwrap();
        std::fs::write(rig.store.directory.path().join("outside"), b"secret").unwrap();
        std::os::unix::fs::symlink("../outside", loaders.join("link")).unwrap();
        let base = format!("http://{}", rig.address());
        let options = TftpOptions { listen: address.parse().unwrap(), base, loaders: Some(loaders) };
        let at = rig.server.start_tftp(options).await.unwrap();
        Self { rig, at }
    }

    async fn get(
        &self,
        name: &str,
        options: &[(&'static str, &str)],
    ) -> Result<crate::tftp_client::Got, Refused> {
        let options = options.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        get(self.at, name, &Ask { options, lose_each: None }).await
    }

    fn told(&mut self) -> Vec<(Option<String>, EventKind)> {
        self.rig.told().into_iter().map(|event| (event.node, event.kind)).collect()
    }
}

#[tokio::test]
async fn loaders_with_every_option_and_without_any() {
    let tftp = Tftp::new().await;
    let loader = content(LOADER);
    let plain = tftp.get("ipxe.efi", &[]).await.unwrap();
    assert!(plain.content == loader && plain.options.is_empty());
    assert_eq!(tftp.get("even.kpxe", &[]).await.unwrap().content, content(5120));
    for (block, window) in [("1468", "1"), ("1468", "8"), ("8", "32"), ("1024", "3")] {
        let options = [("blksize", block), ("tsize", "0"), ("windowsize", window)];
        let got = tftp.get("ipxe.efi", &options).await.unwrap();
        assert!(got.content == loader, "{block} {window}");
        assert_eq!(got.option("blksize"), Some(block));
        assert_eq!(got.option("windowsize"), Some(window));
        assert_eq!(got.option("tsize"), Some("300001"));
    }
}

#[tokio::test]
async fn more_than_is_good_is_not_agreed_to() {
    let tftp = Tftp::new().await;
    let loader = content(LOADER);
    let got = tftp
        .get("ipxe.efi", &[("blksize", "65464"), ("windowsize", "65535"), ("timeout", "255")])
        .await
        .unwrap();
    assert!(got.content == loader);
    assert_eq!(
        (got.option("blksize"), got.option("windowsize"), got.option("timeout")),
        (Some("8956"), Some("32"), None)
    );
    for odd in [
        ("blksize", "65535"),
        ("blksize", "0"),
        ("blksize", "-1"),
        ("windowsize", "0"),
        ("tsize", "x"),
        ("other", "1"),
    ] {
        let got = tftp.get("ipxe.efi", &[odd]).await.unwrap();
        assert!(got.content == loader && got.options.is_empty(), "{odd:?}");
    }
}

#[tokio::test]
async fn lost_packets_are_sent_again() {
    let tftp = Tftp::new().await;
    for (window, lose) in [("1", 4), ("4", 7)] {
        let options = vec![("blksize", "1468".to_owned()), ("windowsize", window.to_owned())];
        let got = get(tftp.at, "even.kpxe", &Ask { options, lose_each: Some(lose) }).await.unwrap();
        assert_eq!(got.content, content(5120), "{window}");
    }
}

#[tokio::test]
async fn nothing_but_what_is_meant_to_be_read_is() {
    let mut tftp = Tftp::new().await;
    let names = [
        "../outside",
        "below/../../outside",
        "/etc/passwd",
        "below/secret",
        "below",
        "link",
        ".",
        "..",
        "",
        "no-such",
        "IPXE.EFI",
        "ipxe/../ipxe.efi",
        "./ipxe.efi",
        "ipxe.efi/",
        "..\\outside",
        "%2e%2e/outside",
        "ipxe/",
        "/ipxe.efi",
        "52-54-00-12-34-56/callback",
        "52-54-00-12-34-57/vmlinuz",
        "52-54-00-12-34-56/../ipxe.efi",
    ];
    for name in names {
        let refused = tftp.get(name, &[("tsize", "0")]).await.unwrap_err();
        assert_eq!(refused.code, 1, "{name}: {refused:?}");
        assert!(!refused.message.contains("secret"));
    }
    let refused = tftp.get("52-54-00-12-34-56/vmlinuz", &[]).await.unwrap_err();
    assert_eq!(refused.code, 2, "not offered");
    for name in ["ipxe.efi", "new", "../outside"] {
        let refused = ask_for(tftp.at, WRITE, name, &Ask::default()).await.unwrap_err();
        assert_eq!(refused.code, 2, "{name}");
    }
    let loaders = tftp.rig.store.directory.path().join("loaders");
    assert!(
        std::fs::read(loaders.join("ipxe.efi")).unwrap() == content(LOADER) && !loaders.join("new").exists()
    );
    let told: BTreeSet<String> = tftp
        .told()
        .into_iter()
        .filter_map(|(node, kind)| match kind {
            EventKind::Refused { reason, .. } => Some(format!("{}: {reason}", node.unwrap_or_default())),
            _ => None,
        })
        .collect();
    for reason in [
        ": TFTP read of \"link\": it is a symbolic link, which is not followed; put the file itself there",
        ": TFTP read of \"no-such\": no such file in the directory of loaders",
        ": TFTP write: nothing can be written here",
        "node-1: TFTP read of \"52-54-00-12-34-56/vmlinuz\": the node is not to be installed now",
    ] {
        assert!(told.contains(reason), "{reason}: {told:#?}");
    }
}

#[tokio::test]
async fn a_machine_reads_its_own_files_while_it_is_offered_and_they_count() {
    let mut tftp = Tftp::new().await;
    let common = tftp.get("boot.ipxe", &[("tsize", "0")]).await.unwrap();
    let text = String::from_utf8(common.content).unwrap();
    let chain = format!("chain --replace --autofree http://{}/ipxe/${{mac:hexhyp}} ||", tftp.rig.address());
    assert!(text.contains(&chain), "{text}");
    let script = async |tftp: &mut Tftp| {
        let at = tftp.at;
        let ask = Ask { options: Vec::new(), lose_each: None };
        let asking = get(at, "ipxe/52-54-00-12-34-56", &ask);
        String::from_utf8(tftp.rig.heeded(asking).await.unwrap().content).unwrap()
    };
    assert!(script(&mut tftp).await.contains("is not to be installed now"));
    tftp.rig.server.offer("node-1", Offering::Anew);
    assert!(script(&mut tftp).await.contains("\nkernel http://"));

    let name = |file: &str| format!("52-54-00-12-34-56/{file}");
    let fast = [("blksize", "1468"), ("windowsize", "16")];
    // Firmware asks for the size first, and hangs up.
    let probe = socket(tftp.at).await;
    probe.send_to(&request(READ, &name("vmlinuz"), &[("tsize", "0".to_owned())]), tftp.at).await.unwrap();
    let (kind, ..) = receive(&probe).await;
    assert_eq!((kind, tftp.rig.server.served("node-1").unwrap().bytes_sent), (6, 0));
    drop(probe);

    assert_eq!(tftp.get(&name("vmlinuz"), &fast).await.unwrap().content, content(5000));
    assert_eq!(tftp.get(&name("initrd.img"), &fast).await.unwrap().content, content(70_001));
    assert_eq!(tftp.get(&name("initrd2.img"), &fast).await.unwrap().content, b"an archive");
    // The rest by HTTP, in one count.
    let url = tftp.rig.at(&format!("/{}/rootfs.img", token().as_str()));
    assert!(tftp.rig.server.is_offered("node-1"));
    tftp.rig.client.get(url).send().await.unwrap().bytes().await.unwrap();
    assert!(!tftp.rig.server.is_offered("node-1"));
    assert_eq!(tftp.get(&name("vmlinuz"), &fast).await.unwrap_err().code, 2);

    let size = 5000 + 70_001 + 10 + 300_000;
    let told = tftp.told();
    assert!(told.contains(&(Some("node-1".to_owned()), EventKind::FirstByte { peer: PEER })));
    assert!(told.contains(&(Some("node-1".to_owned()), EventKind::Complete { size })));
}

/// A client that asks for the loader: the first packet that comes, its socket, and who sent it.
async fn first_packet(server: SocketAddr) -> (u16, Vec<u8>, UdpSocket, SocketAddr) {
    let socket = socket(server).await;
    let (kind, rest, peer) = ask_until_answered(&socket, server, &request(READ, "ipxe.efi", &[])).await;
    (kind, rest, socket, peer)
}

/// Both ends are in this process.
fn may_open_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[tokio::test]
async fn slow_readers_do_a_quick_one_no_harm_and_too_many_are_told() {
    may_open_many_files();
    let tftp = Tftp::new().await;
    // Each has its first block and answers nothing more.
    let opened = (0..200).map(|_| first_packet(tftp.at));
    let mut slow = Vec::new();
    for (kind, _, socket, peer) in futures_util::future::join_all(opened).await {
        assert_eq!(kind, 3);
        slow.push((socket, peer));
    }
    let quick = tokio::time::timeout(Duration::from_secs(10), tftp.get("ipxe.efi", &[("blksize", "1468")]));
    assert!(quick.await.unwrap().unwrap().content == content(LOADER));
    // They are still there, and one of them goes on.
    let (socket, peer) = &slow[0];
    socket.send_to(&ack(1), *peer).await.unwrap();
    loop {
        let (kind, rest, _) = receive(socket).await;
        if (kind, rest[..2].to_vec()) == (3, vec![0, 2]) {
            break;
        }
    }
    // Beyond so many at once there is a refusal, and the same place is free again once somebody ends.
    let more = (0..200).map(|_| first_packet(tftp.at));
    let mut refused = None;
    for (kind, rest, socket, peer) in futures_util::future::join_all(more).await {
        if kind == 5 {
            refused = Some(String::from_utf8_lossy(&rest[2..]).into_owned());
        } else {
            slow.push((socket, peer));
        }
    }
    assert!(refused.unwrap().contains("too many transfers at once"));
    assert!(slow.len() <= 256);
    // Those that are silent are given up, though they are still there, so everybody is served again.
    let again = async {
        while tftp.get("even.kpxe", &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.unwrap();
    drop(slow);
}

#[tokio::test]
async fn any_packet_at_all_leaves_it_serving() {
    let tftp = Tftp::new().await;
    let socket = socket(tftp.at).await;
    let packet = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        (0..8_u16, prop::collection::vec(any::<u8>(), 0..600)).prop_map(|(kind, rest)| [
            kind.to_be_bytes().to_vec(),
            rest
        ]
        .concat()),
        (
            1..3_u16,
            "[a-z./]{0,20}",
            "octet|mail|netascii|x",
            "(blksize|tsize|windowsize|timeout)?",
            "[0-9]{0,6}"
        )
            .prop_map(|(kind, name, mode, option, value)| {
                [
                    kind.to_be_bytes().to_vec(),
                    [name.as_str(), &mode, &option, &value].join("\0").into_bytes(),
                    vec![0],
                ]
                .concat()
            }),
    ];
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let packet = packet.new_tree(&mut runner).unwrap().current();
        socket.send_to(&packet, tftp.at).await.unwrap();
    }
    assert_eq!(tftp.get("even.kpxe", &[]).await.unwrap().content, content(5120));
}

#[tokio::test]
async fn it_ends_with_the_server_and_a_transfer_under_way_may_finish() {
    let tftp = Tftp::new().await;
    let reader = socket(tftp.at).await;
    reader.send_to(&request(READ, "even.kpxe", &[("blksize", "4096".to_owned())]), tftp.at).await.unwrap();
    let (kind, _, peer) = receive(&reader).await;
    assert_eq!(kind, 6);
    let ending = tftp.rig.server.shutdown(Duration::from_secs(20));
    let reading = async {
        for (answer, block) in [(0, 1), (1, 2)] {
            reader.send_to(&ack(answer), peer).await.unwrap();
            let (kind, rest, _) = receive(&reader).await;
            assert_eq!((kind, &rest[..2]), (3, &[0, block][..]));
        }
        reader.send_to(&ack(2), peer).await.unwrap();
    };
    let start = tokio::time::Instant::now();
    tokio::join!(ending, reading);
    assert!(start.elapsed() < Duration::from_secs(15), "it does not wait for its grace to pass");
    // Its port is free.
    std::net::UdpSocket::bind(tftp.at).unwrap();
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_it_at_once() {
    let tftp = Tftp::new().await;
    let reader = socket(tftp.at).await;
    reader.send_to(&request(READ, "ipxe.efi", &[]), tftp.at).await.unwrap();
    receive(&reader).await;
    let at = tftp.at;
    drop(tftp.rig);
    let freed = async {
        while std::net::UdpSocket::bind(at).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed).await.unwrap();
}

#[tokio::test]
async fn ipv6_and_what_cannot_be_listened_on() {
    let server = Rig::listening(loopback(), None, 10).await;
    let options =
        |listen: SocketAddr, base: &str, loaders| TftpOptions { listen, base: base.to_owned(), loaders };
    let base = "http://192.0.2.1:80";
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    let error = server.server.start_tftp(options(taken.1, base, None)).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("the TFTP server cannot listen on {}: ", taken.1)),
        "{error}"
    );
    let any = "127.0.0.1:0".parse().unwrap();
    assert!(matches!(server.server.start_tftp(options(any, "h", None)).await, Err(TftpError::Base(_))));
    let missing = options(any, base, Some("/no/such/place".into()));
    let error = server.server.start_tftp(missing).await.unwrap_err().to_string();
    assert!(error.starts_with("the directory of loaders /no/such/place: No such file"), "{error}");
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        println!("skipped: no IPv6 loopback here");
        return;
    }
    let tftp = Tftp::listening("[::1]:0").await;
    assert!(tftp.get("ipxe.efi", &[("blksize", "1408")]).await.unwrap().content == content(LOADER));
}
