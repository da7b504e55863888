//! `diskPartition`: the checks, and the names that follow from a mount point.

use serde_json::Value;

use rackhand_spec::Code;

use crate::render::read::At;

/// Before this, in MiB, a partition would leave the root file system too little to install.
const LEAST_START: i64 = 25_000;

/// Checks each partition and puts in what follows from its mount point.
pub(super) fn complete(at: &At<'_>, disks: &mut Value) {
    let places = at.items();
    for (disk, place) in disks.as_array_mut().into_iter().flatten().zip(places) {
        let partitions = disk.get_mut("partitions").and_then(Value::as_array_mut);
        let places = place.given("partitions").map(|at| at.items()).unwrap_or_default();
        for (partition, place) in partitions.into_iter().flatten().zip(places) {
            one(&place, partition);
        }
    }
}

fn one(at: &At<'_>, partition: &mut Value) {
    let number = |field: &str| partition.get(field).and_then(Value::as_i64).unwrap_or_default();
    let text = |field: &str| partition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let field = |name: &str| at.child(name).unwrap_or_else(|| at.clone());
    if number("start") < LEAST_START {
        let message =
            format!("a partition starts at {LEAST_START} MiB or later: the system needs the room before");
        field("start").error(Code::InvalidValue, message);
    }
    if number("size") <= 0 {
        field("size").error(Code::InvalidValue, "the partition's size in MiB is missing");
    }
    let written = text("mount_point");
    if !written.starts_with('/') {
        field("mount_point")
            .error(Code::InvalidValue, "the mount point is an absolute path, such as /var/path");
        return;
    }
    let mount_point = clean(&written);
    let format = Some(text("file_system_format")).filter(|format| !format.is_empty());
    let label = mount_point.trim_start_matches('/').replace('/', "-");
    let unit = format!("{}.mount", unit_name(&mount_point));
    for (name, value) in [
        ("file_system_format", format.unwrap_or_else(|| "xfs".to_owned())),
        ("label", label),
        ("mountFileName", unit),
        ("mount_point", mount_point),
    ] {
        if let Some(partition) = partition.as_object_mut() {
            partition.insert(name.to_owned(), value.into());
        }
    }
}

/// An absolute path without `.`, `..` and double slashes.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// systemd's name for a path.
fn unit_name(path: &str) -> String {
    let bare = path.trim_matches('/');
    if bare.is_empty() {
        return "-".to_owned();
    }
    let mut out = String::new();
    for (index, byte) in bare.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if index == 0 => out.push_str("\\x2e"),
            b':' | b'_' | b'.' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_names_its_unit_as_systemd_does() {
        assert_eq!(unit_name("/var/lib/containers"), "var-lib-containers");
        assert_eq!(unit_name("/var/my-data/.x"), "var-my\\x2ddata-.x");
        assert_eq!(unit_name("/"), "-");
        assert_eq!(clean("/var//lib/./x/../y/"), "/var/lib/y");
    }
}
