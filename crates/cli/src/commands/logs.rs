//! `logs`: the records of a node.

use rackhand_agent::journal::Record;

use crate::{
    Exit, World,
    args::{LogFormat, LogsArgs},
    options::Common,
    record::Recorded,
    render::{Style, words},
};

pub(crate) async fn run(args: &LogsArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(common.state.path())?;
    let node = recorded.resolve(&args.node)?;
    for record in recorded.of_node(&node)? {
        show(&record, args.output, common.style, world)?;
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut after = recorded.last;
    loop {
        let records = tokio::select! {
            biased;
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Ok(Exit::Done);
            }
            records = recorded.reader.follow(after, 1000) => records?,
        };
        for record in records {
            after = record.seq;
            if record.node.as_deref() == Some(node.as_str()) {
                show(&record, args.output, common.style, world)?;
            }
        }
    }
}

fn show(record: &Record, format: LogFormat, style: Style, world: &World) -> anyhow::Result<()> {
    match format {
        LogFormat::Json => world.stdout.line(serde_json::to_string(record)?)?,
        LogFormat::Table => {
            if let Some(said) = words::of(&record.event) {
                let at = record.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
                let what = style.paint(said.paint, &said.what);
                world.stdout.line(format_args!("{at}  {:<9}  {what}", said.step))?;
            }
        }
    }
    Ok(())
}
