//! The command line as resolved: flags over the environment over the configuration file.

mod netboot;

use std::{
    collections::BTreeMap,
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use rackhand_bmc::Pacing;
use rackhand_spec::IpNet;
use serde::Deserialize;

pub(crate) use netboot::{HintsOptions, NetbootOptions};

use crate::{
    World,
    args::{ApplyArgs, ConsentArgs, Global, HubArgs, PlanArgs, ServeArgs, SiteArgs, TrustArgs},
    exit::usage,
    fleet::ReportOptions,
    render::Style,
    state::StateDir,
};

/// Where the configuration file is looked for.
const CONFIG: &str = "/etc/rackhand/config.yaml";

/// The configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Config {
    state_dir: Option<PathBuf>,
    profiles: Option<PathBuf>,
    secrets: Option<PathBuf>,
    iso: Option<String>,
    iso_sha256: Option<String>,
    ca: Option<PathBuf>,
    bmc_insecure: Option<bool>,
    trust_on_first_use: Option<bool>,
    media_listen: Option<SocketAddr>,
    media_url: Option<String>,
    /// Base URLs of images by the network that BMCs are in.
    media_urls: BTreeMap<IpNet, String>,
    netboot_url: Option<String>,
    tftp_listen: Option<SocketAddr>,
    netboot_loaders: Option<PathBuf>,
    proxy_dhcp: Option<String>,
    webhook: Option<String>,
    webhook_token_file: Option<PathBuf>,
    events: Option<PathBuf>,
    concurrency: Option<usize>,
    failure_budget: Option<usize>,
    pace: Option<f64>,
    listen: Option<SocketAddr>,
    git: Option<String>,
    git_ref: Option<String>,
    git_path: Option<PathBuf>,
    hub: Option<PathBuf>,
    agent: Option<String>,
    pool: Option<String>,
    hub_namespace: Option<String>,
    bmc_networks: Vec<IpNet>,
    image_dir: Option<PathBuf>,
    hub_writes: Option<u32>,
}

impl Config {
    /// Reads the file named; without a name, the usual one if it is there.
    fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.unwrap_or(Path::new(CONFIG));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                return Ok(Self::default());
            }
            Err(error) => return Err(usage(format!("the configuration file {}: {error}", path.display()))),
        };
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
            usage(format!("{}{at}: {}", path.display(), error.without_snippet()))
        })
    }
}

/// What every command needs.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// The state directory.
    pub(crate) state: StateDir,
    /// The configuration file.
    pub(crate) config: Config,
    /// Colours and their absence.
    pub(crate) style: Style,
}

impl Common {
    /// The directory of profiles that the configuration names.
    pub(crate) fn profiles(&self) -> Option<PathBuf> {
        self.config.profiles.clone()
    }

    pub(crate) fn resolve(global: &Global, world: &World) -> anyhow::Result<Self> {
        let named = global.config.clone().or_else(|| world.env("RACKHAND_CONFIG").map(PathBuf::from));
        let config = Config::load(named.as_deref())?;
        let state =
            match global.state_dir.clone().or_else(|| world.env("RACKHAND_STATE_DIR").map(PathBuf::from)) {
                Some(dir) => dir,
                None => match &config.state_dir {
                    Some(dir) => dir.clone(),
                    None => usual_state_dir(world)?,
                },
            };
        let style = Style::new(world.stdout.is_terminal, world.env("NO_COLOR").is_none());
        Ok(Self { state: StateDir::new(state), config, style })
    }
}

/// `/var/lib/rackhand` for root; for others where XDG says that state is kept.
fn usual_state_dir(world: &World) -> anyhow::Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/rackhand"));
    }
    if let Some(dir) = world.env("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("rackhand"));
    }
    let home =
        world.env("HOME").ok_or_else(|| usage("neither XDG_STATE_HOME nor HOME is set; give --state-dir"))?;
    Ok(PathBuf::from(home).join(".local/state/rackhand"))
}

/// Picks a value by precedence, and names the variable where its text makes no sense.
struct Picker<'a> {
    world: &'a World,
}

