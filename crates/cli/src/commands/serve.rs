//! `serve`: the daemon, with or without a hub. And `status`, `reload` and `crd` beside it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use rackhand_hub::{
    Retries,
    kubernetes::{
        Budget, HubSource, KubeEvents, LeaseKeeper, LeaseTimes, SinkOptions, SinkParts, SourceParts,
        StatusSink, Tenure, Who, connect, definition,
    },
};
use rackhand_spec::Loaded;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    Exit, World,
    args::{CrdArgs, Plain, ReloadArgs, ServeArgs, StatusArgs},
    fleet::{Bounds, Daemon, Ended, Fleet, News, Snapshot},
    options::{Common, HubOptions, ServeOptions},
    render::{
        Style,
        progress::{Progress, Shown},
    },
    service::{Answers, HubAnswers, Service, socket},
    site::Site,
    sources::{Files, FromHub, Git, HubRules, Origin, Told},
    systemd::Systemd,
};

pub(crate) async fn run(args: ServeArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    no_core_dumps(world)?;
    let options = ServeOptions::resolve(args, &common, world)?;
    let state = common.state.create()?.to_owned();
    let site = Site::of(Loaded::default(), &options.apply.site, world)?;
    // How often everything was asked to be read again.
    let reload = watch::Sender::new(0);
    let hub = match &options.hub {
        Some(hub) => Some(Hub::new(hub, &common, reload.subscribe(), world).await?),
        None => None,
    };
    let bounds = hub.as_ref().map(|hub| hub.bounds(&options)).unwrap_or_default();
    let fleet = Fleet::found(site, Vec::new(), &options.apply, &common.state, world, bounds).await?;
    let (told, snapshot) = watch::channel(Arc::new(Snapshot::default()));
    let (said, news) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    let answers = match hub {
        Some(hub) => Some(hub.begin(&fleet, &options, said, &mut tasks, reload.subscribe(), world)?),
        None => {
            let again = reload.subscribe();
            let files = Files {
                origin: origin(&options, &state)?,
                options: options.apply.site.clone(),
                again,
                hub: None,
            };
            tasks.spawn(files.run(said, world.clone()));
            None
        }
    };
    let answers = Answers { snapshot, hub: answers, reload: reload.clone() };
    let service = Service::start(&state, options.listen, answers).await?;
    world.stderr.line(format_args!("images are served on {}", fleet.listening()))?;
    if let Some(listening) = service.listening {
        world.stderr.line(format_args!("health and metrics on http://{listening}"))?;
    }
    let daemon = Daemon { news, reload, told, systemd: Systemd::of_this_process() };
    let style = Style::new(world.stderr.is_terminal, world.env("NO_COLOR").is_none());
    let shown = Shown { timeline: true, live: false };
    let mut progress = Progress::new(world, world.stderr.clone(), style, &[], shown);
    let ended = fleet.serve(daemon, &options.apply, &mut progress, world).await;
    service.stop();
    tasks.shutdown().await;
    Ok(if ended? == Ended::AtOnce { Exit::Failed } else { Exit::Done })
}

/// A core would hold passwords.
fn no_core_dumps(world: &World) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        world.stderr.line(format_args!("warning: core dumps cannot be switched off: {error}"))?;
    }
    Ok(())
}

/// The files that are read, where files are read.
fn origin(options: &ServeOptions, state: &std::path::Path) -> anyhow::Result<Origin> {
    match &options.git {
        Some(git) => {
            let every = Duration::from_secs(git.interval.max(1));
            Ok(Origin::Git(Git::new(git.url.clone(), git.reference.clone(), git.path.clone(), state, every)?))
        }
        None => Ok(Origin::Path(options.apply.site.file.clone())),
    }
}

/// Everything that speaks to the hub.
struct Hub {
    options: HubOptions,
    client: rackhand_hub::kubernetes::Client,
    keeper: LeaseKeeper,
    tenure: Tenure,
    source: HubSource,
}

