//! The precise boot order: devices with names of their own, and the one of them that is booted once.
//!
//! What Redfish shows of it is the override: a device to be booted once reads as `Once` of its kind, and an override that
//! Redfish sets takes its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::{FirstDevice, Lasts, Machine};
use crate::personality::standard::boot::set_order;

/// Where the devices are kept.
const DEVICES: &str = "precise-boot";
/// Where the name of the device is kept that is booted once.
const ONE_TIME: &str = "one-time-precise-boot";
/// What a server tries that nobody has told anything, in that order.
const FACTORY: [&str; 3] = ["Hdd", "Cd", "Pxe"];

/// A class of devices.
pub(super) struct Kind {
    /// Its name.
    pub(super) class: &'static str,
    /// What the relative name of such a device begins with.
    pub(super) prefix: &'static str,
    /// Its `type`.
    pub(super) kind: &'static str,
    /// What can be said of it besides name, order and state.
    pub(super) attributes: &'static [&'static str],
    /// What the machine boots when it comes to such a device; without a `subtype`.
    source: &'static str,
}

/// Classes, their relative names and types: CiscoUcs/imcsdk.
pub(super) static KINDS: [Kind; 11] = [
    kind("lsbootVMedia", "vm-", "VMEDIA", &["subtype", "access"], "Cd"),
    kind("lsbootPxe", "pxe-", "PXE", &["slot", "port", "interfaceSource", "macAddress", "ipType"], "Pxe"),
    kind(
        "lsbootHttp",
        "http-",
        "HTTP",
        &["slot", "port", "interfaceSource", "macAddress", "ipType", "uri"],
        "Http",
    ),
    kind("lsbootHdd", "hdd-", "LOCALHDD", &["slot"], "Hdd"),
    kind("lsbootNVMe", "nvme-", "NVME", &[], "NVMe"),
    kind("lsbootPchStorage", "pchstorage-", "PCHSTORAGE", &["lun"], "PchStorage"),
    kind("lsbootUefiShell", "uefishell-", "UEFISHELL", &[], "UefiShell"),
    kind("lsbootUsb", "usb-", "USB", &["subtype"], "Usb"),
    kind("lsbootSan", "san-", "SAN", &["slot", "lun", "port"], "San"),
    kind("lsbootIscsi", "iscsi-", "ISCSI", &["slot", "port"], "Iscsi"),
    kind("lsbootSd", "sdcard-", "SDCARD", &["subtype", "lun"], "Sd"),
];

const fn kind(
    class: &'static str,
    prefix: &'static str,
    kind: &'static str,
    attributes: &'static [&'static str],
    source: &'static str,
) -> Kind {
    Kind { class, prefix, kind, attributes, source }
}

/// The class of that name.
pub(super) fn kind_of(class: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.class == class)
}

/// A device of the precise boot order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) class: String,
    pub(super) name: String,
    /// Its place, from 1.
    pub(super) order: u8,
    pub(super) enabled: bool,
    /// What else was said of it.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Device {
    /// What the machine boots when it comes to this device. Of virtual media only what the CIMC maps has anything in it:
    /// nobody sits at a KVM.
    fn source(&self) -> String {
        let own = kind_of(&self.class).map_or("", |kind| kind.source);
        match self.attributes.get("subtype").map_or("", String::as_str) {
            "" | "cimc-mapped-dvd" => own.into(),
            other => other.into(),
        }
    }
}

/// The devices, in their order.
pub(super) fn devices(machine: &Machine) -> Vec<Device> {
    let kept = machine.oem.get(DEVICES).cloned().unwrap_or(Value::Array(Vec::new()));
    serde_json::from_value(kept).unwrap_or_default()
}

/// Puts devices into force: the next boot tries them in their order, and after them what they do not speak of.
pub(super) fn set_devices(machine: &mut Machine, mut devices: Vec<Device>) {
    devices.sort_by_key(|device| device.order);
    if one_time(machine).is_some_and(|name| !devices.iter().any(|device| device.name == name)) {
        set_one_time(machine, None);
    }
    let spoken_of: Vec<String> = devices.iter().map(Device::source).collect();
    let mut order: Vec<String> = Vec::new();
    for device in devices.iter().filter(|device| device.enabled) {
        let source = device.source();
        if !order.contains(&source) {
            order.push(source);
        }
    }
    order.extend(FACTORY.iter().map(|word| (*word).to_owned()).filter(|word| !spoken_of.contains(word)));
    set_order(machine, order);
    machine.oem.insert(DEVICES.into(), serde_json::to_value(devices).unwrap_or_default());
}

/// The name of the device that is booted once: as it was set, or the first of the kind that Redfish's override names.
pub(super) fn one_time(machine: &Machine) -> Option<String> {
    if machine.boot.first.is_some() {
        return machine.oem.get(ONE_TIME).and_then(Value::as_str).map(str::to_owned);
    }
    let once = machine.boot.lasts == Lasts::Once;
    let found = devices(machine).into_iter().find(|device| once && device.source() == machine.boot.target)?;
    Some(found.name)
}

/// Boots a configured device once, or none; false when there is no such device.
pub(super) fn set_one_time(machine: &mut Machine, name: Option<&str>) -> bool {
    let before = one_time(machine).unwrap_or_else(|| "none".into());
    let first = match name {
        None => None,
        Some(name) => {
            let Some(device) = devices(machine).into_iter().find(|device| device.name == name) else {
                return false;
            };
            Some(FirstDevice { source: device.source(), once: true })
        }
    };
    // There is one device that is booted once, whichever way it was set.
    if machine.boot.lasts == Lasts::Once {
        let from = format!("Once {}", machine.boot.target);
        machine.boot.lasts = Lasts::Disabled;
        machine.boot.target = "None".into();
        machine.note("boot-override", from, "Disabled None");
    }
    machine.boot.first = first;
    machine.oem.insert(ONE_TIME.into(), name.unwrap_or_default().into());
    machine.note("first-device", before, name.unwrap_or("none"));
    true
}

/// The device that was to be booted once no longer is: an override of Redfish's has taken its place.
pub(super) fn forget_one_time(machine: &mut Machine) {
    let before = one_time(machine).unwrap_or_default();
    if machine.boot.first.take().is_some() {
        machine.oem.remove(ONE_TIME);
        machine.note("first-device", before, "none");
    }
}

/// Where the boot order was last set from.
pub(super) fn set_from(machine: &Machine) -> &'static str {
    match (machine.boot.first.is_some(), machine.oem.contains_key(DEVICES)) {
        (true, _) => "CIMCOneTimeBoot",
        (false, true) => "CIMC",
        (false, false) => "BIOS",
    }
}
