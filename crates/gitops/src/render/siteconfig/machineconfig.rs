//! `mergeDefaultMachineConfigs`: the MachineConfigs of one role become one, so that a node reboots once.
//!
//! The rules are those of the machine-config operator: sorted by name, Ignition configs merged by the key of each thing, kernel
//! arguments joined, a file that does not say otherwise overwrites; and then everything that is empty, zero or false is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::manifests::{GENERATED, Manifest, Manifests};

pub(super) const ROLE_LABEL: &str = "machineconfiguration.openshift.io/role";
const NAME: &str = "predefined-extra-manifests";
/// The version that merged configs are written in, unless one of them needs a later one.
const IGNITION: (u32, u32) = (3, 2);

/// Puts the mergeable MachineConfigs of each role together.
pub(super) fn merge(manifests: &mut Manifests) -> Result<(), String> {
    let mut by_role: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mergeable =
        |one: &Manifest| one.mergeable && one.value.get("kind") == Some(&Value::from("MachineConfig"));
    let names: Vec<String> =
        manifests.iter().filter(|(_, one)| mergeable(one)).map(|(name, _)| name.clone()).collect();
    for name in names {
        let Some(Manifest { mut value, .. }) = manifests.remove(&name) else { continue };
        let labels = value.pointer("/metadata/labels");
        let role = labels.and_then(|labels| labels.get(ROLE_LABEL)).and_then(Value::as_str);
        let role = role.unwrap_or_default().to_owned();
        if let Some(config) = value.pointer_mut("/spec/config") {
            modern(config).map_err(|message| format!("{name} cannot be merged: {message}"))?;
        }
        by_role.entry(role).or_default().push(value);
    }
    for (role, mut configs) in by_role {
        let name =
            |value: &Value| value.pointer("/metadata/name").and_then(Value::as_str).map(ToOwned::to_owned);
        configs.sort_by_key(name);
        let value = one(&role, &configs)?;
        manifests.insert(format!("{NAME}-{role}.yaml"), Manifest { value, mergeable: false });
    }
    Ok(())
}

fn one(role: &str, configs: &[Value]) -> Result<Value, String> {
    let specs: Vec<&Value> = configs.iter().filter_map(|config| config.get("spec")).collect();
    let of = |field: &'static str| specs.iter().filter_map(move |spec| spec.get(field));
    let mut config = json!({});
    of("config").for_each(|next| combine(&mut config, next, ""));
    for file in config.pointer_mut("/storage/files").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(file) = file.as_object_mut() {
            file.entry("overwrite").or_insert(Value::Bool(true));
        }
    }
    let version = of("config").filter_map(version).max().unwrap_or(IGNITION).max(IGNITION);
    combine(&mut config, &json!({ "ignition": { "version": format!("{}.{}.0", version.0, version.1) } }), "");
    let lists = |field: &'static str| of(field).filter_map(Value::as_array).flatten().cloned();
    let mut arguments: Vec<Value> = Vec::new();
    lists("kernelArguments").for_each(|one| {
        if !arguments.contains(&one) {
            arguments.push(one);
        }
    });
    let realtime = of("kernelType").any(|kind| kind == "realtime");
    let extensions: Vec<Value> = lists("extensions").collect();
    if realtime && extensions.contains(&"kernel-devel".into()) {
        return Err("the extension kernel-devel does not go with the realtime kernel".to_owned());
    }
    let mut spec = json!({
        "config": config,
        "extensions": extensions,
        "fips": of("fips").any(|fips| fips == &Value::Bool(true)),
        "kernelArguments": arguments,
        "kernelType": if realtime { "realtime" } else { "default" },
    });
    for field in ["osImageURL", "baseOSExtensionsContainerImage"] {
        if let (Some(last), Some(spec)) = (of(field).next_back(), spec.as_object_mut()) {
            spec.insert(field.to_owned(), last.clone());
        }
    }
    let merged = json!({
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": {
            "annotations": { GENERATED.0: GENERATED.1 },
            "labels": { ROLE_LABEL: role },
            "name": format!("{NAME}-{role}"),
        },
        "spec": spec,
    });
    Ok(trimmed(merged).unwrap_or_default())
}

