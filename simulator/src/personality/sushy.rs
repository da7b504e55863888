//! `sushy`: what a client of sushy-tools' `sushy-emulator` (2.2.0, fake driver) sees, with BIOS settings that work.
//!
//! The machine behind it is a real state machine, so unlike the emulator's a host reads its virtual CD again when it
//! boots, from the URL it was given.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::standard::{
    self, chassis_path, collection, drop_property, link, manager_path, media, system, system_path,
};
use super::{Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits};
use crate::fetch::{FetchError, Fut};
use crate::machine::bios::{Attribute, Registry};
use crate::machine::firmware::FirmwareRules;
use crate::machine::inventory::Inventory;
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Identity, Insert, Lasts, LoginProblem, Machine, MediaRules,
    PostPhase, PowerProblem, PowerRules, Rules, Slot, Source,
};
use crate::web::{Call, Handler, Problem, Reply, Table, call};

const SOURCE: &str = "sushy-tools 2.2.0, fake driver, as it runs";
const CHASSIS: &str = "15693887-7984-9484-3272-842188918912";
const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const TARGET: &str = "BootSourceOverrideTarget";
const HTTP_URI: &str = "HttpBootUri";

const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "override-always-continuous",
        seen: "BootSourceOverrideEnabled reads Continuous whatever is written; Once and Disabled are taken and ignored",
        source: SOURCE,
    },
    Quirk {
        name: "insert-downloads",
        seen: "InsertMedia reads the whole image before it answers; a bad source is 400, 502 or 500",
        source: SOURCE,
    },
    Quirk {
        name: "bios-at-once",
        seen: "BIOS/Settings shows the current values as pending, and a PATCH is in force without a reset",
        source: "sushy-tools 2.2.0, libvirt driver, as it runs",
    },
    Quirk {
        name: "any-boot-target",
        seen: "any string is stored as BootSourceOverrideTarget",
        source: SOURCE,
    },
    Quirk {
        name: "http-boot-by-cd",
        seen: "UefiHttp with HttpBootUri downloads the image into Cd and makes that the target; without a URI it makes Pxe",
        source: "sushy-tools 2.2.0, libvirt driver, as it runs",
    },
    Quirk {
        name: "connected-via-uri-when-empty",
        seen: "an empty slot reads ConnectedVia URI and Image \"\"",
        source: SOURCE,
    },
];

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Sushy;

impl Personality for Sushy {
    fn name(&self) -> &'static str {
        "sushy"
    }

    fn summary(&self) -> &'static str {
        "sushy-tools' sushy-emulator with its fake driver"
    }

    fn quirks(&self) -> &'static [Quirk] {
        QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware(), rules: rules(quirks) }
    }

    fn traits(&self, _: &Quirks, identity: &Identity) -> Traits {
        Traits {
            ids: Ids {
                system: identity.uuid.clone(),
                manager: identity.uuid.clone(),
                chassis: CHASSIS.into(),
            },
            vendor: None,
            product: None,
            redfish_version: "1.5.0",
            media_home: MediaHome::System,
            bios_name: "BIOS",
            bios_settings: true,
            ignore_case: false,
            etag: None,
            json_type: "application/json",
            base: "Base.1.0",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1"],
            login_paths: Vec::new(),
        }
    }

    fn features(&self, _: &Quirks) -> Features {
        // Seen on sushy-tools 2.2.0: no query parameters, and no OData-Version.
        Features { expand: None, odata_version: false }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::core(MediaHome::System, "BIOS", true);
        for absent in [
            "/redfish/v1/SessionService",
            "/redfish/v1/AccountService",
            "/redfish/v1/TaskService/Tasks/{task}",
        ] {
            table.remove(absent);
        }
        table.remove("/redfish/v1/Managers/{manager}/EthernetInterfaces");
        table.remove("/redfish/v1/Managers/{manager}/LogServices");
        table.remove("/redfish/v1/Managers/{manager}/Actions");
        table.get("/redfish/v1", root);
        table.amend(SYSTEM, amend_system).on(Method::PATCH, SYSTEM, Handler::Slow(patch_system));
        table.get(&format!("{SYSTEM}/EthernetInterfaces"), ports);
        table.get(&format!("{SYSTEM}/EthernetInterfaces/{{port}}"), port);
        table.amend("/redfish/v1/Managers/{manager}", amend_manager);
        table.amend("/redfish/v1/Chassis/{chassis}", |_, _, chassis| drop_property(chassis, "SerialNumber"));
        let slot = format!("{SYSTEM}/VirtualMedia/{{slot}}");
        table.post(&format!("{slot}/Actions/VirtualMedia.EjectMedia"), media::eject_always);
        table.amend(&slot, amend_slot);
        if quirks.has("connected-via-uri-when-empty") {
            table.amend(&slot, |_, _, slot| slot["ConnectedVia"] = "URI".into());
        }
        if quirks.has("bios-at-once") {
            table.amend(&format!("{SYSTEM}/BIOS/Settings"), |_, machine, settings| {
                settings["Attributes"] = machine.bios.current.clone().into();
            });
        }
        table.on(Method::POST, &format!("{SYSTEM}/Actions/ComputerSystem.Reset"), Handler::Write(reset));
        table
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        let (status, text) = words(call, problem);
        let reply = Reply::json(json!({"error": {
            "code": "Base.1.0.GeneralError",
            "message": text,
            "@Message.ExtendedInfo": [{
                "@odata.type": "/redfish/v1/$metadata#Message.1.0.0.Message",
                "MessageId": "Base.1.0.GeneralError",
            }],
        }}));
        let reply = reply.with_status(status);
        if status == StatusCode::UNAUTHORIZED {
            return reply.header(WWW_AUTHENTICATE, "Basic realm=\"Baremetal API\"");
        }
        // The emulator closes every connection; a client that keeps it open is not wrong, so only errors say so here.
        reply.header(HeaderName::from_static("server"), "sushy-emulator")
    }
}