impl Picker<'_> {
    fn pick<T>(&self, flag: Option<T>, variable: &str, config: Option<T>) -> anyhow::Result<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        if flag.is_some() {
            return Ok(flag);
        }
        let Some(value) = self.world.env(variable) else { return Ok(config) };
        let text = value.to_str().ok_or_else(|| usage(format!("{variable} is not UTF-8")))?;
        text.parse().map(Some).map_err(|error| usage(format!("{variable}={text}: {error}")))
    }

    fn flag(&self, flag: bool, variable: &str, config: Option<bool>) -> anyhow::Result<bool> {
        Ok(self.pick(flag.then_some(true), variable, config)?.unwrap_or(false))
    }
}

/// The site and what belongs to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SiteOptions {
    pub(crate) file: PathBuf,
    pub(crate) profiles: Option<PathBuf>,
    pub(crate) secrets: Option<PathBuf>,
}

impl SiteOptions {
    fn resolve(args: SiteArgs, config: &Config, pick: &Picker<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            file: args.file,
            profiles: pick.pick(args.profiles, "RACKHAND_PROFILES", config.profiles.clone())?,
            secrets: pick.pick(args.secrets, "RACKHAND_SECRETS", config.secrets.clone())?,
        })
    }
}

/// How certificates are trusted where the site file says nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustOptions {
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) insecure: bool,
    pub(crate) first_use: bool,
}

impl TrustOptions {
    fn resolve(args: TrustArgs, config: &Config, pick: &Picker<'_>) -> anyhow::Result<Self> {
        let insecure = pick.flag(args.bmc_insecure, "RACKHAND_BMC_INSECURE", config.bmc_insecure)?;
        let first_use =
            pick.flag(args.trust_on_first_use, "RACKHAND_TRUST_ON_FIRST_USE", config.trust_on_first_use)?;
        let ca = pick.pick(args.ca, "RACKHAND_CA", config.ca.clone())?;
        Ok(Self { ca: ca.as_deref().map(read_ca).transpose()?, insecure, first_use })
    }
}

/// Reads a CA bundle, so that a wrong path is named before anything is done.
pub(crate) fn read_ca(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the CA file {} cannot be read", path.display()))
}

/// `plan`, resolved.
#[derive(Debug, Clone)]
pub(crate) struct PlanOptions {
    pub(crate) site: SiteOptions,
    pub(crate) only: Vec<String>,
    pub(crate) install: Vec<String>,
    /// What is done only when asked for by name.
    pub(crate) consent: ConsentArgs,
    pub(crate) detailed_exitcode: bool,
    pub(crate) output: crate::args::Format,
    pub(crate) trust: TrustOptions,
    pub(crate) pacing: Pacing,
}

impl PlanOptions {
    pub(crate) fn resolve(args: PlanArgs, common: &Common, world: &World) -> anyhow::Result<Self> {
        let (config, pick) = (&common.config, Picker { world });
        Ok(Self {
            site: SiteOptions::resolve(args.site, config, &pick)?,
            only: args.node,
            install: args.install,
            consent: args.consent,
            detailed_exitcode: args.detailed_exitcode,
            output: args.output.into(),
            trust: TrustOptions::resolve(args.trust, config, &pick)?,
            pacing: pacing(pick.pick(args.pace, "RACKHAND_PACE", config.pace)?)?,
        })
    }
}

/// `apply`, resolved.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApplyOptions {
    pub(crate) site: SiteOptions,
    pub(crate) only: Vec<String>,
    pub(crate) install: Vec<String>,
    /// What is done only when asked for by name.
    pub(crate) consent: ConsentArgs,
    pub(crate) strict: bool,
    pub(crate) iso: Option<String>,
    pub(crate) iso_sha256: Option<rackhand_spec::Sha256>,
    pub(crate) trust: TrustOptions,
    pub(crate) media_listen: Option<SocketAddr>,
    pub(crate) media_url: Option<String>,
    /// Base URLs of images for the BMCs of some networks.
    pub(crate) media_urls: Vec<(IpNet, String)>,
    pub(crate) netboot: NetbootOptions,
    pub(crate) reports: ReportOptions,
    pub(crate) concurrency: Option<usize>,
    pub(crate) failure_budget: Option<usize>,
    pub(crate) pacing: Pacing,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) accept_lost_journal: bool,
}

