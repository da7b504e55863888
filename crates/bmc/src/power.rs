//! Power and the host's progress through POST.

use serde::{Deserialize, Serialize};

use crate::{BootSettings, Fut, Outcome};

/// Power of one System.
///
/// ```
/// # use rackhand_bmc::{Bmc, PowerState, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let view = bmc.power()?.observe().await?;
/// println!("{:?}, {:?}", view.power, view.progress);
/// if view.power == PowerState::Off {
///     bmc.power_on().await?; // Sends On, and waits until the BMC shows it.
/// }
/// # Ok(())
/// # }
/// ```
pub trait Power: Send + Sync {
    /// Reads the power state. One request.
    fn state(&self) -> Fut<'_, PowerState>;

    /// Reads the host as a whole: power, progress through POST, boot settings. One request where the BMC keeps them in
    /// one resource, as every Redfish service does.
    fn observe(&self) -> Fut<'_, HostView>;

    /// Sends one reset action. A target state that is reached already answers [`Outcome::Unchanged`] (many BMCs refuse
    /// it with 409), never an error. Not proven: read the state.
    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome>;
}

/// The power state as observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PowerState {
    /// The host is off.
    Off,
    /// The host is on.
    On,
    /// Going on.
    PoweringOn,
    /// Going off.
    PoweringOff,
    /// Absent, null, or a value nobody knows.
    Unknown,
}

/// The reset actions of `ComputerSystem.Reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ResetType {
    /// Power on.
    On,
    /// Power off at once.
    ForceOff,
    /// Ask the operating system to shut down.
    GracefulShutdown,
    /// Ask the operating system to restart.
    GracefulRestart,
    /// Reset at once.
    ForceRestart,
    /// Non-maskable interrupt.
    Nmi,
    /// Power on at once.
    ForceOn,
    /// The power button.
    PushPowerButton,
    /// Off, then on.
    PowerCycle,
}

impl ResetType {
    /// Every action, for tables.
    pub const ALL: [Self; 9] = [
        Self::On,
        Self::ForceOff,
        Self::GracefulShutdown,
        Self::GracefulRestart,
        Self::ForceRestart,
        Self::Nmi,
        Self::ForceOn,
        Self::PushPowerButton,
        Self::PowerCycle,
    ];

    /// The name as Redfish spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::ForceOff => "ForceOff",
            Self::GracefulShutdown => "GracefulShutdown",
            Self::GracefulRestart => "GracefulRestart",
            Self::ForceRestart => "ForceRestart",
            Self::Nmi => "Nmi",
            Self::ForceOn => "ForceOn",
            Self::PushPowerButton => "PushPowerButton",
            Self::PowerCycle => "PowerCycle",
        }
    }

    /// The action that Redfish spells so, without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }
}

/// How far the host is, as the BMC shows it. BMCs differ in how much they show; `Unknown` is common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HostProgress {
    /// The BMC does not say.
    Unknown,
    /// Off.
    Off,
    /// In POST.
    InPost,
    /// In the firmware's setup screen.
    InSetup,
    /// POST is over; whether an operating system runs is not shown.
    PostFinished,
    /// An operating system is starting.
    OsBooting,
    /// An operating system runs.
    OsRunning,
}

impl HostProgress {
    /// Whether POST is known to be over, so that settings which needed it can be looked at.
    #[must_use]
    pub fn post_is_over(self) -> bool {
        matches!(self, Self::InSetup | Self::PostFinished | Self::OsBooting | Self::OsRunning)
    }
}

/// The host as one read shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostView {
    /// Power.
    pub power: PowerState,
    /// How far the host is.
    pub progress: HostProgress,
    /// Boot settings.
    pub boot: BootSettings,
    /// When the BMC says the host was last reset, as it writes it. Compared, never computed with: BMC clocks are wrong.
    pub last_reset: Option<String>,
}

/// How a host is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PowerOffPolicy {
    /// Ask the operating system first, then force once [`Pacing::graceful_off`](crate::Pacing) has passed.
    GracefulThenForce,
    /// Ask the operating system only; not going off is an error.
    GracefulOnly,
    /// Force at once.
    Force,
}
