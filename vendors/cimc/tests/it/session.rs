//! The XML API's session: opened late, kept, given back, counted, and never shown.

use std::{sync::Arc, time::Duration};

use rackhand_bmc::{Credentials, Error, ErrorKind, Operation, Outcome, Target};
use rackhand_cimc::xml::{Changed, Element, XmlClient};
use rackhand_testing::target;
use tokio::time::sleep;

use crate::{
    deviations::rack,
    nuova::{Book, Nuova, Reply, fault, object},
};

const SERVER: &str = "sys/rack-unit-1";

fn nuova() -> Nuova {
    Nuova::beside(
        &rack(),
        &[object("computeRackUnit", SERVER, &[("adminPower", "policy"), ("operPower", "off")])],
    )
}

fn with_book() -> (Arc<Book>, Target) {
    let book = Arc::new(Book::default());
    (Arc::clone(&book), Target { ledger: book, ..target() })
}

/// The session's end is up to the task that owns it.
async fn given_back(nuova: &Nuova) {
    for _ in 0..100 {
        if nuova.open() == 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the session is still open: {:?}", nuova.methods());
}

#[tokio::test(start_paused = true)]
async fn connecting_and_what_redfish_can_need_no_xml_session() {
    let nuova = nuova();
    let bmc = nuova.connect(target()).await;
    let _ = bmc.power().unwrap().observe().await.unwrap();
    let _ = bmc.boot().unwrap().settings().await.unwrap();
    assert!(bmc.require(Operation::BootModeSet).is_ok());
    bmc.close().await.unwrap();
    assert_eq!(nuova.methods(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_with_the_first_query_and_given_back_at_the_end() {
    let (book, target) = with_book();
    let nuova = nuova();
    let client = XmlClient::new(nuova.transport(), &target);
    let unit = client.resolve(SERVER, false).await.unwrap().unwrap();
    assert_eq!(unit.get("operPower"), Some("off"));
    assert_eq!(client.resolve("sys/nothing", false).await.unwrap(), None);
    let names = book.all.lock().unwrap().clone();
    assert_eq!(names, ["xml:1@2026-01-01T00:10:00Z"], "the cookie is not written down");
    client.close().await.unwrap();
    client.close().await.unwrap();
    assert_eq!(nuova.methods(), ["aaaLogin", "configResolveDn", "configResolveDn", "aaaLogout"]);
    assert!(book.open.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_given_back_when_every_handle_is_dropped_and_a_change_is_not_cut() {
    let (book, target) = with_book();
    let nuova = nuova()
        .rule(|method, _| (method.name == "configConfMo").then_some(Reply::Late(Duration::from_secs(20))));
    let client = XmlClient::new(nuova.transport(), &target);
    let change = client.change(object("computeRackUnit", SERVER, &[("adminPower", "up")]));
    assert!(tokio::time::timeout(Duration::from_secs(1), change).await.is_err(), "the caller stops waiting");
    drop(client);
    sleep(Duration::from_secs(30)).await;
    given_back(&nuova).await;
    assert_eq!(nuova.change(|tree| tree.value(SERVER, "adminPower")).as_deref(), Some("up"));
    assert_eq!(nuova.methods(), ["aaaLogin", "configConfMo", "aaaLogout"]);
    assert!(book.open.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_dropped_gives_both_sessions_back() {
    let nuova = nuova();
    let bmc = nuova.connect(target()).await;
    let _ = bmc.boot().unwrap().order().await.unwrap();
    assert_eq!(nuova.open(), 1);
    drop(bmc);
    given_back(&nuova).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_refreshed_before_its_end_and_an_idle_one_given_back() {
    let (book, target) = with_book();
    let nuova = nuova();
    let client = XmlClient::new(nuova.transport(), &target);
    drop(client.resolve(SERVER, false).await.unwrap());
    sleep(Duration::from_secs(545)).await;
    assert_eq!(nuova.methods(), ["aaaLogin", "configResolveDn", "aaaRefresh"]);
    assert_eq!(*book.open.lock().unwrap(), ["xml:2@2026-01-01T00:19:00Z"], "the old name is closed");
    sleep(Duration::from_secs(545)).await;
    assert_eq!(nuova.methods().last().map(String::as_str), Some("aaaLogout"));
    assert!(book.open.lock().unwrap().is_empty());
    drop(client.resolve(SERVER, false).await.unwrap());
    assert_eq!(nuova.open(), 1, "a later request logs in anew");
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_bmc_ended_costs_one_login() {
    let nuova = nuova();
    let client = XmlClient::new(nuova.transport(), &target());
    drop(client.resolve(SERVER, false).await.unwrap());
    nuova.end_sessions();
    let changed = client.change(object("computeRackUnit", SERVER, &[("adminPower", "up")])).await.unwrap();
    assert!(matches!(changed, Changed::Accepted));
    assert_eq!(nuova.methods(), ["aaaLogin", "configResolveDn", "configConfMo", "aaaLogin", "configConfMo"]);
    nuova.end_sessions();
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_sent_once_and_count() {
    let (book, target) = with_book();
    let nuova = nuova().password("changed");
    let client = XmlClient::new(nuova.transport(), &target);
    let first = client.resolve(SERVER, false).await.unwrap_err();
    assert_eq!(*first.kind(), ErrorKind::RefusedCredentials);
    assert_eq!(first.messages()[0].id, "551");
    let second = client.resolve(SERVER, false).await.unwrap_err();
    assert_eq!(*second.kind(), ErrorKind::RefusedCredentials);
    assert_eq!(nuova.methods(), ["aaaLogin"]);
    assert_eq!(*book.refused.lock().unwrap(), 1);
    // The budget is the one of all protocols together.
    *book.refused.lock().unwrap() = 2;
    let other = XmlClient::new(nuova.transport(), &target);
    let locked = other.resolve(SERVER, false).await.unwrap_err();
    assert_eq!(*locked.kind(), ErrorKind::Locked { retry_after: None });
    assert_eq!(nuova.methods(), ["aaaLogin"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_written_down_is_given_back_at_once() {
    let (book, target) = with_book();
    *book.full.lock().unwrap() = true;
    let nuova = nuova();
    let client = XmlClient::new(nuova.transport(), &target);
    assert_eq!(*client.resolve(SERVER, false).await.unwrap_err().kind(), ErrorKind::Ledger);
    assert_eq!((nuova.open(), nuova.methods()), (0, vec!["aaaLogin".to_owned(), "aaaLogout".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_http_200_names_code_text_and_method() {
    let nuova = nuova().rule(|method, _| {
        let text = "Operation failed. storage subsystem not ready yet";
        (method.name == "configConfMo").then(|| fault(method, "2003", text))
    });
    let client = XmlClient::new(nuova.transport(), &target());
    let error = client.change(object("storageController", "sys/x", &[])).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "BMC bmc.test: the XML API refuses it (POST /nuova configConfMo sys/x); 2003: Operation failed. storage subsystem not ready yet"
    );
    assert_eq!(*error.kind(), ErrorKind::Busy { retry_after: None });
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_query_is_repeated_and_a_change_is_not() {
    let nuova = nuova().rule(|method, _| match method.name.as_str() {
        "configResolveClass" => Some(fault(method, "2003", "busy, try again")),
        "configConfMo" => Some(Reply::DoneButLost),
        _ => None,
    });
    let client = XmlClient::new(nuova.transport(), &target());
    let error = client.class("storageController").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Busy { retry_after: None });
    let lost = client.change(object("computeRackUnit", SERVER, &[("adminPower", "up")])).await.unwrap();
    assert!(matches!(lost, Changed::Lost { .. }));
    let count = |name: &str| nuova.methods().iter().filter(|method| *method == name).count();
    assert_eq!((count("configResolveClass"), count("configConfMo")), (3, 1));
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_what_is_so_already() {
    let nuova = nuova();
    let client = XmlClient::new(nuova.transport(), &target());
    let ensure = async |value: &str| {
        client.ensure(object("computeRackUnit", SERVER, &[("adminPower", value)]), Outcome::Done).await
    };
    assert_eq!(ensure("Policy").await.unwrap(), Outcome::Unchanged, "case does not count");
    assert!(nuova.changes().is_empty());
    assert_eq!(ensure("up").await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes().len(), 1);
    let missing = client.ensure(object("x", "sys/nothing", &[]), Outcome::Done).await.unwrap_err();
    assert_eq!(*missing.kind(), ErrorKind::Unsupported);
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_switched_off_is_said_so() {
    let nuova = nuova().rule(|_, _| Some(Reply::Status(404)));
    let client = XmlClient::new(nuova.transport(), &target());
    let error = client.class("x").await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("is it switched off?"), "{error}");
    assert_eq!(*client.class("y").await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(nuova.methods(), ["aaaLogin"], "it is asked once");
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_killed_processes_are_never_deleted_as_redfish_sessions() {
    let (book, target) = with_book();
    let ended = "xml:7@2025-12-31T23:59:59Z";
    let alive = "xml:8@2026-01-01T00:05:00Z";
    *book.open.lock().unwrap() = vec![ended.to_owned(), alive.to_owned()];
    let service = rack();
    let bmc = Nuova::beside(&service, &[]).connect(target).await;
    assert_eq!(book.open.lock().unwrap()[0], alive, "one that has ended by itself is closed");
    bmc.close().await.unwrap();
    assert!(!service.writes().iter().any(|asked| asked.path.contains("xml")));
}

#[tokio::test(start_paused = true)]
async fn no_secret_shows_in_errors_and_debug() {
    let secret = "s3cr3t-\"<&>";
    let credentials = Credentials::new("root", secret.to_owned());
    let nuova = nuova().password(secret).rule(|method, _| {
        let echo = format!("'{}' of '{}'", method.raw("inPassword")?, method.name);
        Some(fault(method, "ERR-xml-parse-error", &echo))
    });
    let client = XmlClient::new(nuova.transport(), &Target { credentials, ..target() });
    let error: Error = client.class("x").await.unwrap_err();
    let shown = format!("{error} {error:?} {client:?} {:?}", Element::new("a").with("password", secret));
    assert!(!shown.contains("s3cr3t") && shown.contains("'…' of 'aaaLogin'"), "{shown}");
}
