//! One Lease per agent: the sign that it lives, and the right to act on pool nodes.
//!
//! Time is the agent's own monotonic clock on both sides. The holder counts from the moment *before* it asked for the renewal,
//! so it never believes to hold longer than the hub. Another agent waits until it has itself seen the Lease unchanged for its
//! whole duration and a margin more. So no clock on the hub or elsewhere has to be right.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use rackhand_bmc::Clock;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::trouble::{Trouble, answered};

/// How a Lease is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long it holds without being renewed.
    pub duration: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// How long a request to a BMC can take: with less left, none is sent.
    pub request: Duration,
    /// What another agent waits beyond the duration and a request, for clocks that run at different speeds.
    pub skew: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(150),
            renew: Duration::from_secs(10),
            request: Duration::from_secs(60),
            skew: Duration::from_secs(10),
        }
    }
}

impl LeaseTimes {
    /// After how long without a renewal another agent may act.
    #[must_use]
    pub fn dead_after(&self) -> Duration {
        self.duration + self.request + self.skew
    }
}

/// Whether the Lease is held, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known yet.
    Unknown,
    /// It is held until then. The epoch rises each time that it was lost in between.
    Held {
        /// Until when, if it is not renewed.
        until: Instant,
        /// How often it was taken.
        epoch: u64,
    },
    /// Another process holds it under the same agent's name.
    Taken {
        /// Who.
        by: String,
    },
}

/// Keeps one agent's Lease.
pub struct LeaseKeeper {
    api: Api<Lease>,
    name: String,
    identity: String,
    clock: Arc<dyn Clock>,
    times: LeaseTimes,
    standing: watch::Sender<Standing>,
    deaths: Mutex<Deaths>,
}

/// Other holders' Leases, as last seen to change.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    renewed: Option<MicroTime>,
    holder: Option<String>,
    since: Instant,
}

impl Deaths {
    /// Whether the Lease called `name` was seen not to change for so long that nothing of its holder can be under way.
    pub(crate) fn is_dead(&mut self, name: &str, spec: &LeaseSpec, times: LeaseTimes) -> bool {
        let same = self
            .seen
            .get(name)
            .filter(|seen| seen.renewed == spec.renew_time && seen.holder == spec.holder_identity);
        match same {
            Some(seen) => seen.since.elapsed() >= times.dead_after(),
            None => {
                let (renewed, holder) = (spec.renew_time.clone(), spec.holder_identity.clone());
                self.seen.insert(name.to_owned(), Seen { renewed, holder, since: Instant::now() });
                false
            }
        }
    }
}

impl LeaseKeeper {
    /// A keeper of the Lease of `agent` in `namespace`. `identity` names this state directory: the same agent's next process
    /// has it again, a second agent of the same name elsewhere has not.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        agent: &str,
        identity: String,
        clock: Arc<dyn Clock>,
        times: LeaseTimes,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: lease_name(agent),
            identity,
            clock,
            times,
            standing: watch::Sender::new(Standing::Unknown),
            deaths: Mutex::default(),
        }
    }

    /// Whether it is held, as that changes.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Renews for ever.
    pub async fn run(self) {
        loop {
            let asked = Instant::now();
            match self.renew().await {
                Ok(true) => self.held(asked),
                Ok(false) => {}
                Err(trouble) => tracing::debug!(lease = self.name, what = trouble.text(), "not renewed"),
            }
            sleep(self.times.renew).await;
        }
    }

    fn held(&self, asked: Instant) {
        let now = Instant::now();
        let until = asked + self.times.duration;
        self.standing.send_modify(|standing| {
            let epoch = match standing {
                Standing::Held { until, epoch } if *until > now => *epoch,
                Standing::Held { epoch, .. } => *epoch + 1,
                Standing::Unknown | Standing::Taken { .. } => 1,
            };
            *standing = Standing::Held { until, epoch };
        });
    }

    /// One renewal. `false`: somebody else holds it.
    async fn renew(&self) -> Result<bool, Trouble> {
        let found = answered(self.api.get_opt(&self.name)).await?;
        let Some(mut lease) = found else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None, 0)),
            };
            return answered(self.api.create(&PostParams::default(), &lease)).await.map(|_| true);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let ours = spec.holder_identity.as_ref() == Some(&self.identity);
        if !ours
            && !self
                .deaths
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_dead(&self.name, &spec, self.times)
        {
            let by = spec.holder_identity.unwrap_or_else(|| "nobody".to_owned());
            self.standing.send_replace(Standing::Taken { by });
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0) + i32::from(!ours);
        let acquired = if ours { spec.acquire_time } else { None };
        lease.spec = Some(self.spec(acquired, transitions));
        // The resourceVersion that was read is in it: somebody who wrote in between is seen.
        answered(self.api.replace(&self.name, &PostParams::default(), &lease)).await.map(|_| true)
    }

    fn spec(&self, acquired: Option<MicroTime>, transitions: i32) -> LeaseSpec {
        let now = MicroTime(self.clock.now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.times.duration.as_secs()).ok(),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// The name of an agent's Lease.
#[must_use]
pub fn lease_name(agent: &str) -> String {
    format!("rackhand-{agent}")
}

/// Whether requests that change something may be sent to pool nodes.
#[derive(Debug, Clone)]
pub struct Tenure {
    standing: watch::Receiver<Standing>,
    request: Duration,
    /// Pool nodes that were seen to be ours, with the epoch of the Lease under which that was seen.
    claims: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Tenure {
    /// A tenure under a Lease.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>, times: LeaseTimes) -> Self {
        Self { standing, request: times.request, claims: Arc::default() }
    }

    /// The epoch of the Lease, while it is held for long enough.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        match &*self.standing.borrow() {
            Standing::Held { until, epoch } if *until >= Instant::now() + self.request => Some(*epoch),
            _ => None,
        }
    }

    /// Writes down which pool nodes the hub shows as ours, as seen in a read that began under `epoch`.
    pub fn claimed(&self, epoch: u64, nodes: impl IntoIterator<Item = String>) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        *claims = nodes.into_iter().map(|node| (node, epoch)).collect();
    }

    /// Whether a request that changes a node pinned to this agent may be sent now. That needs no hub; only somebody else who
    /// goes by the same name forbids it.
    ///
    /// # Errors
    /// A sentence that says who.
    pub fn may_act_on_own(&self) -> Result<(), String> {
        match &*self.standing.borrow() {
            Standing::Taken { by } => Err(format!(
                "another process goes by this agent's name ({by}); give one of them another --agent, or stop it"
            )),
            Standing::Unknown | Standing::Held { .. } => Ok(()),
        }
    }

    /// Whether a request that changes a pool node may be sent now.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn may_act(&self, node: &str) -> Result<(), String> {
        let Some(epoch) = self.epoch() else {
            return Err(
                "the agent's Lease has less left than a request can take: another agent may act soon"
                    .to_owned(),
            );
        };
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.get(node) {
            Some(seen) if *seen == epoch => Ok(()),
            Some(_) => {
                Err("the agent's Lease had run out: the hub must show first that the node is still ours"
                    .to_owned())
            }
            None => Err("the hub does not show that this agent has taken the node".to_owned()),
        }
    }
}
