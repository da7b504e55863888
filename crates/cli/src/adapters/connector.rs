//! Reaching BMCs: transport, trust, credentials and the facade, behind the agent's port.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackhand::{BmcAddress, IpmiAddress, Options, Origin};
use rackhand_agent::ports::Connector;
use rackhand_bmc::{Bmc, Clock, Credentials, Error, ErrorKind, Fut, Ledger, Pacing, Result};
use rackhand_http::{Connections, Fenced, HttpTransport, Tls, Transport};
use rackhand_spec::IpNet;
use tokio::sync::OwnedSemaphorePermit;

use super::trust::{TrustChoice, Where, with_advice};
use crate::{Hooks, state::StateDir};

/// How one BMC is reached.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Where it is.
    pub(crate) address: BmcAddress,
    /// How its certificate is judged.
    pub(crate) trust: TrustChoice,
    /// Who to log in as, or why nobody can.
    pub(crate) credentials: std::result::Result<Credentials, String>,
}

/// What every connection shares.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) tls: Tls,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pacing: Pacing,
    pub(crate) state: StateDir,
    pub(crate) hooks: Hooks,
    pub(crate) place: Where,
    /// Asked before a request that changes something: whether this agent may act on the node.
    pub(crate) fence: Option<Fence>,
    /// The only networks that BMCs may be in; anywhere when absent.
    pub(crate) networks: Option<Arc<[IpNet]>>,
}

/// Whether a request that changes a node may be sent now; a sentence when not.
pub(crate) type Fence = Arc<dyn Fn(&str) -> std::result::Result<(), String> + Send + Sync>;

impl Line {
    /// Logs in and assembles the machine; one try.
    pub(crate) async fn connect(&self, node: &str, access: &Access) -> Result<Bmc> {
        let credentials = access.credentials.clone();
        let credentials =
            credentials.map_err(|problem| Error::new(ErrorKind::NotFound, access.address.name(), problem))?;
        let mut options = Options::new(credentials);
        options.ledger = Arc::clone(&self.ledger);
        options.clock = Arc::clone(&self.clock);
        options.pacing = self.pacing.clone();
        let connected = match &access.address {
            BmcAddress::Ipmi(address) => self.connect_ipmi(node, address, options).await,
            BmcAddress::Redfish { origin, .. } => {
                let transport = self.transport(node, access, origin)?;
                rackhand::connect_over(transport, &access.address, options).await
            }
        };
        connected.map_err(|error| with_advice(error, self.place))
    }

    async fn connect_ipmi(&self, node: &str, address: &IpmiAddress, mut options: Options) -> Result<Bmc> {
        options.connections.networks.clone_from(&self.networks);
        let fence = self.fence.as_ref().map(|fence| -> rackhand::Fence {
            let (fence, node) = (Arc::clone(fence), node.to_owned());
            Arc::new(move || fence(&node))
        });
        rackhand::connect_ipmi(address, options, fence).await
    }

    /// The way to the BMC, with whatever a test puts around it.
    fn transport(&self, node: &str, access: &Access, origin: &Origin) -> Result<Arc<dyn Transport>> {
        let name = access.address.name();
        let not_set_up = |why: String| Error::new(ErrorKind::TlsUnsupported, &name, why);
        let trust =
            access.trust.to_trust(origin, &self.state).map_err(|error| not_set_up(format!("{error:#}")))?;
        let connections = Connections { networks: self.networks.clone(), ..Connections::default() };
        let transport = HttpTransport::new(origin.clone(), trust, &self.tls, connections)
            .map_err(|error| not_set_up(error.to_string()))?;
        let transport = self.hooks.transport(&name, Arc::new(transport));
        Ok(match &self.fence {
            None => transport,
            Some(fence) => {
                let (fence, node) = (Arc::clone(fence), node.to_owned());
                Arc::new(Fenced::new(transport, move || fence(&node)))
            }
        })
    }
}

/// The agent's connector for the nodes of a site.
pub(crate) struct SiteConnector {
    line: Line,
    access: Mutex<BTreeMap<String, Access>>,
    ready: Mutex<BTreeMap<String, Ready>>,
}

/// A machine that was connected to learn who it is, waiting for its node's task.
struct Ready {
    bmc: Bmc,
    /// What keeps the number of idle sessions within the limit.
    _permit: OwnedSemaphorePermit,
}

impl SiteConnector {
    pub(crate) fn new(line: Line, access: BTreeMap<String, Access>) -> Self {
        Self { line, access: Mutex::new(access), ready: Mutex::default() }
    }

    /// How a node's BMC is reached.
    pub(crate) fn access(&self, node: &str) -> Option<Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).get(node).cloned()
    }

    /// From now on nodes are reached so.
    pub(crate) fn set(&self, access: BTreeMap<String, Access>) {
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// Connects, for the caller to keep.
    pub(crate) async fn reach(&self, node: &str) -> Result<Bmc> {
        match self.access(node) {
            Some(access) => self.line.connect(node, &access).await,
            None => Err(Error::new(ErrorKind::NotFound, node, "no such node in this run")),
        }
    }

    /// Hands over a machine that is connected already: the next `connect` of its node answers it, so that one login
    /// serves both to learn who the machine is and to work on it.
    pub(crate) fn hand_over(&self, node: &str, bmc: Bmc, permit: OwnedSemaphorePermit) {
        let ready = Ready { bmc, _permit: permit };
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(node.to_owned(), ready);
    }

    fn take(&self, node: &str) -> Option<Bmc> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(node).map(|ready| ready.bmc)
    }

    /// Gives back the session of a machine that nobody took.
    pub(crate) async fn give_back(&self, node: &str) {
        let Some(bmc) = self.take(node) else { return };
        if let Err(error) = bmc.close().await {
            tracing::warn!(node, %error, "the BMC did not confirm that the session is given back");
        }
    }
}

impl Connector for SiteConnector {
    fn connect<'a>(&'a self, node: &'a str) -> Fut<'a, Bmc> {
        Box::pin(async move {
            match self.take(node) {
                Some(bmc) => Ok(bmc),
                None => self.reach(node).await,
            }
        })
    }
}
