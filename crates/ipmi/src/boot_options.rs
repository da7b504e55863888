//! System boot options: the flags that say where the next boot goes, and what is to be said around them.

use rackhand_bmc::{BootMode, BootSettings, BootTarget, ErrorKind, OverrideEnabled};

use crate::command::{Command, netfn};

const BOOT_FLAGS: u8 = 5;

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
const UEFI: u8 = 0x20;

/// The boot flags (parameter 5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BootFlags {
    /// Whether the firmware is to heed them.
    pub(crate) valid: bool,
    /// For every boot, not the next alone.
    pub(crate) persistent: bool,
    /// Boot by UEFI.
    pub(crate) uefi: bool,
    /// Where from: a number of four bits.
    pub(crate) device: u8,
}

/// The device numbers that have a name.
const DEVICES: &[(u8, BootTarget)] = &[
    (0, BootTarget::None),
    (1, BootTarget::Pxe),
    (2, BootTarget::Hdd),
    (5, BootTarget::Cd),
    (6, BootTarget::BiosSetup),
];

impl BootFlags {
    /// The flags for a target; `None` when IPMI has no number for it.
    pub(crate) fn wanted(target: &BootTarget, enabled: OverrideEnabled, uefi: bool) -> Option<Self> {
        // Not valid rather than "valid, no device": flags that are valid and lack the UEFI bit make some
        // firmware boot in its BIOS mode for once.
        if *target == BootTarget::None || enabled == OverrideEnabled::Disabled {
            return Some(Self::default());
        }
        let (device, _) = DEVICES.iter().find(|(_, known)| known == target)?;
        let persistent = enabled == OverrideEnabled::Continuous;
        Some(Self { valid: true, persistent, uefi, device: *device })
    }

    /// The target that the device number means.
    pub(crate) fn target(self) -> BootTarget {
        match self.device {
            // Removable media behind the BMC's own drives: what they are is in the number, whether there are
            // any is not.
            8 => BootTarget::Cd,
            3 => BootTarget::Other("Hdd (safe mode)".to_owned()),
            4 => BootTarget::Other("Diagnostic partition".to_owned()),
            7 => BootTarget::Other("Remote floppy".to_owned()),
            9 => BootTarget::Other("Remote media".to_owned()),
            11 => BootTarget::Other("Remote hard disk".to_owned()),
            15 => BootTarget::Other("Floppy or removable media".to_owned()),
            number => match DEVICES.iter().find(|(known, _)| *known == number) {
                Some((_, target)) => target.clone(),
                None => BootTarget::Other(format!("device {number}")),
            },
        }
    }

    /// The settings that they mean. The mode is the override's own: how the machine boots otherwise does not show, and flags
    /// that are not valid say nothing of it.
    pub(crate) fn settings(self) -> BootSettings {
        let mode = if self.uefi { BootMode::Uefi } else { BootMode::Legacy };
        let (target, enabled, mode) = match (self.valid, self.persistent) {
            (false, _) => (BootTarget::None, OverrideEnabled::Disabled, None),
            (true, true) => (self.target(), OverrideEnabled::Continuous, Some(mode)),
            (true, false) => (self.target(), OverrideEnabled::Once, Some(mode)),
        };
        BootSettings {
            target: Some(target),
            enabled: Some(enabled),
            override_mode: mode,
            ..BootSettings::default()
        }
    }

    fn bytes(self) -> [u8; 5] {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let first = bit(self.valid, VALID) | bit(self.persistent, PERSISTENT) | bit(self.uefi, UEFI);
        [first, (self.device & 0x0F) << 2, 0, 0, 0]
    }
}

/// Get System Boot Options, for the boot flags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetBootFlags;

impl Command for GetBootFlags {
    type Output = BootFlags;
    const NETFN: u8 = netfn::CHASSIS;
    const NUMBER: u8 = 0x09;

    fn name(&self) -> String {
        "IPMI Get System Boot Options (boot flags)".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        vec![BOOT_FLAGS, 0, 0]
    }

    fn parse(&self, data: &[u8]) -> Option<BootFlags> {
        // Version, parameter (its top bit says that it is locked or invalid), then the five bytes.
        let (parameter, first, second) = (*data.get(1)?, *data.get(2)?, *data.get(3)?);
        (parameter & 0x7F == BOOT_FLAGS).then_some(BootFlags {
            valid: first & VALID != 0,
            persistent: first & PERSISTENT != 0,
            uefi: first & UEFI != 0,
            device: (second >> 2) & 0x0F,
        })
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        own_code(code)
    }
}

/// Set System Boot Options, one parameter of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetBootOption {
    /// Somebody sets several parameters, or has done so.
    InProgress(bool),
    /// Keep the flags valid although no chassis command comes within 60 s: a host is switched on when all
    /// else is ready.
    KeepFlags,
    /// The firmware has not seen these flags yet.
    Unseen,
    /// The flags.
    Flags(BootFlags),
}

