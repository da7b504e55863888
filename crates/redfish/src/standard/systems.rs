//! Which System is the machine.

use rackhand_bmc::{ErrorKind, Quirks, Result};

use super::{dialect::Dialect, quirks};
use crate::{
    client::Client,
    document::{Document, names},
    uri::same_resource,
};

/// Finds the System: the one the target names, else the only one, else the only one that the BMC's own Manager manages.
pub(crate) async fn choose(
    client: &Client,
    root: &Document,
    dialect: &dyn Dialect,
    cures: &Quirks,
    wanted: Option<&str>,
) -> Result<Document> {
    let Some(systems) = root.link("Systems") else {
        return Err(client
            .error(ErrorKind::Unsupported, "the service root links no Systems; this BMC manages no server"));
    };
    if let Some(wanted) = wanted {
        return match client.get(wanted).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => {
                let known = client.member_uris(systems).await?.join(", ");
                let detail = format!("there is no System {wanted}; this BMC has: {known}");
                Err(client.error(ErrorKind::NotFound, detail))
            }
            answer => answer,
        };
    }
    let found = client.collection(systems).await?;
    let is_host = |system: &Document| dialect.is_system(system) || !cures.cures(quirks::NO_HOSTS);
    let mut hosts: Vec<Document> = found.documents.into_iter().filter(is_host).collect();
    if hosts.len() > 1
        && cures.cures(quirks::SEVERAL_SYSTEMS)
        && let Some(own) = managed_by_the_bmc(client, root, &hosts).await?
    {
        hosts = vec![own];
    }
    if hosts.is_empty()
        && let Some(skipped) = found.skipped.first()
    {
        // Read again for its own error: whether it passes, is forbidden, or the session has ended.
        return client.get(&skipped.what).await;
    }
    let list: Vec<&str> = hosts.iter().map(Document::uri).collect();
    let several =
        format!("this BMC has {} Systems; name one in the BMC's address: {}", list.len(), list.join(", "));
    let mut hosts = hosts.into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(only), None) => Ok(only),
        // Systems appear late after a BMC's restart (iDRAC shows none for two minutes), so nothing found passes.
        (None, _) => {
            let detail = "this BMC shows no System; it may still be starting";
            Err(client.error(ErrorKind::Busy { retry_after: None }, detail))
        }
        (Some(_), Some(_)) => Err(client.error(ErrorKind::RejectedValue { properties: Vec::new() }, several)),
    }
}

async fn managed_by_the_bmc(
    client: &Client,
    root: &Document,
    hosts: &[Document],
) -> Result<Option<Document>> {
    let Some(manager) = root.link("Links/ManagerProvidingService") else { return Ok(None) };
    let manager = client.get(manager).await?;
    let servers = manager.links("Links/ManagerForServers");
    let mut own = hosts.iter().filter(|host| {
        let managed = host.links("Links/ManagedBy");
        if servers.is_empty() {
            names(&managed, manager.uri())
        } else {
            servers.iter().any(|uri| same_resource(uri, host.uri()))
        }
    });
    Ok(match (own.next(), own.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    })
}
