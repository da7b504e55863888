//! `bmc … jobs`.

use rackhand_bmc::{Job, JobRef, Operation};

use super::{Here, or_dash};
use crate::{
    args::{Format, JobsCommand},
    render::Table,
};

pub(super) async fn run(here: &Here<'_>, command: Option<JobsCommand>) -> anyhow::Result<()> {
    here.bmc.require(Operation::JobsRead)?;
    match command.unwrap_or(JobsCommand::List) {
        JobsCommand::List => {}
        JobsCommand::Follow { job } => {
            let job = named(here, &job).await?;
            here.follow(&job, None).await?;
            let seen = here.bmc.jobs()?.job(&job).await?;
            return show(here, &[seen]);
        }
        JobsCommand::Clear { jobs, all } => clear(here, &jobs, all).await?,
    }
    show(here, &here.bmc.jobs()?.unfinished().await?)
}

async fn clear(here: &Here<'_>, named: &[String], all: bool) -> anyhow::Result<()> {
    here.may(Operation::JobsClear).await?;
    let jobs = here.bmc.jobs()?;
    let before = jobs.unfinished().await?;
    for job in &before {
        here.tell(format_args!("before: job {} {}, {:?}", job.job, job.kind, job.state))?;
    }
    if all {
        let outcome = jobs.clear_queue().await?;
        let look = async || Ok(Some(jobs.unfinished().await?.is_empty()));
        return here.prove(&format!("clear the queue of {} jobs", before.len()), outcome, look).await;
    }
    let named = named.iter().map(|name| among(here, &before, name)).collect::<anyhow::Result<Vec<_>>>()?;
    for job in named {
        let outcome = jobs.delete(&job).await?;
        let look = async || Ok(Some(!jobs.unfinished().await?.iter().any(|seen| seen.job.id == job.id)));
        here.prove(&format!("drop job {job}"), outcome, look).await?;
    }
    Ok(())
}

/// The job of that id, or the one at that URI, which need not be listed any more.
async fn named(here: &Here<'_>, name: &str) -> anyhow::Result<JobRef> {
    if name.starts_with('/') {
        let id = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name).to_owned();
        return Ok(JobRef { uri: name.to_owned(), id });
    }
    let listed = here.bmc.jobs()?.unfinished().await?;
    among(here, &listed, name)
}

fn among(here: &Here<'_>, listed: &[Job], name: &str) -> anyhow::Result<JobRef> {
    let fits = |job: &&Job| job.job.id.eq_ignore_ascii_case(name) || job.job.uri == name;
    listed.iter().find(fits).map(|job| job.job.clone()).ok_or_else(|| {
        let ids: Vec<&str> = listed.iter().map(|job| job.job.id.as_str()).collect();
        here.no_such("unfinished job", name, &ids)
    })
}

fn show(here: &Here<'_>, jobs: &[Job]) -> anyhow::Result<()> {
    if jobs.is_empty() {
        here.tell("no job is unfinished")?;
        if here.format == Format::Table {
            return Ok(());
        }
    }
    here.print(jobs, || {
        let mut table = Table::new(&["JOB", "FOR", "STATE", "%", "MESSAGE"]);
        for job in jobs {
            table.row([
                job.job.id.clone(),
                job.kind.clone(),
                format!("{:?}", job.state),
                or_dash(job.percent),
                or_dash(job.message.as_ref()),
            ]);
        }
        table
    })
}
