//! Data on stdout, in the format asked for.

use anyhow::Context as _;
use serde::Serialize;

use super::{Style, Table};
use crate::{World, args::Format};

/// Prints rows: a table for people, or the data behind it.
pub(crate) fn rows<T: Serialize>(
    world: &World,
    format: Format,
    style: Style,
    data: &[T],
    table: impl FnOnce(bool) -> Table,
    name: impl Fn(&T) -> &str,
) -> anyhow::Result<()> {
    match format {
        Format::Table | Format::Wide => world.stdout.text(&table(format == Format::Wide).render(style))?,
        Format::Name => data.iter().try_for_each(|row| world.stdout.line(name(row)))?,
        Format::Json | Format::Yaml => self::data(world, format, data)?,
    }
    Ok(())
}

/// Prints data as JSON or YAML.
pub(crate) fn data<T: Serialize + ?Sized>(world: &World, format: Format, data: &T) -> anyhow::Result<()> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(&data).context("writing YAML")?,
        _ => serde_json::to_string_pretty(data).context("writing JSON")? + "\n",
    };
    Ok(world.stdout.text(&text)?)
}
