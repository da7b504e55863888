//! Precise boot devices of the XML API: the order, its devices, and the one that is booted once.
//!
//! A one-time device is named by the name that it has in the configured order, so it must be in there.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rackhand_bmc::{
    Attributes, BootMode, BootOption, BootSettings, BootTarget, ErrorKind, Mark, Outcome, OverrideEnabled,
    Pending, Result,
};

use crate::{cisco::Cisco, xml::Element};

const ORDER: &str = "lsbootDevPrecision";
const VMEDIA: &str = "lsbootVMedia";
const ONE_TIME: &str = "oneTimePrecisionBootDevice";
/// The subtype of the DVD that images by URL are mapped to (SDK).
const MAPPED_DVD: &str = "cimc-mapped-dvd";
/// What the virtual DVD is called where we add it to the order.
const OUR_DVD: &str = "rackhand-dvd";
/// The last place of the order (SDK: 1-255).
const LAST: u32 = 255;

/// Precise boot devices.
#[derive(Debug)]
pub(crate) struct Precise {
    cisco: Arc<Cisco>,
    /// What was armed over this connection and under which device's name: what to look for, never taken as state.
    armed: Mutex<Option<(BootTarget, String)>>,
    /// Whether somebody has asked for a mode, which Redfish does not show.
    mode_matters: AtomicBool,
}

impl Precise {
    pub(crate) fn new(cisco: Arc<Cisco>) -> Self {
        Self { cisco, armed: Mutex::default(), mode_matters: AtomicBool::new(false) }
    }

    fn dn(&self, below: &str) -> String {
        format!("{}/{below}", self.cisco.tree.server)
    }

