//! The webhook, over real sockets.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use rackhand_agent::journal::{FileJournal, OnLoss};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::{
    receiver::{Receiver, yes},
    *,
};

fn reporting(journal: &Arc<MemoryJournal>, options: WebhookOptions) -> (Reporting, Finish) {
    let webhook = Webhook::new(options).unwrap();
    Reporting::new(Arc::clone(journal) as _, Arc::new(webhook), "webhook", quick())
}

/// Delivers all there is and answers how it went.
async fn drain(journal: &Arc<MemoryJournal>, options: WebhookOptions) -> Status {
    let (reporting, finish) = reporting(journal, options);
    finish.within(PLENTY);
    reporting.run().await.unwrap()
}

/// One delivery, and what became of it.
async fn deliver(options: WebhookOptions) -> Result<(), DeliveryError> {
    let journal = memory();
    let record = journal.append(entry("du-1")).await.unwrap();
    Webhook::new(options).unwrap().deliver(journal.id(), &record).await
}

#[tokio::test]
async fn a_record_arrives_as_a_cloud_event() {
    let receiver = Receiver::start(yes).await;
    let journal = memory();
    fill(&*journal, &["du-1"]).await;
    let mut options = receiver.options();
    options.token = Some(Token::Fixed(SecretString::from("t0ken")));
    drain(&journal, options).await;

    let (got, _) = &receiver.got()[0];
    assert_eq!(got.headers[header::CONTENT_TYPE], "application/cloudevents+json; charset=utf-8");
    assert_eq!(got.headers[header::AUTHORIZATION], "Bearer t0ken");
    insta::assert_snapshot!(serde_json::to_string_pretty(&got.event).unwrap(), @r#"
    {
      "specversion": "1.0",
      "id": "journal-1",
      "source": "urn:example:jump-host",
      "type": "dev.rackhand.needsDecision.v1",
      "subject": "du-1",
      "time": "2026-03-01T12:00:00Z",
      "datacontenttype": "application/json",
      "sequence": "00000000000000000001",
      "partitionkey": "du-1",
      "data": {
        "seq": 1,
        "at": "2026-03-01T12:00:00Z",
        "node": "du-1",
        "event": {
          "type": "needsDecision",
          "reason": "the host is on"
        }
      }
    }
    "#);
}

#[tokio::test]
async fn an_outage_loses_nothing_and_repeats_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let journal = memory();
    fill(&*journal, &["a", "b", "a", "c", "b"]).await;
    let url = format!("http://{address}/").parse().unwrap();
    let (reporting, finish) = reporting(&journal, WebhookOptions::new(url, "rackhand", no_roots()));
    let mut status = reporting.status();
    let back = async {
        let down = status.wait_for(|status| status.trouble.is_some()).await.unwrap().clone();
        assert!(down.trouble.unwrap().contains("onnection refused"));
        fill(&*journal, &["a", "c"]).await;
        let receiver = Receiver::on(TcpListener::bind(address).await.unwrap(), yes, None);
        finish.within(PLENTY);
        receiver.wait_for(7).await;
        receiver
    };
    let (status, receiver) = tokio::join!(reporting.run(), back);
    assert_eq!(status.unwrap(), Status { cursor: 7, delivered: 7, ..Status::default() });
    let accepted = receiver.accepted();
    assert_eq!(accepted.len(), 7);
    assert!(in_order_per_node(&accepted));
}

