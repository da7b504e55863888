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