impl Hub {
    async fn new(
        options: &HubOptions,
        common: &Common,
        again: watch::Receiver<u64>,
        world: &World,
    ) -> anyhow::Result<Self> {
        let kubeconfig =
            (options.kubeconfig.as_os_str() != "in-cluster").then_some(options.kubeconfig.as_path());
        let client = connect(kubeconfig).await?;
        let times = LeaseTimes::default();
        let keeper = LeaseKeeper::new(
            client.clone(),
            &options.namespace,
            &options.agent,
            common.state.identity(&options.agent)?,
            Arc::clone(&world.clock),
            times,
        );
        let tenure = Tenure::new(keeper.standing(), times);
        let source = HubSource::new(SourceParts {
            client: client.clone(),
            who: Who { agent: options.agent.clone(), pool: options.pool.clone() },
            namespace: options.namespace.clone(),
            clock: Arc::clone(&world.clock),
            tenure: tenure.clone(),
            times,
            again,
        });
        Ok(Self { options: options.clone(), client, keeper, tenure, source })
    }

    /// What bounds connections to BMCs: the networks, and for pool nodes the Lease.
    fn bounds(&self, options: &ServeOptions) -> Bounds {
        let (tenure, pool) = (self.tenure.clone(), self.source.pool_nodes());
        let fence = move |node: &str| {
            let of_pool = pool.borrow().contains(node);
            if of_pool { tenure.may_act(node) } else { tenure.may_act_on_own() }
        };
        let from_hub = options.is_from_hub();
        Bounds {
            fence: Some(Arc::new(fence)),
            networks: from_hub.then(|| Arc::from(self.options.networks.as_slice())),
        }
    }

    /// Begins to watch, to read nodes and to tell.
    fn begin(
        self,
        fleet: &Fleet,
        options: &ServeOptions,
        said: mpsc::Sender<News>,
        tasks: &mut JoinSet<()>,
        again: watch::Receiver<u64>,
        world: &World,
    ) -> anyhow::Result<HubAnswers> {
        let (targets, aimed) = watch::channel(None);
        let budget = Arc::new(Budget::per_minute(self.options.writes));
        let sink = StatusSink::new(SinkParts {
            client: self.client.clone(),
            agent: self.options.agent.clone(),
            journal: fleet.journal(),
            clock: Arc::clone(&world.clock),
            targets: aimed.clone(),
            budget: Arc::clone(&budget),
            options: SinkOptions::default(),
        });
        let answers = HubAnswers {
            agent: self.options.agent.clone(),
            sink: sink.status(),
            lease: self.keeper.standing(),
            trouble: self.source.trouble(),
        };
        let events = KubeEvents::new(self.client, self.options.agent.clone(), aimed, budget);
        let reader = format!("events on the hub as {}", self.options.agent);
        let (reporting, _) =
            rackhand_hub::Reporting::new(fleet.journal(), Arc::new(events), reader, Retries::default());
        let snapshots = self.source.snapshots();
        if options.is_from_hub() {
            let rules = HubRules {
                networks: Arc::from(self.options.networks.as_slice()),
                images: self.options.image_dir.clone(),
                insecure: options.apply.trust.insecure,
            };
            let name = format!("the hub, as agent {}", self.options.agent);
            let source = FromHub {
                name,
                snapshots,
                targets,
                options: options.apply.site.clone(),
                rules,
                lease: self.keeper.standing(),
            };
            tasks.spawn(source.run(said, world.clone()));
        } else {
            let hub = Some(Told { agent: self.options.agent.clone(), snapshots, targets });
            let origin = origin(options, options.state.path())?;
            let files = Files { origin, options: options.apply.site.clone(), again, hub };
            tasks.spawn(files.run(said, world.clone()));
        }
        tasks.spawn(self.keeper.run());
        tasks.spawn(self.source.run());
        tasks.spawn(async move { ended("statuses are not written any more", sink.run().await) });
        tasks.spawn(async move { ended("Events are not written any more", reporting.run().await.map(drop)) });
        Ok(answers)
    }
}

