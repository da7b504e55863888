//! Inventory: processors, memory, drives, volumes, network ports.

use std::sync::Arc;

use rackhand_bmc::{
    Accelerator, Drive, ErrorKind, Fut, HardwareInventory, Inventory, MemoryModule, NetworkPort, Processor,
    Result, Skipped, Volume,
};

use super::host::Host;
use crate::{
    collection::Collection,
    document::{Document, View},
};

/// What is in the machine.
#[derive(Debug)]
pub struct StandardInventory {
    host: Arc<Host>,
}

impl StandardInventory {
    /// Inventory of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn walk(&self) -> Result<HardwareInventory> {
        let system = self.host.system().await?;
        let mut found = HardwareInventory::default();
        let processors = self.members(&system, "Processors", &mut found.skipped).await?;
        found.processors =
            processors.iter().filter(|part| is_present(part) && is_cpu(part)).map(processor).collect();
        found.accelerators =
            processors.iter().filter(|part| is_present(part) && !is_cpu(part)).map(accelerator).collect();
        let memory = self.members(&system, "Memory", &mut found.skipped).await?;
        found.memory = memory.iter().filter(|part| is_present(part)).map(module).collect();
        let ports = self.members(&system, "EthernetInterfaces", &mut found.skipped).await?;
        found.ports = ports.iter().map(port).collect();
        self.storage(&system, &mut found).await?;
        Ok(found)
    }

    async fn storage(&self, system: &Document, found: &mut HardwareInventory) -> Result<()> {
        let controllers = self.members(system, "Storage", &mut found.skipped).await?;
        for controller in &controllers {
            let drives: Vec<String> = controller.links("Drives").into_iter().map(str::to_owned).collect();
            let Collection { documents, skipped } = self.host.client.each(&drives).await;
            found.drives.extend(documents.iter().filter(|part| is_present(part)).map(drive));
            found.skipped.extend(skipped);
            let volumes = self.members(controller, "Volumes", &mut found.skipped).await?;
            found.volumes.extend(volumes.iter().map(volume));
        }
        if controllers.is_empty() {
            let simple = self.members(system, "SimpleStorage", &mut found.skipped).await?;
            found.drives.extend(simple.iter().flat_map(simple_drives));
        }
        Ok(())
    }

    /// The members of a linked collection. One that is linked but not served costs that collection alone.
    async fn members(
        &self,
        from: &Document,
        link: &str,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Vec<Document>> {
        let Some(uri) = from.link(link) else { return Ok(Vec::new()) };
        match self.host.client.collection(uri).await {
            Ok(found) => {
                skipped.extend(found.skipped);
                Ok(found.documents)
            }
            Err(error) if matters_to_all(error.kind()) => Err(error),
            Err(error) => {
                skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
                Ok(Vec::new())
            }
        }
    }
}

/// Whether the next read would fail the same way.
fn matters_to_all(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unreachable
            | ErrorKind::Untrusted { .. }
            | ErrorKind::RefusedCredentials
            | ErrorKind::Locked { .. }
            | ErrorKind::Ledger
    )
}

impl Inventory for StandardInventory {
    fn inventory(&self) -> Fut<'_, HardwareInventory> {
        Box::pin(self.walk())
    }

    fn ports(&self) -> Fut<'_, Vec<NetworkPort>> {
        Box::pin(async move {
            // The link was read while connecting; what is behind it is read now.
            let Some(uri) = self.host.machine.system.link("EthernetInterfaces") else {
                return Ok(Vec::new());
            };
            let found = self.host.client.collection(uri).await?;
            for skipped in &found.skipped {
                tracing::warn!(bmc = self.host.client.bmc(), port = %skipped.what, why = %skipped.why, "a network port cannot be read");
            }
            Ok(found.documents.iter().map(port).collect())
        })
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn is_present(part: &Document) -> bool {
    part.str("Status/State") != Some("Absent")
}

/// GPUs and other accelerators stand in the same collection.
fn is_cpu(part: &Document) -> bool {
    matches!(part.str("ProcessorType"), None | Some("CPU"))
}

fn processor(part: &Document) -> Processor {
    Processor {
        id: part.id().to_owned(),
        model: owned(part.str("Model")),
        cores: part.u64("TotalCores"),
        threads: part.u64("TotalThreads"),
    }
}

fn accelerator(part: &Document) -> Accelerator {
    let kind = part.str("ProcessorType").unwrap_or("Accelerator").to_owned();
    Accelerator { id: part.id().to_owned(), kind, model: owned(part.str("Model")) }
}

fn module(part: &Document) -> MemoryModule {
    // SizeMB is iLO 4's name.
    let mebibytes = part.u64("CapacityMiB").or_else(|| part.u64("SizeMB"));
    MemoryModule { id: part.id().to_owned(), mebibytes, part_number: owned(part.str("PartNumber")) }
}

fn drive(part: &Document) -> Drive {
    Drive {
        id: part.id().to_owned(),
        model: owned(part.str("Model")),
        serial: owned(part.str("SerialNumber")),
        bytes: part.u64("CapacityBytes"),
        media: owned(part.str("MediaType")),
        protocol: owned(part.str("Protocol")),
    }
}

fn simple_drives(storage: &Document) -> Vec<Drive> {
    let device = |(at, device): (usize, View<'_>)| Drive {
        id: device.str("Name").map_or_else(|| format!("{}-{at}", storage.id()), str::to_owned),
        model: owned(device.str("Model")),
        bytes: device.u64("CapacityBytes"),
        ..Drive::default()
    };
    storage.view().list("Devices").into_iter().enumerate().map(device).collect()
}

fn volume(part: &Document) -> Volume {
    Volume {
        id: part.id().to_owned(),
        name: owned(part.str("Name")),
        raid: owned(part.str("RAIDType").or_else(|| part.str("VolumeType"))),
        bytes: part.u64("CapacityBytes"),
    }
}

fn port(part: &Document) -> NetworkPort {
    let mac = part.str("PermanentMACAddress").or_else(|| part.str("MACAddress"));
    let link_up = part.str("LinkStatus").map(|status| status == "LinkUp");
    NetworkPort {
        id: part.id().to_owned(),
        mac: mac.map(|mac| mac.to_ascii_lowercase().replace('-', ":")),
        link_up,
    }
}
