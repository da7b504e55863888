//! The chassis: its state, and what it is told.

use rackhand_bmc::{ErrorKind, PowerState, ResetType};

use crate::command::{Command, netfn};

/// Get Chassis Status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetChassisStatus;

/// What of the chassis' state is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChassisStatus {
    pub(crate) on: bool,
    pub(crate) overload: bool,
    pub(crate) power_fault: bool,
    pub(crate) drive_fault: bool,
    pub(crate) cooling_fault: bool,
}

impl ChassisStatus {
    pub(crate) fn power(self) -> PowerState {
        if self.on { PowerState::On } else { PowerState::Off }
    }
}

impl Command for GetChassisStatus {
    type Output = ChassisStatus;
    const NETFN: u8 = netfn::CHASSIS;
    const NUMBER: u8 = 0x01;

    fn name(&self) -> String {
        "IPMI Get Chassis Status".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<ChassisStatus> {
        let (power, misc) = (*data.first()?, *data.get(2)?);
        let has = |byte: u8, bit: u8| byte & (1 << bit) != 0;
        Some(ChassisStatus {
            on: has(power, 0),
            overload: has(power, 1),
            // A fault of the main power, or of the control of it.
            power_fault: has(power, 3) || has(power, 4),
            drive_fault: has(misc, 2),
            cooling_fault: has(misc, 3),
        })
    }
}

/// Chassis Control.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChassisControl(pub(crate) Control);

/// What the chassis is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    PowerDown,
    PowerUp,
    PowerCycle,
    HardReset,
    Diagnostic,
    SoftShutdown,
}

impl Control {
    /// What a reset action is in IPMI's terms; `None` when it has no counterpart.
    pub(crate) fn of(kind: ResetType) -> Option<Self> {
        Some(match kind {
            ResetType::On | ResetType::ForceOn => Self::PowerUp,
            ResetType::ForceOff => Self::PowerDown,
            ResetType::GracefulShutdown => Self::SoftShutdown,
            ResetType::ForceRestart => Self::HardReset,
            ResetType::PowerCycle => Self::PowerCycle,
            ResetType::Nmi => Self::Diagnostic,
            _ => return None,
        })
    }

    /// The state in which there is nothing to do.
    pub(crate) fn satisfied_by(self) -> Option<PowerState> {
        match self {
            Self::PowerUp => Some(PowerState::On),
            Self::PowerDown | Self::SoftShutdown => Some(PowerState::Off),
            Self::PowerCycle | Self::HardReset | Self::Diagnostic => None,
        }
    }

    fn describe(self) -> (u8, &'static str) {
        match self {
            Self::PowerDown => (0, "power down"),
            Self::PowerUp => (1, "power up"),
            Self::PowerCycle => (2, "power cycle"),
            Self::HardReset => (3, "hard reset"),
            Self::Diagnostic => (4, "diagnostic interrupt"),
            Self::SoftShutdown => (5, "soft shutdown"),
        }
    }
}

impl Command for ChassisControl {
    type Output = ();
    const NETFN: u8 = netfn::CHASSIS;
    const NUMBER: u8 = 0x02;

    fn name(&self) -> String {
        format!("IPMI Chassis Control ({})", self.0.describe().1)
    }

    fn data(&self) -> Vec<u8> {
        vec![self.0.describe().0]
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        // Its one field is one of the specification's, some of which a BMC may leave out.
        matches!(code, 0xC9 | 0xCC).then_some((ErrorKind::Unsupported, "the BMC does not have this control"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_have_the_numbers_of_the_specification() {
        let bytes = |kind| Control::of(kind).map(|control| ChassisControl(control).data());
        assert_eq!(bytes(ResetType::ForceOff), Some(vec![0]));
        assert_eq!(bytes(ResetType::On), Some(vec![1]));
        assert_eq!(bytes(ResetType::PowerCycle), Some(vec![2]));
        assert_eq!(bytes(ResetType::ForceRestart), Some(vec![3]));
        assert_eq!(bytes(ResetType::Nmi), Some(vec![4]));
        assert_eq!(bytes(ResetType::GracefulShutdown), Some(vec![5]));
        assert_eq!(bytes(ResetType::GracefulRestart), None);
        assert_eq!(bytes(ResetType::PushPowerButton), None);
    }

    #[test]
    fn the_status_is_read_bit_by_bit() {
        let read = |data: &[u8]| GetChassisStatus.parse(data);
        let on = read(&[0x21, 0x10, 0x40]).unwrap();
        assert_eq!(on.power(), PowerState::On);
        assert!(!on.power_fault && !on.overload && !on.drive_fault && !on.cooling_fault);
        let faults = read(&[0x0A, 0x00, 0x0C, 0x00]).unwrap();
        assert_eq!(faults.power(), PowerState::Off);
        assert!(faults.power_fault && faults.overload && faults.drive_fault && faults.cooling_fault);
        assert_eq!(read(&[0x01, 0x00]), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(GetChassisStatus.parse(&data).is_some(), data.len() >= 3);
        }
    }
}
