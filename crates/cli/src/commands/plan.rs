//! `plan`: what apply would do. Reads only.

use std::sync::Arc;

use rackhand_agent::{
    engine::observe,
    gather::{GatherOptions, gather},
    history::NodeHistory,
    plan::{self, Gate, PlannedStep, StepState, gate_by_record},
    wanted::Wanted,
};
use rackhand_bmc::Bmc;
use rackhand_profiles::HostIdentity;
use rackhand_spec::NodeSpec;
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    Exit, World,
    adapters::connector::SiteConnector,
    args::{Format, PlanArgs},
    exit::is_refusal,
    fleet::{Bounds, connector},
    options::{Common, PlanOptions},
    record::Recorded,
    render::{Paint, Style, Table, output, words},
    site::{Consent, Site, Tell},
};

/// BMCs that are read at once.
const AT_ONCE: usize = 32;

pub(crate) async fn run(args: PlanArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    let options = PlanOptions::resolve(args, &common, world)?;
    let site = Site::load(&options.site, world)?;
    let errors = site.complain(world, Tell::Serious)?;
    let nodes: Vec<NodeSpec> = site.choose(&options.only)?.into_iter().cloned().collect();
    let recorded = Recorded::open_if_any(common.state.path())?;
    let asked = site.resolve(&options.install, "--install")?;
    let dir = common.state.create()?;
    let connector = connector(&site, &nodes, &options, &common.state, world, dir, Bounds::default())?;
    let consent = site.consent(&options.consent)?;
    let planner = Arc::new(Planner { site, consent, connector, recorded, places: Semaphore::new(AT_ONCE) });
    let mut tasks = JoinSet::new();
    for (number, node) in nodes.into_iter().enumerate() {
        let asked = asked.contains(node.name.as_str());
        let planner = Arc::clone(&planner);
        tasks.spawn(async move { (number, planner.plan(&node, asked).await) });
    }
    let mut plans = tasks.join_all().await;
    plans.sort_by_key(|(number, _)| *number);
    let plans: Vec<NodePlan> = plans.into_iter().map(|(_, plan)| plan).collect();
    match options.output {
        Format::Json | Format::Yaml => output::data(world, options.output, &plans)?,
        _ => show(&plans, common.style, world)?,
    }
    Ok(exit(&plans, errors, options.detailed_exitcode))
}

fn exit(plans: &[NodePlan], errors: usize, detailed: bool) -> Exit {
    let troubled = plans.iter().filter(|plan| plan.error.is_some() || !plan.problems.is_empty()).count();
    if troubled > 0
        && errors == 0
        && plans.iter().all(|plan| plan.error.is_none() || plan.refused)
        && plans.iter().all(|plan| plan.problems.is_empty())
    {
        return Exit::Refused;
    }
    if troubled > 0 || errors > 0 {
        return Exit::SomeNodes;
    }
    let changes =
        plans.iter().any(|plan| matches!(plan.gate, Some(Gate::Start { .. } | Gate::Resume { .. })));
    if detailed && changes { Exit::Changes } else { Exit::Done }
}

/// The plan of one node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodePlan {
    node: String,
    bmc: String,
    /// Whether anything may be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<Gate>,
    /// What would be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<PlannedStep>,
    /// Why it would not begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    /// Why it could not be planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    refused: bool,
}

struct Planner {
    site: Site,
    consent: Consent,
    connector: SiteConnector,
    recorded: Option<Recorded>,
    places: Semaphore,
}

impl Planner {
    async fn plan(&self, spec: &NodeSpec, asked: bool) -> NodePlan {
        let node = spec.name.as_str();
        let history = self.recorded.as_ref().and_then(|recorded| recorded.history.node(node));
        let options = self.consent.options(node, asked.then_some("--install"), history);
        let mut plan = NodePlan {
            node: node.to_owned(),
            bmc: spec.bmc.to_string(),
            gate: gate_by_record(&gather(spec, None, options), history),
            steps: Vec::new(),
            problems: Vec::new(),
            error: None,
            refused: false,
        };
        if matches!(plan.gate, Some(Gate::Nothing { .. } | Gate::NeedsDecision { .. })) {
            return plan;
        }
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        let bmc = match self.connector.reach(node).await {
            Ok(bmc) => bmc,
            Err(error) => {
                plan.refused = is_refusal(&error);
                plan.error = Some(error.to_string());
                return plan;
            }
        };
        let looked = self.look(&bmc, spec, options, &mut plan).await;
        if let Err(error) = looked {
            plan.error = Some(error.to_string());
        }
        if let Err(error) = bmc.close().await {
            tracing::warn!(node, %error, "the BMC did not confirm that the session is given back");
        }
        plan
    }

