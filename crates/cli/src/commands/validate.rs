//! `validate`: what is wrong with the files, and what is wanted of each node.

use rackhand_spec::{LoadOptions, NodeSpec, load};

use crate::{
    Exit, World,
    args::{Format, Plain, ValidateArgs},
    options::Common,
    render::{Table, output},
    site::{Tell, complain},
};

pub(crate) fn run(args: &ValidateArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let loaded = load(&args.file, &LoadOptions::default());
    let errors = complain(&loaded.diagnostics, world, if args.all { Tell::All } else { Tell::Folded })?;
    match args.output {
        Plain::Table => {
            if !loaded.nodes.is_empty() {
                world.stdout.text(&table(&loaded.nodes).render(common.style))?;
            }
            world.stderr.line(summary(loaded.nodes.len(), errors))?;
        }
        Plain::Json => output::data(world, Format::Json, &loaded.nodes)?,
        Plain::Yaml => output::data(world, Format::Yaml, &loaded.nodes)?,
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

fn table(nodes: &[NodeSpec]) -> Table {
    let mut table = Table::new(&["NODE", "BMC", "BOOT MAC", "BOOT MODE", "PROFILE", "AT"]);
    for node in nodes {
        let mode = match node.boot_mode {
            rackhand_spec::BootMode::Uefi => "UEFI",
            rackhand_spec::BootMode::UefiSecureBoot => "UEFISecureBoot",
            rackhand_spec::BootMode::Legacy => "legacy",
        };
        table.row([
            node.name.to_string(),
            node.bmc.to_string(),
            node.boot_mac.to_string(),
            mode.to_owned(),
            node.profile.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}:{}", node.source.file.display(), node.source.line),
        ]);
    }
    table
}

fn summary(nodes: usize, errors: usize) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    format!("{}, {}", count(nodes, "valid node"), count(errors, "error"))
}
