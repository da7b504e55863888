//! `bmc`: one BMC, directly.

mod acts;
mod bios;
mod boot;
mod configuration;
mod firmware;
mod inventory;
mod jobs;
mod knowledge;
mod logs;
mod media;
mod power;
mod restart;
mod sensors;
mod storage;

use rackhand_bmc::{Bmc, Outcome, Skipped};
use serde::Serialize;

use super::access;
use crate::{
    Exit, World,
    args::{BmcArgs, BmcCommand, Format},
    options::Common,
    render::{Style, Table, output},
};

pub(crate) async fn run(args: BmcArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    let bmc = access::connect(&args.address, &args.access, &common, world).await?;
    let here = Here {
        bmc: &bmc,
        world,
        format: args.output.into(),
        style: common.style,
        allow_unverified: args.allow_unverified,
    };
    // What waits for a BMC can be given up; its session is given back all the same.
    let result = tokio::select! {
        result = command(&here, args.command) => result,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!(
            "stopped; what was sent to BMC {} goes on there", bmc.address
        )),
    };
    access::close(&bmc, world).await?;
    result.map(|()| Exit::Done)
}

async fn command(here: &Here<'_>, command: BmcCommand) -> anyhow::Result<()> {
    match command {
        BmcCommand::Inventory => inventory::run(here).await,
        BmcCommand::Health => sensors::health(here).await,
        BmcCommand::Sensors => sensors::run(here).await,
        BmcCommand::Power { command } => power::run(here, command).await,
        BmcCommand::Boot { command } => boot::run(here, command).await,
        BmcCommand::SecureBoot { wanted } => boot::secure_boot(here, wanted).await,
        BmcCommand::Media { command } => media::run(here, command).await,
        BmcCommand::Bios { command } => bios::run(here, command).await,
        BmcCommand::Storage { command } => storage::run(here, command).await,
        BmcCommand::Firmware { command } => firmware::run(here, command).await,
        BmcCommand::Jobs { command } => jobs::run(here, command).await,
        BmcCommand::Logs { command } => logs::run(here, command).await,
        BmcCommand::Configuration { command } => configuration::run(here, command).await,
        BmcCommand::Restart => restart::run(here).await,
        BmcCommand::Capabilities => knowledge::capabilities(here),
        BmcCommand::Quirks => knowledge::quirks(here),
    }
}

/// A connected BMC and where to print.
struct Here<'a> {
    bmc: &'a Bmc,
    world: &'a World,
    format: Format,
    style: Style,
    allow_unverified: bool,
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

    /// Says something about this BMC on stderr.
    fn tell(&self, what: impl std::fmt::Display) -> anyhow::Result<()> {
        Ok(self.world.stderr.line(format_args!("BMC {}: {what}", self.bmc.address))?)
    }

    /// Says what could not be read.
    fn tell_skipped(&self, skipped: &[Skipped]) -> anyhow::Result<()> {
        for one in skipped {
            self.world.stderr.line(format_args!("warning: {} could not be read: {}", one.what, one.why))?;
        }
        Ok(())
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
        self.tell(said)
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