/// The version of an Ignition config.
fn version(config: &Value) -> Option<(u32, u32)> {
    let text = config.pointer("/ignition/version")?.as_str()?;
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Ignition's merge: what has the same key becomes one, the later wins, and what is new is put behind.
fn combine(into: &mut Value, next: &Value, field: &str) {
    match (into, next) {
        (Value::Object(into), Value::Object(next)) => {
            for (name, value) in next {
                match into.get_mut(name) {
                    Some(known) => combine(known, value, name),
                    None => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(next)) => {
            for item in next {
                let same = key(field, item);
                match into.iter_mut().find(|known| same.is_some() && key(field, known) == same) {
                    Some(known) => combine(known, item, ""),
                    None => into.push(item.clone()),
                }
            }
        }
        (into, Value::Null) if !into.is_null() => {}
        (into, next) => *into = next.clone(),
    }
}

/// By what a thing of a list is known; `None` where a list is only ever added to.
fn key(list: &str, item: &Value) -> Option<Value> {
    let field = match list {
        "files" | "directories" | "links" => "path",
        "disks" | "filesystems" => "device",
        "units" | "dropins" | "users" | "groups" | "raid" | "luks" | "httpHeaders" => "name",
        "tang" => "url",
        "partitions" => {
            let number = item.get("number").filter(|number| number.as_i64() != Some(0));
            return number.or(item.get("label")).cloned();
        }
        // Of a set of texts, such as keys and mount options, each is known by itself.
        _ => return item.as_str().map(Value::from),
    };
    item.get(field).cloned()
}

/// Leaves out what is empty, zero or false; `None` if nothing is left.
fn trimmed(value: Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(Value::Bool(true)),
        Value::Number(number) => (number.as_f64() != Some(0.0)).then_some(Value::Number(number)),
        Value::String(text) => (!text.is_empty()).then_some(Value::String(text)),
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(trimmed).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(map) => {
            let map: Map<String, Value> =
                map.into_iter().filter_map(|(name, value)| Some((name, trimmed(value)?))).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
    }
}

/// Brings an Ignition config of version 2 to version 3, as far as manifests of this kind use it: files and units.
fn modern(config: &mut Value) -> Result<(), String> {
    match version(config) {
        Some((3, _)) => return Ok(()),
        Some((2, _)) => {}
        _ => return Err("its Ignition version is neither 2 nor 3".to_owned()),
    }
    only(config, "", &["ignition", "storage", "systemd"])?;
    only(config, "/ignition", &["version"])?;
    only(config, "/storage", &["files"])?;
    only(config, "/systemd", &["units"])?;
    for file in config.pointer_mut("/storage/files").and_then(Value::as_array_mut).into_iter().flatten() {
        only(file, "", &["filesystem", "path", "mode", "contents", "user", "group", "overwrite"])?;
        let Some(file) = file.as_object_mut() else { continue };
        if file.remove("filesystem").is_some_and(|system| system != "root") {
            return Err("a file is on another file system than `root`".to_owned());
        }
        file.entry("overwrite").or_insert(Value::Bool(true));
    }
    if let Some(version) = config.pointer_mut("/ignition/version") {
        *version = format!("{}.{}.0", IGNITION.0, IGNITION.1).into();
    }
    Ok(())
}

/// Whether a part of a config has no other fields than these.
fn only(config: &Value, pointer: &str, fields: &[&str]) -> Result<(), String> {
    let part = config.pointer(pointer).and_then(Value::as_object);
    let other = part.and_then(|part| part.keys().find(|name| !fields.contains(&name.as_str())));
    match other {
        None => Ok(()),
        Some(name) => Err(format!("`{name}` of an Ignition config of version 2 is not converted")),
    }
}
