//! The HostProvision of one host: what rackhand is asked to do, as an object on the hub.
//!
//! It is made from the rendered BareMetalHost and its HostFirmwareSettings, so that what the user's own templates and annotations
//! say of them counts here too.

use serde_json::{Map, Value, json};

const API_VERSION: &str = "rackhand.dev/v1alpha1";
const KIND: &str = "HostProvision";
/// Which InfraEnv's ISO a host boots, as its BareMetalHost says it.
const INFRA_ENV: &str = "infraenvs.agent-install.openshift.io";

/// The HostProvision for a BareMetalHost, or which field the host lacks. `hold`: nothing may be installed.
pub(super) fn host_provision(
    agent: &str,
    host: &Value,
    firmware: Option<&Value>,
    hold: bool,
) -> Result<Value, &'static str> {
    let metadata = |field: &str| host.pointer("/metadata").and_then(|all| all.get(field));
    let spec = |field: &str| host.pointer("/spec").and_then(|all| all.get(field)).cloned();
    let annotation = |name: &str| metadata("annotations").and_then(|all| all.get(name)).cloned();
    let bmc = |field: &str| host.pointer("/spec/bmc").and_then(|all| all.get(field)).cloned();
    let name = metadata("name").ok_or("hostName")?;
    let mut of_bmc = Map::new();
    of_bmc.insert("address".to_owned(), bmc("address").ok_or("bmcAddress")?);
    of_bmc.insert("credentialsName".to_owned(), bmc("credentialsName").ok_or("bmcCredentialsName")?);
    if let Some(fingerprint) = annotation("rackhand.dev/bmc-fingerprint") {
        of_bmc.insert("tls".to_owned(), json!({ "fingerprint": fingerprint }));
    }
    let image = [
        ("infraEnvRef", infra_env(host).filter(|_| annotation("rackhand.dev/iso").is_none())),
        ("url", annotation("rackhand.dev/iso")),
        ("sha256", annotation("rackhand.dev/iso-sha256")),
        ("ipxeScript", annotation("rackhand.dev/ipxe-script")),
    ];
    let image = map(image);
    let source = map([
        ("apiVersion", host.get("apiVersion").cloned()),
        ("kind", host.get("kind").cloned()),
        ("name", Some(name.clone())),
        ("nodeName", annotation("bmac.agent-install.openshift.io/hostname")),
    ]);
    let fields = map([
        ("agentRef", Some(json!({ "name": agent }))),
        ("sourceRef", Some(source.into())),
        ("bmc", Some(of_bmc.into())),
        ("bootMACAddress", Some(spec("bootMACAddress").ok_or("bootMACAddress")?)),
        ("bootMode", spec("bootMode")),
        ("image", Some(image).filter(|image| !image.is_empty()).map(Value::Object)),
        ("profile", annotation("rackhand.dev/profile")),
        ("firmwareSettings", firmware.and_then(|firmware| firmware.pointer("/spec/settings")).cloned()),
        ("raid", spec("raid")),
        ("online", spec("online")),
        ("hold", hold.then_some(Value::Bool(true))),
        ("follow", annotation("rackhand.dev/follow")),
        ("install", annotation("rackhand.dev/install")),
        ("requestID", annotation("rackhand.dev/request-id")),
    ]);
    let waves = ["argocd.argoproj.io/sync-wave", "siteconfig.open-cluster-management.io/sync-wave"];
    let annotations = map(waves.map(|name| (name, annotation(name))));
    let of_object = map([
        ("annotations", Some(annotations).filter(|all| !all.is_empty()).map(Value::Object)),
        ("name", Some(name.clone())),
        ("namespace", metadata("namespace").cloned()),
    ]);
    Ok(json!({ "apiVersion": API_VERSION, "kind": KIND, "metadata": of_object, "spec": fields }))
}

fn infra_env(host: &Value) -> Option<Value> {
    let name = host.pointer("/metadata/labels").and_then(|labels| labels.get(INFRA_ENV))?;
    Some(json!({ "name": name }))
}

fn map<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