fn ended(what: &str, result: Result<(), rackhand_agent::journal::JournalError>) {
    if let Err(error) = result {
        tracing::error!(%error, "{what}");
    }
}

/// Asks the daemon of the state directory.
async fn ask(common: &Common, method: reqwest::Method, path: &str) -> anyhow::Result<String> {
    let socket = socket(common.state.path());
    if !socket.exists() {
        bail!("no daemon runs on {}; start one: rackhand serve", common.state.path().display());
    }
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::adapters::images::client_tls()?)
        .unix_socket(socket.clone())
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .context("no client can be made")?;
    let answer = client.request(method, format!("http://rackhand{path}")).send().await;
    let answer = answer.with_context(|| format!("the daemon does not answer on {}", socket.display()))?;
    Ok(answer.error_for_status()?.text().await?)
}

pub(crate) async fn status(args: &StatusArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let text = ask(common, reqwest::Method::GET, "/v1/status").await?;
    let value: Value = serde_json::from_str(&text)?;
    match args.output {
        Plain::Json => world.stdout.line(serde_json::to_string_pretty(&value)?)?,
        Plain::Yaml => world.stdout.text(&serde_saphyr::to_string(&value)?)?,
        Plain::Table => table(&value, world)?,
    }
    let wrong =
        value.pointer("/daemon/findings").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    Ok(if wrong { Exit::SomeNodes } else { Exit::Done })
}

fn table(value: &Value, world: &World) -> anyhow::Result<()> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
    let ready = value.pointer("/daemon/ready").and_then(Value::as_bool).unwrap_or(false);
    world.stdout.line(format_args!("version  {}", text("/daemon/version")))?;
    world.stdout.line(format_args!("source   {}", text("/daemon/source")))?;
    world
        .stdout
        .line(format_args!("ready    {}", if ready { "yes" } else { "not yet: the source was not read" }))?;
    if value.pointer("/hub/agent").is_some() {
        let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        world.stdout.line(format_args!(
            "hub      agent {}, Lease {}, {} statuses written, {} waiting{}",
            text("/hub/agent"),
            text("/hub/lease"),
            number("/hub/written"),
            number("/hub/waiting"),
            value
                .pointer("/hub/trouble")
                .and_then(Value::as_str)
                .map(|t| format!("; {t}"))
                .unwrap_or_default()
        ))?;
    }
    let map = |pointer: &str| value.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for state in map("/daemon/nodes").values().filter_map(Value::as_str) {
        *counts.entry(state.to_owned()).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    world.stdout.line(format_args!(
        "nodes    {}",
        if counted.is_empty() { "none".to_owned() } else { counted.join(", ") }
    ))?;
    for (node, why) in map("/daemon/waiting") {
        world.stdout.line(format_args!("waiting  {node}: {}", why.as_str().unwrap_or_default()))?;
    }
    let findings = value.pointer("/daemon/findings").and_then(Value::as_array).cloned().unwrap_or_default();
    for finding in findings.iter().filter_map(Value::as_str) {
        world.stdout.line(format_args!("wrong    {finding}"))?;
    }
    Ok(())
}

pub(crate) async fn reload(_: &ReloadArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let said = ask(common, reqwest::Method::POST, "/v1/reload").await?;
    world.stderr.line(said.trim_end())?;
    Ok(Exit::Done)
}

pub(crate) fn crd(_: &CrdArgs, world: &World) -> anyhow::Result<Exit> {
    world.stdout.text(&crd_text()?)?;
    Ok(Exit::Done)
}

/// The definition as it stands in `deploy/`.
fn crd_text() -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(&definition()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_in_deploy_is_that_of_the_types() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/hub/crd.yaml");
        let text = crd_text().unwrap();
        let deployed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(deployed == text, "write it anew: cargo run -- crd > deploy/hub/crd.yaml");
    }
}
