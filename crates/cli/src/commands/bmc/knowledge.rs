//! `bmc … capabilities` and `bmc … quirks`: what is known of this BMC, and from where.

use rackhand_bmc::{Learned, Operation, Support};
use serde::Serialize;

use super::Here;
use crate::render::{Paint, Table};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    operation: Operation,
    support: Support,
    /// Whether it takes --allow-unverified.
    unverified: bool,
    source: String,
}

pub(super) fn capabilities(here: &Here<'_>) -> anyhow::Result<()> {
    let capabilities = &here.bmc.capabilities;
    let known = |operation: Operation| {
        let capability = capabilities.get(operation);
        Known {
            operation,
            support: capability.map_or(Support::Unknown, |known| known.support.clone()),
            unverified: capabilities.unverified(operation).is_some(),
            source: match capability.map(|known| &known.learned) {
                Some(Learned::Advertised) => "the BMC says so".to_owned(),
                Some(Learned::Documented(source)) => source.clone(),
                Some(Learned::Observed(seen)) => format!("seen: {seen}"),
                Some(Learned::Assumed) => "of every sound Redfish service".to_owned(),
                _ => "nothing says so".to_owned(),
            },
        }
    };
    let all: Vec<Known> = Operation::ALL.into_iter().map(known).collect();
    here.print(&all, || {
        let mut table = Table::new(&["OPERATION", "CAN", "KNOWN FROM"]);
        for one in &all {
            let can = if one.unverified {
                "unverified: takes --allow-unverified".to_owned()
            } else {
                one.support.to_string()
            };
            let paint = match one.support {
                Support::Supported => Paint::Good,
                Support::Unsupported(_) | Support::NeedsLicence(_) => Paint::Bad,
                _ => Paint::Warn,
            };
            table.painted([
                (format!("{:?}", one.operation), Paint::None),
                (can, paint),
                (one.source.clone(), Paint::Dim),
            ]);
        }
        table
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    seen: &'static str,
    source: &'static str,
    /// Whether it is of every vendor's BMCs.
    common: bool,
}

pub(super) fn quirks(here: &Here<'_>) -> anyhow::Result<()> {
    let who = &here.bmc.identity;
    let on = |quirks: &rackhand_bmc::Quirks, common: bool| -> Vec<Row> {
        quirks
            .rows_on(&who.generation, who.bmc_version.as_deref(), who.model.as_deref())
            .map(|quirk| Row { name: quirk.name, seen: quirk.seen, source: quirk.source, common })
            .collect()
    };
    let mut rows = on(&here.bmc.quirks, false);
    rows.extend(on(&here.bmc.cures, true));
    here.print(&rows, || {
        let mut table = Table::new(&["QUIRK", "WHAT WAS SEEN", "SOURCE"]);
        for row in &rows {
            table.painted([
                (row.name.to_owned(), Paint::None),
                (row.seen.to_owned(), Paint::None),
                (row.source.to_owned(), Paint::Dim),
            ]);
        }
        table
    })
}
