//! The XML API: sessions, queries, refusals, and bodies that mean harm.

mod objects;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde_json::json;

use super::element::{self, Element};
use crate::log::Class;
use crate::personality::bench::{Bench, PASSWORD};
use crate::personality::cimc::{Cimc, Generation};

/// A client of the API, logged in.
struct Nuova {
    bench: Bench,
    cookie: String,
}

async fn post(bench: &Bench, body: impl Into<Bytes>) -> Element {
    let answer = bench.send(Request::post("/nuova").body(body.into()).unwrap()).await;
    assert_eq!(answer.status, 200);
    element::parse(&answer.raw).unwrap()
}

fn login(password: &str) -> String {
    Element::new("aaaLogin").with("inName", "admin").with("inPassword", password).text()
}

impl Nuova {
    async fn new(without: &[&str]) -> Self {
        let bench = Bench::new(Cimc(Generation::M6), without);
        let welcome = post(&bench, login(PASSWORD)).await;
        let cookie = welcome.get("outCookie").unwrap().to_owned();
        Self { bench, cookie }
    }

    async fn send(&self, method: &str, attributes: &[(&str, &str)], config: Option<Element>) -> Element {
        let mut request = Element::new(method).with("cookie", self.cookie.as_str());
        for (name, value) in attributes {
            request = request.with(name, *value);
        }
        post(&self.bench, request.holding(config).text()).await
    }

    /// The object of that name with what is below it.
    async fn get(&self, dn: &str) -> Option<Element> {
        let answer = self.send("configResolveDn", &[("dn", dn), ("inHierarchical", "true")], None).await;
        answer.child("outConfig").unwrap().children.first().cloned()
    }

    /// A property of an object that is there.
    async fn property(&self, dn: &str, name: &str) -> String {
        self.get(dn).await.unwrap().get(name).unwrap().to_owned()
    }