impl ApplyOptions {
    pub(crate) fn resolve(args: ApplyArgs, common: &Common, world: &World) -> anyhow::Result<Self> {
        let (config, pick) = (&common.config, Picker { world });
        let digest = pick.pick(args.iso_sha256, "RACKHAND_ISO_SHA256", config.iso_sha256.clone())?;
        let digest = digest.map(|text| text.parse()).transpose();
        let (serving, rollout) = (args.serving, args.rollout);
        let netboot = NetbootOptions::resolve(args.netboot, config, &pick)?;
        Ok(Self {
            site: SiteOptions::resolve(args.site, config, &pick)?,
            only: args.node,
            install: args.install,
            consent: args.consent,
            strict: args.strict,
            iso: pick.pick(args.iso, "RACKHAND_ISO", config.iso.clone())?,
            iso_sha256: digest.map_err(|error| usage(format!("--iso-sha256: {error}")))?,
            trust: TrustOptions::resolve(args.trust, config, &pick)?,
            media_listen: pick.pick(serving.media_listen, "RACKHAND_MEDIA_LISTEN", config.media_listen)?,
            media_url: pick.pick(serving.media_url, "RACKHAND_MEDIA_URL", config.media_url.clone())?,
            media_urls: config.media_urls.iter().map(|(network, url)| (*network, url.clone())).collect(),
            netboot,
            reports: ReportOptions {
                events: pick.pick(serving.events, "RACKHAND_EVENTS", config.events.clone())?,
                webhook: pick.pick(serving.webhook, "RACKHAND_WEBHOOK", config.webhook.clone())?,
                webhook_token: pick.pick(
                    serving.webhook_token_file,
                    "RACKHAND_WEBHOOK_TOKEN_FILE",
                    config.webhook_token_file.clone(),
                )?,
            },
            concurrency: pick.pick(rollout.concurrency, "RACKHAND_CONCURRENCY", config.concurrency)?,
            failure_budget: pick.pick(
                rollout.failure_budget,
                "RACKHAND_FAILURE_BUDGET",
                config.failure_budget,
            )?,
            pacing: pacing(pick.pick(rollout.pace, "RACKHAND_PACE", config.pace)?)?,
            timeout: rollout.timeout,
            accept_lost_journal: rollout.accept_lost_journal,
        })
    }
}

/// `serve`, resolved.
#[derive(Debug, Clone)]
pub(crate) struct ServeOptions {
    /// What it has in common with `apply`. Without files its path is empty.
    pub(crate) apply: ApplyOptions,
    pub(crate) git: Option<GitOptions>,
    pub(crate) hub: Option<HubOptions>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) state: StateDir,
}

/// A repository.
#[derive(Debug, Clone)]
pub(crate) struct GitOptions {
    pub(crate) url: String,
    pub(crate) reference: String,
    pub(crate) path: PathBuf,
    /// In seconds.
    pub(crate) interval: u64,
}

/// The hub.
#[derive(Debug, Clone)]
pub(crate) struct HubOptions {
    /// `in-cluster`, or a file.
    pub(crate) kubeconfig: PathBuf,
    pub(crate) agent: String,
    pub(crate) pool: Option<String>,
    pub(crate) namespace: String,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) image_dir: Option<PathBuf>,
    /// Per minute.
    pub(crate) writes: u32,
}

impl ServeOptions {
    pub(crate) fn resolve(args: ServeArgs, common: &Common, world: &World) -> anyhow::Result<Self> {
        let pick = Picker { world };
        let config = &common.config;
        let hub = HubOptions::resolve(args.hub, config, &pick)?;
        let git_ref = pick.pick(args.git_ref, "RACKHAND_GIT_REF", config.git_ref.clone())?;
        let git_path = pick.pick(args.git_path, "RACKHAND_GIT_PATH", config.git_path.clone())?;
        let git = pick.pick(args.git, "RACKHAND_GIT", config.git.clone())?.map(|url| GitOptions {
            url,
            reference: git_ref.unwrap_or_else(|| "HEAD".to_owned()),
            path: git_path.unwrap_or_default(),
            interval: args.git_interval.unwrap_or(60),
        });
        if args.file.is_none() && git.is_none() && hub.is_none() {
            return Err(usage("where do nodes come from? Give -f PATH, --git URL or --hub KUBECONFIG"));
        }
        let apply = ApplyArgs {
            site: SiteArgs {
                file: args.file.clone().unwrap_or_default(),
                profiles: args.profiles,
                secrets: args.secrets,
            },
            node: Vec::new(),
            install: Vec::new(),
            strict: false,
            iso: args.iso,
            iso_sha256: args.iso_sha256,
            consent: args.consent,
            trust: args.trust,
            serving: args.serving,
            netboot: args.netboot,
            rollout: args.rollout,
        };
        let apply = ApplyOptions::resolve(apply, common, world)?;
        if apply.timeout.is_some() {
            return Err(usage("a daemon has no --timeout"));
        }
        let listen = pick.pick(args.listen, "RACKHAND_LISTEN", config.listen)?;
        let options = Self { apply, git, hub, listen, state: common.state.clone() };
        options.bounded()?;
        Ok(options)
    }

