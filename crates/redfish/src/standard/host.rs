//! What the facets of one machine share: the client, the documents read while connecting, the dialect.

use std::sync::{Arc, Mutex, PoisonError};

use rackhand_bmc::{Error, ErrorKind, Identity, Pacing, Quirks, Result, Target};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{dialect::Dialect, quirks};
use crate::{
    client::{Client, Sent},
    document::{Document, names},
    memory::{self, Recollection},
};

/// The machine as read while connecting. Kept to find links and action targets in; never taken as state.
#[derive(Debug)]
pub struct Machine {
    /// The service root.
    pub root: Document,
    /// The System.
    pub system: Document,
    manager: OnceCell<Option<Document>>,
}

impl Machine {
    /// A machine whose Manager is not known yet.
    #[must_use]
    pub fn new(root: Document, system: Document) -> Self {
        Self { root, system, manager: OnceCell::new() }
    }

    /// The same with its Manager, read already.
    #[must_use]
    pub fn with_manager(self, manager: Document) -> Self {
        Self { manager: OnceCell::new_with(Some(Some(manager))), ..self }
    }

    /// The Manager, if it was read so far.
    #[must_use]
    pub fn manager(&self) -> Option<&Document> {
        self.manager.get().and_then(Option::as_ref)
    }
}

/// One machine, connected: what a facet works with.
pub struct Host {
    /// Sends requests.
    pub client: Client,
    /// What was read while connecting.
    pub machine: Machine,
    /// The vendor's differences.
    pub dialect: Arc<dyn Dialect>,
    /// What of the standard table is cured.
    cures: Quirks,
    /// Every interval and deadline.
    pub pacing: Pacing,
    /// The System's ETag as of its last read: only ever offered in If-Match.
    system_etag: Mutex<Option<String>>,
    /// What is kept for the next connection.
    pub(crate) memory: Recollection,
    /// Whether the System stands in `machine` as an earlier connection read it.
    remembered: bool,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("bmc", &self.client.bmc())
            .field("system", &self.machine.system)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Finds the System (and the Manager, where the dialect needs it) and keeps them.
    pub(crate) async fn find(
        client: Client,
        root: Document,
        dialect: Arc<dyn Dialect>,
        target: &Target,
    ) -> Result<Self> {
        let (memory, pacing) = (Recollection::new(target), target.pacing.clone());
        let cures = Quirks::new(quirks::standard_quirks(), &target.quirks_off);
        let known = memory.document(memory::SYSTEM);
        let remembered = known.is_some();
        let system = match known {
            Some(system) => system,
            None => {
                let wanted = target.system.as_deref();
                super::systems::choose(&client, &root, dialect.as_ref(), &cures, wanted).await?
            }
        };
        let needs_manager = dialect.needs_manager(&root, &system);
        let system_etag = Mutex::new(system.etag().map(str::to_owned));
        let mut machine = Machine::new(root, system);
        if let Some(manager) = memory.document(memory::MANAGER).filter(|_| remembered) {
            machine = machine.with_manager(manager);
        }
        let host = Self { client, machine, dialect, cures, pacing, system_etag, memory, remembered };
        if needs_manager {
            host.manager().await?;
        }
        if !remembered {
            host.memory.keep(memory::ROOT, &host.machine.root);
            host.memory.keep(memory::SYSTEM, &host.machine.system);
            if let Some(manager) = host.machine.manager() {
                host.memory.keep(memory::MANAGER, manager);
            }
        }
        Ok(host)
    }

    /// Whether the cure of that name is used, of [`standard_quirks`](super::standard_quirks).
    #[must_use]
    pub fn cures(&self, name: &str) -> bool {
        self.cures.cures(name)
    }

    /// The Manager of this System; read at its first use.
    ///
    /// # Errors
    /// When it is linked but cannot be read.
    pub async fn manager(&self) -> Result<Option<&Document>> {
        let found = self.machine.manager.get_or_try_init(|| self.find_manager()).await?;
        Ok(found.as_ref())
    }

