//! A case for each row: a service that does so, and whether the driver did right by it.

use http::Method;
use rackhand_bmc::{
    Attributes, BootOverride, BootTarget, ErrorKind, MediaImage, Operation, Outcome, OverrideEnabled,
    ResetType, SlotId, Support,
};
use rackhand_testing::{Asked, Reply, Service};
use serde_json::{Value, json};

use crate::{
    cures::Cure,
    support::{BIOS, MANAGER, MEDIA, RAID, ROOT, SLOT, SYSTEM, SYSTEMS, UPDATE, link, service, with},
};

fn slot() -> SlotId {
    SlotId(SLOT.to_owned())
}

fn image() -> MediaImage {
    MediaImage { url: "https://192.0.2.1/t/a.iso".to_owned(), credentials: None }
}

fn cd_once() -> BootOverride {
    BootOverride { target: BootTarget::Cd, enabled: OverrideEnabled::Once, mode: None, http_uri: None }
}

// ---- the wire

/// A service that takes an override only with the If-Match that is `right`.
fn matching(right: impl Fn(Option<&str>) -> bool + Send + Sync + 'static) -> Service {
    service().rule(move |asked, _| {
        let asked_so = asked.is(&Method::PATCH, SYSTEM) && !right(asked.if_match.as_deref());
        let status = if asked.if_match.is_some() { 412 } else { 428 };
        asked_so.then(|| Reply::error(status, "Base.1.8.PreconditionFailed", "If-Match"))
    })
}

async fn is_armed(cure: &Cure, service: &Service) -> bool {
    cure.connect(service).await.boot().unwrap().set_override(cd_once()).await.is_ok()
}

pub(crate) async fn weak_etag(cure: &Cure) -> bool {
    is_armed(cure, &matching(|etag| etag == Some("\"1\""))).await
}

pub(crate) async fn fresh_etag(cure: &Cure) -> bool {
    let service = matching(|etag| etag == Some("\"2\""));
    let bmc = cure.connect(&service).await;
    service.change(|documents| documents.merge(SYSTEM, &json!({"@odata.etag": "\"2\""})));
    bmc.boot().unwrap().set_override(cd_once()).await.is_ok()
}

pub(crate) async fn no_if_match(cure: &Cure) -> bool {
    is_armed(cure, &matching(|etag| etag.is_none())).await
}

pub(crate) async fn empty_post(cure: &Cure) -> bool {
    let service = service().rule(|asked, _| {
        let answer = |asked: &Asked| {
            if asked.raw.is_empty() {
                Reply::error(400, "Base.1.8.MalformedJSON", "no")
            } else {
                Reply::empty(204)
            }
        };
        asked.is(&Method::POST, "EjectMedia").then(|| answer(asked))
    });
    service.change(|documents| documents.merge(SLOT, &json!({"Image": image().url, "Inserted": true})));
    cure.connect(&service).await.media().unwrap().eject(&slot()).await.is_ok()
}

pub(crate) async fn messages(cure: &Cure) -> bool {
    let one = json!({"MessageId": "Base.1.8.ResourceInUse", "Message": "in use"});
    let bodies = [
        json!({"error": {"@Message.ExtendedInfo": one}}),
        json!({"@Message.ExtendedInfo": [one]}),
        json!({"ResetType@Message.ExtendedInfo": [one]}),
    ];
    let mut all = true;
    for body in bodies {
        let service = service().rule(move |asked, _| {
            asked.is(&Method::POST, "Manager.Reset").then(|| Reply::json(400, body.clone()))
        });
        let refused = cure.connect(&service).await.manager().unwrap().reset().await.unwrap_err();
        all &= *refused.kind() == ErrorKind::Conflict;
    }
    all
}

/// What a root advertises that takes `$expand`.
fn expands() -> Value {
    json!({"ExpandQuery": {"NoLinks": true, "ExpandAll": true, "Levels": true}})
}

fn asks_to_expand(asked: &Asked) -> bool {
    asked.query.as_deref().is_some_and(|query| query.contains("expand"))
}

pub(crate) async fn expand_refused(cure: &Cure) -> bool {
    let service = with(ROOT, &json!({"ProtocolFeaturesSupported": expands()})).rule(|asked, _| {
        asks_to_expand(asked).then(|| Reply::error(400, "Base.1.8.QueryNotSupportedOnResource", "no"))
    });
    cure.try_connect(&service).await.is_ok()
}

