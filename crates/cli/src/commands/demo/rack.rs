//! The simulated rack: three vendors' BMCs behind HTTPS, and the site that was written for them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use rackhand_simulator::{
    MachineSpec, Simulator,
    personality::{self, Personality},
    site::{self, SiteOptions},
};

use super::faults;
use crate::args::FaultName;

/// Simulated seconds per second. Some twenty minutes become some seconds.
pub(super) const SCALE: f64 = 150.0;

/// Intervals and deadlines are shortened less than simulated time, so that a busy machine is no failure.
pub(super) const PACE: f64 = 60.0;

/// The machines: host name, personality, and what that is to people.
const MACHINES: [(&str, &str, &str); 3] = [
    ("dell", "idrac9", "Dell PowerEdge, iDRAC9"),
    ("hpe", "ilo6", "HPE ProLiant, iLO 6"),
    ("cisco", "cimc", "Cisco UCS C-Series, CIMC"),
];

/// A machine of the demo.
pub(super) struct Machine {
    /// The node's name.
    pub(super) node: String,
    /// Where its BMC listens.
    pub(super) url: String,
    /// What it is.
    pub(super) what: String,
}

/// The rack.
pub(super) struct Rack {
    pub(super) machines: Vec<Machine>,
    /// The directory of the site.
    pub(super) site: PathBuf,
    simulator: Simulator,
}

impl Rack {
    /// Starts the BMCs and writes their site below `place`.
    pub(super) async fn start(place: &Path, log: &Path, fault: Option<FaultName>) -> anyhow::Result<Self> {
        let mut builder = Simulator::builder().time_scale(SCALE).log_file(log).forget_log();
        for (name, personality, _) in MACHINES {
            let password = format!("{:032x}", rand::random::<u128>());
            builder = builder.machine(MachineSpec::new(name, known(personality)?).login("admin", &password));
        }
        for rule in fault.map(faults::rules).transpose()?.unwrap_or_default() {
            builder = builder.fault(rule);
        }
        let simulator = builder.build().context("the simulator")?;
        let first = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let endpoints = simulator.serve(first, true).await.context("the simulated BMCs")?;
        let directory = place.join("site");
        let written = site::write(&simulator, &endpoints, &directory, &SiteOptions::default());
        let written = written.context("the example site")?;
        let mut machines = Vec::new();
        for ((endpoint, node), (_, _, what)) in endpoints.iter().zip(&written.nodes).zip(MACHINES) {
            machines.push(Machine {
                node: format!("{}/{}", node.cluster, node.machine),
                url: endpoint.url.clone(),
                what: what.to_owned(),
            });
        }
        Ok(Self { machines, site: directory, simulator })
    }

    /// Ends the simulation.
    pub(super) async fn shut_down(self) {
        self.simulator.shut_down().await;
    }
}

fn known(name: &str) -> anyhow::Result<Arc<dyn Personality>> {
    let found = personality::all().into_iter().find(|one| one.name() == name);
    found.with_context(|| format!("the simulator has no personality {name}; this is a fault in rackhand"))
}