    /// Whether the hub says what is wanted.
    pub(crate) fn is_from_hub(&self) -> bool {
        self.hub.is_some() && self.git.is_none() && self.apply.site.file.as_os_str().is_empty()
    }

    /// What objects on a hub may ask for has bounds, or nothing is taken from there.
    fn bounded(&self) -> anyhow::Result<()> {
        let Some(hub) = self.hub.as_ref().filter(|_| self.is_from_hub()) else { return Ok(()) };
        if hub.networks.is_empty() {
            return Err(usage(
                "in which networks are the BMCs? Give --bmc-network CIDR: passwords of the hub's nodes are sent nowhere else",
            ));
        }
        if self.apply.trust.first_use {
            return Err(usage(
                "--trust-on-first-use is not for nodes of a hub: an object there could lead the agent to any address; give --ca, or a fingerprint in each HostProvision",
            ));
        }
        Ok(())
    }
}

impl HubOptions {
    fn resolve(args: HubArgs, config: &Config, pick: &Picker<'_>) -> anyhow::Result<Option<Self>> {
        let Some(kubeconfig) = pick.pick(args.hub, "RACKHAND_HUB", config.hub.clone())? else {
            return Ok(None);
        };
        let agent = match pick.pick(args.agent, "RACKHAND_AGENT", config.agent.clone())? {
            Some(agent) => agent,
            None => rustix::system::uname().nodename().to_string_lossy().to_lowercase(),
        };
        let fits = |text: &str| {
            !text.is_empty()
                && text.len() <= 63
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
                && !text.starts_with(['-', '.'])
                && !text.ends_with(['-', '.'])
        };
        if !fits(&agent) {
            return Err(usage(format!(
                "{agent} cannot be the name of an agent: write lower-case letters, digits and -"
            )));
        }
        let networks =
            if args.bmc_network.is_empty() { config.bmc_networks.clone() } else { args.bmc_network };
        Ok(Some(Self {
            kubeconfig,
            agent,
            pool: pick.pick(args.pool, "RACKHAND_POOL", config.pool.clone())?,
            namespace: pick
                .pick(args.hub_namespace, "RACKHAND_HUB_NAMESPACE", config.hub_namespace.clone())?
                .unwrap_or_else(|| "rackhand".to_owned()),
            networks,
            image_dir: pick.pick(args.image_dir, "RACKHAND_IMAGE_DIR", config.image_dir.clone())?,
            writes: pick.pick(args.hub_writes, "RACKHAND_HUB_WRITES", config.hub_writes)?.unwrap_or(1200),
        }))
    }
}

/// The intervals and deadlines of a command that names its BMC.
pub(crate) fn pacing_of(flag: Option<f64>, common: &Common, world: &World) -> anyhow::Result<Pacing> {
    pacing(Picker { world }.pick(flag, "RACKHAND_PACE", common.config.pace)?)
}

/// The intervals and deadlines for real hardware, scaled.
fn pacing(factor: Option<f64>) -> anyhow::Result<Pacing> {
    match factor {
        None => Ok(Pacing::default()),
        Some(factor) if factor.is_finite() && factor > 0.0 && factor <= 1000.0 => {
            Ok(Pacing::default().scaled(factor))
        }
        Some(factor) => Err(usage(format!("--pace {factor}: write a number above 0 and up to 1000"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_the_configuration_file_is_located() {
        let parse = |text| Config::parse(Path::new("config.yaml"), text);
        assert_eq!(parse("stateDir: /x\npace: 0.5\n").unwrap().pace, Some(0.5));
        assert!(parse("").unwrap().state_dir.is_none());
        let error = parse("stateDir: /x\nmediaListn: 1\n").unwrap_err().to_string();
        assert!(error.starts_with("config.yaml:2:1: "), "{error}");
        assert!(error.contains("mediaListn"), "{error}");
    }
}