pub(crate) async fn viking(cure: &Cure) -> bool {
    let root = json!({"Vendor": "AMI", "RedfishVersion": "1.11.0", "ProtocolFeaturesSupported": expands()});
    let service = with(ROOT, &root).rule(|asked, _| {
        let bare = json!({"Members": [{"@odata.id": SYSTEM, "Id": "system", "Name": "System"}]});
        (asked.is(&Method::GET, SYSTEMS) && asks_to_expand(asked)).then(|| Reply::json(200, bare))
    });
    cure.try_connect(&service).await.is_ok_and(|bmc| bmc.boot.is_some())
}

pub(crate) async fn null_members(cure: &Cure) -> bool {
    let bmc = cure.connect(&with(MEDIA, &json!({"Members": null}))).await;
    bmc.media().unwrap().slots().await.is_ok_and(|slots| slots.is_empty())
}

// ---- finding things

pub(crate) async fn several_systems(cure: &Cure) -> bool {
    let board = "/redfish/v1/Systems/HGX_Baseboard_0";
    let service = service();
    service.change(|documents| {
        documents.put(board, json!({"@odata.id": board, "Id": "HGX_Baseboard_0", "PowerState": "On"}));
        documents.merge(SYSTEMS, &json!({"Members": [link(board), link(SYSTEM)]}));
        documents.merge(ROOT, &json!({"Links": {"ManagerProvidingService": link(MANAGER)}}));
        documents.merge(MANAGER, &json!({"Links": {"ManagerForServers": [link(SYSTEM)]}}));
    });
    cure.try_connect(&service).await.is_ok_and(|bmc| bmc.identity.system == SYSTEM)
}

pub(crate) async fn no_hosts(cure: &Cure) -> bool {
    let other = "/redfish/v1/Systems/Capabilities";
    let service = with(SYSTEMS, &json!({"Members": [link(other), link(SYSTEM)]}));
    service.change(|documents| documents.put(other, json!({"@odata.id": other, "Id": "Capabilities"})));
    cure.try_connect(&service).await.is_ok_and(|bmc| bmc.identity.system == SYSTEM)
}

pub(crate) async fn no_managed_by(cure: &Cure) -> bool {
    let service = with(SYSTEM, &json!({"Links": {"ManagedBy": null}}));
    let provider = json!({"Links": {"ManagerProvidingService": link(MANAGER)}});
    service.change(|documents| documents.merge(ROOT, &provider));
    cure.connect(&service).await.identity.bmc_version.is_some()
}

// ---- power and boot

pub(crate) async fn action_info(cure: &Cure) -> bool {
    let info = format!("{SYSTEM}/ResetActionInfo");
    let advertised = json!({"Actions": {"#ComputerSystem.Reset": {"@Redfish.ActionInfo": info}}});
    let service = with(SYSTEM, &advertised).rule(|asked, _| {
        let known = asked.body["ResetType"] == "ForceOn";
        let answer = || {
            if known {
                Reply::empty(204)
            } else {
                Reply::error(400, "Base.1.8.ActionParameterNotSupported", "no")
            }
        };
        asked.is(&Method::POST, "ComputerSystem.Reset").then(answer)
    });
    let parameters =
        json!({"Parameters": [{"Name": "ResetType", "AllowableValues": ["ForceOn", "ForceOff"]}]});
    service.change(|documents| documents.put(&info, parameters));
    cure.connect(&service).await.power().unwrap().reset(ResetType::On).await.is_ok()
}

pub(crate) async fn state_reached(cure: &Cure) -> bool {
    let service = service().rule(|asked, _| {
        asked
            .is(&Method::POST, "ComputerSystem.Reset")
            .then(|| Reply::error(400, "Base.1.8.Whatever", "it is off"))
    });
    let answer = cure.connect(&service).await.power().unwrap().reset(ResetType::ForceOff).await;
    answer.is_ok_and(|outcome| outcome == Outcome::Unchanged)
}