    async fn find_manager(&self) -> Result<Option<Document>> {
        let mut links: Vec<String> =
            self.machine.system.links("Links/ManagedBy").into_iter().map(str::to_owned).collect();
        if links.is_empty() && self.cures(quirks::NO_MANAGED_BY) {
            if let Some(link) = self.machine.root.link("Links/ManagerProvidingService") {
                links.push(link.to_owned());
            } else if let Some(managers) = self.machine.root.link("Managers") {
                links = self.client.member_uris(managers).await?;
            }
        }
        if let [only] = links.as_slice() {
            return self.client.get(only).await.map(Some);
        }
        let system = self.machine.system.uri();
        let read = self.client.each(&links).await.documents;
        let mut bmcs: Vec<Document> =
            read.into_iter().filter(|manager| self.dialect.is_bmc(manager)).collect();
        let own = bmcs.iter().position(|manager| names(&manager.links("Links/ManagerForServers"), system));
        Ok(match own {
            Some(own) => Some(bmcs.swap_remove(own)),
            None => bmcs.into_iter().next(),
        })
    }

    /// Reads the System: its state now.
    ///
    /// # Errors
    /// As any read.
    pub async fn system(&self) -> Result<Document> {
        let system = match self.client.get(self.machine.system.uri()).await {
            Err(error) if self.remembered && *error.kind() == ErrorKind::NotFound => {
                self.forget();
                return Err(error);
            }
            system => system?,
        };
        self.is_the_same(&system)?;
        *self.system_etag.lock().unwrap_or_else(PoisonError::into_inner) = system.etag().map(str::to_owned);
        Ok(system)
    }

    /// Gives up what is kept for the next connection: for everything after which the BMC may be another than it was.
    pub fn forget(&self) {
        self.memory.forget();
    }

    /// Refuses to go on when the machine that answers is not the one that is remembered. Whoever connects learns from
    /// memory who it is, so this is where a machine shows that was exchanged since.
    fn is_the_same(&self, now: &Document) -> Result<()> {
        for name in ["UUID", "SerialNumber"] {
            let texts = (self.machine.system.str(name), now.str(name));
            if let (Some(then), Some(now)) = texts
                && self.remembered
                && !then.trim().eq_ignore_ascii_case(now.trim())
            {
                self.forget();
                let seen = format!(
                    "another machine answers here now: its {name} is {now}, and was {then}; connect again to learn who it is"
                );
                return Err(self.client.error(ErrorKind::Conflict, seen));
            }
        }
        Ok(())
    }

    /// Writes the System or its settings resource.
    ///
    /// # Errors
    /// As any mutation.
    pub async fn patch_system(&self, uri: &str, body: Value) -> Result<Sent> {
        let own = crate::uri::same_resource(uri, self.machine.system.uri());
        let etag = self.system_etag.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| own);
        self.client.patch(uri, etag.as_deref(), body).await
    }

    /// Tries bodies in order: the next only when the one before was refused for what it holds.
    ///
    /// # Errors
    /// The last refusal, or the first error of another kind.
    pub async fn first_accepted<F>(&self, bodies: Vec<Value>, send: impl Fn(Value) -> F) -> Result<Sent>
    where
        F: Future<Output = Result<Sent>>,
    {
        let mut refused = None;
        for body in bodies {
            match send(body).await {
                Err(error) if matches!(error.kind(), ErrorKind::RejectedValue { .. }) => {
                    tracing::debug!(bmc = self.client.bmc(), %error, "tries another form of the request");
                    refused = Some(error);
                }
                answer => return answer,
            }
        }
        Err(refused.unwrap_or_else(|| {
            self.client.error(ErrorKind::Unsupported, "the driver knows no form of this request")
        }))
    }

    /// An error that says what this BMC lacks.
    #[must_use]
    pub fn lacks(&self, what: &str) -> Error {
        self.client.error(ErrorKind::Unsupported, format!("{} offers no {what}", self.machine.system.uri()))
    }

    pub(crate) fn identity(&self) -> Identity {
        let (machine, dialect) = (&self.machine, self.dialect.as_ref());
        let system = |path: &str| machine.system.str(path).map(str::to_owned);
        let mut identity = Identity {
            vendor: dialect.vendor(),
            generation: dialect.generation(machine),
            system: machine.system.uri().to_owned(),
            manufacturer: system("Manufacturer"),
            model: system("Model"),
            serial: system("SerialNumber"),
            uuid: system("UUID"),
            bios_version: system("BiosVersion"),
            bmc_version: machine
                .manager()
                .and_then(|manager| manager.str("FirmwareVersion"))
                .map(str::to_owned),
        };
        dialect.identity(machine, &mut identity);
        identity
    }
}