fn words(call: &Call, problem: &Problem) -> (StatusCode, String) {
    let text = match problem {
        Problem::NotFound => {
            format!("404 Not Found: The requested URL {} was not found on the server.", call.path)
        }
        Problem::NoCredentials => "Authorization required".into(),
        Problem::Login(LoginProblem::Wrong | LoginProblem::Locked) => "Incorrect username or password".into(),
        Problem::Image(_, FetchError::Status(status @ 500..)) => {
            return (StatusCode::BAD_GATEWAY, format!("Failed to fetch the image: HTTP {status}"));
        }
        Problem::Image(_, why @ FetchError::Status(_)) => {
            return (StatusCode::BAD_REQUEST, format!("Failed to fetch the image: {why}"));
        }
        Problem::Image(_, why) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("Failed to fetch the image: {why}"));
        }
        Problem::Power(PowerProblem::UnknownType) | Problem::ParameterValue(..) => {
            return (
                StatusCode::NOT_IMPLEMENTED,
                "The reset type is not supported by the fake driver".into(),
            );
        }
        other => {
            let messages = crate::web::problem::standard_messages(other, call.cell.traits.base);
            let texts: Vec<_> = messages.into_iter().map(|message| message.text).collect();
            texts.join(" ")
        }
    };
    (crate::web::problem::standard_status(problem), text)
}

fn hardware() -> Hardware {
    Hardware {
        manufacturer: "Sushy Emulator".into(),
        model: "Simulated server".into(),
        bios_version: "1.0.0".into(),
        bmc_version: "1.00".into(),
        bmc_model: "Joo Janta 200".into(),
        processors: 2,
        memory_gib: 64,
        nics: 2,
        slots: vec![
            Slot::new("Cd", "Virtual CD", &["CD", "DVD"]),
            Slot::new("Floppy", "Virtual Removable Media", &["Floppy", "USBStick"]),
        ],
        registry: registry(),
        inventory: Inventory::default(),
    }
}

/// The emulator's registry has these ten names.
fn registry() -> Registry {
    let attributes = vec![
        Attribute::choice("ProcTurboMode", &["Enabled", "Disabled"]).shown_as("Turbo Boost"),
        Attribute::choice("BootMode", &["Uefi", "Bios"]).shown_as("Boot Mode"),
        Attribute::choice("EmbeddedSata", &["Raid", "Ahci", "Off"]).shown_as("Embedded SATA Configuration"),
        Attribute::text("L2Cache", 16, "10x256 KB").fixed(),
        Attribute::text("NicBoot1", 16, "NetworkBoot"),
        Attribute::integer("NumCores", 1, 64, 10).fixed(),
        Attribute::choice("QuietBoot", &["true", "false"]),
        Attribute::choice("SecureBootStatus", &["Enabled", "Disabled"]).fixed(),
        Attribute::text("SerialNumber", 32, "QPX12345").fixed(),
        Attribute::text("SysPassword", 32, ""),
    ];
    Registry { id: "BiosAttributeRegistryP89.v1_0_0".into(), attributes, dependencies: Vec::new() }
}

