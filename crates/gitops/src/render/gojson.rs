//! JSON as upstream's generators write it, and the merging of install-config overrides.
//!
//! The overrides are a text in an annotation, so their form is part of the output: keys sorted, no blanks, `<`, `>` and `&`
//! escaped, and a whole number without a fraction.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const NETWORKING: &str = "networking";

/// The annotation for the installer: the cluster's network type and its other overrides.
///
/// Upstream puts the network type before the text as it was written, unless that has `networking` too: then both are merged
/// and written anew, and the network type counts.
pub(crate) fn install_config(
    network_type: &str,
    overrides: &str,
    partition_all: bool,
) -> Result<String, String> {
    let own = format!("{{\"{NETWORKING}\":{{\"networkType\":\"{network_type}\"}}}}");
    if serde_json::from_str::<Value>(&own).is_err() {
        return Err(format!("networkType `{network_type}` cannot stand in JSON"));
    }
    let overrides = if partition_all { partitioned(overrides)? } else { overrides.to_owned() };
    if overrides.is_empty() {
        return Ok(own);
    }
    let mut parsed = object(&overrides)?;
    if let Some(networking) = parsed.get_mut(NETWORKING) {
        let Some(networking) = networking.as_object_mut() else {
            return Err("`networking` in it is no object".to_owned());
        };
        networking.insert("networkType".to_owned(), json!(network_type));
        return Ok(write(&Value::Object(parsed)));
    }
    let rest = overrides.strip_prefix('{').unwrap_or(&overrides);
    let merged = format!("{},{rest}", own.strip_suffix('}').unwrap_or(&own));
    if serde_json::from_str::<Value>(&merged).is_err() {
        return Err(
            "it has no field, or does not start with `{`, so upstream cannot join it with the network \
                    type"
                .to_owned(),
        );
    }
    Ok(merged)
}

/// `cpuPartitioningMode: AllNodes` overwrites what the overrides say of it, and has all of them written anew.
fn partitioned(overrides: &str) -> Result<String, String> {
    let mut parsed = if overrides.is_empty() { Map::new() } else { object(overrides)? };
    parsed.insert("cpuPartitioningMode".to_owned(), json!("AllNodes"));
    Ok(write(&Value::Object(parsed)))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("it is JSON, but no object".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

/// A value in one line.
pub(crate) fn write(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let fields = sorted.into_iter().map(|(key, value)| format!("{}:{}", text(key), write(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
        Value::String(value) => text(value),
        Value::Number(number) => match number.as_f64() {
            Some(float)
                if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 && float.abs() < 1e15 =>
            {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

fn text(value: &str) -> String {
    let mut out = Value::from(value).to_string();
    for (from, to) in [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        out = out.replace(from, to);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_type_stands_before_the_text_as_written() {
        assert_eq!(
            install_config("OVNKubernetes", "{ \"b\": 1,\n \"a\": 2}\n", false).unwrap(),
            "{\"networking\":{\"networkType\":\"OVNKubernetes\"}, \"b\": 1,\n \"a\": 2}\n"
        );
        assert_eq!(
            install_config("OpenShiftSDN", "", false).unwrap(),
            "{\"networking\":{\"networkType\":\"OpenShiftSDN\"}}"
        );
    }

    #[test]
    fn networking_in_the_overrides_is_merged_and_the_field_counts() {
        let overrides = r#"{"z": 1.0, "networking": {"networkType": "x", "ovn": "<a>"}}"#;
        assert_eq!(
            install_config("OVNKubernetes", overrides, false).unwrap(),
            r#"{"networking":{"networkType":"OVNKubernetes","ovn":"\u003ca\u003e"},"z":1}"#
        );
    }

    #[test]
    fn partitioning_all_nodes_overwrites_the_overrides() {
        let merged = install_config("OVNKubernetes", r#"{"cpuPartitioningMode": "None", "a": 1}"#, true);
        assert_eq!(
            merged.unwrap(),
            r#"{"networking":{"networkType":"OVNKubernetes"},"a":1,"cpuPartitioningMode":"AllNodes"}"#
        );
    }

    #[test]
    fn what_cannot_be_joined_is_refused() {
        for bad in ["{}", " {\"a\": 1}", "[1]", "{a: 1}", r#"{"networking": 1}"#] {
            assert!(install_config("OVNKubernetes", bad, false).is_err(), "{bad}");
        }
        assert!(install_config("OVN\"", "", false).is_err());
    }
}
