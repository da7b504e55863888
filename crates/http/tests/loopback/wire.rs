//! HTTP on the wire: what goes out, what comes back, and every way in which it may not.

use std::{sync::Arc, time::Duration};

use rackhand_http::{Connections, HttpTransport, Request, Tls, Transport, TransportError, Trust};
use tokio::net::TcpListener;

use crate::support::{Act, Server, answer, get, message, post};

/// Long enough for a loaded machine where the answer comes, short where it never does.
const SHORT: Duration = Duration::from_millis(200);

async fn established(server: &Server) -> HttpTransport {
    let transport = server.plain();
    transport.send(get("/warm")).await.unwrap();
    transport
}

/// Answers `/warm`; does `act` with anything else.
async fn warmable(act: impl Fn() -> Act + Send + Sync + 'static) -> Server {
    Server::http(move |request| if request.starts_with("GET /warm") { answer(200, "", "") } else { act() })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_use_one_connection() {
    let server = Server::http(|request| answer(200, "", &"x".repeat(request.len() * 97))).await;
    let transport = server.plain();
    for n in 0..200 {
        let request = if n % 3 == 0 { post("/action") } else { get(&format!("/{n}")) };
        assert_eq!(transport.send(request).await.unwrap().status(), 200);
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(transport.stats().connections, 1);
    assert_eq!(transport.stats().requests, 200);
}

#[tokio::test]
async fn requests_at_once_share_the_allowed_connections() {
    let server = Server::http(|_| answer(200, "", "{}")).await;
    let transport = Arc::new(server.plain_with(Connections { max: 2, ..Connections::default() }));
    let all = (0..20).map(|_| {
        let transport: Arc<dyn Transport> = transport.clone();
        tokio::spawn(async move { transport.send(get("/")).await.unwrap() })
    });
    for task in all.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn without_keep_alive_each_request_says_so_and_has_its_own_connection() {
    let server = Server::http(|_| answer(200, "", "{}")).await;
    let transport = server.plain_with(Connections { keep_alive: false, ..Connections::default() });
    for _ in 0..3 {
        transport.send(get("/")).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
    assert!(server.requests().iter().all(|request| request.contains("Connection: close\r\n")));
}

#[tokio::test]
async fn a_connection_idle_for_too_long_is_not_used_again() {
    let server = Server::http(|_| answer(200, "", "{}")).await;
    let transport = server.plain_with(Connections { idle_timeout: Duration::ZERO, ..Connections::default() });
    transport.send(get("/")).await.unwrap();
    transport.send(get("/")).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_the_server_closed_while_idle_costs_no_mutation() {
    let server = Server::http(|_| Act::AnswerAndClose(message(200, "", "{}"))).await;
    let transport = server.plain();
    for _ in 0..5 {
        transport.send(post("/action")).await.unwrap();
        server.closed().await;
    }
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_close_the_runtime_has_not_yet_looked_at_costs_no_mutation() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (closed, wait) = std::sync::mpsc::channel();
    let (close, told) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(&message(200, "", "{}")).unwrap();
            told.recv().unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let transport = HttpTransport::new(origin, Trust::System, &Tls::new(), Connections::default()).unwrap();
    for _ in 0..2 {
        transport.send(Request::new(http::Method::POST, "/".parse().unwrap())).await.unwrap();
        // Blocks this thread, so that the close arrives while the runtime is not looking.
        close.send(()).unwrap();
        wait.recv().unwrap();
    }
    server.join().unwrap();
}

#[tokio::test]
async fn the_request_goes_out_as_it_was_made() {
    let server = Server::http(|_| answer(200, "", "")).await;
    let transport = server.plain();
    let mut request = post("/redfish/v1/x?a=b");
    request.message.headers_mut().insert("x-auth-token", "t".parse().unwrap());
    transport.send(request).await.unwrap();
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /redfish/v1/x?a=b HTTP/1.1\r\n"), "{head}");
    for header in
        ["Host: 127.0.0.1:", "X-Auth-Token: t", "Content-Type: application/json", "User-Agent: rackhand/"]
    {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert_eq!(body, "{\"Password\":\"calvin\"}");
}

#[tokio::test]
async fn answers_without_a_body_and_with_sloppy_headers_are_read() {
    let server = Server::http(|request| match request.split(' ').next() {
        Some("HEAD") => Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n".to_vec()),
        Some("DELETE") => Act::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        _ => answer(503, "Server : weak\r\nX-Bad\x01: y\r\nRetry-After: 7\r\n", "<html>"),
    })
    .await;
    let transport = server.plain();
    let request = |method: http::Method| Request::new(method, "/".parse().unwrap());
    let head = transport.send(request(http::Method::HEAD)).await.unwrap();
    assert_eq!(head.headers()["content-length"], "4096");
    assert_eq!(transport.send(request(http::Method::DELETE)).await.unwrap().status(), 204);
    let busy = transport.send(get("/")).await.unwrap();
    assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"] == "7"), (503, true));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_ipv6_address_is_reached() {
    if TcpListener::bind("[::1]:0").await.is_err() {
        println!("skipped: no IPv6 loopback here");
        return;
    }
    let server = Server::start("[::1]:0", None, |_| answer(200, "", "")).await;
    server.plain().send(get("/")).await.unwrap();
    assert!(server.requests()[0].contains("Host: [::1]:"));
}

#[tokio::test]
async fn a_server_that_hangs_loses_the_answer() {
    let server = warmable(|| Act::Hang).await;
    let error = established(&server).await.send(get("/hang").with_timeout(SHORT)).await.unwrap_err();
    assert!(matches!(error, TransportError::Lost { maybe_applied: false, .. }), "{error}");
    assert!(error.to_string().contains("no complete answer within 200ms"), "{error}");
    let error = established(&server).await.send(post("/hang").with_timeout(SHORT)).await.unwrap_err();
    assert!(error.maybe_applied());
    assert!(error.to_string().ends_with("the request may have been carried out"), "{error}");
}

#[tokio::test]
async fn a_request_that_waits_for_another_was_not_sent() {
    let server = warmable(|| Act::Hang).await;
    let transport = Arc::new(established(&server).await);
    let first = tokio::spawn({
        let transport = transport.clone();
        async move { transport.send(post("/hang")).await }
    });
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    let error = transport.send(post("/second").with_timeout(SHORT)).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }) && !error.maybe_applied(), "{error}");
    assert_eq!(server.requests().len(), 2);
    // Whoever gives up closes the connection, so that the server hears of it.
    first.abort();
    server.closed().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_lost() {
    let server = warmable(|| {
        Act::AnswerAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":".to_vec())
    })
    .await;
    let error = established(&server).await.send(post("/cut")).await.unwrap_err();
    assert!(error.maybe_applied());
    assert!(
        error.to_string().contains("POST /cut: answer lost: the body broke off after 8 of 100 bytes"),
        "{error}"
    );

    let server = warmable(|| {
        Act::AnswerAndClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n".to_vec())
    })
    .await;
    let error = established(&server).await.send(get("/cut")).await.unwrap_err();
    assert!(error.to_string().contains("the body broke off after 5 bytes"), "{error}");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_may_have_carried_the_request() {
    let server = warmable(|| Act::AnswerAndClose(Vec::new())).await;
    for transport in [server.plain(), established(&server).await] {
        let error = transport.send(post("/gone")).await.unwrap_err();
        assert!(matches!(error, TransportError::Lost { maybe_applied: true, .. }), "{error}");
    }
    assert_eq!(server.requests().len(), 3, "nothing is repeated");
}

#[tokio::test]
async fn an_answer_that_is_not_http_says_so() {
    let server = warmable(|| Act::AnswerAndClose(b"SSH-2.0-dropbear\r\n".to_vec())).await;
    let error = established(&server).await.send(get("/")).await.unwrap_err();
    assert!(error.to_string().contains("invalid HTTP version"), "{error}");
}

#[tokio::test]
async fn too_large_an_answer_is_given_up_at_the_bound() {
    let announced = || Act::Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n".to_vec());
    let chunked = || {
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
        Act::Flood([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.as_bytes()].concat())
    };
    let unending = || Act::Flood([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1 << 20]].concat());
    for server in [warmable(announced).await, warmable(chunked).await, warmable(unending).await] {
        let transport = established(&server).await;
        let error = transport.send(post("/big").with_max_body(100_000)).await.unwrap_err();
        assert!(matches!(error, TransportError::TooLarge { limit: 100_000, .. }), "{error}");
        assert!(error.maybe_applied());
        // The rest of it is not read: the connection is closed and the next request has a new one.
        server.closed().await;
        transport.send(get("/warm")).await.unwrap();
        assert_eq!(transport.stats().connections, 2);
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let origin = format!("https://{address}").parse().unwrap();
    let transport = HttpTransport::new(origin, Trust::Insecure, &Tls::new(), Connections::default()).unwrap();
    let error = transport.send(post("/redfish/v1")).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }) && !error.maybe_applied());
    assert!(
        error.to_string().starts_with(&format!("https://{address}: POST /redfish/v1: not reachable: ")),
        "{error}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn redirects_within_the_bmc_are_followed_for_get() {
    let server = Server::http(|request| match request.split(' ').nth(1) {
        Some("/a") => answer(308, "Location: /a/\r\n", ""),
        Some("/a/") => answer(301, "Location: b?x=1\r\n", "moved"),
        Some("/a/b?x=1") => answer(200, "", "there"),
        _ => answer(302, "Location: /loop\r\n", ""),
    })
    .await;
    let transport = server.plain();
    assert_eq!(transport.send(get("/a")).await.unwrap().body(), "there");
    assert_eq!(server.requests().len(), 3);

    let error = transport.send(get("/loop")).await.unwrap_err();
    assert!(error.to_string().contains("refused: 3 redirects in a row, and another one to /loop"), "{error}");
    assert_eq!(server.requests().len(), 3 + 4);

    let answer = transport.send(post("/a")).await.unwrap();
    assert_eq!(answer.status(), 308, "a mutation is not sent on");
    assert_eq!(server.requests().len(), 3 + 4 + 1);
    assert_eq!(transport.stats().connections, 1);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_both_are_named() {
    let foreign = Server::http(|_| answer(200, "", "credentials, please")).await;
    let to = foreign.address;
    let server = Server::http(move |_| answer(302, &format!("Location: http://{to}/x\r\n"), "")).await;
    let error = server.plain().send(get("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Refused { .. }));
    let text = error.to_string();
    assert!(text.contains(&format!("redirects from http://{} to http://{to}", server.address)), "{text}");
    assert_eq!(foreign.connections(), 0);

    // Neither host nor port tells `//host` from a path, nor does the scheme.
    for location in [format!("//{to}/"), format!("https://{}/", server.address), "http://[/".to_owned()] {
        let server = Server::http(move |_| answer(307, &format!("Location: {location}\r\n"), "")).await;
        let error = server.plain().send(get("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::Refused { .. }), "{error}");
    }
    assert_eq!(foreign.connections(), 0);
}

#[tokio::test]
async fn no_message_holds_a_secret() {
    let server =
        warmable(|| Act::AnswerAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ns3cr".to_vec())).await;
    let mut request = post("/sessions");
    request.message.headers_mut().insert("authorization", "Basic cm9vdDpjYWx2aW4=".parse().unwrap());
    let transport = established(&server).await;
    let error = transport.send(request.clone()).await.unwrap_err();
    let all = format!("{error} {error:?} {request:?} {transport:?}");
    for secret in ["calvin", "cm9vd", "s3cr"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
