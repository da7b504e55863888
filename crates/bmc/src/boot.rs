//! Boot override, boot mode and secure boot.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Attributes, Fut, Outcome};

/// What a System boots next.
///
/// ```
/// # use rackhand_bmc::{Bmc, BootTarget, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// bmc.boot_once(&BootTarget::Pxe).await?; // Arms it, and waits until the BMC shows it.
/// for device in bmc.boot()?.order().await? {
///     println!("{} {:?}", device.reference, device.name);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Boot: Send + Sync {
    /// Reads the boot settings. One request.
    fn settings(&self) -> Fut<'_, BootSettings>;

    /// Sets the boot override. Not proven: read the settings.
    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome>;

    /// Reads secure boot.
    fn secure_boot(&self) -> Fut<'_, SecureBootState>;

    /// Enables or disables secure boot; usually pending until a reset.
    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome>;

    /// Sets how firmware boots from now on; pending until a reset. Not proven: read the settings.
    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome>;

    /// Reads the persistent boot order, first device first.
    fn order(&self) -> Fut<'_, Vec<BootOption>>;

    /// Sets the persistent boot order, by the references that [`order`](Boot::order) answered. What is left out stays
    /// behind those named, where the BMC wants all of them.
    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome>;

    /// Whether an override has to say in which mode the host boots, or it boots in the other one (IPMI: a boot flag
    /// without its EFI bit is a legacy boot). Sends nothing.
    fn override_names_mode(&self) -> bool {
        false
    }

    /// The BIOS settings that tell firmware what a UEFI HTTP boot is to fetch, on BMCs where that is a BIOS setting (iLO's
    /// `UrlBootFile`, Dell's `HttpDev1Uri`). They have to be in force before the boot. Empty where the address goes
    /// with the override, as the standard's `HttpBootUri`. Sends nothing.
    fn http_boot_settings(&self, url: &str) -> Attributes {
        let _ = url;
        Attributes::new()
    }
}

/// The boot settings as observed. What the BMC does not show is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootSettings {
    /// The override's target.
    pub target: Option<BootTarget>,
    /// Whether the override is in force.
    pub enabled: Option<OverrideEnabled>,
    /// UEFI or legacy: how the machine boots.
    pub mode: Option<BootMode>,
    /// The mode that the override alone names, where that is told apart (IPMI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_mode: Option<BootMode>,
    /// The targets that the BMC says it accepts. Empty when it does not say (iDRAC10).
    pub allowed_targets: Vec<BootTarget>,
    /// What a UEFI HTTP boot fetches (`HttpBootUri`). `None` when the BMC does not show it; absent, empty and
    /// sushy-tools' text "None" all read as an empty text where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_uri: Option<String>,
}

impl BootSettings {
    /// Whether the next boot goes to `target`. A BMC that shows a target but no `Enabled`, or that shows every
    /// override as Continuous (sushy-tools), counts as armed.
    #[must_use]
    pub fn armed_for(&self, target: &BootTarget) -> bool {
        self.target.as_ref() == Some(target) && self.enabled != Some(OverrideEnabled::Disabled)
    }

    /// Whether the next boot goes to `target` in that mode. Where no mode is asked for, or the BMC does not show which one
    /// the override names, the target alone counts.
    #[must_use]
    pub fn armed_in(&self, target: &BootTarget, mode: Option<BootMode>) -> bool {
        let same = mode.is_none() || self.override_mode.is_none() || self.override_mode == mode;
        self.armed_for(target) && same
    }

    /// Whether the next boot fetches `url` over HTTP. Where the address `goes_along` with the override the BMC has to show
    /// it: an override of somebody else's names another. Elsewhere it is a BIOS setting, verified as such. A service that
    /// mounts what it is to fetch shows the CD armed, and the address beside it (sushy-tools).
    #[must_use]
    pub fn armed_for_http(&self, url: &str, goes_along: bool) -> bool {
        let names_it = self.http_uri.as_deref() == Some(url);
        (self.armed_for(&BootTarget::UefiHttp) && (names_it || !goes_along))
            || (self.armed_for(&BootTarget::Cd) && names_it)
    }
}

/// A wanted boot override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootOverride {
    /// Where to boot from.
    pub target: BootTarget,
    /// Once, always, or not.
    pub enabled: OverrideEnabled,
    /// The mode to boot in, where the BMC has it; `None` leaves it.
    pub mode: Option<BootMode>,
    /// What a UEFI HTTP boot fetches, where that is told with the override; `None` leaves it.
    pub http_uri: Option<String>,
}

impl BootOverride {
    /// The next boot goes to `target`, in the mode that is in force.
    #[must_use]
    pub fn once(target: BootTarget) -> Self {
        Self { target, enabled: OverrideEnabled::Once, mode: None, http_uri: None }
    }
}

/// The targets of `BootSourceOverrideTarget`, and the vendors' further ones by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BootTarget {
    /// No override.
    None,
    /// Network.
    Pxe,
    /// Optical, which on most BMCs means the virtual one.
    Cd,
    /// USB mass storage.
    Usb,
    /// Hard disk.
    Hdd,
    /// The setup screen.
    BiosSetup,
    /// A device path given apart.
    UefiTarget,
    /// UEFI HTTP boot.
    UefiHttp,
    /// Anything else, as the BMC spells it.
    Other(String),
}

impl BootTarget {
    /// The name as Redfish spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "None",
            Self::Pxe => "Pxe",
            Self::Cd => "Cd",
            Self::Usb => "Usb",
            Self::Hdd => "Hdd",
            Self::BiosSetup => "BiosSetup",
            Self::UefiTarget => "UefiTarget",
            Self::UefiHttp => "UefiHttp",
            Self::Other(name) => name,
        }
    }

    /// The target that Redfish spells so, without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        const KNOWN: [BootTarget; 8] = [
            BootTarget::None,
            BootTarget::Pxe,
            BootTarget::Cd,
            BootTarget::Usb,
            BootTarget::Hdd,
            BootTarget::BiosSetup,
            BootTarget::UefiTarget,
            BootTarget::UefiHttp,
        ];
        KNOWN
            .into_iter()
            .find(|target| target.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl fmt::Display for BootTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an override is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverrideEnabled {
    /// For the next boot only.
    Once,
    /// For every boot.
    Continuous,
    /// Not at all.
    Disabled,
}

/// How firmware boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootMode {
    /// UEFI.
    Uefi,
    /// BIOS compatibility.
    Legacy,
}

/// A device of the boot order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootOption {
    /// What the boot order calls it: `Boot0003`, `NIC.PxeDevice.1-1`.
    pub reference: String,
    /// The name people see, where the BMC gives one.
    pub name: Option<String>,
}

/// Secure boot as observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecureBootState {
    /// What is set for the next boot.
    pub enabled: Option<bool>,
    /// Whether the present boot was a secure one.
    pub current_boot: Option<bool>,
}