impl Command for SetBootOption {
    type Output = ();
    const NETFN: u8 = netfn::CHASSIS;
    const NUMBER: u8 = 0x08;

    fn name(&self) -> String {
        let what = match self {
            Self::InProgress(true) => "set in progress",
            Self::InProgress(false) => "set complete",
            Self::KeepFlags => "no clearing after 60 s",
            Self::Unseen => "boot info acknowledge",
            Self::Flags(_) => "boot flags",
        };
        format!("IPMI Set System Boot Options ({what})")
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::InProgress(begun) => vec![0, u8::from(*begun)],
            Self::KeepFlags => vec![3, 0x08],
            // Write mask and value: the BIOS has yet to handle it.
            Self::Unseen => vec![4, 0x01, 0x01],
            Self::Flags(flags) => {
                let mut data = vec![BOOT_FLAGS];
                data.extend(flags.bytes());
                data
            }
        }
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        own_code(code)
    }
}

fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
    match code {
        0x80 => Some((ErrorKind::Unsupported, "the BMC does not have this boot option")),
        0x81 => Some((ErrorKind::Conflict, "somebody else is setting boot options")),
        0x82 => Some((ErrorKind::Unsupported, "this boot option can only be read")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(target: &BootTarget, enabled: OverrideEnabled, uefi: bool) -> Option<Vec<u8>> {
        BootFlags::wanted(target, enabled, uefi).map(|flags| SetBootOption::Flags(flags).data())
    }

    #[test]
    fn flags_have_the_bytes_of_the_specification() {
        use OverrideEnabled::{Continuous, Disabled, Once};
        assert_eq!(data(&BootTarget::Pxe, Once, true), Some(vec![5, 0xA0, 0x04, 0, 0, 0]));
        assert_eq!(data(&BootTarget::Pxe, Continuous, true), Some(vec![5, 0xE0, 0x04, 0, 0, 0]));
        assert_eq!(data(&BootTarget::Hdd, Once, false), Some(vec![5, 0x80, 0x08, 0, 0, 0]));
        assert_eq!(data(&BootTarget::Cd, Once, true), Some(vec![5, 0xA0, 0x14, 0, 0, 0]));
        assert_eq!(data(&BootTarget::BiosSetup, Once, true), Some(vec![5, 0xA0, 0x18, 0, 0, 0]));
        assert_eq!(data(&BootTarget::None, Once, true), Some(vec![5, 0, 0, 0, 0, 0]));
        assert_eq!(data(&BootTarget::Pxe, Disabled, true), Some(vec![5, 0, 0, 0, 0, 0]));
        assert_eq!(data(&BootTarget::UefiHttp, Once, true), None);
    }

    #[test]
    fn what_goes_around_the_flags_is_as_others_send_it() {
        assert_eq!(SetBootOption::InProgress(true).data(), [0, 1]);
        assert_eq!(SetBootOption::InProgress(false).data(), [0, 0]);
        assert_eq!(SetBootOption::KeepFlags.data(), [3, 8]);
        assert_eq!(SetBootOption::Unseen.data(), [4, 1, 1]);
    }

    #[test]
    fn flags_that_are_not_valid_are_no_override() {
        let read = |data: &[u8]| GetBootFlags.parse(data).map(BootFlags::settings);
        let consumed = read(&[1, 5, 0x20, 0x04, 0, 0, 0]).unwrap();
        assert!(!consumed.armed_for(&BootTarget::Pxe));
        assert_eq!((consumed.enabled, consumed.override_mode), (Some(OverrideEnabled::Disabled), None));
        let armed = read(&[1, 5, 0xA0, 0x04, 0, 0, 0]).unwrap();
        assert!(armed.armed_for(&BootTarget::Pxe));
        assert_eq!((armed.enabled, armed.override_mode), (Some(OverrideEnabled::Once), Some(BootMode::Uefi)));
        assert_eq!(read(&[1, 4, 0xA0, 0x04, 0, 0, 0]), None, "another parameter");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(flags) = GetBootFlags.parse(&data) {
                prop_assert!(flags.device < 16);
                prop_assert!(flags.settings().target.is_some());
            }
        }

        #[test]
        fn what_is_written_reads_back(device in 0usize..4, persistent: bool, uefi: bool) {
            let targets = [BootTarget::Pxe, BootTarget::Hdd, BootTarget::Cd, BootTarget::BiosSetup];
            let enabled = if persistent { OverrideEnabled::Continuous } else { OverrideEnabled::Once };
            let flags = BootFlags::wanted(&targets[device], enabled, uefi).unwrap();
            let mut answer = vec![1];
            answer.extend(SetBootOption::Flags(flags).data());
            prop_assert_eq!(GetBootFlags.parse(&answer), Some(flags));
            prop_assert_eq!(flags.target(), targets[device].clone());
        }
    }
}
