//! What a BMC gets, whatever it asks.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::{prelude::*, test_runner::TestRunner};
use rackhand_media::{
    Advertise, EventKind, Listen, MediaEvent, MediaServer, PublishError, Scheme, StartError, TlsIdentity,
    Token,
};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Rig, TOKEN, client, loopback, token};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

type Headers<'a> = &'a [(&'a str, &'a str)];

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_whole_image_with_get_and_its_headers_with_head() {
    let rig = Rig::new(700_001).await;
    assert_eq!(rig.publication.path, format!("/{TOKEN}/disc.iso"));
    assert!(rig.publication.path.len() <= 60);
    let head = rig.ask(Method::HEAD, &rig.url, &[("range", "bytes=0-9")]).await;
    let get = rig.get(&[]).await;
    for answer in [&head, &get] {
        assert_eq!(answer.status(), 200);
        assert_eq!(header(answer, "content-length"), "700001");
        assert_eq!(header(answer, "accept-ranges"), "bytes");
        assert_eq!(header(answer, "content-type"), "application/octet-stream");
        assert_eq!(header(answer, "etag"), format!("\"{:.32}\"", rig.image.sha256.to_string()));
    }
    assert_eq!(head.bytes().await.unwrap(), "");
    assert_eq!(get.bytes().await.unwrap(), rig.content);
    let served = rig.server.served("node-1").unwrap();
    assert_eq!((served.requests, served.bytes_sent, served.distinct_bytes), (2, 700_001, 700_001));
    assert_eq!(served.peers, BTreeSet::from([PEER]));
    assert!(served.last.is_some());
}

#[test]
fn every_range_is_what_a_slice_would_be() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let size = 600_000;
    let rig = runtime.block_on(Rig::new(size));
    let position = prop_oneof![0..size + 10, (size - 3)..size + 3, (262_140_usize..262_150)];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let strategy = (position.clone(), position, 0..3_u8);
    runner
        .run(&strategy, |(one, two, form)| {
            let (value, part) = match form {
                0 => (
                    format!("bytes={}-{}", one.min(two), one.max(two)),
                    one.min(two)..(one.max(two) + 1).min(size),
                ),
                1 => (format!("bytes={one}-"), one..size),
                _ => (format!("bytes=-{one}"), size.saturating_sub(one)..size),
            };
            runtime.block_on(async {
                let answer = rig.get(&[("range", &value)]).await;
                let want = rig.content.get(part.clone()).unwrap_or_default();
                if want.is_empty() {
                    prop_assert_eq!(answer.status(), 416);
                    prop_assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"));
                } else {
                    prop_assert_eq!(answer.status(), 206);
                    let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                    prop_assert_eq!(header(&answer, "content-range"), range);
                    prop_assert_eq!(answer.content_length(), Some(want.len() as u64));
                    prop_assert!(answer.bytes().await.unwrap() == want, "other bytes for {}", value);
                }
                Ok(())
            })
        })
        .unwrap();
}

