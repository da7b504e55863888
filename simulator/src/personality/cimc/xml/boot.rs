//! What is booted: the precise order, the device that is booted once, boot mode and Secure Boot.

use super::element::Element;
use super::object::Object;
use super::refusal::Refusal;
use crate::machine::Machine;
use crate::personality::cimc::precise::{self, Device, KINDS, Kind};

/// The precise boot order.
pub(super) const PRECISE: &str = "sys/rack-unit-1/boot-precision";
const ONE_TIME: &str = "sys/rack-unit-1/one-time-precision-boot";
const POLICY: &str = "sys/rack-unit-1/boot-policy";
/// Where `configuredBootMode` is kept when it is `None`: nobody has chosen.
const UNCHOSEN: &str = "boot-mode-unchosen";

/// The objects.
pub(super) fn objects(machine: &Machine) -> Vec<Object> {
    let unchosen = machine.oem.contains_key(UNCHOSEN);
    let mode = match machine.boot.mode.as_str() {
        _ if unchosen => "None",
        "Legacy" => "Legacy",
        _ => "Uefi",
    };
    let precise = Object::new("lsbootDevPrecision", PRECISE)
        .with("name", "boot-precision")
        .with("purpose", "operational")
        .with("configuredBootMode", mode)
        .with("lastConfiguredBootOrderSource", precise::set_from(machine))
        .with("rebootOnUpdate", "no")
        .with("reapply", "no")
        .holding(precise::devices(machine).iter().filter_map(device_object));
    let one_time = Object::new("oneTimePrecisionBootDevice", ONE_TIME)
        .with("device", precise::one_time(machine).unwrap_or_default())
        .with("rebootOnUpdate", "no");
    let secure = if machine.secure_boot.enable { "enabled" } else { "disabled" };
    let security =
        Object::new("lsbootBootSecurity", format!("{POLICY}/boot-security")).with("secureBoot", secure);
    let policy = Object::new("lsbootDef", POLICY)
        .with("name", "boot-policy")
        .with("purpose", "operational")
        .with("rebootOnUpdate", "no")
        .holding([security]);
    vec![precise, one_time, policy]
}

fn device_object(device: &Device) -> Option<Object> {
    let kind = precise::kind_of(&device.class)?;
    let mut object = Object::new(kind.class, format!("{PRECISE}/{}{}", kind.prefix, device.name))
        .with("name", device.name.as_str())
        .with("order", device.order.to_string())
        .with("state", if device.enabled { "Enabled" } else { "Disabled" })
        .with("type", kind.kind);
    for name in kind.attributes {
        object = object.with(name, device.attributes.get(*name).map_or("", String::as_str));
    }
    Some(object)
}

/// Relative name of a device that is described without one.
pub(super) fn relative_name(element: &Element) -> Option<String> {
    let kind = precise::kind_of(&element.name)?;
    Some(format!("{}{}", kind.prefix, element.get("name")?))
}

/// The mode of `lsbootDevPrecision`; its children follow by [`configure_device`].
///
/// # Errors
/// A mode that there is not, or that Secure Boot does not allow.
pub(super) fn configure_order(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    let Some(wanted) = element.get("configuredBootMode") else { return Ok(()) };
    let mode = match wanted {
        "Uefi" | "None" => "UEFI",
        "Legacy" => "Legacy",
        _ => return Err(Refusal::value(element, "configuredBootMode")),
    };
    if mode == "Legacy" && machine.secure_boot.enable {
        return Err(Refusal::operation("UEFI Secure Boot is enabled: the boot mode cannot be Legacy"));
    }
    if wanted == "None" {
        machine.oem.insert(UNCHOSEN.into(), true.into());
    } else {
        machine.oem.remove(UNCHOSEN);
    }
    let before = std::mem::replace(&mut machine.boot.mode, mode.into());
    machine.note("boot-mode", before, mode);
    Ok(())
}

/// The most and least of what a name consists of: CiscoUcs/imcsdk.
fn is_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric();
    let inner = |letter: char| plain(letter) || matches!(letter, '-' | '_');
    (1..=30).contains(&name.len())
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(inner)
}