#[tokio::test]
async fn errors_of_the_server_are_tried_again_in_order() {
    let receiver = Receiver::start(|before, _| match before % 3 {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let journal = memory();
    fill(&*journal, &["a", "b", "a", "a", "b", "c"]).await;
    let status = drain(&journal, receiver.options()).await;
    assert_eq!(status, Status { cursor: 6, delivered: 6, ..Status::default() });
    let accepted = receiver.accepted();
    assert_eq!(accepted.len(), 6);
    assert!(in_order_per_node(&accepted));
}

#[tokio::test]
async fn a_node_that_hangs_holds_up_itself_alone() {
    let (open, gate) = watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver::on(listener, yes, Some(("slow".to_owned(), gate)));
    let journal = memory();
    fill(&*journal, &["slow", "quick", "slow", "quick", "quick"]).await;
    let (reporting, finish) = reporting(&journal, receiver.options());
    finish.within(PLENTY);
    let opening = async {
        receiver.wait_for(3).await;
        assert_eq!(receiver.accepted().iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 4, 5]);
        open.send_replace(true);
    };
    let (status, ()) = tokio::join!(reporting.run(), opening);
    assert_eq!(status.unwrap().delivered, 5);
    assert_eq!(receiver.accepted().iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 4, 5, 1, 3]);
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up_and_tried_again() {
    let (_closed, gate) = watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver::on(listener, yes, Some(("du-1".to_owned(), gate)));
    let mut options = receiver.options();
    options.timeout = Duration::from_millis(50);
    let error = deliver(options).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("timed out"), "{error}");
}

/// A process is killed with deliveries under way; the next one goes on at the cursor.
#[tokio::test]
async fn a_restart_goes_on_at_the_cursor() {
    let dir = TempDir::new().unwrap();
    let receiver = Receiver::start(yes).await;
    let open = || -> Arc<FileJournal> {
        Arc::new(FileJournal::open(dir.path(), Arc::new(Standing), OnLoss::Refuse).unwrap())
    };
    // Each life has a source of its own: what the first had under way may arrive while the second is at work.
    let run = |journal: &Arc<FileJournal>, life: &str| {
        let options = WebhookOptions { source: life.to_owned(), ..receiver.options() };
        let webhook = Arc::new(Webhook::new(options).unwrap());
        Reporting::new(Arc::clone(journal) as _, webhook, "webhook", quick())
    };
    let journal = open();
    let nodes = ["a", "b", "c", "a", "b", "c", "a", "a", "b", "c", "a", "b"];
    fill(&*journal, &nodes).await;
    let (reporting, _finish) = run(&journal, "first");
    tokio::select! {
        ended = reporting.run() => panic!("{ended:?}"),
        () = receiver.wait_for(5) => {}
    }
    let cursor = journal.cursor("webhook").await.unwrap();
    drop(journal);

    let journal = open();
    assert_eq!(journal.cursor("webhook").await.unwrap(), cursor);
    let (reporting, finish) = run(&journal, "second");
    finish.within(PLENTY);
    assert_eq!(reporting.run().await.unwrap().cursor, nodes.len() as u64);

    let second = receiver.accepted_from(|source| source == "second");
    assert!(in_order_per_node(&receiver.accepted_from(|source| source == "first")));
    assert!(in_order_per_node(&second));
    let mut seqs: Vec<u64> = second.iter().map(|(seq, _)| *seq).collect();
    seqs.sort_unstable();
    assert_eq!(
        seqs,
        (cursor + 1..=nodes.len() as u64).collect::<Vec<_>>(),
        "all above the cursor, nothing below"
    );

    let (reporting, finish) = run(&journal, "third");
    finish.within(PLENTY);
    reporting.run().await.unwrap();
    assert_eq!(receiver.accepted_from(|source| source == "third"), [], "a third start has nothing to say");
}