#[tokio::test]
async fn conditions_and_odd_ranges() {
    let rig = Rig::new(1000).await;
    let etag = header(&rig.get(&[]).await, "etag").to_owned();
    let weak = format!("W/{etag}");
    let cases: [(Headers<'_>, u16, usize); 10] = [
        (&[("range", "bytes=0-9"), ("if-range", &etag)], 206, 10),
        (&[("range", "bytes=0-9"), ("if-range", "\"another image\"")], 200, 1000),
        (&[("range", "bytes=0-9"), ("if-range", &weak)], 200, 1000),
        (&[("range", "bytes=5000-"), ("if-range", "\"another image\"")], 200, 1000),
        (&[("range", "bytes=0-1,5-6")], 200, 1000),
        (&[("range", "sectors=0-1")], 200, 1000),
        (&[("range", "bytes=9-1")], 200, 1000),
        (&[("if-none-match", &etag)], 304, 0),
        (&[("if-match", "\"another image\"")], 412, 0),
        (&[("range", "bytes=1000-")], 416, 0),
    ];
    for (headers, status, length) in cases {
        let answer = rig.get(headers).await;
        assert_eq!(answer.status(), status, "{headers:?}");
        assert_eq!(header(&answer, "etag"), etag, "{headers:?}");
        assert_eq!(answer.bytes().await.unwrap(), rig.content[..length], "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_at_once_get_what_they_ask_for_and_are_counted() {
    let size = 3_000_000;
    let rig = Arc::new(Rig::new(size).await);
    let readers: Vec<_> = (0..50)
        .map(|reader| {
            let rig = rig.clone();
            tokio::spawn(async move {
                let start = reader * 50_000;
                let answer = client(None)
                    .get(&rig.url)
                    .header("range", format!("bytes={start}-"))
                    .send()
                    .await
                    .unwrap();
                assert!(answer.bytes().await.unwrap() == rig.content[start..]);
                size - start
            })
        })
        .collect();
    let mut sum = 0;
    for reader in readers {
        sum += reader.await.unwrap() as u64;
    }
    let served = rig.server.served("node-1").unwrap();
    assert_eq!((served.requests, served.bytes_sent, served.distinct_bytes), (50, sum, 3_000_000));
}

#[tokio::test]
async fn what_is_read_is_told_in_order() {
    let mut rig = Rig::new(5_000_000).await;
    let headers = |range: &str| rig.client.get(&rig.url).header("range", range.to_owned()).send();
    let (first, second) = (headers("bytes=0-2999999"), headers("bytes=2000000-"));
    first.await.unwrap().bytes().await.unwrap();
    second.await.unwrap().bytes().await.unwrap();
    let mut events = Vec::new();
    loop {
        let MediaEvent { node, kind, .. } = rig.events.recv().await.unwrap();
        assert_eq!(node.as_deref(), Some("node-1"));
        events.push(kind);
        if matches!(events.last(), Some(EventKind::Complete { size: 5_000_000 })) {
            break;
        }
    }
    assert_eq!(events[0], EventKind::FirstByte { peer: PEER });
    let progress: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::Progress { distinct_bytes, bytes_sent, .. } => Some((*distinct_bytes, *bytes_sent)),
            _ => None,
        })
        .collect();
    assert!(progress.is_sorted() && progress.len() <= 6, "{progress:?}");
    assert_eq!(progress.last(), Some(&(5_000_000, 6_000_000)));
    assert_eq!(events.len(), progress.len() + 2);
}

#[tokio::test]
async fn what_is_not_published_gets_nothing_and_learns_nothing() {
    let mut rig = Rig::new(1000).await;
    let strange = [
        "/".to_owned(),
        "/disc.iso".to_owned(),
        format!("/{TOKEN}"),
        format!("/{TOKEN}/"),
        format!("/{TOKEN}/other.iso"),
        format!("/{TOKEN}/x/disc.iso"),
        format!("/{TOKEN}/%64isc.iso"),
        format!("/{}/disc.iso", TOKEN.to_uppercase()),
        format!("/{TOKEN:.25}/disc.iso"),
        format!("/{TOKEN}a/disc.iso"),
        "/aaaaaaaaaaaaaaaaaaaaaaaaaa/callback".to_owned(),
        format!("//{TOKEN}/disc.iso"),
    ];
    for path in &strange {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
            let answer = rig.ask(method.clone(), &rig.at(path), &[]).await;
            assert_eq!(answer.status(), 404, "{method} {path}");
            let names: Vec<&str> = answer.headers().keys().map(|name| name.as_str()).collect();
            assert!(names.iter().all(|name| matches!(*name, "content-length" | "date")), "{names:?}");
            assert_eq!(answer.bytes().await.unwrap(), "");
        }
    }
    assert_eq!(rig.ask(Method::PUT, &rig.url, &[]).await.status(), 405);
    assert_eq!(rig.server.served("node-1").unwrap().requests, 0);
    rig.server.unpublish("node-1");
    assert_eq!(rig.get(&[]).await.status(), 404);
    drop(rig.server);
    let mut told = Vec::new();
    while let Some(event) = rig.events.recv().await {
        assert!(!format!("{event:?}").contains(TOKEN));
        told.push(event);
    }
    let stray = EventKind::Refused { peer: PEER, reason: "GET of a URL that is not published".to_owned() };
    let stray = MediaEvent::clone(told.iter().find(|event| event.kind == stray).unwrap());
    assert_eq!(told.iter().filter(|event| **event == stray).count(), 1, "told once, though asked often");
    assert_eq!(stray.node, None);
}