fn rules(quirks: &Quirks) -> Rules {
    Rules {
        power: PowerRules {
            on_takes: Duration::from_secs(4),
            off_takes: Duration::from_secs(4),
            shutdown_takes: Duration::from_secs(6),
            post: vec![PostPhase { name: "POST", lasts: Duration::from_secs(5), applies_bios: true }],
            bios_apply_takes: Duration::ZERO,
            reset_types: vec![
                "On",
                "ForceOff",
                "GracefulShutdown",
                "GracefulRestart",
                "ForceRestart",
                "Nmi",
                "ForceOn",
            ],
            already: Already::Accepted,
            graceful_needs_os: false,
            shows_transitions: false,
        },
        media: MediaRules {
            insert: if quirks.has("insert-downloads") { Insert::Downloaded } else { Insert::Checked },
            patience: Duration::from_secs(30),
            replaces: true,
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: if quirks.has("bios-at-once") { BiosRule::AtOnce } else { BiosRule::NextPost },
        sessions: None,
        lockout: None,
        boot_targets: vec!["Pxe", "Cd", "Hdd", "UefiHttp"],
        http_boot: if quirks.has("http-boot-by-cd") { HttpBoot::None } else { HttpBoot::Property },
        first_override: ("Hdd", Lasts::Continuous),
        storage: StorageRules::default(),
        firmware: FirmwareRules::default(),
        job_starts_after: Duration::ZERO,
    }
}

fn root(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
        "Id": "RedvirtService",
        "Name": "Redvirt Service",
        "RedfishVersion": "1.5.0",
        "UUID": "85775665-c110-4b85-8989-e6162170b3ec",
        "Chassis": link("/redfish/v1/Chassis"),
        "Systems": link("/redfish/v1/Systems"),
        "Managers": link("/redfish/v1/Managers"),
        "Registries": link("/redfish/v1/Registries"),
        "@odata.id": "/redfish/v1/",
    }))
}

fn amend_system(_: &Call, machine: &Machine, body: &mut Value) {
    for absent in ["Model", "SerialNumber", "LastResetTime", "HostName", "SystemType"] {
        drop_property(body, absent);
    }
    body["Name"] = machine.name.clone().into();
    body["IndicatorLED"] = machine.oem.get("IndicatorLED").cloned().unwrap_or_else(|| "Lit".into());
    if machine.boot.mode == "UEFI" {
        body["Boot"]["UefiTargetBootSourceOverride"] = "/0x31/0x33/0x01/0x01".into();
        // The emulator prints Python's None.
        body["Boot"][HTTP_URI] = machine.boot.http_uri.clone().unwrap_or_else(|| "None".into()).into();
    } else if let Some(targets) = body["Boot"][format!("{TARGET}@Redfish.AllowableValues")].as_array_mut() {
        targets.retain(|target| target != "UefiHttp");
    }
}

/// PATCH of the System: needs `Boot` or `IndicatorLED`; anything else is ignored.
fn patch_system(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let (boot, led) = (body.get("Boot"), body.get("IndicatorLED"));
        if boot.is_none() && led.is_none() {
            return Err(Problem::Missing("Boot".into()));
        }
        let boot = match boot {
            Some(Value::Object(boot)) => Some(without_http(&call, boot.clone()).await?),
            Some(other) => return Err(Problem::PropertyType("Boot".into(), other.clone())),
            None => None,
        };
        call.cell.with(|machine| {
            if let Some(boot) = &boot {
                patch_boot(&call, machine, boot)?;
            }
            if let Some(led) = led {
                machine.oem.insert("IndicatorLED".into(), led.clone());
            }
            Ok(Reply::no_content())
        })
    })
}

