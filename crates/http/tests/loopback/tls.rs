//! Trust: who is believed, who is not, and what the message says.

use std::{
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use rackhand_http::{
    Connections, Fingerprint, FirstUse, HttpTransport, Origin, Tls, Transport, TransportError, Trust,
    TrustError,
};
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
};

use crate::support::{Act, Identity, Server, answer, get, post, presenting};

async fn serving(identity: &Identity) -> Server {
    Server::https(identity.server(), |_| answer(200, "", "{}")).await
}

fn ca(pem: &str) -> Trust {
    Trust::Ca { pem: pem.as_bytes().to_vec(), and_system: false }
}

/// The error of a request under `trust`; the server must not have seen the request.
async fn refused(server: &Server, trust: Trust) -> (TransportError, HttpTransport) {
    let transport = server.trusting(trust);
    let error = transport.send(post("/redfish/v1/SessionService/Sessions")).await.unwrap_err();
    assert_eq!(server.requests(), Vec::<String>::new(), "nothing goes to a server that is not trusted");
    assert!(!error.maybe_applied());
    (error, transport)
}

fn reason(error: &TransportError, fingerprint: Fingerprint) -> String {
    match error {
        TransportError::Untrusted { fingerprint: shown, reason, .. } => {
            assert_eq!(*shown, fingerprint, "the message shows the certificate that was presented");
            assert!(error.to_string().contains(&fingerprint.to_string()));
            reason.clone()
        }
        other => panic!("not a trust error: {other}"),
    }
}

