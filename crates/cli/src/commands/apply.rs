//! `apply`: every node to where its spec says.

use anyhow::bail;
use rackhand_agent::engine::{NodeReport, NodeResult};
use rackhand_spec::NodeSpec;

use crate::{
    Exit, World,
    args::ApplyArgs,
    fleet::{Ended, Finished, Fleet},
    options::{ApplyOptions, Common},
    render::{
        Style, node,
        progress::{Progress, Shown},
    },
    site::{Site, Tell},
};

/// Nodes that get a live line each; more get a timeline.
const MOST_LIVE: usize = 40;

pub(crate) async fn run(args: ApplyArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    let options = ApplyOptions::resolve(args, &common, world)?;
    let site = Site::load(&options.site, world)?;
    let errors = site.complain(world, Tell::Serious)?;
    if options.strict && errors > 0 {
        bail!("{errors} errors in the site, and --strict: nothing was done");
    }
    let nodes: Vec<NodeSpec> = site.choose(&options.only)?.into_iter().cloned().collect();
    if nodes.is_empty() {
        bail!("there is no valid node in {}: nothing was done", options.site.file.display());
    }
    let fleet = Fleet::open(site, nodes, &options, &common.state, world).await?;
    for line in fleet.insecure() {
        world.stderr.line(line)?;
    }
    let names = fleet.nodes();
    // More lines than a screen has would only flicker.
    let live = world.stderr.is_terminal && names.len() <= MOST_LIVE;
    let style = Style::new(world.stderr.is_terminal, world.env("NO_COLOR").is_none());
    let mut progress =
        Progress::new(world, world.stderr.clone(), style, &names, Shown { timeline: !live, live });
    let finished = fleet.run(options.timeout, &mut progress, world).await?;
    drop(progress);
    node::reports(world, common.style, &finished)?;
    if errors > 0 {
        world.stderr.line(format_args!(
            "\n{errors} errors in the site: the nodes that they are about were not touched"
        ))?;
    }
    Ok(exit(&finished, errors))
}

/// The exit code of a run.
pub(crate) fn exit(finished: &Finished, errors: usize) -> Exit {
    if finished.ended == Ended::TimedOut {
        return Exit::TimedOut;
    }
    let bad: Vec<&NodeReport> = finished.reports.iter().filter(|report| !is_well(&report.result)).collect();
    let refused = |report: &&NodeReport| matches!(report.result, NodeResult::Failed { refused: true, .. });
    match bad.as_slice() {
        [] if errors == 0 && finished.ended == Ended::Complete => Exit::Done,
        bad if !bad.is_empty() && errors == 0 && bad.iter().all(refused) => Exit::Refused,
        _ => Exit::SomeNodes,
    }
}

fn is_well(result: &NodeResult) -> bool {
    matches!(result, NodeResult::Installed | NodeResult::Booted(_) | NodeResult::Nothing(_))
}

#[cfg(test)]
mod tests {
    use rackhand_agent::event::StepId;

    use super::*;

    fn finished(ended: Ended, results: Vec<NodeResult>) -> Finished {
        let report = |result| NodeReport { node: "site/node".into(), result };
        let reports = results.into_iter().map(report).collect();
        Finished { ended, reports, history: rackhand_agent::history::History::default() }
    }

    fn failed(refused: bool) -> NodeResult {
        NodeResult::Failed { step: StepId::Connect, error: "e".into(), advice: "a".into(), refused }
    }

    #[test]
    fn the_exit_code_says_what_the_worst_was() {
        let code = |results| exit(&finished(Ended::Complete, results), 0);
        let well =
            || vec![NodeResult::Installed, NodeResult::Nothing("n".into()), NodeResult::Booted("b".into())];
        assert_eq!(code(well()), Exit::Done);
        assert_eq!(code(vec![NodeResult::Installed, failed(true)]), Exit::Refused);
        assert_eq!(code(vec![failed(true), failed(false)]), Exit::SomeNodes);
        assert_eq!(code(vec![NodeResult::NeedsDecision("d".into())]), Exit::SomeNodes);
        assert_eq!(exit(&finished(Ended::Complete, well()), 1), Exit::SomeNodes);
        assert_eq!(exit(&finished(Ended::Stopped, well()), 0), Exit::SomeNodes);
        assert_eq!(exit(&finished(Ended::TimedOut, vec![failed(true)]), 0), Exit::TimedOut);
    }
}
