//! Network ports of a System that links no EthernetInterfaces (no-ethernet-interfaces): by its adapters.

use std::{collections::BTreeSet, sync::Arc};

use rackhand_bmc::{ErrorKind, Fut, HardwareInventory, Inventory, NetworkPort, Result, Skipped};
use rackhand_redfish::{Collection, Document};

use crate::cisco::Cisco;

/// Inventory of a CIMC: the standard's, with ports that only the adapters show.
pub(crate) struct CimcInventory {
    pub(crate) cisco: Arc<Cisco>,
    pub(crate) standard: Arc<dyn Inventory>,
}

impl CimcInventory {
    fn needs_adapters(&self) -> bool {
        let system = &self.cisco.host.machine.system;
        system.link("EthernetInterfaces").is_none() && self.cisco.on("no-ethernet-interfaces")
    }

    /// Ports by the functions of every adapter, one address once, and what could not be read.
    async fn by_adapters(&self) -> Result<(Vec<NetworkPort>, Vec<Skipped>)> {
        let Collection { documents: adapters, mut skipped } = self.adapters().await?;
        let mut seen = BTreeSet::new();
        let mut ports = Vec::new();
        for adapter in adapters {
            for name in ["NetworkDeviceFunctions", "NetworkPorts", "Ports"] {
                let Some(uri) = adapter.link(name) else { continue };
                match self.cisco.host.client.collection(uri).await {
                    Ok(found) => {
                        skipped.extend(found.skipped);
                        let shown = found.documents.iter().filter_map(|part| port(&adapter, part));
                        ports.extend(shown.filter(|port| seen.insert(port.mac.clone())));
                    }
                    // Linked but not served costs that collection alone.
                    Err(error) if *error.kind() == ErrorKind::NotFound => {
                        skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((ports, skipped))
    }

    /// The adapters: of the System's own interfaces, else of its chassis.
    async fn adapters(&self) -> Result<Collection> {
        let client = &self.cisco.host.client;
        let system = &self.cisco.host.machine.system;
        let mut adapters = Collection::default();
        if let Some(uri) = system.link("NetworkInterfaces") {
            let interfaces = client.collection(uri).await?;
            let links = interfaces.documents.iter().filter_map(|one| one.link("Links/NetworkAdapter"));
            let links: Vec<String> = links.map(str::to_owned).collect();
            adapters = client.each(&links).await;
            adapters.skipped.extend(interfaces.skipped);
            if !links.is_empty() {
                return Ok(adapters);
            }
        }
        for uri in system.links("Links/Chassis") {
            let chassis = client.get(uri).await?;
            let Some(uri) = chassis.link("NetworkAdapters") else { continue };
            let found = client.collection(uri).await?;
            adapters.documents.extend(found.documents);
            adapters.skipped.extend(found.skipped);
        }
        Ok(adapters)
    }
}

fn port(adapter: &Document, part: &Document) -> Option<NetworkPort> {
    let mac = ["Ethernet/PermanentMACAddress", "Ethernet/MACAddress", "AssociatedNetworkAddresses/0"]
        .iter()
        .find_map(|path| part.str(path))?;
    let link_up = part.str("LinkStatus").map(|status| matches!(status, "LinkUp" | "Up"));
    let mac = Some(mac.to_ascii_lowercase().replace('-', ":"));
    Some(NetworkPort { id: format!("{}/{}", adapter.id(), part.id()), mac, link_up })
}

impl Inventory for CimcInventory {
    fn inventory(&self) -> Fut<'_, HardwareInventory> {
        Box::pin(async move {
            let mut found = self.standard.inventory().await?;
            if self.needs_adapters() {
                let (ports, skipped) = self.by_adapters().await?;
                found.ports = ports;
                found.skipped.extend(skipped);
            }
            Ok(found)
        })
    }

    fn ports(&self) -> Fut<'_, Vec<NetworkPort>> {
        Box::pin(async move {
            if !self.needs_adapters() {
                return self.standard.ports().await;
            }
            let (ports, skipped) = self.by_adapters().await?;
            for one in &skipped {
                tracing::warn!(bmc = self.cisco.host.client.bmc(), adapter = %one.what, why = %one.why, "a network adapter cannot be read");
            }
            Ok(ports)
        })
    }
}
