//! `bmc`: one BMC, directly.

mod access;
mod bios;
mod boot;
mod inventory;
mod media;
mod power;

use rackhand_bmc::{Bmc, Outcome};
use serde::Serialize;

use crate::{
    Exit, World,
    args::{BmcArgs, BmcCommand, Format},
    options::Common,
    render::{Style, Table, output},
};

pub(crate) async fn run(args: BmcArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    let format = Format::from(args.output);
    let (command, bmc) = access::connect(args, &common, world).await?;
    let here = Here { bmc: &bmc, world, format, style: common.style };
    let result = match command {
        BmcCommand::Inventory => inventory::run(&here).await,
        BmcCommand::Power { command } => power::run(&here, command).await,
        BmcCommand::Boot { command } => boot::run(&here, command).await,
        BmcCommand::Media { command } => media::run(&here, command).await,
        BmcCommand::Bios { command } => bios::run(&here, command).await,
    };
    if let Err(error) = bmc.close().await {
        world
            .stderr
            .line(format_args!("warning: the BMC did not confirm that the session is given back: {error}"))?;
    }
    result.map(|()| Exit::Done)
}

/// A connected BMC and where to print.
struct Here<'a> {
    bmc: &'a Bmc,
    world: &'a World,
    format: Format,
    style: Style,
}

impl Here<'_> {
    /// Prints data: as a table for people, or as it is.
    fn print<T: Serialize + ?Sized>(&self, data: &T, table: impl FnOnce() -> Table) -> anyhow::Result<()> {
        match self.format {
            Format::Json | Format::Yaml => output::data(self.world, self.format, data),
            Format::Table | Format::Wide | Format::Name => {
                Ok(self.world.stdout.text(&table().render(self.style))?)
            }
        }
    }

    /// Says on stderr what was done and proven.
    fn said(&self, what: &str, outcome: &Outcome) -> anyhow::Result<()> {
        let said = match outcome {
            Outcome::Unchanged => format!("{what}: it was so already; nothing was sent"),
            Outcome::Done => format!("{what}: done, and proven by a read"),
            Outcome::Pending(_) => format!("{what}: accepted; it takes effect at the next reset"),
            Outcome::Running(job) => format!("{what}: accepted as job {job}"),
            Outcome::Unknown { seen } => {
                anyhow::bail!(
                    "BMC {}: {what}: sent, and no usable answer came ({seen}); look before sending it again",
                    self.bmc.address
                )
            }
            _ => format!("{what}: accepted"),
        };
        Ok(self.world.stderr.line(format_args!("BMC {}: {said}", self.bmc.address))?)
    }
}

/// A table of names and values.
fn pairs(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Table {
    let mut table = Table::new(&[]);
    pairs.into_iter().for_each(|(name, value)| table.row([name.to_owned(), value]));
    table
}

/// A value that may be missing.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
