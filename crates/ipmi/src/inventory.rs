//! Who the machine is, and that IPMI shows no more of what is in it.

use rackhand_bmc::{ErrorKind, Fut, HardwareInventory, Identity, Inventory, NetworkPort, Result, Skipped};

use crate::{
    device::{DeviceId, GetSystemGuid},
    fru::{Fru, GetFruInfo, PART, ReadFru},
    link::Link,
};

/// No inventory is larger: its areas are reached by offsets of one byte, in units of eight.
const LARGEST: u16 = 4096;

/// OpenIPMI's simulator, by the numbers of its own example.
const OPENIPMI: (u32, u16) = (0x1291, 0x0F02);

/// The facet.
pub(crate) struct NoHardware {
    pub(crate) link: Link,
}

impl Inventory for NoHardware {
    fn inventory(&self) -> Fut<'_, HardwareInventory> {
        Box::pin(async move {
            let missing = ["processors", "accelerators", "memory", "drives", "volumes", "network ports"];
            let why = "IPMI does not show them".to_owned();
            let skipped =
                missing.map(|what| Skipped { what: what.to_owned(), why: why.clone() }).into_iter().collect();
            Ok(HardwareInventory { skipped, ..HardwareInventory::default() })
        })
    }

    fn ports(&self) -> Fut<'_, Vec<NetworkPort>> {
        Box::pin(async move {
            Err(self.link.error(ErrorKind::Unsupported, "IPMI does not show the machine's network ports"))
        })
    }
}

/// Who the machine is. Its inventory and its UUID may be missing; a BMC that cannot be reached is an error.
pub(crate) async fn identity(link: &Link, device: &DeviceId) -> Result<Identity> {
    let fru = if device.support.fru {
        optional(link, fru(link).await)?.unwrap_or_default()
    } else {
        Fru::default()
    };
    let uuid = optional(link, link.read(GetSystemGuid).await)?.flatten();
    let simulator = (device.manufacturer, device.product) == OPENIPMI;
    let by = if simulator { "OpenIPMI, " } else { "" };
    Ok(Identity {
        vendor: device.vendor(),
        generation: format!("{by}IPMI {}", device.ipmi),
        system: format!("ipmi:device-{}", device.id),
        manufacturer: fru.manufacturer,
        model: fru.model,
        serial: fru.serial,
        uuid,
        bios_version: None,
        bmc_version: Some(device.firmware.clone()),
    })
}

/// `None` where the BMC says that it does not have it, in whatever words.
fn optional<T>(link: &Link, answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.messages().is_empty() && *error.kind() != ErrorKind::Protocol => Err(error),
        Err(error) => {
            tracing::debug!(bmc = %link.bmc(), %error, "a part of the identity was not read");
            Ok(None)
        }
    }
}

async fn fru(link: &Link) -> Result<Fru> {
    let info = link.read(GetFruInfo).await?;
    let size = info.size.min(LARGEST);
    let mut data = Vec::with_capacity(usize::from(size));
    let mut offset = 0u16;
    while offset < size {
        let mut count = PART.min(size - offset);
        if info.words {
            count = count.next_multiple_of(2);
        }
        let part = ReadFru { offset, count: u8::try_from(count).unwrap_or(u8::MAX), words: info.words };
        let bytes = match link.read(part).await {
            Ok(bytes) => bytes,
            // What was read before counts: some inventories are shorter than they say.
            Err(error) if !error.messages().is_empty() && !data.is_empty() => break,
            Err(error) => return Err(error),
        };
        offset = offset.saturating_add(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        data.extend(bytes);
    }
    Ok(Fru::parse(&data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::{Command as _, netfn},
        device::GetDeviceId,
        double::{Does, Double, link},
        fru::tests::inventory,
    };

    fn device() -> DeviceId {
        GetDeviceId.parse(&[0x20, 1, 7, 0x10, 2, 0xBF, 0xA2, 0x02, 0, 0, 1]).unwrap()
    }

    #[tokio::test]
    async fn an_inventory_is_read_in_parts_whatever_its_unit() {
        for words in [false, true] {
            let data = inventory();
            let double = Double::deciding(move |function, command, asked| match (function, command) {
                (netfn::STORAGE, 0x10) => {
                    let size = u16::try_from(data.len()).unwrap().to_le_bytes();
                    Some(Does::Answer(0, vec![size[0], size[1], u8::from(words)]))
                }
                (netfn::STORAGE, 0x11) => {
                    let unit = if words { 2 } else { 1 };
                    let start = usize::from(u16::from_le_bytes([asked[1], asked[2]])) * unit;
                    let end = (start + usize::from(asked[3]) * unit).min(data.len());
                    Some(Does::Answer(0, [&[asked[3]][..], &data[start..end]].concat()))
                }
                (netfn::APP, 0x37) => Some(Does::Answer(0xC1, Vec::new())),
                _ => None,
            });
            let who = identity(&link(&double), &device()).await.unwrap();
            assert_eq!(who.serial.as_deref(), Some("SN-0007"), "words: {words}");
            assert_eq!((who.uuid, who.generation.as_str()), (None, "IPMI 2.0"));
            assert_eq!(who.vendor, rackhand_bmc::Vendor::Dell);
        }
    }

    #[tokio::test]
    async fn a_machine_without_an_inventory_has_no_name_and_one_that_is_gone_is_an_error() {
        let double = Double::deciding(|function, _, _| {
            (function == netfn::STORAGE).then(|| Does::Answer(0xCB, Vec::new()))
        });
        double.does([Does::Answer(0xC1, Vec::new())]);
        let who = identity(&link(&double), &device()).await.unwrap();
        assert_eq!((who.manufacturer, who.model, who.serial, who.uuid), (None, None, None, None));
        let silent = Double::default();
        let error = identity(&link(&silent), &device()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Lost);
    }
}
