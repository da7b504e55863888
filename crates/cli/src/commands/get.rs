//! `get nodes`, `get jobs`: lists from the journal.

use jiff::Timestamp;
use rackhand_agent::history::{History, JobHistory};
use serde::Serialize;

use crate::{
    Exit, World,
    args::{GetArgs, What},
    options::Common,
    record::Recorded,
    render::{
        Paint, Table,
        node::{self, NodeRow},
        output, words,
    },
};

pub(crate) async fn run(args: &GetArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(common.state.path())?;
    match args.what {
        What::Nodes => {
            let rows: Vec<NodeRow> =
                recorded.history.nodes().map(|(name, node)| NodeRow::of(name, node)).collect();
            output::rows(
                world,
                args.output,
                common.style,
                &rows,
                |wide| node::table(&rows, wide),
                |row| &row.node,
            )?;
        }
        What::Jobs => {
            let rows = jobs(&recorded.history, world.clock.now());
            output::rows(world, args.output, common.style, &rows, |wide| table(&rows, wide), |row| &row.job)?;
        }
    }
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobRow {
    job: String,
    node: String,
    state: &'static str,
    step: Option<String>,
    began: Timestamp,
    ended: Option<Timestamp>,
    seconds: u64,
    why: String,
    request: String,
    #[serde(skip)]
    paint: Paint,
}

fn jobs(history: &History, now: Timestamp) -> Vec<JobRow> {
    history.nodes().filter_map(|(name, node)| Some(row(name, node.job.as_ref()?, now))).collect()
}

fn row(node: &str, job: &JobHistory, now: Timestamp) -> JobRow {
    use rackhand_agent::event::JobResult;
    let ended = job.result.as_ref().map(|(_, at)| *at);
    let (state, paint) = match job.result.as_ref().map(|(result, _)| result) {
        None => ("Running", Paint::None),
        Some(JobResult::Installed) => ("Installed", Paint::Good),
        Some(JobResult::BootedNotObservable { .. }) => ("Booted", Paint::Good),
        Some(JobResult::Failed { .. }) => ("Failed", Paint::Bad),
        Some(JobResult::Cancelled { .. }) => ("Cancelled", Paint::Warn),
        Some(_) => ("Unknown", Paint::Warn),
    };
    let step = job.current_step().or_else(|| job.failed_step().map(|(step, _)| step));
    JobRow {
        job: job.id.to_string(),
        node: node.to_owned(),
        state,
        step: step.map(|step| step.to_string()),
        began: job.began,
        ended,
        seconds: u64::try_from(ended.unwrap_or(now).duration_since(job.began).as_secs()).unwrap_or(0),
        why: words::why(&job.trigger),
        request: job.request.clone(),
        paint,
    }
}

fn table(rows: &[JobRow], wide: bool) -> Table {
    let mut table = Table::new(if wide {
        &["JOB", "STATE", "STEP", "BEGAN", "TOOK", "REQUEST", "WHY"]
    } else {
        &["JOB", "STATE", "STEP", "BEGAN", "TOOK"]
    });
    for row in rows {
        let plain = |text: String| (text, Paint::None);
        let mut cells = vec![
            plain(row.job.clone()),
            (row.state.to_owned(), row.paint),
            plain(row.step.clone().unwrap_or_else(|| "-".to_owned())),
            plain(format!("{:.0}", row.began)),
            plain(words::time(std::time::Duration::from_secs(row.seconds))),
        ];
        if wide {
            cells.extend([plain(row.request.clone()), plain(row.why.clone())]);
        }
        table.painted(cells);
    }
    table
}