#[tokio::test]
async fn a_given_ca_is_trusted_and_one_connection_serves() {
    let identity = Identity::loopback();
    let server = serving(&identity).await;
    let transport = server.trusting(ca(&identity.pem));
    assert!(transport.certificate().is_none());
    for _ in 0..20 {
        transport.send(get("/")).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let seen = transport.certificate().unwrap();
    assert_eq!((seen.fingerprint, seen.warning), (identity.fingerprint(), None));
    assert_eq!(seen.subject, "CN=rcgen self signed cert");
    assert!(seen.not_after.is_some());
}

#[tokio::test]
async fn another_ca_and_the_system_s_do_not_trust_a_self_signed_certificate() {
    let identity = Identity::loopback();
    let server = serving(&identity).await;
    let (error, transport) = refused(
        &server,
        ca(&Identity::new(&["127.0.0.1"], |params| {
            params.distinguished_name.push(rcgen::DnType::CommonName, "another CA");
        })
        .pem),
    )
    .await;
    assert_eq!(reason(&error, identity.fingerprint()), "it is self-signed and not among the trusted ones");
    assert_eq!(
        transport.certificate().unwrap().fingerprint,
        identity.fingerprint(),
        "seen, though not trusted"
    );

    match HttpTransport::new(server.origin("https"), Trust::System, &Tls::new(), Connections::default()) {
        Ok(transport) => {
            let error = transport.send(get("/")).await.unwrap_err();
            assert!(matches!(error, TransportError::Untrusted { .. }), "{error}");
        }
        Err(error) => println!("skipped: {error}"),
    }
}

#[tokio::test]
async fn a_ca_s_certificate_for_another_name_or_time_is_named() {
    let other = Identity::new(&["other.test"], |_| {});
    let (error, _) = refused(&serving(&other).await, ca(&other.pem)).await;
    let text = reason(&error, other.fingerprint());
    assert!(text.contains("made out to another name") && text.contains("other.test"), "{text}");

    let old = Identity::new(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let (error, _) = refused(&serving(&old).await, ca(&old.pem)).await;
    assert_eq!(reason(&error, old.fingerprint()), "it ran out on 2002-01-01T00:00:00Z");

    let early = Identity::new(&["127.0.0.1"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    let (error, _) = refused(&serving(&early).await, ca(&early.pem)).await;
    assert!(reason(&error, early.fingerprint()).contains("not valid yet"));
}

#[tokio::test]
async fn a_pin_needs_no_chain_no_name_and_no_date() {
    let identity = Identity::new(&["other.test"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let server = serving(&identity).await;
    let transport = server.trusting(Trust::Pin(identity.fingerprint()));
    transport.send(get("/")).await.unwrap();
    let warning = transport.certificate().unwrap().warning.unwrap();
    assert_eq!(warning, "the certificate ran out on 2002-01-01T00:00:00Z");
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused() {
    let (identity, pinned) = (Identity::loopback(), Identity::loopback().fingerprint());
    let (error, _) = refused(&serving(&identity).await, Trust::Pin(pinned)).await;
    assert_eq!(reason(&error, identity.fingerprint()), format!("it is not the pinned one, {pinned}"));
}

#[tokio::test]
async fn whoever_presents_the_pinned_certificate_must_hold_its_key() {
    let (identity, thief) = (Identity::loopback(), Identity::loopback());
    let note = FirstUse::new(None, |_| panic!("an unproven certificate is not written down"));
    for trust in [Trust::Pin(identity.fingerprint()), ca(&identity.pem), Trust::FirstUse(note)] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut config = presenting(&identity, &thief);
            let resolver = config.cert_resolver.clone();
            config = rustls::ServerConfig::builder_with_provider(config.crypto_provider().clone())
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(resolver);
            let server = Server::https(config, |_| answer(200, "", "{}")).await;
            let (error, _) = refused(&server, trust.clone()).await;
            assert!(
                reason(&error, identity.fingerprint()).contains("did not prove that it holds"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn the_first_certificate_is_written_down_then_held_to() {
    let (identity, other) = (Identity::loopback(), Identity::loopback());
    let server = serving(&identity).await;
    let written = Arc::new(Mutex::new(Vec::new()));
    let first = |known| {
        let written = written.clone();
        Trust::FirstUse(FirstUse::new(known, move |seen| {
            written.lock().unwrap().push(seen.fingerprint);
            Ok(())
        }))
    };
    let settings = Connections { keep_alive: false, ..Connections::default() };
    let transport = HttpTransport::new(server.origin("https"), first(None), &Tls::new(), settings).unwrap();
    for _ in 0..3 {
        transport.send(get("/")).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
    assert_eq!(
        *written.lock().unwrap(),
        [identity.fingerprint()],
        "once, though three connections were made"
    );

    let known = first(Some(identity.fingerprint()));
    server.trusting(known.clone()).send(get("/")).await.unwrap();
    let (error, _) = refused(&serving(&other).await, known).await;
    assert!(reason(&error, other.fingerprint()).contains("at first use"), "{error}");
    assert_eq!(written.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_first_use_that_cannot_be_written_down_is_given_up() {
    let identity = Identity::loopback();
    let note = FirstUse::new(None, |_| Err(io::Error::other("disk full")));
    let (error, _) = refused(&serving(&identity).await, Trust::FirstUse(note)).await;
    assert!(matches!(error, TransportError::Unreachable { .. }));
    assert!(error.to_string().contains("could not be written down at first use: disk full"), "{error}");
}

#[tokio::test]
async fn insecure_believes_anyone_and_still_shows_the_certificate() {
    let (identity, thief) = (Identity::new(&["other.test"], |_| {}), Identity::loopback());
    let server = Server::https(presenting(&identity, &thief), |_| answer(200, "", "{}")).await;
    let transport = server.trusting(Trust::Insecure);
    transport.send(get("/")).await.unwrap();
    assert_eq!(transport.certificate().unwrap().fingerprint, identity.fingerprint());
}

#[tokio::test]
async fn a_server_that_cuts_or_hangs_over_tls_is_told_from_an_untrusted_one() {
    let identity = Identity::loopback();
    let cut = Server::https(identity.server(), |_| Act::AnswerAndClose(Vec::new())).await;
    let error = cut.trusting(ca(&identity.pem)).send(post("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Lost { maybe_applied: true, .. }), "{error}");

    // Accepted by the kernel, answered by nobody.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", silent.local_addr().unwrap()).parse().unwrap();
    let settings = Connections { connect_timeout: Duration::from_millis(200), ..Connections::default() };
    let transport = HttpTransport::new(origin, Trust::Insecure, &Tls::new(), settings).unwrap();
    let error = transport.send(post("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }) && !error.maybe_applied());
    assert!(error.to_string().contains("no TLS handshake within 200ms"), "{error}");

    let closing = tokio::spawn(async move { drop(silent.accept().await.unwrap()) });
    let error = transport.send(post("/")).await.unwrap_err();
    closing.await.unwrap();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn clear_text_where_tls_is_expected_says_what_to_write() {
    let plain = Server::http(|_| answer(200, "", "{}")).await;
    let speaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", speaking.local_addr().unwrap()).parse().unwrap();
    let talk = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = speaking.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    });
    let transport = HttpTransport::new(origin, Trust::Insecure, &Tls::new(), Connections::default()).unwrap();
    let error = transport.send(get("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::TlsUnsupported { .. }), "{error}");
    assert!(error.to_string().contains("write http:// in the address"), "{error}");
    drop(transport);
    talk.await.unwrap();
    drop(plain);
}

#[test]
fn a_bad_ca_bundle_says_which_block() {
    let make = |pem: &str| {
        HttpTransport::new("bmc".parse().unwrap(), ca(pem), &Tls::new(), Connections::default()).unwrap_err()
    };
    assert!(matches!(make("no PEM at all"), TrustError::NoCertificate));
    let good = Identity::loopback().pem;
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(make(&format!("{good}{bad}")), TrustError::BadCertificate { number: 2, .. }));
    let cut = good.split_once("-----END").unwrap().0;
    assert!(matches!(make(cut), TrustError::BadCertificate { number: 1, .. } | TrustError::NoCertificate));
}

/// A server of OpenSSL's, which still speaks what rustls does not. None where it is not installed.
async fn openssl(make: &str, run: &str, directory: &Path) -> Option<(tokio::process::Child, String)> {
    for command in make.split(" && ") {
        let made =
            std::process::Command::new("openssl").args(command.split(' ')).current_dir(directory).output();
        let made = made.ok()?;
        assert!(made.status.success(), "{command}: {}", String::from_utf8_lossy(&made.stderr));
    }
    let mut child = tokio::process::Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem", "-www"])
        .args(run.split(' '))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            let address = address.to_owned();
            // Whatever else it prints is read, so that it never stops at a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some((child, address));
        }
    }
    panic!("openssl s_server ended without listening");
}

#[tokio::test]
async fn old_tls_gets_an_error_that_names_it() {
    let request = "req -x509 -nodes -keyout key.pem -out cert.pem -subj /CN=old-bmc -days 9 -newkey";
    let version_1 = "req -nodes -keyout key.pem -out req.pem -subj /CN=old-bmc -newkey rsa:2048 \
                     && x509 -req -in req.pem -signkey key.pem -out cert.pem"
        .replace("                     ", "");
    let (rsa_2048, rsa_1024) = (format!("{request} rsa:2048"), format!("{request} rsa:1024"));
    let cases = [
        (&rsa_2048, "-tls1_2 -cipher AES128-SHA256:@SECLEVEL=0", "static RSA", false),
        (&rsa_2048, "-tls1_1 -cipher ALL:@SECLEVEL=0", "TLS 1.2 or 1.3 is needed", false),
        (&rsa_1024, "-cipher ALL:@SECLEVEL=0", "RSA key has 1024 bits", true),
        (&version_1, "-cipher ALL:@SECLEVEL=0", "X.509 version 1", true),
    ];
    for (make, run, expected, insecure_helps) in cases {
        let directory = tempfile::tempdir().unwrap();
        let Some((_child, address)) = openssl(make, run, directory.path()).await else {
            println!("skipped: no openssl program here");
            return;
        };
        let origin: Origin = format!("https://{address}").parse().unwrap();
        let pem = std::fs::read(directory.path().join("cert.pem")).unwrap();
        let pin = Fingerprint::of(&CertificateDer::from_pem_slice(&pem).unwrap());
        let make =
            |trust| HttpTransport::new(origin.clone(), trust, &Tls::new(), Connections::default()).unwrap();
        let error = make(Trust::Pin(pin)).send(get("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::TlsUnsupported { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(make(Trust::Insecure).send(get("/")).await.is_ok(), insecure_helps, "{expected}");
    }
}