/// The emulator's firmware does not boot by HTTP. What `HttpBootUri` names is put into the virtual CD, which becomes the
/// target; without a URI the target becomes PXE.
async fn without_http(call: &Call, mut boot: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let known = [TARGET, "BootSourceOverrideMode", HTTP_URI];
    if !known.iter().any(|name| boot.contains_key(*name)) {
        return Err(Problem::Missing(TARGET.into()));
    }
    let uri = call::text(&boot, HTTP_URI)?;
    if !call.cell.quirks.has("http-boot-by-cd") {
        return Ok(boot);
    }
    boot.remove(HTTP_URI);
    if boot.get(TARGET).and_then(Value::as_str) != Some("UefiHttp") {
        return Ok(boot);
    }
    let Some(url) = uri else {
        boot.insert(TARGET.into(), "Pxe".into());
        return Ok(boot);
    };
    let source = Source { url: url.clone(), login: None };
    let image = media::Wanted { source, inserted: true, write_protected: true };
    media::insert_into(call, "Cd", image).await.map_err(|problem| {
        let (_, why) = words(call, &problem);
        Problem::Other(StatusCode::BAD_REQUEST, "GeneralError".into(), why)
    })?;
    call.cell.with(|machine| machine.boot.http_uri = Some(url));
    boot.insert(TARGET.into(), "Cd".into());
    Ok(boot)
}

fn patch_boot(call: &Call, machine: &mut Machine, boot: &Map<String, Value>) -> Result<(), Problem> {
    if !call.cell.quirks.has("override-always-continuous") {
        return system::patch_boot(call, machine, boot);
    }
    let mut after = machine.boot.clone();
    if let Some(target) = call::text(boot, TARGET)? {
        let allowed = machine.rules.boot_targets.contains(&target.as_str());
        if !allowed && !call.cell.quirks.has("any-boot-target") {
            return Err(Problem::PropertyValue(TARGET.into(), target.into()));
        }
        after.target = target;
    }
    if let Some(mode) = call::text(boot, "BootSourceOverrideMode")? {
        after.mode = mode;
    }
    if let Some(uri) = call::text(boot, HTTP_URI)? {
        after.http_uri = Some(uri);
    }
    system::set_boot(call, machine, after);
    Ok(())
}

/// Reset: the fake driver has no NMI, and a restart of a machine that is off turns it on.
fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    if body.get("ResetType").and_then(Value::as_str) == Some("Nmi") {
        return Err(Problem::Power(PowerProblem::UnknownType));
    }
    system::reset(call, machine)
}

fn ports(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/EthernetInterfaces", system_path(call));
    let members = machine.identity.macs.iter().map(|mac| format!("{path}/{mac}")).collect();
    Ok(collection("EthernetInterfaceCollection", &path, "Ethernet Interface Collection", members))
}

fn port(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mac = call.param("port");
    if !machine.identity.macs.iter().any(|known| known == mac) {
        return Err(Problem::NotFound);
    }
    Ok(json!({
        "@odata.id": format!("{}/EthernetInterfaces/{mac}", system_path(call)),
        "@odata.type": "#EthernetInterface.v1_0_2.EthernetInterface",
        "Id": mac,
        "Name": format!("VNIC {mac}"),
        "Status": {"State": "Enabled", "Health": "OK"},
        "PermanentMACAddress": mac,
        "MACAddress": mac,
    }))
}

fn amend_manager(call: &Call, machine: &Machine, body: &mut Value) {
    for absent in ["EthernetInterfaces", "LogServices", "Actions"] {
        drop_property(body, absent);
    }
    body["Name"] = format!("{}-Manager", machine.name).into();
    body["Description"] = "Contoso BMC".into();
    body["ServiceEntryPointUUID"] = Value::Null;
    body["VirtualMedia"] = link(format!("{}/VirtualMedia", system_path(call)));
    body["Links"] = json!({
        "ManagerForServers": [link(system_path(call))],
        "ManagerForChassis": [link(chassis_path(call))],
    });
    body["@odata.id"] = manager_path(call).into();
}

fn amend_slot(_: &Call, machine: &Machine, body: &mut Value) {
    let id = body["Id"].as_str().map(str::to_owned);
    let slot = machine.slots.iter().find(|slot| Some(&slot.id) == id.as_ref());
    let login = slot.and_then(|slot| slot.image.as_ref()?.login.as_ref());
    body["UserName"] = login.map_or("", |(user, _)| user.as_str()).into();
    body["Password"] = if login.is_some() { "******" } else { "" }.into();
    for text in ["Image", "ImageName"] {
        if body[text].is_null() {
            body[text] = "".into();
        }
    }
}
