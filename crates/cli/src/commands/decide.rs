//! `cancel`, `retry`, `adopt`: somebody's word about a node.
//!
//! While an apply owns the journal, the word goes to it through the inbox. Without an owner, `retry` and `adopt` write it
//! themselves; `cancel` leaves it for the next apply, which alone can take back what the open job prepared on its BMC.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use rackhand_agent::{
    event::{Decision, Event},
    history::NodeHistory,
    journal::{Entry, FileJournal, Inbox, Journal as _, OnLoss, Request, Wish},
};
use rackhand_spec::{LoadOptions, NodeSpec, load};

use crate::{
    Exit, World,
    args::{AdoptArgs, CancelArgs, RetryArgs},
    options::Common,
    record::Recorded,
    site::resolve_node,
};

pub(crate) async fn cancel(args: &CancelArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(common.state.path())?;
    let node = recorded.resolve(&args.node)?;
    let history = recorded.history.node(&node);
    let running = history.and_then(NodeHistory::running_job);
    let owner = FileJournal::owner(common.state.path())?;
    match (running, owner) {
        (None, _) => {
            world.stderr.line(format_args!("{node}: no job is under way; nothing was cancelled"))?;
            return Ok(Exit::Failed);
        }
        (Some(job), Some(owner)) => {
            post(&node, Wish::Cancel, "cancel", common, world)?;
            world.stderr.line(format_args!(
                "{node}: {owner} was asked to cancel {}; see: rackhand logs {node} -f",
                job.id
            ))?;
        }
        (Some(job), None) => {
            post(&node, Wish::Cancel, "cancel", common, world)?;
            world.stderr.line(format_args!(
                "{node}: no apply is running. {} was left open by an earlier one and is cancelled as soon as the next apply of its site begins",
                job.id
            ))?;
        }
    }
    Ok(Exit::Done)
}

pub(crate) async fn retry(args: &RetryArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open(common.state.path())?;
    let node = recorded.resolve(&args.node)?;
    refuse_under_way(&node, recorded.history.node(&node))?;
    if decided(&node, Decision::Install, None, "retry", common, world).await? {
        world.stderr.line(format_args!("{node}: the running apply was asked to install it again"))?;
    } else {
        world.stderr.line(format_args!("{node}: the next apply installs it, whatever runs on it"))?;
    }
    Ok(Exit::Done)
}

pub(crate) async fn adopt(args: &AdoptArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let recorded = Recorded::open_if_any(common.state.path())?;
    let spec = args.file.as_deref().map(|path| spec_of(path, &args.node, world)).transpose()?;
    let node = match (&spec, &recorded) {
        (Some(spec), _) => spec.name.to_string(),
        (None, Some(recorded)) => recorded.resolve(&args.node)?,
        (None, None) => bail!(
            "there is no journal in {} yet, so {} cannot be looked up; give its site with -f",
            common.state.path().display(),
            args.node
        ),
    };
    refuse_under_way(&node, recorded.as_ref().and_then(|recorded| recorded.history.node(&node)))?;
    let request = spec.map(|spec| {
        let options = rackhand_agent::gather::GatherOptions::default();
        rackhand_agent::gather::gather(&spec, None, options).request
    });
    if decided(&node, Decision::Adopt, request, "adopt", common, world).await? {
        world.stderr.line(format_args!("{node}: the running apply was asked to record it as installed"))?;
    } else {
        world.stderr.line(format_args!("{node}: recorded as installed; nothing was sent to its BMC"))?;
    }
    Ok(Exit::Done)
}

/// A permission given while a job runs would outlive it and install the node once more.
fn refuse_under_way(node: &str, history: Option<&NodeHistory>) -> anyhow::Result<()> {
    match history.and_then(NodeHistory::running_job) {
        Some(job) => bail!(
            "{node}: {} is under way; wait for its end, or cancel it first: rackhand cancel {node}",
            job.id
        ),
        None => Ok(()),
    }
}

fn spec_of(path: &std::path::Path, node: &str, world: &World) -> anyhow::Result<NodeSpec> {
    let loaded = load(path, &LoadOptions::default());
    for error in loaded.diagnostics.iter().filter(|one| one.is_error()) {
        world.stderr.line(error)?;
    }
    let names: Vec<&str> = loaded.nodes.iter().map(|node| node.name.as_str()).collect();
    let name = resolve_node(node, &names)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{node} in {}", path.display()))?;
    let found = loaded.nodes.into_iter().find(|spec| spec.name.as_str() == name);
    found.with_context(|| format!("{name} is not in {}", path.display()))
}

/// Records a decision: through the owner of the journal, or as its owner. Answers whether it went through another.
async fn decided(
    node: &str,
    decision: Decision,
    request: Option<String>,
    command: &str,
    common: &Common,
    world: &World,
) -> anyhow::Result<bool> {
    if FileJournal::owner(common.state.path())?.is_some() {
        let wish = match decision {
            Decision::Install => Wish::Retry,
            Decision::Adopt => Wish::Adopt,
            Decision::Cancel => Wish::Cancel,
        };
        post(node, wish, command, common, world)?;
        return Ok(true);
    }
    let journal = FileJournal::open(common.state.create()?, Arc::clone(&world.clock), OnLoss::Refuse)?;
    let event = Event::Decided { decision, by: who(world, command), request };
    journal.append(Entry { node: Some(node.to_owned()), event }).await?;
    Ok(false)
}

pub(super) fn post(
    node: &str,
    wish: Wish,
    command: &str,
    common: &Common,
    world: &World,
) -> anyhow::Result<()> {
    let request = Request { node: node.to_owned(), wish, by: who(world, command), at: world.clock.now() };
    let _ = Inbox::open(common.state.create()?)?.post(&request)?;
    Ok(())
}

/// Who decides, for the journal.
pub(crate) fn who(world: &World, command: &str) -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| world.env(name)?.to_str());
    match user {
        Some(user) => format!("{user}: rackhand {command}"),
        None => format!("uid {}: rackhand {command}", rustix::process::getuid().as_raw()),
    }
}
