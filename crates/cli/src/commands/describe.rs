//! `describe node`: everything known of a node.

use std::fmt::Write as _;

use anyhow::anyhow;
use rackhand_agent::{
    event::{StepId, StepResult},
    history::{JobHistory, NodeHistory},
};

use crate::{
    Exit, World,
    args::{DescribeArgs, Plain},
    options::Common,
    record::Recorded,
    render::{Paint, Style, Table, node, output, words},
};

pub(crate) async fn run(args: &DescribeArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(common.state.path())?;
    let name = recorded.resolve(&args.node)?;
    let history = recorded.history.node(&name).ok_or_else(|| anyhow!("{name} is not in the journal"))?;
    match args.output {
        Plain::Table => world.stdout.text(&described(&name, history, common.style)?)?,
        other => output::data(world, other.into(), history)?,
    }
    Ok(Exit::Done)
}

fn described(name: &str, history: &NodeHistory, style: Style) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let (state, detail, paint) = node::state(history);
    writeln!(text, "{}", style.paint(Paint::Bold, name))?;
    writeln!(
        text,
        "  state     {}{}",
        style.paint(paint, state),
        if detail.is_empty() { detail } else { format!(": {detail}") }
    )?;
    if let Some(who) = &history.identity {
        let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        writeln!(text, "  machine   {}, {}", who.generation, or_unknown(&who.model))?;
        writeln!(text, "  serial    {}", or_unknown(&who.serial))?;
        writeln!(
            text,
            "  BIOS      {}, BMC {}",
            or_unknown(&who.bios_version),
            or_unknown(&who.bmc_version)
        )?;
    }
    if let Some(installed) = &history.installed {
        let request = installed.request.as_deref().unwrap_or("not known");
        writeln!(text, "  installed {:.0}, for request {request}", installed.at)?;
    }
    if let Some(job) = &history.job {
        job_described(&mut text, job, style)?;
    }
    Ok(text)
}

fn job_described(text: &mut String, job: &JobHistory, style: Style) -> std::fmt::Result {
    writeln!(text, "\n{}", style.paint(Paint::Bold, &format!("Job {}", job.id)))?;
    writeln!(text, "  began     {:.0}: {}", job.began, words::why(&job.trigger))?;
    if let Some((result, at)) = &job.result {
        let (what, paint) = words::ended(result);
        writeln!(text, "  ended     {at:.0}: {}", style.paint(paint, &what))?;
        if let rackhand_agent::event::JobResult::Failed { advice, .. } = result {
            writeln!(text, "  do        {advice}")?;
        }
    }
    if let Some(image) = &job.image {
        let verified = if image.verified { "verified" } else { "recorded" };
        writeln!(text, "  image     {} bytes, SHA-256 {} ({verified})", image.bytes, image.sha256)?;
    }
    let mut steps = Table::new(&["  STEP", "STATE", "AT", "WHAT"]);
    for (id, step) in &job.steps {
        let (state, paint, at) = match step.ended {
            None => ("at work", Paint::None, step.began),
            Some((StepResult::Done, at)) => ("done", Paint::Good, at),
            Some((StepResult::AlreadySo, at)) => ("already so", Paint::Dim, at),
            Some((StepResult::NotRequired, at)) => ("not required", Paint::Dim, at),
            Some((StepResult::Failed, at)) => ("failed", Paint::Bad, at),
        };
        let detail = step.detail.clone();
        steps.painted([
            (format!("  {id}"), Paint::None),
            (state.to_owned(), paint),
            (time_of_day(at), Paint::Dim),
            (detail, Paint::None),
        ]);
    }
    let open = StepId::ALL.into_iter().filter(|id| job.result.is_none() && !job.steps.contains_key(id));
    for id in open {
        steps.painted([(format!("  {id}"), Paint::Dim), ("to come".to_owned(), Paint::Dim)]);
    }
    if !steps.is_empty() {
        write!(text, "{}", steps.render(style))?;
    }
    if !job.evidence.is_empty() {
        writeln!(text, "  signs of the installation")?;
        for (seen, at) in &job.evidence {
            writeln!(text, "    {}  {seen}", time_of_day(*at))?;
        }
    }
    Ok(())
}

fn time_of_day(at: jiff::Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}