    fn armed(&self) -> Option<(BootTarget, String)> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, armed: Option<(BootTarget, String)>) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = armed;
    }

    /// The configured devices, first one first.
    async fn devices(&self) -> Result<Vec<Element>> {
        let mut devices = self.cisco.xml.children(&self.dn("boot-precision"), None).await?;
        devices.retain(|device| device.get("name").is_some());
        devices.sort_by_key(order);
        Ok(devices)
    }

    /// Boots the device that `target` means at the next start, once.
    pub(crate) async fn arm(&self, target: &BootTarget) -> Result<Outcome> {
        let devices = self.devices().await?;
        let found =
            devices.iter().find(|device| is_meant(device, target)).and_then(|device| device.get("name"));
        let name = match found {
            Some(name) => name.to_owned(),
            None if *target == BootTarget::Cd => match self.add_dvd(&devices).await? {
                Outcome::Done => OUR_DVD.to_owned(),
                outcome => return Ok(outcome),
            },
            None => {
                let names: Vec<&str> = devices.iter().filter_map(|device| device.get("name")).collect();
                let detail = format!(
                    "no device of the configured boot order is {target} (devices: {})",
                    names.join(", ")
                );
                return Err(self.cisco.xml.error(ErrorKind::Unsupported, detail));
            }
        };
        let wanted = Element::new(ONE_TIME).with("dn", self.dn("one-time-precision-boot"));
        let wanted = wanted.with("device", name.as_str());
        let present = self.one_time().await?.ok_or_else(|| {
            let detail = "the XML API has no one-time devices on this firmware (SDK: since 3.0(1c))";
            self.cisco.xml.error(ErrorKind::Unsupported, detail)
        })?;
        // Looked for from now on, whatever becomes of the request.
        self.remember(Some((target.clone(), name)));
        if present.raw("device") == wanted.raw("device") {
            return Ok(Outcome::Unchanged);
        }
        let change = self.cisco.xml.change(wanted.with("rebootOnUpdate", "no")).await?;
        Ok(change.outcome(Outcome::Done))
    }

    /// Adds the virtual DVD to the order, behind everything else: without it there it cannot be booted once.
    async fn add_dvd(&self, devices: &[Element]) -> Result<Outcome> {
        let last = devices.iter().map(order).max().unwrap_or(0);
        if last >= LAST {
            let detail = "the boot order is full, so the virtual DVD cannot be added to it";
            return Err(self.cisco.xml.error(ErrorKind::Unsupported, detail));
        }
        let device = Element::new(VMEDIA)
            .with("dn", self.dn(&format!("boot-precision/vm-{OUR_DVD}")))
            .with("name", OUR_DVD)
            .with("order", (last + 1).to_string())
            .with("state", "Enabled")
            .with("subtype", MAPPED_DVD)
            .with("type", "VMEDIA")
            .with("status", "created");
        Ok(self.cisco.xml.change(device).await?.outcome(Outcome::Done))
    }

    async fn one_time(&self) -> Result<Option<Element>> {
        self.cisco.xml.resolve(&self.dn("one-time-precision-boot"), false).await
    }

    /// Takes a one-time device back. Where Redfish has overrides of its own (`only` is false), nothing is asked unless one
    /// was set over this connection.
    pub(crate) async fn clear(&self, only: bool) -> Result<Outcome> {
        if !only && self.armed().is_none() {
            return Ok(Outcome::Unchanged);
        }
        if self.one_time().await?.is_none_or(|present| present.get("device").is_none()) {
            self.remember(None);
            return Ok(Outcome::Unchanged);
        }
        let wanted = Element::new(ONE_TIME)
            .with("dn", self.dn("one-time-precision-boot"))
            .with("adminAction", "clear-one-time-boot-device");
        let outcome = self.cisco.xml.change(wanted).await?.outcome(Outcome::Done);
        if outcome == Outcome::Done {
            self.remember(None);
        }
        Ok(outcome)
    }

    /// Adds to what Redfish shows what only the XML API shows, as far as somebody has asked for it.
    pub(crate) async fn overlay(&self, mut settings: BootSettings) -> Result<BootSettings> {
        if let Some((target, name)) = self.armed()
            && self.one_time().await?.is_some_and(|present| present.get("device") == Some(name.as_str()))
        {
            settings.target = Some(target);
            settings.enabled = Some(OverrideEnabled::Once);
        }
        if settings.mode.is_none() && self.mode_matters.load(Ordering::Relaxed) {
            settings.mode = self.mode().await?;
        }
        Ok(settings)
    }

    async fn policy(&self) -> Result<Element> {
        self.cisco.xml.resolve(&self.dn("boot-precision"), false).await?.ok_or_else(|| {
            let detail = "the XML API has no precise boot order on this firmware (SDK: since 2.0)";
            self.cisco.xml.error(ErrorKind::Unsupported, detail)
        })
    }

    async fn mode(&self) -> Result<Option<BootMode>> {
        Ok(match self.policy().await?.get("configuredBootMode") {
            Some(mode) if mode.eq_ignore_ascii_case("uefi") => Some(BootMode::Uefi),
            Some(mode) if mode.eq_ignore_ascii_case("legacy") => Some(BootMode::Legacy),
            _ => None,
        })
    }

    /// Sets the mode. The API refuses Legacy while secure boot is on, so that is said before.
    pub(crate) async fn set_mode(&self, mode: BootMode) -> Result<Outcome> {
        let name = match mode {
            BootMode::Uefi => "Uefi",
            BootMode::Legacy => "Legacy",
        };
        self.mode_matters.store(true, Ordering::Relaxed);
        if self.policy().await?.says("configuredBootMode", name) {
            return Ok(Outcome::Unchanged);
        }
        if mode == BootMode::Legacy && self.secure_boot().await? == Some(true) {
            let detail = "secure boot is on; switch it off before the boot mode is set to Legacy";
            return Err(self.cisco.xml.error(ErrorKind::Conflict, detail));
        }
        let wanted = Element::new(ORDER)
            .with("dn", self.dn("boot-precision"))
            .with("configuredBootMode", name)
            .with("rebootOnUpdate", "no");
        let desired = Attributes::from([("configuredBootMode".to_owned(), name.into())]);
        Ok(self.cisco.xml.change(wanted).await?.outcome(pending(desired)))
    }

    /// The order, first device first.
    pub(crate) async fn order(&self) -> Result<Vec<BootOption>> {
        let option = |device: &Element| {
            let kind = device.get("subtype").or_else(|| device.get("type")).unwrap_or(&device.name);
            Some(BootOption { reference: device.get("name")?.to_owned(), name: Some(kind.to_owned()) })
        };
        Ok(self.devices().await?.iter().filter_map(option).collect())
    }

    /// Sets the order: the devices named first, the others behind them as they stand. The API wants them in order, and
    /// all at once.
    pub(crate) async fn set_order(&self, wanted: &[String]) -> Result<Outcome> {
        let devices = self.devices().await?;
        let name = |device: &Element| device.get("name").unwrap_or_default().to_owned();
        let unknown: Vec<String> = wanted
            .iter()
            .filter(|wanted| !devices.iter().any(|device| name(device) == **wanted))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let detail = format!("the configured boot order has no device {}", unknown.join(", "));
            return Err(self.cisco.xml.error(ErrorKind::RejectedValue { properties: unknown }, detail));
        }
        let place = |device: &Element| wanted.iter().position(|wanted| *wanted == name(device));
        let mut sorted: Vec<&Element> = devices.iter().collect();
        sorted.sort_by_key(|device| place(device).unwrap_or(wanted.len()));
        let names: Vec<String> = sorted.iter().map(|device| name(device)).collect();
        if devices.iter().map(name).eq(names.iter().cloned()) {
            return Ok(Outcome::Unchanged);
        }
        let mut policy =
            Element::new(ORDER).with("dn", self.dn("boot-precision")).with("rebootOnUpdate", "no");
        for (at, device) in sorted.into_iter().enumerate() {
            let child = Element::new(device.name.as_str()).with("dn", device.dn()).with("name", name(device));
            policy = policy.with_child(child.with("order", (at + 1).to_string()));
        }
        let desired = Attributes::from([("BootOrder".to_owned(), names.join(",").as_str().into())]);
        Ok(self.cisco.xml.change(policy).await?.outcome(pending(desired)))
    }

    /// Whether secure boot is set for the next boot.
    pub(crate) async fn secure_boot(&self) -> Result<Option<bool>> {
        let security = self.cisco.xml.resolve(&self.dn("boot-policy/boot-security"), false).await?;
        Ok(security.and_then(|security| match security.get("secureBoot")?.to_ascii_lowercase().as_str() {
            "enabled" | "enable" => Some(true),
            "disabled" | "disable" => Some(false),
            _ => None,
        }))
    }

    /// Switches secure boot on or off.
    pub(crate) async fn set_secure_boot(&self, enabled: bool) -> Result<Outcome> {
        let value = if enabled { "enabled" } else { "disabled" };
        let wanted = Element::new("lsbootBootSecurity")
            .with("dn", self.dn("boot-policy/boot-security"))
            .with("secureBoot", value);
        let desired = Attributes::from([("secureBoot".to_owned(), value.into())]);
        self.cisco.xml.ensure(wanted, pending(desired)).await
    }
}

fn pending(desired: Attributes) -> Outcome {
    let mark = Mark::default();
    Outcome::Pending(Pending { needs_reset: true, desired, mark, job: None, can_discard: false })
}

fn order(device: &Element) -> u32 {
    device.get("order").and_then(|order| order.parse().ok()).unwrap_or(u32::MAX)
}

/// Whether a configured device is what a target means. A target of no standard name is a device's own name.
fn is_meant(device: &Element, target: &BootTarget) -> bool {
    if device.says("state", "disabled") {
        return false;
    }
    match target {
        BootTarget::Cd => device.name == VMEDIA && device.says("subtype", MAPPED_DVD),
        BootTarget::Pxe => device.name == "lsbootPxe",
        BootTarget::UefiHttp => device.name == "lsbootHttp",
        BootTarget::Usb => device.name == "lsbootUsb",
        BootTarget::Hdd => matches!(device.name.as_str(), "lsbootHdd" | "lsbootNVMe" | "lsbootPchStorage"),
        BootTarget::Other(name) => device.get("name") == Some(name.as_str()),
        _ => false,
    }
}
