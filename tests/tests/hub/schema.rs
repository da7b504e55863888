//! The definition on the hub, the reader of HostProvisions, and what is rendered for an agent: one idea in three places.

use std::collections::BTreeSet;

use rackhand_apiserver::Options;
use rackhand_hub::kubernetes::definition;
use rackhand_spec::{Code, Source, read};
use rackhand_tests::hub::{hub, provision, seen};
use serde_json::{Value, json};

/// Every field there is.
fn whole() -> Value {
    json!({
        "agentRef": { "name": "rack7" },
        "sourceRef": { "apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "name": "n1", "nodeName": "n1" },
        "bmc": {
            "address": "idrac-virtualmedia://192.0.2.7/redfish/v1/Systems/System.Embedded.1",
            "credentialsName": "bmc",
            "tls": { "fingerprint": "ab".repeat(32), "insecure": false },
        },
        "bootMACAddress": "02:00:00:00:00:01",
        "image": {
            "url": "https://hub.example/x.iso", "sha256": "cd".repeat(32),
            "ipxeScript": "https://hub.example/x.ipxe",
        },
        "bootMode": "UEFI",
        "boot": "network",
        "firmwareSettings": { "ProcVirtualization": "Enabled", "Threads": 4, "On": true },
        "firmwareUpdates": [{ "component": "bios", "url": "https://hub.example/bios.exe" }],
        "raid": { "hardwareRAIDVolumes": [{
            "level": "1", "name": "os", "sizeGibibytes": 400, "rotational": false, "numberOfPhysicalDisks": 2,
            "controller": "RAID.1", "physicalDisks": ["a", "b"],
        }], "softwareRAIDVolumes": [{ "level": "1" }] },
        "profile": "ran",
        "follow": "callback",
        "online": true,
        "hold": false,
        "install": "now",
        "requestID": "1",
    })
}

fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Value::Object(fields) = value {
        for (name, field) in fields {
            found.insert(format!("{at}.{name}"));
            paths(field, &format!("{at}.{name}"), found);
        }
    } else if let Value::Array(items) = value {
        items.iter().for_each(|item| paths(item, at, found));
    }
}

fn properties(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(format!("{at}.{name}"));
        properties(field, &format!("{at}.{name}"), found);
        properties(&field["items"], &format!("{at}.{name}"), found);
    }
}

#[test]
fn every_field_of_the_definition_is_read_and_none_is_unknown_to_either() {
    let crd = definition().unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let (mut defined, mut used) = (BTreeSet::new(), BTreeSet::new());
    properties(schema, "spec", &mut defined);
    paths(&whole(), "spec", &mut used);
    // Alternatives, of which a sound object has one.
    used.extend(
        ["spec.agentRef.pool", "spec.image.infraEnvRef", "spec.image.infraEnvRef.name"].map(str::to_owned),
    );
    used.retain(|path| {
        !path.starts_with("spec.firmwareSettings.") && path != "spec.raid.softwareRAIDVolumes.level"
    });
    assert_eq!(defined, used);
    let text = provision("site1", "n1", &whole()).to_string();
    let source = Source { files: vec![("hub/HostProvision/site1/n1".into(), text)], ..Source::default() };
    let loaded = read(&source);
    let strange: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|one| one.is_error() || one.code == Code::UnknownField)
        .map(ToString::to_string)
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
    assert_eq!(loaded.nodes.len(), 1);
}

#[tokio::test]
async fn the_hub_keeps_every_field_and_refuses_what_cannot_be() {
    let server = hub(Options::default(), &["site1"]);
    server.create(&provision("site1", "n1", &whole())).unwrap();
    assert_eq!(seen(&server, "site1", "n1")["spec"], whole(), "nothing was pruned");
    for (pointer, value) in [
        ("/bootMode", json!("uefi")),
        ("/bootMACAddress", json!("02:00")),
        ("/image/sha256", json!("ab")),
        ("/raid/hardwareRAIDVolumes/0/level", json!("9")),
        ("/raid/hardwareRAIDVolumes/0/sizeGibibytes", json!(0)),
        ("/follow", json!("maybe")),
        ("/agentRef", json!("rack7")),
    ] {
        let mut spec = whole();
        *spec.pointer_mut(pointer).unwrap() = value;
        let refused = server.create(&provision("site1", "n2", &spec)).unwrap_err().to_string();
        let field = pointer.trim_start_matches('/').replace("/0/", ".").replace('/', ".");
        assert!(refused.contains(&format!("spec.{field}")), "{pointer}: {refused}");
    }
}