#[tokio::test]
async fn a_record_that_is_not_taken_is_parked() {
    let receiver = Receiver::start(|_, got| match got.seq() {
        2 => (StatusCode::UNPROCESSABLE_ENTITY, "reason\nis  missing").into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let journal = memory();
    fill(&*journal, &["a", "a", "a"]).await;
    let status = drain(&journal, receiver.options()).await;
    assert_eq!(status, Status { cursor: 3, delivered: 2, parked: vec![2], ..Status::default() });
    let seqs: Vec<u64> = receiver.got().iter().map(|(got, _)| got.seq()).collect();
    assert_eq!(seqs, [1, 2, 2, 2, 2, 2, 3]);
}

#[tokio::test]
async fn a_rotated_token_lets_us_in_again() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let receiver = Receiver::start(|_, got| match got.headers[header::AUTHORIZATION].to_str().unwrap() {
        "Bearer new" => StatusCode::OK.into_response(),
        _ => (StatusCode::UNAUTHORIZED, "the token old is not known").into_response(),
    })
    .await;
    let journal = memory();
    fill(&*journal, &["a"]).await;
    let mut options = receiver.options();
    options.token = Some(Token::File(file.clone()));
    let (reporting, finish) = reporting(&journal, options);
    let mut status = reporting.status();
    let rotate = async {
        let trouble = status.wait_for(|status| status.trouble.is_some()).await.unwrap().trouble.clone();
        let expected = format!(
            "http://{} answers 401 Unauthorized (correct the token): the token … is not known",
            receiver.address
        );
        assert_eq!(trouble.unwrap(), expected);
        std::fs::write(&file, "new").unwrap();
        status.wait_for(|status| status.delivered == 1).await.unwrap();
        finish.within(PLENTY);
    };
    let (status, ()) = tokio::join!(reporting.run(), rotate);
    assert_eq!(status.unwrap(), Status { cursor: 1, delivered: 1, ..Status::default() });
}

#[tokio::test]
async fn what_an_answer_means() {
    for (code, kind) in [
        (302, "unavailable"),
        (400, "refused"),
        (403, "unavailable"),
        (404, "unavailable"),
        (408, "unavailable"),
        (410, "gone"),
        (413, "refused"),
        (425, "unavailable"),
        (429, "unavailable"),
        (503, "unavailable"),
    ] {
        let receiver = Receiver::start(move |_, _| {
            let elsewhere = [(header::LOCATION, "http://127.0.0.1:1/")];
            (StatusCode::from_u16(code).unwrap(), elsewhere).into_response()
        })
        .await;
        let error = deliver(receiver.options()).await.unwrap_err();
        let found = match &error {
            DeliveryError::Unavailable { .. } => "unavailable",
            DeliveryError::Refused { .. } => "refused",
            DeliveryError::Gone { .. } => "gone",
        };
        assert_eq!(found, kind, "{code}");
        let said = error.to_string();
        assert!(said.starts_with(&format!("http://{} answers {code}", receiver.address)), "{said}");
        assert!(!said.contains("path-secret"), "{said}");
        assert_eq!(receiver.got().len(), 1, "{code} is not followed");
    }
}

/// Answers one request over TLS, if the client gets that far.
async fn tls_receiver(listener: TcpListener, certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> bool {
    let key = rustls_pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let Ok(mut tls) = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(socket).await else {
        return false;
    };
    let mut request = Vec::new();
    while !request.ends_with(b"}}}") {
        if !matches!(tls.read_buf(&mut request).await, Ok(1..)) {
            return false;
        }
    }
    tls.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    tls.shutdown().await.unwrap();
    true
}

#[tokio::test]
async fn a_receiver_must_show_a_certificate_that_is_trusted() {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for trusted in [true, false] {
        let tls =
            if trusted { tls_config(Some(certified.cert.pem().as_bytes())).unwrap() } else { no_roots() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (outcome, answered) = tokio::join!(
            deliver(WebhookOptions::new(url, "rackhand", tls)),
            tls_receiver(listener, &certified)
        );
        assert_eq!(answered, trusted);
        match outcome {
            Ok(()) => assert!(trusted),
            Err(error) => assert!(!trusted && error.to_string().contains("certificate"), "{error}"),
        }
    }
}

#[test]
fn certificates_that_are_none_are_refused() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = tls_config(Some(pem.as_bytes())).unwrap_err();
        assert!(matches!(error, HubError::Certificates { .. }), "{error}");
    }
}