/// Adds, changes or removes a device.
///
/// # Errors
/// A name, order, state or subtype that there is not; a removal of what is not there.
pub(super) fn configure_device(machine: &mut Machine, element: &Element, dn: &str) -> Result<(), Refusal> {
    let Some(kind) = KINDS.iter().find(|kind| kind.class == element.name) else { return Ok(()) };
    let own = format!("{PRECISE}/{}", kind.prefix);
    let name =
        dn.strip_prefix(&own).ok_or_else(|| Refusal::schema(format!("'{dn}' is no {}", kind.class)))?;
    let named = element.get("name").is_none_or(|said| said == name);
    if !named || !is_name(name) {
        return Err(Refusal::value(element, "name"));
    }
    let mut devices = precise::devices(machine);
    let known = devices.iter().position(|device| device.class == kind.class && device.name == name);
    if matches!(element.get("status"), Some("deleted" | "removed")) {
        let at = known.ok_or_else(|| Refusal::operation(format!("there is no boot device {name}")))?;
        devices.remove(at);
        renumber(&mut devices);
    } else {
        let before = known.map(|at| devices.remove(at));
        if devices.iter().any(|device| device.name == name) {
            return Err(Refusal::operation(format!("the name {name} is another boot device's")));
        }
        let device = described(kind, element, name, before, devices.len())?;
        let at = usize::from(device.order).saturating_sub(1).min(devices.len());
        devices.insert(at, device);
        renumber(&mut devices);
    }
    precise::set_devices(machine, devices);
    Ok(())
}

/// Places are counted without gaps.
fn renumber(devices: &mut [Device]) {
    for (place, device) in (1_u8..).zip(devices) {
        device.order = place;
    }
}

fn described(
    kind: &Kind,
    element: &Element,
    name: &str,
    before: Option<Device>,
    others: usize,
) -> Result<Device, Refusal> {
    let last = u8::try_from(others + 1).map_err(|_| Refusal::operation("there are too many boot devices"))?;
    let mut device = before.unwrap_or_else(|| Device {
        class: kind.class.into(),
        name: name.into(),
        order: last,
        enabled: true,
        attributes: [].into(),
    });
    if let Some(order) = element.get("order") {
        let place = order.parse().ok().filter(|place| *place > 0);
        device.order = place.ok_or_else(|| Refusal::value(element, "order"))?;
    }
    if let Some(state) = element.get("state") {
        device.enabled = match state {
            _ if state.eq_ignore_ascii_case("enabled") => true,
            _ if state.eq_ignore_ascii_case("disabled") => false,
            _ => return Err(Refusal::value(element, "state")),
        };
    }
    for attribute in kind.attributes {
        if let Some(value) = element.get(attribute) {
            device.attributes.insert((*attribute).into(), value.into());
        }
    }
    let subtypes =
        ["", "cimc-mapped-dvd", "cimc-mapped-hdd", "kvm-mapped-dvd", "kvm-mapped-hdd", "kvm-mapped-fdd"];
    let subtype = device.attributes.get("subtype").map_or("", String::as_str);
    if kind.class == "lsbootVMedia" && !subtypes.contains(&subtype) {
        return Err(Refusal::value(element, "subtype"));
    }
    Ok(device)
}

/// `oneTimePrecisionBootDevice`: a device that is configured, or none.
///
/// # Errors
/// A device that is not configured, an action that there is not.
pub(super) fn configure_one_time(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    match element.get("adminAction") {
        None | Some("") => {}
        Some("clear-one-time-boot-device") => {
            precise::set_one_time(machine, None);
            return Ok(());
        }
        Some(_) => return Err(Refusal::value(element, "adminAction")),
    }
    let Some(name) = element.get("device") else { return Ok(()) };
    if !is_name(name) {
        return Err(Refusal::value(element, "device"));
    }
    if precise::set_one_time(machine, Some(name)) {
        return Ok(());
    }
    Err(Refusal::operation(format!("there is no boot device {name}: it has to be configured first")))
}

/// `lsbootBootSecurity`: in force from the next POST on. Enabling it makes the boot mode UEFI.
///
/// # Errors
/// A value that there is not.
pub(super) fn configure_security(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    let Some(wanted) = element.get("secureBoot") else { return Ok(()) };
    let enable = match wanted.to_ascii_lowercase().as_str() {
        "enabled" | "enable" => true,
        "disabled" | "disable" => false,
        _ => return Err(Refusal::value(element, "secureBoot")),
    };
    machine.secure_boot.enable = enable;
    if enable {
        machine.oem.remove(UNCHOSEN);
        machine.boot.mode = "UEFI".into();
    }
    Ok(())
}
