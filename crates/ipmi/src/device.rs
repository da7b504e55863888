//! The management controller: who it is, the session's privilege, its restart.

use rackhand_bmc::{ErrorKind, Vendor};

use crate::{
    command::{Command, netfn, u16_at},
    options::Privilege,
};

/// Get Device ID. Any session may ask it, at any time, which makes it the sign of life too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetDeviceId;

/// What a management controller says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceId {
    pub(crate) id: u8,
    /// It takes commands; false while it updates itself.
    pub(crate) available: bool,
    /// Its firmware: major and minor part, the latter as two digits.
    pub(crate) firmware: String,
    pub(crate) ipmi: String,
    pub(crate) manufacturer: u32,
    pub(crate) product: u16,
    pub(crate) support: Support,
}

/// Which of the optional devices it says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Support {
    pub(crate) sensors: bool,
    pub(crate) sensor_records: bool,
    pub(crate) event_log: bool,
    pub(crate) fru: bool,
    pub(crate) chassis: bool,
}

impl Command for GetDeviceId {
    type Output = DeviceId;
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x01;

    fn name(&self) -> String {
        "IPMI Get Device ID".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<DeviceId> {
        let [id, _revision, major, minor, ipmi, support, low, middle, high, ..] = data else { return None };
        let has = |bit: u8| support & (1 << bit) != 0;
        Some(DeviceId {
            id: *id,
            available: major & 0x80 == 0,
            // The minor part is in decimal digits, one per half; where it is not, the hexadecimal ones are
            // what others show.
            firmware: format!("{}.{minor:02x}", major & 0x7F),
            ipmi: format!("{}.{}", ipmi & 0x0F, ipmi >> 4),
            manufacturer: u32::from_le_bytes([*low, *middle, *high, 0]) & 0x000F_FFFF,
            product: u16_at(data, 9).unwrap_or(0),
            support: Support {
                sensors: has(0),
                sensor_records: has(1),
                event_log: has(2),
                fru: has(3),
                chassis: has(7),
            },
        })
    }
}

impl DeviceId {
    /// The vendor behind a manufacturer's number, as the IANA gave them out.
    pub(crate) fn vendor(&self) -> Vendor {
        match self.manufacturer {
            674 => Vendor::Dell,
            11 | 47_196 => Vendor::Hpe,
            5771 => Vendor::Cisco,
            10_876 => Vendor::Supermicro,
            19_046 => Vendor::Lenovo,
            _ => Vendor::Generic,
        }
    }
}

/// Get System GUID.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetSystemGuid;

impl Command for GetSystemGuid {
    /// As text, where its bytes have one order only in which they are a UUID.
    type Output = Option<String>;
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x37;

    fn name(&self) -> String {
        "IPMI Get System GUID".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<Option<String>> {
        let bytes: [u8; 16] = data.get(..16)?.try_into().ok()?;
        Some(uuid(bytes))
    }
}

/// The UUID that sixteen bytes are. BMCs write it in three orders: that of RFC 4122, that of SMBIOS (the
/// first three fields lowest byte first), and that of the IPMI specification (all of it backwards). A UUID
/// says its version and variant, and when exactly one order shows sound ones, that is it; otherwise nobody
/// can tell.
fn uuid(bytes: [u8; 16]) -> Option<String> {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let [i, j, k, l, m, n, o, p] = rest;
    let mut backwards = bytes;
    backwards.reverse();
    let orders = [bytes, [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p], backwards];
    let sound = |order: &&[u8; 16]| {
        let [_, _, _, _, _, _, version, _, variant, ..] = order;
        (1..=5).contains(&(version >> 4)) && variant & 0xC0 == 0x80
    };
    let mut found = orders.iter().filter(sound);
    let (Some(order), None) = (found.next(), found.next()) else { return None };
    let hex = |range: std::ops::Range<usize>| -> String {
        order.get(range).unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    Some(format!("{}-{}-{}-{}-{}", hex(0..4), hex(4..6), hex(6..8), hex(8..10), hex(10..16)))
}

/// Set Session Privilege Level. A session begins as a user's, who may read only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetPrivilege(pub(crate) Privilege);

impl Command for SetPrivilege {
    type Output = ();
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x3B;

    fn name(&self) -> String {
        format!("IPMI Set Session Privilege Level ({})", self.0)
    }

    fn data(&self) -> Vec<u8> {
        vec![self.0.level()]
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        match code {
            0x80 => Some((ErrorKind::Forbidden, "the user does not have this privilege")),
            0x81 => {
                Some((ErrorKind::Forbidden, "the user or the channel is limited to less than this privilege"))
            }
            0x82 => Some((ErrorKind::Forbidden, "privileges cannot be changed here")),
            _ => None,
        }
    }
}

/// Close Session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloseSession(pub(crate) u32);

impl Command for CloseSession {
    type Output = ();
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x3C;

    fn name(&self) -> String {
        "IPMI Close Session".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }
}

/// Cold Reset of the management controller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColdReset;

impl Command for ColdReset {
    type Output = ();
    const NETFN: u8 = netfn::APP;
    const NUMBER: u8 = 0x02;

    fn name(&self) -> String {
        "IPMI Cold Reset".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_device_id_is_read_as_others_show_it() {
        let data = [0x20, 0x01, 0x07, 0x10, 0x02, 0x8D, 0xA2, 0x02, 0x00, 0x00, 0x01, 0, 0, 0, 0];
        let seen = GetDeviceId.parse(&data).unwrap();
        assert_eq!((seen.firmware.as_str(), seen.ipmi.as_str()), ("7.10", "2.0"));
        assert_eq!((seen.manufacturer, seen.vendor(), seen.product), (674, Vendor::Dell, 256));
        assert!(seen.available && seen.support.chassis && seen.support.event_log && seen.support.fru);
        assert!(!seen.support.sensor_records);
        assert_eq!(GetDeviceId.parse(&data[..8]), None);
    }

    #[test]
    fn a_uuid_is_read_in_the_one_order_that_is_sound() {
        let wanted = Some("00112233-4455-4677-8899-aabbccddeeff".to_owned());
        let rfc =
            [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
        let smbios =
            [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x46, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
        let mut ipmi = rfc;
        ipmi.reverse();
        // The SMBIOS order of this one shows version 7, its reverse variant 0x46: both are unsound.
        assert_eq!(uuid(rfc), wanted);
        assert_eq!(uuid(smbios), wanted);
        assert_eq!(uuid(ipmi), wanted);
        assert_eq!(uuid([0; 16]), None);
        assert_eq!(uuid([0x44; 16]), None);
    }

    #[test]
    fn two_sound_orders_are_none() {
        let either = [0, 0, 0, 0, 0, 0, 0x41, 0x42, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(uuid(either), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(GetDeviceId.parse(&data).is_some(), data.len() >= 9);
            prop_assert_eq!(GetSystemGuid.parse(&data).is_some(), data.len() >= 16);
        }
    }
}
