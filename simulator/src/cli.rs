//! The program's logic, so that other programs can wrap it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use crate::chance;
use crate::faults;
use crate::machine::NetworkBoot;
use crate::personality::{self, Personality};
use crate::serve::Endpoint;
use crate::simulator::{Builder, MachineSpec, Simulator};
use crate::site::{self, SiteOptions};

/// Simulates servers and their BMCs.
#[derive(Debug, Clone, Parser)]
#[command(name = "rackhand-simulator", version)]
pub struct Args {
    /// Vendor and generation, of those that --list names; with --fleet, several separated by commas take turns.
    #[arg(long, value_delimiter = ',', default_value = "sushy")]
    pub personality: Vec<String>,
    /// Address to listen on; a fleet takes this one and those after it.
    #[arg(short = 'i', long = "interface", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub interface: IpAddr,
    /// Port to listen on.
    #[arg(short = 'p', long, default_value_t = 8000)]
    pub port: u16,
    /// Number of machines, each on its own address.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub fleet: u16,
    /// Plain HTTP instead of HTTPS with a generated certificate.
    #[arg(long)]
    pub http: bool,
    /// Administrator of the BMCs; without one no credentials are asked for.
    #[arg(long, requires = "password_file")]
    pub username: Option<String>,
    /// File with the administrator's password.
    #[arg(long, requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 1.0)]
    pub time_scale: f64,
    /// Seed of identities, dates and chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// YAML or JSON file with fault rules.
    #[arg(long)]
    pub faults: Option<PathBuf>,
    /// A named fault, for all machines or with =NAME for one of them (* standing for any text): bad-password, unreachable-iso,
    /// rejected-bios, rejected-bios-write, bmc-down, media-stuck. May be given several times.
    #[arg(long = "fault", value_name = "FAULT[=MACHINE]")]
    pub fault: Vec<String>,
    /// File for the log, one line of JSON per request and state change.
    #[arg(long)]
    pub log: Option<PathBuf>,
    /// Switches a quirk off by its name, of those that --list tells of. May be given several times.
    #[arg(long = "without-quirk", value_name = "NAME")]
    pub without_quirk: Vec<String>,
    /// Lists the personalities with the quirks of each, and ends.
    #[arg(long)]
    pub list: bool,
    /// File to write the certificate authority's certificate to.
    #[arg(long)]
    pub ca_file: Option<PathBuf>,
    /// Writes SiteConfigs, Secrets, BIOS settings and an installer's image for the machines into this directory, ready to
    /// be applied.
    #[arg(long, value_name = "DIR")]
    pub write_site: Option<PathBuf>,
    /// Size of the installer's image in MiB.
    #[arg(long, default_value_t = 8, requires = "write_site", value_parser = clap::value_parser!(u16).range(1..=4000))]
    pub iso_mib: u16,
    /// Simulated seconds for which BMCs go on asking for an image whose server went away, instead of what their vendor's do.
    #[arg(long, value_name = "SECONDS")]
    pub media_patience: Option<u32>,
    /// TFTP server that the site's DHCP names to hosts that boot by PXE; without it nobody answers them.
    #[arg(long, value_name = "HOST:PORT", requires = "network_boot_file", value_parser = host_and_port)]
    pub network_boot_tftp: Option<String>,
    /// File that firmware loads from the TFTP server: iPXE, or a script for a port that has iPXE in its ROM.
    #[arg(long, value_name = "NAME", requires = "network_boot_tftp")]
    pub network_boot_file: Option<String>,
    /// What the site's DHCP tells iPXE to load; settings such as ${mac:hexhyp} may stand in it.
    #[arg(long, value_name = "URL", requires = "network_boot_tftp")]
    pub network_boot_script: Option<String>,
    /// What the site's DHCP tells firmware to load that boots by HTTP, where its BMC names no URL.
    #[arg(long, value_name = "URL", requires = "network_boot_tftp")]
    pub network_boot_http: Option<String>,
    /// Keeps the certificates in this directory for the next start; with --write-site, DIR/.simulator by default.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

impl Args {
    fn login(&self) -> anyhow::Result<Option<(String, String)>> {
        let (Some(user), Some(file)) = (&self.username, &self.password_file) else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the password file {}", file.display()))?;
        Ok(Some((user.clone(), text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    fn network_boot(&self) -> Option<NetworkBoot> {
        let (tftp, file) = self.network_boot_tftp.as_deref().zip(self.network_boot_file.as_deref())?;
        let mut offer = NetworkBoot::new(tftp, file);
        offer.script.clone_from(&self.network_boot_script);
        offer.http.clone_from(&self.network_boot_http);
        Some(offer)
    }

    fn personalities(&self) -> anyhow::Result<Vec<Arc<dyn Personality>>> {
        let known = personality::all();
        let find = |name: &String| {
            known.iter().find(|one| one.name() == name).cloned().with_context(|| {
                let names: Vec<_> = known.iter().map(|one| one.name()).collect();
                format!("there is no personality {name:?}; there are: {}", names.join(", "))
            })
        };
        self.personality.iter().map(find).collect()
    }

    /// The simulation that the arguments ask for.
    ///
    /// # Errors
    /// When a file cannot be read, or a name is not known.
    pub fn builder(&self) -> anyhow::Result<Builder> {
        anyhow::ensure!(
            self.time_scale.is_finite() && self.time_scale > 0.0,
            "--time-scale must be a number above 0, not {}",
            self.time_scale
        );
        let login = self.login()?;
        let patience = self.media_patience.map(|seconds| Duration::from_secs(seconds.into()));
        let personalities = self.personalities()?;
        let mut builder = Simulator::builder().seed(self.seed).time_scale(self.time_scale).forget_log();
        for (number, personality) in (1..=self.fleet).zip(personalities.iter().cycle()) {
            let mut machine = MachineSpec::new(&format!("node{number}"), Arc::clone(personality));
            if let Some((user, password)) = &login {
                machine = machine.login(user, password);
            } else if self.write_site.is_some() {
                // A site has Secrets, so its BMCs ask for them: each for a password of its own.
                let password = chance::word(self.seed, &format!("password of node{number}"));
                machine = machine.login("admin", &password);
            }
            builder = builder.machine(machine);
        }
        if let Some(patience) = patience {
            builder = builder.media_patience(patience);
        }
        if let Some(offer) = self.network_boot() {
            builder = builder.network_boot(offer);
        }
        for name in &self.without_quirk {
            builder = builder.without_quirk(name);
        }
        if let Some(file) = &self.faults {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the fault file {}", file.display()))?;
            for rule in faults::parse(&text).with_context(|| format!("in {}", file.display()))? {
                builder = builder.fault(rule);
            }
        }
        for named in &self.fault {
            for rule in named_fault(named)? {
                builder = builder.fault(rule);
            }
        }
        if let Some(file) = &self.log {
            builder = builder.log_file(file);
        }
        let beside_site = self.write_site.as_ref().map(|site| site.join(".simulator"));
        if let Some(directory) = self.state.clone().or(beside_site) {
            builder = builder.state(directory);
        }
        Ok(builder)
    }
}

/// A server as `HOST:PORT`.
fn host_and_port(text: &str) -> Result<String, String> {
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(text.to_owned()),
        _ => Err("a server is written HOST:PORT, such as 192.0.2.1:69".into()),
    }
}

fn named_fault(named: &str) -> anyhow::Result<Vec<faults::Rule>> {
    let (name, machine) = named.split_once('=').unwrap_or((named, "*"));
    faults::preset(name, machine).with_context(|| {
        let known: Vec<_> = faults::PRESETS.iter().map(|one| one.name).collect();
        format!("there is no fault {name:?}; there are: {}", known.join(", "))
    })
}

/// Runs the program until it is told to end.
///
/// # Errors
/// When the simulation cannot be set up.
pub async fn main(args: Args) -> anyhow::Result<()> {
    if args.list {
        return print(&listing());
    }
    raise_descriptor_limit();
    let simulator = args.builder()?.build()?;
    let first = SocketAddr::new(args.interface, args.port);
    let endpoints = simulator.serve(first, !args.http).await?;
    if let Some(file) = &args.ca_file {
        std::fs::write(file, simulator.authority().pem())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(directory) = &args.write_site {
        let iso_size = usize::from(args.iso_mib) * 1024 * 1024;
        let options = SiteOptions { iso_size, ..SiteOptions::default() };
        site::write(&simulator, &endpoints, directory, &options)
            .with_context(|| format!("cannot write the site {}", directory.display()))?;
    }
    announce(&simulator, &endpoints)?;
    stop_signal().await?;
    simulator.shut_down().await;
    Ok(())
}

/// Every personality with a sentence about it, and its quirks with what is seen of each.
fn listing() -> String {
    let mut text = String::new();
    for personality in personality::all() {
        text.push_str(&format!("{}: {}\n", personality.name(), personality.summary()));
        for quirk in personality.quirks() {
            text.push_str(&format!("  {}: {} ({})\n", quirk.name, quirk.seen, quirk.source));
        }
    }
    text
}

fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// One line per machine, then `ready`: name, personality, URL, administrator, certificate's SHA-256; `-` where there is none.
fn announce(simulator: &Simulator, endpoints: &[Endpoint]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    for (endpoint, cell) in endpoints.iter().zip(simulator.machines()) {
        let fingerprint = endpoint.fingerprint.as_deref().unwrap_or("-");
        let user = cell.with(|machine| machine.accounts.first().map(|account| account.user.clone()));
        let user = user.as_deref().unwrap_or("-");
        writeln!(
            out,
            "{} {} {} {user} {fingerprint}",
            endpoint.machine,
            cell.personality.name(),
            endpoint.url
        )?;
    }
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}

async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for SIGINT")?,
    }
    Ok(())
}

/// A fleet needs a descriptor per listener and connection: the soft limit rises to the hard one.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is; a large fleet may not fit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(arguments: &[&str]) -> Result<Builder, String> {
        let program = std::iter::once("rackhand-simulator");
        let args = Args::try_parse_from(program.chain(arguments.iter().copied()));
        args.map_err(|error| error.to_string())?.builder().map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn a_mixed_fleet_takes_turns() {
        let fleet =
            builder(&["--personality", "idrac9,sushy", "--fleet", "3", "--fault", "media-stuck=node2"]);
        let simulator = fleet.unwrap().build().unwrap();
        let played: Vec<_> = simulator.machines().iter().map(|cell| cell.personality.name()).collect();
        assert_eq!(played, ["idrac9", "sushy", "idrac9"]);
        let stuck = ["node1", "node2"].map(|name| simulator.faults().media_never_attaches(name));
        assert_eq!(stuck, [false, true]);
    }

    #[test]
    fn every_personality_is_listed_with_its_quirks() {
        let text = listing();
        for personality in personality::all() {
            assert!(
                text.contains(&format!("\n{}: ", personality.name())) || text.starts_with(personality.name())
            );
        }
        assert!(text.contains("\n  only-slot-1-boots: "));
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        for (arguments, word) in [
            (["--personality", "vax"], "sushy"),
            (["--fault", "earthquake"], "media-stuck"),
            (["--time-scale", "0"], "above 0"),
            (["--faults", "/nowhere.yaml"], "/nowhere.yaml"),
            (["--fleet", "0"], "0"),
            (["--iso-mib", "3"], "--write-site"),
            (["--network-boot-tftp", "boot.example"], "HOST:PORT"),
            (["--network-boot-tftp", "boot.example:69"], "--network-boot-file"),
            (["--network-boot-script", "http://boot.example/x"], "--network-boot-tftp"),
        ] {
            let refused = builder(&arguments).err().unwrap();
            assert!(refused.contains(word), "{arguments:?}: {refused}");
        }
    }

    #[tokio::test]
    async fn every_machine_is_told_what_dhcp_offers() {
        let told = "http://boot.example/${mac:hexhyp}/boot.ipxe";
        let arguments = ["--fleet", "2", "--network-boot-tftp", "boot.example:6969", "--network-boot-file"];
        let rest =
            ["ipxe.efi", "--network-boot-script", told, "--network-boot-http", "http://boot.example/x.iso"];
        let simulator = builder(&[&arguments[..], &rest].concat()).unwrap().build().unwrap();
        let offer = NetworkBoot::new("boot.example:6969", "ipxe.efi").script(told);
        let offer = offer.http("http://boot.example/x.iso");
        for cell in simulator.machines() {
            assert_eq!(cell.with(|machine| machine.network.clone()), Some(offer.clone()));
        }
    }

    #[tokio::test]
    async fn a_site_gives_each_bmc_a_password_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let site = directory.path().to_str().unwrap();
        let simulator = builder(&["--fleet", "2", "--write-site", site]).unwrap().build().unwrap();
        let password = |name: &str| {
            simulator
                .machine(name)
                .unwrap()
                .with(|machine| machine.accounts.first().unwrap().password.clone())
        };
        assert_ne!(password("node1"), password("node2"));
        assert!(directory.path().join(".simulator/ca.pem").is_file());
    }
}
