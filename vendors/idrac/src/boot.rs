//! Boot overrides that do not stand in the System, and the boot mode, which is a BIOS setting.

use std::sync::Arc;

use rackhand_bmc::{
    AttributeValue, Attributes, BiosStage, Boot, BootMode, BootOption, BootOverride, BootSettings,
    BootTarget, Fut, Outcome, OverrideEnabled, Result, SecureBootState,
};
use rackhand_redfish::Host;
use serde_json::json;

use crate::{
    bios::{self, JobBios},
    dialect::{attributes_of, settings_of},
    quirks::{self, Dell},
};

/// Where the override is, when the System is not the place.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Attributes of the iDRAC: `ServerBoot.1.FirstBootDevice` and `BootOnce`.
    Attributes(String),
    /// The System's settings resource.
    Settings(String),
}

/// The virtual CD as a `FirstBootDevice`.
const VIRTUAL_CD: &str = "VCD-DVD";
/// No device: the attribute's idle value. `BootOnce` reads Enabled then too (R750 6.00), so it alone says nothing.
const NO_DEVICE: &str = "Normal";
const DEVICE: &str = "ServerBoot.1.FirstBootDevice";
const ONCE: &str = "ServerBoot.1.BootOnce";
/// The BIOS setting that is the boot mode.
const MODE: &str = "BootMode";

/// Whether the System itself shows an override in force.
fn is_armed(shown: &BootSettings) -> bool {
    shown.enabled != Some(OverrideEnabled::Disabled) && !matches!(shown.target, None | Some(BootTarget::None))
}

impl Place {
    /// The place on this machine; `None` where it is the System.
    pub(crate) fn of(dell: &Dell) -> Option<Self> {
        let machine = &dell.machine;
        if dell.on(quirks::OVERRIDE_AT_SETTINGS) {
            return Some(Self::Settings(settings_of(&machine.system)));
        }
        attributes_of(machine).filter(|_| dell.on(quirks::PHYSICAL_CD)).map(Self::Attributes)
    }

    /// The settings that the System showed, corrected by what stands here.
    pub(crate) async fn corrected(&self, host: &Host, shown: BootSettings) -> Result<BootSettings> {
        let in_system = is_armed(&shown);
        match self {
            Self::Attributes(uri) => {
                let attributes = host.client.get(uri).await?;
                let value = |name: &str| attributes.str(&format!("Attributes/{name}"));
                let once = value(ONCE) != Some("Disabled");
                Ok(match value(DEVICE) {
                    // With both armed nobody knows which wins: it is not armed until the System's is gone.
                    Some(VIRTUAL_CD) if !in_system => BootSettings {
                        target: Some(BootTarget::Cd),
                        enabled: Some(if once { OverrideEnabled::Once } else { OverrideEnabled::Continuous }),
                        ..shown
                    },
                    _ => shown,
                })
            }
            Self::Settings(_) if in_system => Ok(shown),
            Self::Settings(uri) => {
                let settings = host.client.get(uri).await?;
                let target = settings.str("Boot/BootSourceOverrideTarget").map(BootTarget::parse);
                let enabled = match settings.str("Boot/BootSourceOverrideEnabled") {
                    Some("Once") => Some(OverrideEnabled::Once),
                    Some("Continuous") => Some(OverrideEnabled::Continuous),
                    Some("Disabled") => Some(OverrideEnabled::Disabled),
                    _ => shown.enabled,
                };
                Ok(BootSettings { target: target.or(shown.target), enabled, ..shown })
            }
        }
    }
}

/// The facet.
pub(crate) fn boot(dell: &Dell, standard: Arc<dyn Boot>) -> Arc<dyn Boot> {
    let (place, bios) = (Place::of(dell), bios::own(dell));
    Arc::new(DellBoot { dell: dell.clone(), standard, bios, place })
}

struct DellBoot {
    dell: Dell,
    standard: Arc<dyn Boot>,
    bios: JobBios,
    place: Option<Place>,
}

impl DellBoot {
    async fn set_first_device(&self, uri: &str, device: &str, once: bool) -> Result<Outcome> {
        let once = if once { "Enabled" } else { "Disabled" };
        let body = json!({"Attributes": {DEVICE: device, ONCE: once}});
        Ok(self.dell.client.patch(uri, None, body).await?.outcome())
    }

    async fn write(&self, wanted: BootOverride) -> Result<Outcome> {
        let Some(place @ Place::Attributes(uri)) = &self.place else {
            return self.standard.set_override(wanted).await;
        };
        if wanted.target == BootTarget::Cd && wanted.enabled != OverrideEnabled::Disabled {
            // One that an interrupted boot left in the System (held in setup, and switched off before it came there).
            if is_armed(&self.standard.settings().await?) {
                let none = BootOverride {
                    enabled: OverrideEnabled::Disabled,
                    ..BootOverride::once(BootTarget::None)
                };
                let cleared = self.standard.set_override(none).await?;
                if matches!(cleared, Outcome::Unknown { .. }) {
                    return Ok(cleared);
                }
            }
            return self.set_first_device(uri, VIRTUAL_CD, wanted.enabled == OverrideEnabled::Once).await;
        }
        // The attribute would win over what is set now, so it goes first.
        let shown = place.corrected(&self.dell, BootSettings::default()).await?;
        if shown.target == Some(BootTarget::Cd) {
            let cleared = self.set_first_device(uri, NO_DEVICE, true).await?;
            if matches!(cleared, Outcome::Unknown { .. }) {
                return Ok(cleared);
            }
        }
        self.standard.set_override(wanted).await
    }

    /// The boot mode goes the way of the other BIOS settings, so that it finds its place beside those that wait.
    async fn write_mode(&self, mode: BootMode) -> Result<Outcome> {
        if !self.dell.on(quirks::BOOT_MODE) {
            return self.standard.set_mode(mode).await;
        }
        let value = match mode {
            BootMode::Uefi => "Uefi",
            BootMode::Legacy => "Bios",
        };
        let attributes = Attributes::from([(MODE.to_owned(), AttributeValue::from(value))]);
        self.bios.write(&BiosStage { attributes, reason: "the boot mode".to_owned() }).await
    }
}

impl Boot for DellBoot {
    fn http_boot_settings(&self, url: &str) -> Attributes {
        self.standard.http_boot_settings(url)
    }

    fn settings(&self) -> Fut<'_, BootSettings> {
        Box::pin(async move {
            let shown = self.standard.settings().await?;
            match &self.place {
                Some(place) => place.corrected(&self.dell, shown).await,
                None => Ok(shown),
            }
        })
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        Box::pin(self.write(wanted))
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        self.standard.secure_boot()
    }

    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome> {
        self.standard.set_secure_boot(enabled)
    }

    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome> {
        Box::pin(self.write_mode(mode))
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        self.standard.order()
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        self.standard.set_order(order)
    }
}
