//! One node's task.

use std::sync::Arc;

use rackhand_agent::{
    cause::Cause,
    engine::{NodeJob, NodeReport, NodeResult},
    event::{Event, StepId},
    gather::gather,
    history::NodeHistory,
    plan::{self, Gate, gate_by_record},
    wanted::Wanted,
};
use rackhand_bmc::{Error, ErrorKind};
use rackhand_profiles::HostIdentity;
use rackhand_spec::NodeSpec;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Now, Shared};
use crate::exit::is_refusal;

/// Brings one node to where its spec says.
pub(super) async fn run(shared: Arc<Shared>, node: String) -> NodeReport {
    let cancel = shared.cancel_of(&node);
    let now = shared.now();
    let result = match now.specs.get(&node) {
        Some(spec) => brought(&shared, &now, spec, &cancel).await,
        None => NodeResult::NotStarted("it is not in the site of this run".to_owned()),
    };
    shared.connector.give_back(&node).await;
    NodeReport { node, result }
}

async fn brought(shared: &Shared, now: &Now, spec: &NodeSpec, cancel: &CancellationToken) -> NodeResult {
    let node = spec.name.as_str();
    let history = shared.engine.history().node(node).cloned();
    let open = history.as_ref().and_then(NodeHistory::running_job).is_some();
    let wanted = match wanted(shared, now, spec, history.as_ref(), cancel).await {
        Ok(wanted) => wanted,
        Err(result) => return result,
    };
    let job = NodeJob { wanted, bmc: spec.bmc.authority(), site: spec.cluster.clone() };
    let running = shared.engine.run(vec![job], shared.sightings.of(node));
    tokio::pin!(running);
    let reports = tokio::select! {
        biased;
        reports = &mut running => reports,
        () = told_to_cancel(shared, node, cancel, open) => {
            // The run was polled before this, so it knows the node.
            let _ = shared.engine.handle().cancel(node);
            running.await
        }
    };
    match reports.into_iter().next() {
        Some(report) => report.result,
        None => NodeResult::NotStarted("the engine answered nothing; this is a fault in rackhand".to_owned()),
    }
}

/// Waits until the node is to be cancelled. A job that was left open is cancelled once the engine has taken it up: before
/// that, what it had prepared could not be taken back.
async fn told_to_cancel(shared: &Shared, node: &str, cancel: &CancellationToken, open: bool) {
    cancel.cancelled().await;
    if open {
        shared.taken_up(node).await;
    }
}

/// What is wanted of the node. Where that takes a profile and the record does not already decide, the machine is asked
/// who it is; the connection is kept for the engine.
async fn wanted(
    shared: &Shared,
    now: &Now,
    spec: &NodeSpec,
    history: Option<&NodeHistory>,
    cancel: &CancellationToken,
) -> Result<Wanted, NodeResult> {
    let asked = now.asked.get(spec.name.as_str()).map(String::as_str);
    let options = now.consent.options(spec.name.as_str(), asked, history);
    let bare = gather(spec, None, options);
    if spec.profile.is_none() {
        return Ok(bare);
    }
    let host = match gate_by_record(&bare, history) {
        Some(Gate::Nothing { .. } | Gate::NeedsDecision { .. }) => return Ok(bare),
        // Within a job the machine stays who it was, whatever state its BMC is in by now.
        Some(Gate::Resume { .. }) => {
            history.and_then(|known| known.identity.as_ref()).map(HostIdentity::from)
        }
        Some(Gate::Start { .. }) | None => None,
    };
    let host = match host {
        Some(host) => host,
        None => identified(shared, spec.name.as_str(), cancel).await?,
    };
    Ok(match now.site.profile(spec, &host) {
        Ok(profile) => gather(spec, profile, options),
        Err(why) => {
            let mut wanted = bare;
            wanted.cannot.push(why);
            wanted
        }
    })
}

/// Connects until it works or its time is over, to learn who the machine is.
async fn identified(
    shared: &Shared,
    node: &str,
    cancel: &CancellationToken,
) -> Result<HostIdentity, NodeResult> {
    let pacing = &shared.pacing;
    let places = Arc::clone(&shared.places);
    let permit = places.acquire_owned().await.map_err(|closed| NodeResult::NotStarted(closed.to_string()))?;
    let end = Instant::now() + pacing.step_deadline;
    let (mut wait, mut refusals) = (pacing.retry_min, 0);
    loop {
        let error = match unless_stopped(shared, cancel, shared.connector.reach(node)).await? {
            Ok(bmc) => {
                let host = HostIdentity::from(&bmc.identity);
                shared.connector.hand_over(node, bmc, permit);
                return Ok(host);
            }
            Err(error) => error,
        };
        let refused = matches!(error.kind(), ErrorKind::RefusedCredentials);
        refusals += u32::from(refused);
        let again = error.kind().is_transient() || (refused && refusals < 2);
        if !again || Instant::now() >= end {
            return Err(not_reached(shared, node, &error).await);
        }
        tracing::info!(node, %error, ?wait, "connecting is tried again");
        unless_stopped(shared, cancel, sleep(wait)).await?;
        wait = (wait * 2).min(pacing.retry_max);
    }
}

/// Waits, unless the node is cancelled or the run is stopped.
async fn unless_stopped<T>(
    shared: &Shared,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, NodeResult> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(NodeResult::Cancelled("nothing had begun".to_owned())),
        () = shared.stop.cancelled() => Err(NodeResult::Interrupted),
        done = work => Ok(done),
    }
}

async fn not_reached(shared: &Shared, node: &str, error: &Error) -> NodeResult {
    let cause = Cause::of(error.kind());
    let known = shared.engine.history();
    let last = known.node(node).and_then(|known| known.not_connected.as_ref());
    if last.is_none_or(|(last, _)| *last != cause) {
        let event = Event::NotConnected { error: error.to_string(), cause };
        if let Err(error) = shared.engine.record(Some(node), event).await {
            tracing::error!(node, %error, "that the BMC was not reached could not be written down");
        }
    }
    NodeResult::Failed {
        step: StepId::Connect,
        error: error.to_string(),
        advice: plan::advice(StepId::Connect, node),
        refused: is_refusal(error),
    }
}