    /// Configures an object; answers the code of a refusal.
    async fn set(&self, dn: &str, object: Element) -> Option<String> {
        let config = Element::new("inConfig").holding([object.with("dn", dn)]);
        let answer = self.send("configConfMo", &[("dn", dn)], Some(config)).await;
        answer.get("errorCode").map(str::to_owned)
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_refreshed_and_closed() {
    let api = Nuova::new(&[]).await;
    assert!(api.get("sys/rack-unit-1").await.is_some());
    let sessions = || api.bench.simulator.machine("node1").unwrap().with(|machine| machine.sessions.len());
    assert_eq!(sessions(), 1);
    let refresh = |cookie: &str| {
        let refresh = Element::new("aaaRefresh").with("inName", "admin").with("inPassword", PASSWORD);
        refresh.with("inCookie", cookie).text()
    };
    let fresh = post(&api.bench, refresh(&api.cookie)).await;
    assert_eq!(fresh.get("outRefreshPeriod"), Some("600"));
    let cookie = fresh.get("outCookie").unwrap().to_owned();
    assert_ne!(cookie, api.cookie);
    // The old cookie ended; the session did not.
    assert_eq!(post(&api.bench, refresh(&api.cookie)).await.get("errorCode"), Some("552"));
    assert_eq!(sessions(), 1);
    let leave = Element::new("aaaLogout").with("inCookie", cookie).text();
    assert_eq!(post(&api.bench, leave.clone()).await.get("outStatus"), Some("success"));
    assert_eq!(sessions(), 0);
    assert_eq!(post(&api.bench, leave).await.get("errorCode"), Some("555"));
}

#[tokio::test(start_paused = true)]
async fn a_cookie_ends_with_its_period_or_with_the_idle_time() {
    for (without, alive) in [(&[][..], false), (&["cookie-needs-refresh"][..], true)] {
        let api = Nuova::new(without).await;
        api.bench.wait(599).await;
        assert!(api.get("sys").await.is_some());
        api.bench.wait(2).await;
        let answer = api.send("configResolveDn", &[("dn", "sys")], None).await;
        assert_eq!(answer.get("errorCode").is_none(), alive, "{answer:?}");
        // The idle time holds for it as for Redfish's sessions.
        api.bench.wait(1801).await;
        let answer = api.send("configResolveDn", &[("dn", "sys")], None).await;
        assert_eq!(answer.get("errorCode"), Some("552"));
        assert!(api.bench.simulator.machine("node1").unwrap().with(|machine| machine.sessions.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_come_with_200() {
    let bench = Bench::new(Cimc(Generation::M6), &[]);
    let wrong = post(&bench, login("wrong")).await;
    assert_eq!((wrong.name.as_str(), wrong.get("errorCode")), ("aaaLogin", Some("551")));
    let nobody = "<configResolveDn dn='sys' cookie='1/2'/>";
    assert_eq!(post(&bench, nobody).await.get("errorCode"), Some("552"));
    for body in ["", "<aaaLogin", "{}", "<aaaLogin inName='admin'/>", "<aaaFly/>", "<a>b</a>"] {
        let answer = post(&bench, body).await;
        assert_eq!(
            (answer.name.as_str(), answer.get("errorCode")),
            ("error", Some("ERR-xml-parse-error")),
            "{body}"
        );
        assert!(answer.get("errorDescr").is_some_and(|text| text.len() > 20));
    }
    for _ in 0..8 {
        assert!(post(&bench, login(PASSWORD)).await.get("outCookie").is_some());
    }
    assert_eq!(post(&bench, login(PASSWORD)).await.get("errorCode"), Some("572"));
}

#[tokio::test(start_paused = true)]
async fn the_doors_of_the_two_apis_are_apart() {
    let api = Nuova::new(&[]).await;
    let tree =
        |token: &str| Request::get("/redfish/v1/Systems").header("x-auth-token", token).body(Bytes::new());
    assert_eq!(api.bench.send(tree(&api.cookie).unwrap()).await.status, 401);
    let session = api.bench.log_in(PASSWORD).await;
    let token = session.headers["x-auth-token"].to_str().unwrap();
    assert_eq!(api.bench.send(tree(token).unwrap()).await.status, 200);
    let stranger = format!("<configResolveDn dn='sys' cookie='{token}'/>");
    assert_eq!(post(&api.bench, stranger).await.get("errorCode"), Some("552"));

    let without = Bench::new(Cimc(Generation::M6), &["xml-api"]);
    assert_eq!(without.send(Request::post("/nuova").body(login(PASSWORD).into()).unwrap()).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn objects_are_found_by_name_class_and_parent() {
    let api = Nuova::new(&[]).await;
    let flat = api.send("configResolveDn", &[("dn", "sys/rack-unit-1")], None).await;
    let unit = &flat.child("outConfig").unwrap().children[0];
    assert_eq!((unit.get("operPower"), unit.get("vendor")), (Some("off"), Some("Cisco Systems Inc")));
    assert!(unit.children.is_empty());
    let nothing = api.send("configResolveDn", &[("dn", "sys/rack-unit-9")], None).await;
    assert!(nothing.get("errorCode").is_none() && nothing.child("outConfig").unwrap().children.is_empty());
    let whole = api.get("sys").await.unwrap();
    let unit = whole.children.iter().find(|child| child.get("rn") == Some("rack-unit-1")).unwrap();
    assert!(unit.get("dn").is_none() && unit.children.len() > 4);

    let class = |class: &'static str| {
        let api = &api;
        async move { api.send("configResolveClass", &[("classId", class)], None).await }
    };
    assert_eq!(class("storageController").await.child("outConfigs").unwrap().children.len(), 2);
    assert!(class("lsbootHttp").await.child("outConfigs").unwrap().children.is_empty());
    assert_eq!(class("starship").await.get("errorCode"), Some("ERR-xml-parse-error"));

    let board = [("inDn", "sys/rack-unit-1/board"), ("classId", "storageController")];
    let children = api.send("configResolveChildren", &board, None).await;
    assert_eq!(children.child("outConfigs").unwrap().children.len(), 2);
    let none = api.send("configResolveChildren", &[("inDn", "sys/x")], None).await;
    assert!(none.child("outConfigs").unwrap().children.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_is_done_whole_or_not_at_all_and_logged_without_secrets() {
    let api = Nuova::new(&[]).await;
    let good = Element::new("biosVfSrIov").with("rn", "sr-iov").with("vpSrIov", "Enabled");
    let bad =
        Element::new("biosVfProcessorC1E").with("rn", "Processor-C1E").with("vpProcessorC1E", "Perhaps");
    let settings = Element::new("biosSettings").holding([good, bad]);
    let dn = "sys/rack-unit-1/bios/bios-settings";
    assert_eq!(api.set(dn, settings).await.as_deref(), Some("ERR-xml-parse-error"));
    let machine = api.bench.simulator.machine("node1").unwrap();
    assert!(machine.with(|machine| machine.bios.pending.is_empty()));

    let unit = || Element::new("computeRackUnit");
    for (dn, object) in [
        ("sys/rack-unit-1", Element::new("lsbootDef")),
        ("sys/rack-unit-1", unit().with("adminPower", "explode")),
        ("sys/rack-unit-1", unit().with("warpFactor", "9")),
        ("sys/rack-unit-2", unit().with("adminPower", "up")),
        ("sys/rack-unit-1", unit().holding([Element::new("lsbootDef").with("dn", "sys/elsewhere")])),
        ("sys/rack-unit-1", unit().holding([Element::new("lsbootDef")])),
        ("sys/rack-unit-1/bios", Element::new("firmwareRunning")),
    ] {
        assert!(api.set(dn, object.clone()).await.is_some(), "{dn} {}", object.text());
    }
    let map = Element::new("commVMediaMap").with("volumeName", "a").with("map", "www");
    let map = map.with("remoteShare", "http://h/").with("remoteFile", "a.iso").with("password", "s3cret");
    assert_eq!(api.set("sys/svc-ext/vmedia-svc/vmmap-a", map).await, None);
    let log = api.bench.simulator.log().requests("node1");
    let last = log.last().unwrap();
    assert_eq!(last.class, Class::Change);
    let summary = last.summary.as_deref().unwrap();
    assert!(summary.contains("remoteFile=a.iso") && !summary.contains("s3cret"), "{summary}");
}

/// Bodies that are nearly requests: true words put together at random.
fn soup() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(
        &[
            "<",
            ">",
            "</",
            "/>",
            "=",
            "\"",
            "'",
            " ",
            "&amp;",
            "&#0;",
            "configConfMo",
            "inConfig",
            "dn",
            "cookie",
            "COOKIE",
            "sys/rack-unit-1",
            "sys/rack-unit-1/boot-precision/vm-a",
            "sys/svc-ext/vmedia-svc/vmmap-a",
            "lsbootVMedia",
            "computeRackUnit",
            "adminPower",
            "cycle-immediate",
            "commVMediaMap",
            "remoteFile",
            "order",
            "999",
            "-1",
            "",
            "aaaLogin",
            "aaaRefresh",
            "inCookie",
            "configResolveClass",
            "classId",
            "storageVirtualDrive",
            "status",
            "deleted",
        ][..],
    );
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// Requests that are well-formed, with values that are not.
fn wild() -> impl Strategy<Value = String> {
    let class = proptest::sample::select(
        &[
            ("lsbootVMedia", "sys/rack-unit-1/boot-precision/vm-a"),
            ("lsbootDevPrecision", "sys/rack-unit-1/boot-precision"),
            ("oneTimePrecisionBootDevice", "sys/rack-unit-1/one-time-precision-boot"),
            ("commVMediaMap", "sys/svc-ext/vmedia-svc/vmmap-a"),
            ("commVMedia", "sys/svc-ext/vmedia-svc"),
            ("storageLocalDisk", "sys/rack-unit-1/board/storage-SAS-MRAID/pd-1"),
            ("storageController", "sys/rack-unit-1/board/storage-SAS-MRAID"),
            (
                "storageVirtualDriveCreatorUsingUnusedPhysicalDrive",
                "sys/rack-unit-1/board/storage-SAS-MRAID/virtual-drive-create",
            ),
            ("biosVfSrIov", "sys/rack-unit-1/bios/bios-settings/sr-iov"),
        ][..],
    );
    let name = proptest::sample::select(
        &[
            "order",
            "name",
            "state",
            "subtype",
            "device",
            "adminAction",
            "adminState",
            "raidLevel",
            "driveGroup",
            "size",
            "map",
            "remoteShare",
            "remoteFile",
            "volumeName",
            "vpSrIov",
            "status",
            "configuredBootMode",
            "rebootOnUpdate",
            "virtualDriveName",
        ][..],
    );
    let value = prop_oneof![
        "\\PC{0,12}",
        proptest::sample::select(
            &[
                "trigger",
                "[1,2]",
                "[1][2]",
                "10",
                "255",
                "deleted",
                "yes",
                "www",
                "a",
                "Enabled",
                "0 MB",
                "9999999999 TB"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    (class, proptest::collection::btree_map(name, value, 0..6)).prop_map(|((class, dn), attributes)| {
        let object = attributes
            .into_iter()
            .fold(Element::new(class), |object, (name, value)| object.with(name, value));
        let config = Element::new("inConfig").holding([object]);
        Element::new("configConfMo").with("cookie", "COOKIE").with("dn", dn).holding([config]).text()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_body_makes_it_panic_and_each_is_answered_in_xml(
        bodies in proptest::collection::vec(
            prop_oneof![
                soup().prop_map(String::into_bytes),
                wild().prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..100),
            ],
            1..8,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let api = Nuova::new(&[]).await;
            for body in bodies {
                let body = String::from_utf8(body).map_or_else(
                    |bytes| bytes.into_bytes(),
                    |text| text.replace("COOKIE", &api.cookie).into_bytes(),
                );
                // `post` asserts status and form.
                let answer = post(&api.bench, body).await;
                assert!(answer.get("response") == Some("yes") || answer.get("errorCode").is_some());
            }
            let system = api.bench.get(&api.bench.system().await).await;
            assert_eq!(system["Manufacturer"], json!("Cisco Systems Inc"));
        });
    }
}