#[tokio::test]
async fn an_installer_calls_back() {
    let mut rig = Rig::new(1000).await;
    let heard = hear(&mut rig);
    let url = rig.at(&rig.publication.callback_path);
    let post = async |body: String| rig.client.post(&url).body(body).send().await.unwrap().status().as_u16();
    assert_eq!(post(r#"{"stage": "Writing image to disk", "percent": 40}"#.to_owned()).await, 204);
    assert_eq!(post("not JSON".to_owned()).await, 400);
    assert_eq!(post("[]".to_owned()).await, 400);
    assert_eq!(post(r#"{"stage": 5}"#.to_owned()).await, 400);
    assert_eq!(post(format!(r#"{{"stage": "{}"}}"#, "x".repeat(201))).await, 400);
    assert_eq!(post(format!(r#"{{"stage": "{}"}}"#, "x".repeat(70_000))).await, 413);
    assert_eq!(rig.ask(Method::GET, &url, &[]).await.status(), 405);

    // The image goes when it is ejected, the last call-backs come after that.
    assert!(rig.server.withdraw("node-1"));
    assert!(!rig.server.withdraw("node-1"));
    assert_eq!(rig.get(&[]).await.status(), 404);
    assert_eq!(post(r#"{"stage": "Done"}"#.to_owned()).await, 204);
    assert!(rig.server.served("node-1").is_some());

    let stages = heard.lock().unwrap().clone();
    assert_eq!(stages, [("Writing image to disk".to_owned(), Some(40)), ("Done".to_owned(), None)]);
}

/// Writes call-backs down as they come, and only then says so.
fn hear(rig: &mut Rig) -> Heard {
    let (_, nothing) = tokio::sync::mpsc::unbounded_channel();
    let mut events = std::mem::replace(&mut rig.events, nothing);
    let stages = Heard::default();
    let written = Arc::clone(&stages);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let EventKind::CallBack { stage, body, heard } = event.kind else { continue };
            assert_eq!(
                (event.node.as_deref(), body["stage"].as_str()),
                (Some("node-1"), Some(stage.as_str()))
            );
            written.lock().unwrap().push((stage, body["percent"].as_u64()));
            heard.take().unwrap().send(()).unwrap();
        }
    });
    stages
}

type Heard = Arc<Mutex<Vec<(String, Option<u64>)>>>;

#[tokio::test]
async fn a_call_back_that_nobody_writes_down_is_to_be_made_again() {
    let mut rig = Rig::new(1000).await;
    let url = rig.at(&rig.publication.callback_path);
    let call = rig.client.post(&url).body(r#"{"stage": "Done"}"#).send();
    let unheard = async {
        loop {
            let event = rig.events.recv().await.unwrap();
            if let EventKind::CallBack { .. } = event.kind {
                // Dropped unsaid: the journal could not be written.
                break;
            }
        }
    };
    let (answer, ()) = tokio::join!(call, unheard);
    assert_eq!(answer.unwrap().status(), 503);
}

#[tokio::test]
async fn an_installer_that_calls_back_without_end_is_stopped() {
    let mut rig = Rig::new(1000).await;
    let _heard = hear(&mut rig);
    let url = rig.at(&rig.publication.callback_path);
    let mut statuses = BTreeSet::new();
    for _ in 0..1001 {
        let body = r#"{"stage": "Rebooting"}"#;
        statuses.insert(rig.client.post(&url).body(body).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, BTreeSet::from([204, 429]));
}

#[tokio::test]
async fn who_asks_a_server_that_is_not_open_yet_waits() {
    let rig = Rig::new(1000).await;
    let (server, _events) = MediaServer::bind(vec![loopback()], Advertise::by_route()).unwrap();
    let publication = server.publish("node-1", &rig.image, &token()).unwrap();
    let url = format!("http://{}{}", server.bound()[0].address, publication.path);
    let asking = tokio::spawn(rig.client.get(&url).send());
    // A connection of our own is queued behind it, so the kernel has taken both in before anything is answered.
    let queued = TcpStream::connect(server.bound()[0].address).await.unwrap();
    assert!(!asking.is_finished());
    assert_eq!(server.served("node-1").unwrap().requests, 0);
    server.open();
    assert_eq!(asking.await.unwrap().unwrap().status(), 200);
    drop(queued);
}

#[tokio::test]
async fn a_restarted_server_serves_the_same_url() {
    let rig = Rig::new(1000).await;
    let (address, url, image) = (rig.address(), rig.url.clone(), rig.image.clone());
    assert_eq!(rig.get(&[]).await.status(), 200);
    drop(rig.client);
    rig.server.shutdown(Duration::from_secs(60)).await;
    let (server, _events) = MediaServer::start(vec![Listen::http(address)], Advertise::by_route()).unwrap();
    server.publish("node-1", &image, &token()).unwrap();
    let answer = client(None).get(&url).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), rig.content);
}

#[tokio::test]
async fn publishing_again_keeps_the_counts_and_another_image_starts_anew() {
    let rig = Rig::new(1000).await;
    rig.get(&[]).await.bytes().await.unwrap();
    let again = rig.server.publish("node-1", &rig.image, &token()).unwrap();
    assert_eq!(again, rig.publication);
    assert_eq!(rig.server.served("node-1").unwrap().bytes_sent, 1000);

    let error = rig.server.publish("node-2", &rig.image, &token()).unwrap_err();
    assert!(matches!(error, PublishError::TokenInUse { .. }));
    assert!(error.to_string().contains("node-2") && error.to_string().contains("node-1"), "{error}");
    assert!(!error.to_string().contains(TOKEN));

    let other = rig.store.image("other.iso", b"another image").await;
    let moved = rig.server.publish("node-1", &other, &Token::random()).unwrap();
    assert_eq!(rig.server.served("node-1").unwrap().bytes_sent, 0);
    assert_eq!(rig.get(&[]).await.status(), 404, "the old URL is gone");
    let answer = rig.ask(Method::GET, &rig.at(&moved.path), &[]).await;
    assert_eq!(answer.bytes().await.unwrap(), "another image");
}

/// Begins to read an image that does not fit into the sockets' buffers.
async fn reader_in_the_middle(rig: &Rig) -> TcpStream {
    let mut stream = TcpStream::connect(rig.address()).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", rig.publication.path);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 4096];
    stream.read_exact(&mut start).await.unwrap();
    stream
}

#[tokio::test]
async fn a_shutdown_lets_readers_finish() {
    let rig = Rig::new(40_000_000).await;
    let address = rig.address();
    let mut stream = reader_in_the_middle(&rig).await;
    let server = Arc::new(rig.server);
    let shutdown = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(Duration::from_secs(600)).await }
    });
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(&rig.content[1_000_000..]));
    shutdown.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_without_patience_and_a_drop_cut_readers_off() {
    for patient in [true, false] {
        let rig = Rig::new(40_000_000).await;
        let mut stream = reader_in_the_middle(&rig).await;
        if patient {
            rig.server.shutdown(Duration::from_millis(50)).await;
        } else {
            drop(rig.server);
        }
        let mut rest = Vec::new();
        // A reset or an early end: never the whole.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.len() < 39_000_000, "{}", rest.len());
    }
}

#[tokio::test]
async fn an_image_that_is_changed_in_place_is_no_longer_served() {
    let mut rig = Rig::new(1000).await;
    std::fs::write(&rig.image.path, vec![7; 1001]).unwrap();
    assert_eq!(rig.get(&[]).await.status(), 503);
    let EventKind::Unreadable { reason } = rig.events.recv().await.unwrap().kind else {
        panic!("another event")
    };
    assert!(reason.contains("disc.iso was changed after it was published"), "{reason}");

    // Replacing the file is another matter: the published one stays open.
    let rig = Rig::new(1000).await;
    let new = rig.store.file("new.iso", b"new");
    std::fs::rename(new, &rig.image.path).unwrap();
    assert_eq!(rig.get(&[]).await.bytes().await.unwrap(), rig.content);
}

#[tokio::test]
async fn an_image_that_shrinks_under_a_reader_cuts_it_off() {
    let mut rig = Rig::new(40_000_000).await;
    let mut stream = reader_in_the_middle(&rig).await;
    let file = std::fs::OpenOptions::new().write(true).open(&rig.image.path).unwrap();
    file.set_len(100).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < 39_000_000, "{}", rest.len());
    loop {
        if let EventKind::Unreadable { reason } = rig.events.recv().await.unwrap().kind {
            assert!(reason.starts_with("reading at byte "), "{reason}");
            break;
        }
    }
    let mut mark = [0];
    file.read_exact_at(&mut mark, 0).unwrap_err();
}

#[tokio::test]
async fn https_serves_those_who_trust_and_names_those_who_do_not() {
    let identity = TlsIdentity::self_signed(&["127.0.0.1".to_owned()]).unwrap();
    let listen = Listen::https("127.0.0.1:0".parse().unwrap(), identity.config.clone());
    let mut rig = Rig::listening(listen, Some(&identity.certificate_pem), 100_000).await;
    assert!(rig.url.starts_with("https://127.0.0.1:"), "{}", rig.url);
    let answer = rig.get(&[("range", "bytes=500-599")]).await;
    assert_eq!(answer.bytes().await.unwrap(), rig.content[500..600]);

    client(None).get(&rig.url).send().await.unwrap_err();
    let plain = rig.url.replace("https", "http");
    client(None).get(&plain).send().await.unwrap_err();
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        if let EventKind::Refused { peer, reason } = rig.events.recv().await.unwrap().kind {
            assert_eq!(peer, PEER);
            reasons.push(reason);
        }
    }
    assert!(reasons[0].contains("the peer does not trust this server's certificate"), "{reasons:?}");
    assert_eq!(reasons[1], "the peer spoke something other than TLS to the HTTPS address");
}

#[tokio::test]
async fn ipv4_and_ipv6_are_served_side_by_side_on_one_port() {
    if TcpListener::bind("[::1]:0").await.is_err() {
        println!("skipped: no IPv6 loopback here");
        return;
    }
    let rig = Rig::listening(Listen::http("[::]:0".parse().unwrap()), None, 1000).await;
    assert_eq!(rig.url, format!("http://[::1]:{}{}", rig.address().port(), rig.publication.path));
    assert_eq!(rig.get(&[]).await.bytes().await.unwrap(), rig.content);
    let error = rig.server.url(&rig.publication, "127.0.0.1", None).await.unwrap_err().to_string();
    assert!(error.contains("needs the ISO server on IPv4, but it listens on http://[::]:"), "{error}");

    // What [::] takes is IPv6 alone, so the same port can be had for IPv4.
    let v4 = Listen::http(format!("0.0.0.0:{}", rig.address().port()).parse().unwrap());
    let (other, _events) = MediaServer::start(vec![v4], Advertise::by_route()).unwrap();
    assert_eq!(
        other.advertise("127.0.0.1", None).await.unwrap(),
        format!("http://127.0.0.1:{}", rig.address().port())
    );
}

#[tokio::test]
async fn the_first_listener_that_a_bmc_can_use_is_advertised() {
    let identity = TlsIdentity::self_signed(&["127.0.0.1".to_owned()]).unwrap();
    let https = Listen::https("127.0.0.1:0".parse().unwrap(), identity.config);
    let (server, _events) = MediaServer::start(vec![loopback(), https], Advertise::by_route()).unwrap();
    let ports: Vec<u16> = server.bound().iter().map(|bound| bound.address.port()).collect();
    let base = async |scheme| server.advertise("127.0.0.1", scheme).await.unwrap();
    assert_eq!(base(None).await, format!("http://127.0.0.1:{}", ports[0]));
    assert_eq!(base(Some(Scheme::Https)).await, format!("https://127.0.0.1:{}", ports[1]));
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (server, _events) = MediaServer::start(vec![loopback()], Advertise::by_route()).unwrap();
    let taken = server.bound()[0].address;
    let error = MediaServer::start(vec![loopback(), Listen::http(taken)], Advertise::by_route()).unwrap_err();
    assert!(matches!(error, StartError::Listen { address, .. } if address == taken));
    assert!(error.to_string().contains(&format!("cannot listen on {taken}")), "{error}");
    assert!(matches!(MediaServer::start(Vec::new(), Advertise::by_route()), Err(StartError::Nowhere)));
}
