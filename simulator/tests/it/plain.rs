//! A plain personality, and a client that speaks to a machine in-process or over a socket.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::iso::{CONFIG_FILE, IsoBuilder};
use rackhand_simulator::machine::bios::{Attribute, Registry};
use rackhand_simulator::machine::firmware::{Component, ComponentKind, FirmwareRules};
use rackhand_simulator::machine::inventory::{Controller, Drive, Inventory, Volume};
use rackhand_simulator::machine::storage::{DriveState, StorageRules};
use rackhand_simulator::machine::{
    Already, BiosRule, Hardware, HttpBoot, Identity, Insert, Lasts, Lockout, MediaRules, PostPhase,
    PowerRules, Rules, SessionRules, Slot,
};
use rackhand_simulator::personality::{
    Expand, Features, Ids, MediaHome, Model, Personality, Quirks, Traits, standard,
};
use rackhand_simulator::web::{Style, Table};
use rackhand_simulator::{Builder, MachineSpec, Service, Simulator};
use serde_json::Value;

/// Where the medium is.
pub(crate) const ISO: &str = "http://images.example/t0ken/node1.iso";
/// The machine's paths.
pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
pub(crate) const BIOS: &str = "/redfish/v1/Systems/1/Bios/Settings";
pub(crate) const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
pub(crate) const SLOT: &str = "/redfish/v1/Managers/1/VirtualMedia/Cd";
pub(crate) const INSERT: &str = "/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
pub(crate) const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// The standard with sessions, a lockout, ETags and `$expand`.
#[derive(Debug)]
pub(crate) struct Plain;

impl Personality for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn summary(&self) -> &'static str {
        "the standard, for tests"
    }

    fn model(&self, _: &Quirks) -> Model {
        Model { hardware: hardware(), rules: rules() }
    }

    fn traits(&self, _: &Quirks, _: &Identity) -> Traits {
        Traits {
            ids: Ids { system: "1".into(), manager: "1".into(), chassis: "1".into() },
            vendor: None,
            product: None,
            redfish_version: "1.11.0",
            media_home: MediaHome::Manager,
            bios_name: "Bios",
            bios_settings: true,
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json",
            base: "Base.1.8",
            require_json: true,
            open_paths: vec!["/redfish", "/redfish/v1"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions"],
        }
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: true, links: true, no_links: true, max_levels: 1 };
        Features { expand: Some(expand), odata_version: true }
    }

    fn table(&self, _: &Quirks) -> Table {
        standard::table(MediaHome::Manager, "Bios", true)
    }
}

fn hardware() -> Hardware {
    let attributes = vec![
        Attribute::choice("Turbo", &["Enabled", "Disabled"]),
        Attribute::choice("Threads", &["Enabled", "Disabled"]),
    ];
    Hardware {
        manufacturer: "Plain".into(),
        model: "One".into(),
        bios_version: "1.0".into(),
        bmc_version: "1.0".into(),
        bmc_model: "Plain BMC".into(),
        processors: 1,
        memory_gib: 64,
        nics: 1,
        slots: vec![Slot::new("Cd", "Virtual CD", &["CD"])],
        registry: Registry {
            id: "BiosAttributeRegistry.v1_0_0".into(),
            attributes,
            dependencies: Vec::new(),
        },
        inventory: Inventory {
            controllers: vec![controller()],
            firmware: vec![
                Component::new("bmc", "BMC", ComponentKind::Bmc, "BMC.1", "1.0"),
                Component::new("bios", "BIOS", ComponentKind::Bios, "BIOS.1", "1.0"),
                Component::new("raid", "RAID controller", ComponentKind::Device, "RAID1", "7.1"),
                Component::new("cpld", "CPLD", ComponentKind::Device, "CPLD.1", "0.9").fixed(),
            ],
            ..Inventory::default()
        },
    }
}

/// Two mirrored drives with the host's disk, and four that are free.
fn controller() -> Controller {
    let drive = |number: usize| Drive {
        id: format!("Bay{number}"),
        name: format!("SSD {number}"),
        model: "S1".into(),
        media: "SSD",
        protocol: "SATA",
        bytes: 480_000_000_000,
        state: DriveState::Ready,
        erasable: true,
    };
    let drives: Vec<_> = (0..6).map(drive).collect();
    let volume = Volume::new("1", "OS", "RAID1", 479_000_000_000, &drives[..2]);
    Controller::new("RAID1", "RAID controller", &["RAID0", "RAID1", "RAID5"], drives).with_volume(volume)
}

fn rules() -> Rules {
    let seconds = Duration::from_secs;
    Rules {
        power: PowerRules {
            on_takes: seconds(2),
            off_takes: seconds(2),
            shutdown_takes: seconds(5),
            post: vec![PostPhase { name: "POST", lasts: seconds(30), applies_bios: true }],
            bios_apply_takes: seconds(10),
            reset_types: vec!["On", "ForceOff", "GracefulShutdown", "ForceRestart"],
            already: Already::Refused,
            graceful_needs_os: true,
            shows_transitions: false,
        },
        media: MediaRules {
            insert: Insert::Mapped(seconds(3)),
            patience: seconds(60),
            replaces: false,
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: BiosRule::NextPost,
        sessions: Some(SessionRules { max: 2, idle: seconds(300) }),
        lockout: Some(Lockout { failures: 3, within: seconds(60), penalty: seconds(600) }),
        boot_targets: vec!["None", "Cd", "Hdd", "Pxe", "UefiHttp"],
        http_boot: HttpBoot::Property,
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules { one_job: true, ..StorageRules::default() },
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(1),
    }
}

/// A bootable medium that reports back.
pub(crate) fn medium() -> Vec<u8> {
    let config = "callback={base}/callback\n";
    IsoBuilder::new("INSTALL").file(CONFIG_FILE, config).size(3_000_000).build().unwrap()
}

/// A simulation of `node1`, a plain machine that asks for no credentials, with its medium in `net`.
pub(crate) fn builder(net: &MemoryFetch) -> Builder {
    net.put(ISO, medium());
    Simulator::builder()
        .seed(7)
        .net(Arc::new(net.clone()))
        .machine(MachineSpec::new("node1", Arc::new(Plain)))
}

/// A client of one machine.
pub(crate) enum Bmc {
    /// In-process.
    Inside(Service),
    /// Over HTTP; each request on a connection of its own.
    Socket(reqwest::Client, String),
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Bmc {
    pub(crate) fn inside(simulator: &Simulator) -> Self {
        Self::Inside(simulator.service("node1").unwrap())
    }

    pub(crate) async fn socket(simulator: &Simulator) -> Self {
        let endpoints = simulator.serve("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(rackhand_simulator::tls::trusting().unwrap())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self::Socket(client, endpoints[0].url.clone())
    }

    /// Sends a request; `None` when the connection fails instead of an answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let (status, headers, body) = match self {
            Self::Inside(service) => {
                let (parts, body) = service.call(request.body(body).unwrap()).await.ok()?.into_parts();
                (parts.status, parts.headers, body)
            }
            Self::Socket(client, url) => {
                let request = request.uri(format!("{url}{path}")).body(body).unwrap();
                let answer = client.execute(request.try_into().unwrap()).await.ok()?;
                (answer.status(), answer.headers().clone(), answer.bytes().await.ok()?)
            }
        };
        Some(Answer { status, headers, body })
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Option<Answer> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Option<Answer> {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }
}