/// A service that refuses an override, unless it is as `right` says.
fn choosy(right: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Service {
    service().rule(move |asked, _| {
        (asked.is(&Method::PATCH, SYSTEM) && !right(asked))
            .then(|| Reply::error(400, "Base.1.8.PropertyNotWritable", "BootSourceOverrideTarget"))
    })
}

pub(crate) async fn override_mode(cure: &Cure) -> bool {
    is_armed(cure, &choosy(|asked| asked.body["Boot"].get("BootSourceOverrideMode").is_some())).await
}

pub(crate) async fn override_settings(cure: &Cure) -> bool {
    let settings = "/redfish/v1/Systems/system/Settings";
    let service = choosy(|_| false);
    service.change(|documents| {
        documents.put(settings, json!({"@odata.id": settings, "Boot": {}}));
        documents.merge(SYSTEM, &json!({"@Redfish.Settings": {"SettingsObject": link(settings)}}));
    });
    is_armed(cure, &service).await
}

pub(crate) async fn usb_cd(cure: &Cure) -> bool {
    let allowed = json!({"Boot": {"BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "UsbCd"]}});
    let service = with(SYSTEM, &allowed);
    let bmc = cure.connect(&service).await;
    let _ = bmc.boot().unwrap().set_override(cd_once()).await.unwrap();
    service.writes()[0].body["Boot"]["BootSourceOverrideTarget"] == "UsbCd"
        && bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Cd)
}

// ---- virtual media

pub(crate) async fn insert_more(cure: &Cure) -> bool {
    let service = service().rule(|asked, _| {
        let enough = asked.body.get("TransferMethod").is_some();
        let answer = || {
            if enough {
                Reply::empty(204)
            } else {
                Reply::error(400, "Base.1.8.ActionParameterMissing", "no")
            }
        };
        asked.is(&Method::POST, "InsertMedia").then(answer)
    });
    cure.connect(&service).await.media().unwrap().insert(&slot(), &image()).await.is_ok()
}

pub(crate) async fn eject_empty(cure: &Cure) -> bool {
    let service = service().rule(|asked, _| {
        asked
            .is(&Method::POST, "EjectMedia")
            .then(|| Reply::error(400, "Base.1.8.GeneralError", "nothing is in"))
    });
    let answer = cure.connect(&service).await.media().unwrap().eject(&slot()).await;
    answer.is_ok_and(|outcome| outcome == Outcome::Unchanged)
}

pub(crate) async fn image_none(cure: &Cure) -> bool {
    let bmc = cure.connect(&with(SLOT, &json!({"Image": "None"}))).await;
    bmc.media().unwrap().slot(&slot()).await.unwrap().is_empty()
}

pub(crate) async fn openbmc_https(cure: &Cure) -> bool {
    let known = cure.connect(&with(MANAGER, &json!({"Model": "OpenBmc"}))).await.capabilities;
    let https = known.get(Operation::MediaInsertHttps).map(|known| known.support.clone());
    let refusal = known.refusal(Operation::MediaInsertHttp);
    refusal.is_some_and(|why| why.contains("openbmc-refuses-http")) && https == Some(Support::Supported)
}

pub(crate) async fn proxy_slots(cure: &Cure) -> bool {
    let proxy = json!({"Oem": {"OpenBMC": {"WebSocketEndpoint": "/nbd/0"}}, "TransferProtocolType": "OEM"});
    let bmc = cure.connect(&with(SLOT, &proxy)).await;
    bmc.choose_slot().await.is_err_and(|error| *error.kind() == ErrorKind::Unsupported)
}

// ---- BIOS, storage, firmware

pub(crate) async fn registry_id(cure: &Cure) -> bool {
    let bmc = cure.connect(&with(BIOS, &json!({"AttributeRegistry": "BiosAttributeRegistry.v1_0_2"}))).await;
    bmc.bios().unwrap().registry().await.unwrap().is_some()
}

pub(crate) async fn display_names(cure: &Cure) -> bool {
    let wanted = Attributes::from([("Security Device Support".to_owned(), "Disable".into())]);
    let bmc = cure.connect(&service()).await;
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    plan.problems.is_empty() && plan.stages[0].attributes.contains_key("TCG003")
}

pub(crate) async fn raw_devices(cure: &Cure) -> bool {
    let service = service();
    service.change(|documents| {
        let (made, raw) = (format!("{RAID}/Volumes/0"), format!("{RAID}/Volumes/1"));
        documents.merge(&format!("{RAID}/Volumes"), &json!({"Members": [link(&made), link(&raw)]}));
        documents.put(&made, json!({"@odata.id": made, "Name": "boot", "RAIDType": "RAID1"}));
        documents.put(&raw, json!({"@odata.id": raw, "Name": "Disk 1", "VolumeType": "RawDevice"}));
    });
    let view = cure.connect(&service).await.storage().unwrap().view().await.unwrap();
    view.controllers[0].volumes.len() == 1
}

pub(crate) async fn stored_images(cure: &Cure) -> bool {
    let service = service();
    service.change(|documents| {
        let uris =
            ["BIOS", "Backup_BIOS", "Golden_BIOS"].map(|id| format!("{UPDATE}/FirmwareInventory/{id}"));
        let members: Vec<Value> = uris.iter().map(|uri| link(uri)).collect();
        documents.merge(&format!("{UPDATE}/FirmwareInventory"), &json!({"Members": members}));
        uris.iter().for_each(|uri| documents.put(uri, json!({"@odata.id": uri, "Version": "1.4"})));
    });
    let found = cure.connect(&service).await.firmware().unwrap().inventory().await.unwrap();
    found.components.len() == 1
}
