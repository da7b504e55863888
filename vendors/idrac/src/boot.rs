//! Boot overrides that do not stand in the System: two places where iDRACs keep them instead.

use std::sync::Arc;

use rackhand_bmc::{
    Boot, BootMode, BootOption, BootOverride, BootSettings, BootTarget, Fut, HostView, Outcome,
    OverrideEnabled, Power, PowerState, ResetType, Result, SecureBootState,
};
use rackhand_redfish::{Host, Machine, last_segment};
use serde_json::json;

use crate::{dialect::settings_of, generation::Generation};

/// Where the override is, when the System is not the place.
#[derive(Debug, Clone)]
enum Place {
    /// iDRAC9 before 6.00: its `Cd` is the physical drive, and the virtual one is booted by the attributes
    /// `ServerBoot.1.FirstBootDevice` and `BootOnce`, at once and without a job (DS#90; not on iDRAC8).
    Attributes(String),
    /// iDRAC10: the System's settings resource (TF; DS#324).
    Settings(String),
}

/// The virtual CD as a `FirstBootDevice`.
const VIRTUAL_CD: &str = "VCD-DVD";
/// No device: the attribute's idle value. `BootOnce` reads Enabled then too (R750 6.00), so it alone says nothing.
const NO_DEVICE: &str = "Normal";
const DEVICE: &str = "ServerBoot.1.FirstBootDevice";
const ONCE: &str = "ServerBoot.1.BootOnce";

impl Place {
    fn of(machine: &Machine) -> Option<Self> {
        if Generation::of(machine) == Generation::Idrac10 {
            return Some(Self::Settings(settings_of(&machine.system)));
        }
        let manager = machine.manager().filter(|_| Generation::cd_is_physical(machine))?;
        let sets = manager.links("Links/Oem/Dell/DellAttributes");
        let own =
            sets.into_iter().find(|uri| last_segment(uri).eq_ignore_ascii_case(last_segment(manager.uri())));
        // The alias is where firmware that does not link the sets yet has the iDRAC's own (DS).
        Some(Self::Attributes(own.map_or_else(|| format!("{}/Attributes", manager.uri()), str::to_owned)))
    }

    /// The settings that the System showed, corrected by what stands here.
    async fn corrected(&self, host: &Host, shown: BootSettings) -> Result<BootSettings> {
        let in_system = shown.enabled != Some(OverrideEnabled::Disabled)
            && !matches!(shown.target, None | Some(BootTarget::None));
        match self {
            Self::Attributes(uri) => {
                let attributes = host.client.get(uri).await?;
                let value = |name: &str| attributes.str(&format!("Attributes/{name}"));
                let once = value(ONCE) != Some("Disabled");
                Ok(match value(DEVICE) {
                    Some(VIRTUAL_CD) => BootSettings {
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

/// Power whose look at the host shows the override from where it is.
pub(crate) fn power(host: &Arc<Host>, standard: Arc<dyn Power>) -> Arc<dyn Power> {
    match Place::of(&host.machine) {
        Some(place) => Arc::new(PlacedPower { host: Arc::clone(host), standard, place }),
        None => standard,
    }
}

/// Boot settings that are read from, and written to, where they are.
pub(crate) fn boot(host: &Arc<Host>, standard: Arc<dyn Boot>) -> Arc<dyn Boot> {
    match Place::of(&host.machine) {
        Some(place) => Arc::new(PlacedBoot { host: Arc::clone(host), standard, place }),
        None => standard,
    }
}

struct PlacedPower {
    host: Arc<Host>,
    standard: Arc<dyn Power>,
    place: Place,
}

impl Power for PlacedPower {
    fn state(&self) -> Fut<'_, PowerState> {
        self.standard.state()
    }

    fn observe(&self) -> Fut<'_, HostView> {
        Box::pin(async move {
            let mut view = self.standard.observe().await?;
            view.boot = self.place.corrected(&self.host, view.boot).await?;
            Ok(view)
        })
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        self.standard.reset(kind)
    }
}

struct PlacedBoot {
    host: Arc<Host>,
    standard: Arc<dyn Boot>,
    place: Place,
}

impl PlacedBoot {
    async fn set_first_device(&self, uri: &str, device: &str, once: bool) -> Result<Outcome> {
        let once = if once { "Enabled" } else { "Disabled" };
        let body = json!({"Attributes": {DEVICE: device, ONCE: once}});
        Ok(self.host.client.patch(uri, None, body).await?.outcome())
    }

    async fn write(&self, wanted: BootOverride) -> Result<Outcome> {
        let Place::Attributes(uri) = &self.place else { return self.standard.set_override(wanted).await };
        if wanted.target == BootTarget::Cd && wanted.enabled != OverrideEnabled::Disabled {
            return self.set_first_device(uri, VIRTUAL_CD, wanted.enabled == OverrideEnabled::Once).await;
        }
        // The attribute would win over what is set now, so it goes first.
        let shown = self.place.corrected(&self.host, BootSettings::default()).await?;
        if shown.target == Some(BootTarget::Cd) {
            let cleared = self.set_first_device(uri, NO_DEVICE, true).await?;
            if matches!(cleared, Outcome::Unknown { .. }) {
                return Ok(cleared);
            }
        }
        self.standard.set_override(wanted).await
    }
}

impl Boot for PlacedBoot {
    fn settings(&self) -> Fut<'_, BootSettings> {
        Box::pin(async move { self.place.corrected(&self.host, self.standard.settings().await?).await })
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
        self.standard.set_mode(mode)
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        self.standard.order()
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        self.standard.set_order(order)
    }
}