    async fn look(
        &self,
        bmc: &Bmc,
        spec: &NodeSpec,
        options: GatherOptions<'_>,
        plan: &mut NodePlan,
    ) -> rackhand_bmc::Result<()> {
        let wanted: Wanted = match self.site.profile(spec, &HostIdentity::from(&bmc.identity)) {
            Ok(profile) => gather(spec, profile, options),
            Err(why) => {
                let mut bare = gather(spec, None, options);
                bare.cannot.push(why);
                bare
            }
        };
        let observed = observe(bmc, &wanted).await?;
        let gate = plan::gate(&wanted, options.history, observed.view.power);
        let job = options.history.and_then(NodeHistory::running_job);
        if let Gate::Start { trigger } = &gate {
            plan.problems = plan::problems(&wanted, &observed, trigger);
        }
        if matches!(gate, Gate::Start { .. } | Gate::Resume { .. }) {
            plan.steps = plan::steps(&wanted, &observed, job);
        }
        plan.gate = Some(gate);
        Ok(())
    }
}

fn show(plans: &[NodePlan], style: Style, world: &World) -> anyhow::Result<()> {
    for (number, plan) in plans.iter().enumerate() {
        if number > 0 {
            world.stdout.line("")?;
        }
        let (verdict, paint) = verdict(plan);
        world.stdout.line(format_args!("{}  {}", style.paint(Paint::Bold, &plan.node), plan.bmc))?;
        world.stdout.line(format_args!("  {}", style.paint(paint, &verdict)))?;
        for problem in &plan.problems {
            world.stdout.line(format_args!("  {}", style.paint(Paint::Bad, &format!("- {problem}"))))?;
        }
        if !plan.steps.is_empty() {
            world.stdout.text(&table(&plan.steps).render(style))?;
        }
    }
    let count =
        |pick: fn(&Gate) -> bool| plans.iter().filter(|plan| plan.gate.as_ref().is_some_and(pick)).count();
    world.stderr.line(format_args!(
        "{} nodes: {} with something to do, {} with nothing to do, {} waiting for a decision, {} that could not be planned",
        plans.len(),
        count(|gate| matches!(gate, Gate::Start { .. } | Gate::Resume { .. })),
        count(|gate| matches!(gate, Gate::Nothing { .. })),
        count(|gate| matches!(gate, Gate::NeedsDecision { .. })),
        plans.iter().filter(|plan| plan.error.is_some()).count(),
    ))?;
    Ok(())
}

fn verdict(plan: &NodePlan) -> (String, Paint) {
    if let Some(error) = &plan.error {
        return (format!("could not be planned: {error}"), Paint::Bad);
    }
    match &plan.gate {
        Some(Gate::Start { trigger }) if plan.problems.is_empty() => {
            (format!("to be installed: {}", words::why(trigger)), Paint::Warn)
        }
        Some(Gate::Start { trigger }) => {
            (format!("would be installed ({}), and does not begin because:", words::why(trigger)), Paint::Bad)
        }
        Some(Gate::Resume { job }) => (format!("{job} goes on where it was left"), Paint::Warn),
        Some(Gate::Nothing { reason }) => (format!("nothing to do: {reason}"), Paint::Good),
        Some(Gate::NeedsDecision { reason }) => (format!("needs a decision: {reason}"), Paint::Warn),
        None => ("not looked at".to_owned(), Paint::Dim),
    }
}

fn table(steps: &[PlannedStep]) -> Table {
    let mut table = Table::new(&["  STEP", "STATE", "WHAT"]);
    for step in steps {
        let (state, paint) = match step.state {
            StepState::Done => ("done", Paint::Good),
            StepState::AlreadySo => ("already so", Paint::Dim),
            StepState::NotRequired => ("not required", Paint::Dim),
            StepState::Todo => ("to do", Paint::Warn),
        };
        table.painted([
            (format!("  {}", step.step), Paint::None),
            (state.to_owned(), paint),
            (step.detail.clone(), Paint::None),
        ]);
    }
    table
}
