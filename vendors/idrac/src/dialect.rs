//! The hooks of the standard driver that differ.

use std::{collections::BTreeSet, sync::OnceLock};

use rackhand_bmc::{
    Attributes, BootOverride, Capabilities, Error, Fut, Identity, JobState, MediaImage, MediaSlot, Outcome,
    Pending, Quirks, Readiness, ReadyState, Result, Vendor,
};
use rackhand_redfish::{Dialect, Document, Host, Machine, MessageRule, Plain, last_segment};
use serde_json::{Value, json};

use crate::{
    capabilities,
    generation::Generation,
    jobs,
    messages::MESSAGES,
    quirks::{self, quirks},
};

/// Dell's differences.
#[derive(Debug)]
pub struct IdracDialect {
    /// For the hooks that are not told which machine it is: their rows hold for all of them.
    quirks: Quirks,
    /// Target of the action that tells how ready the iDRAC's parts are; learned at its first use.
    status_target: OnceLock<String>,
}

impl IdracDialect {
    /// The dialect without the cures that are named in `off`.
    #[must_use]
    pub fn without(off: &BTreeSet<String>) -> Self {
        Self { quirks: Quirks::new(quirks(), off), status_target: OnceLock::new() }
    }

    /// The table and what of it is off.
    pub(crate) fn cures(&self) -> &Quirks {
        &self.quirks
    }

    fn on(&self, machine: &Machine, name: &str) -> bool {
        quirks::on(&self.quirks, machine, name)
    }
}

impl Default for IdracDialect {
    fn default() -> Self {
        Self::without(&BTreeSet::new())
    }
}

impl Dialect for IdracDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Dell
    }

    fn message_rules(&self) -> &'static [MessageRule] {
        if self.quirks.cures(quirks::EEMI) { MESSAGES } else { &[] }
    }

    fn generation(&self, machine: &Machine) -> String {
        Generation::of(machine).to_string()
    }

    fn identity(&self, machine: &Machine, identity: &mut Identity) {
        if let Some(tag) = machine.system.str("SKU").filter(|_| self.quirks.cures(quirks::SERVICE_TAG)) {
            identity.serial = Some(tag.to_owned());
        }
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        capabilities::add(&self.quirks, machine, capabilities);
    }

    fn boot_target_uri(&self, machine: &Machine) -> String {
        let system = &machine.system;
        if self.on(machine, quirks::OVERRIDE_AT_SETTINGS) {
            settings_of(system)
        } else {
            system.uri().to_owned()
        }
    }

    /// Without the mode, unless it is asked for.
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        let mut bodies = Plain.boot_override_bodies(wanted, name, mode);
        if self.quirks.cures(quirks::OVERRIDE_MODE) {
            bodies.truncate(1);
        }
        bodies
    }

    /// The first HTTP device of the BIOS; its interface and addresses stay as they are set (registries of R750).
    fn http_boot_settings(&self, _machine: &Machine, url: &str) -> Attributes {
        Attributes::from([
            ("HttpDev1EnDis".to_owned(), "Enabled".into()),
            ("HttpDev1Uri".to_owned(), url.into()),
        ])
    }

    fn slot_preference(&self, machine: &Machine, slot: &MediaSlot) -> u32 {
        let usual = Plain.slot_preference(machine, slot) * 2;
        let second = self.on(machine, quirks::SLOT_1) && last_segment(&slot.id.0) != "1";
        if second { usual + 1 } else { usual }
    }

    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        !self.on(machine, quirks::NO_INSERT) && Plain.can_insert(machine, slot)
    }

    /// VRM0012 (Dell's error and event guide).
    fn refuses_when_full(&self, _machine: &Machine) -> bool {
        true
    }

    fn inserted(&self, slot: &Document) -> Option<bool> {
        let gone = slot.str("Image").is_none() && slot.str("ConnectedVia") == Some("NotConnected");
        if gone && self.quirks.cures(quirks::STALE_INSERTED) { Some(false) } else { slot.bool("Inserted") }
    }

    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        if self.on(machine, quirks::INSERT_ONCE) {
            bodies.truncate(1);
        }
        bodies
    }

    fn bios_stage_extra<'a>(
        &'a self,
        host: &'a Host,
        settings: &'a str,
        staged: Outcome,
    ) -> Fut<'a, Outcome> {
        Box::pin(async move {
            match staged {
                Outcome::Pending(pending)
                    if pending.job.is_none() && self.on(&host.machine, quirks::BIOS_JOB_APART) =>
                {
                    make_bios_job(self, host, settings, pending).await
                }
                staged => Ok(staged),
            }
        })
    }

    /// One query tells the state of all parts.
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        let part = match what {
            Readiness::LifecycleController => "LCStatus",
            Readiness::StorageInventory => "RTStatus",
            Readiness::HostPost => "ServerStatus",
            Readiness::Bmc if self.on(&host.machine, quirks::RESTARTING) => {
                let attributes = attributes_of(&host.machine)?;
                return Some(Box::pin(async move { restarting(host, &attributes).await }));
            }
            _ => return None,
        };
        let cure = self.quirks.cures(quirks::READINESS);
        let service = host.machine.manager()?.link("Links/Oem/Dell/DellLCService").filter(|_| cure)?;
        Some(Box::pin(self.ask_status(host, service, part)))
    }

    fn jobs_uri(&self, machine: &Machine) -> Option<String> {
        let manager = machine.manager().filter(|_| self.on(machine, quirks::JOBS_PLACE))?;
        let linked = manager.link("Links/Oem/Dell/Jobs").map(str::to_owned);
        Some(linked.unwrap_or_else(|| format!("{}/Jobs", manager.uri())))
    }

    fn job_state(&self, job: &Document) -> Option<JobState> {
        jobs::state(job, &self.quirks)
    }
}

/// The System's settings resource.
pub(crate) fn settings_of(system: &Document) -> String {
    system
        .link("@Redfish.Settings/SettingsObject")
        .map_or_else(|| format!("{}/Settings", system.uri()), str::to_owned)
}

/// The iDRAC's own attributes, which are written at once and without a job.
pub(crate) fn attributes_of(machine: &Machine) -> Option<String> {
    let manager = machine.manager()?;
    let sets = manager.links("Links/Oem/Dell/DellAttributes");
    let own =
        sets.into_iter().find(|uri| last_segment(uri).eq_ignore_ascii_case(last_segment(manager.uri())));
    // The alias is where firmware that does not link the sets yet has the iDRAC's own (DS).
    Some(own.map_or_else(|| format!("{}/Attributes", manager.uri()), str::to_owned))
}

/// Whether the iDRAC answers, and not on its way into a restart; the System is the last thing that comes back.
async fn restarting(host: &Host, attributes: &str) -> Result<ReadyState> {
    let attributes = host.client.get(attributes).await?;
    if attributes.bool("Attributes/Redfish.1.iDRACRebootInProgress") == Some(true) {
        return Ok(ReadyState::NotYet("the iDRAC restarts".to_owned()));
    }
    host.system().await.map(|_| ReadyState::Ready)
}

async fn make_bios_job(
    dialect: &IdracDialect,
    host: &Host,
    settings: &str,
    pending: Pending,
) -> Result<Outcome> {
    let Some(jobs) = dialect.jobs_uri(&host.machine) else {
        return Err(host.lacks("job queue, without which staged BIOS settings are never taken up"));
    };
    let sent = host.client.post(&jobs, json!({"TargetSettingsURI": settings})).await?;
    Ok(match sent.job() {
        Some(job) => Outcome::Pending(Pending { job: Some(job), ..pending }),
        // Neither refused nor named: only reading the queue tells.
        None => match sent.outcome() {
            unknown @ Outcome::Unknown { .. } => unknown,
            _ => Outcome::Pending(pending),
        },
    })
}

/// What the host does while a look at its state says nothing final yet. Other values, `OutOfPOST` and `PoweredOff` among
/// them, count as ready (DS; sushy).
const SERVER_BUSY: [&str; 3] = ["InPOST", "CollectingSystemInventory", "AutomatedTaskExecution"];

impl IdracDialect {
    async fn ask_status(&self, host: &Host, service: &str, part: &str) -> Result<ReadyState> {
        let target = match self.status_target.get() {
            Some(target) => target,
            None => {
                let service = host.client.get(service).await?;
                let action = service.action("DellLCService.GetRemoteServicesAPIStatus");
                match action.and_then(|action| action.str("target")) {
                    Some(target) => self.status_target.get_or_init(|| target.to_owned()),
                    // Firmware before 3.30 tells nothing, and what tells nothing is not waited for.
                    None => return Ok(ReadyState::Ready),
                }
            }
        };
        let answer = host.client.query(target, json!({})).await?;
        let answer = Document::new(target, None, answer.json().clone());
        Ok(match answer.str(part) {
            Some(seen) if part == "ServerStatus" && !SERVER_BUSY.contains(&seen) => ReadyState::Ready,
            Some("Ready") | None => ReadyState::Ready,
            Some(seen) => ReadyState::NotYet(format!("{part} is {seen}")),
        })
    }
}

/// What an error becomes that says the same with another kind.
pub(crate) fn as_kind(error: &Error, kind: rackhand_bmc::ErrorKind, detail: &str) -> Error {
    let made = Error::new(kind, error.bmc(), format!("{}; {detail}", error.detail()));
    let made = made.with_messages(error.messages().to_vec());
    match error.request() {
        Some(request) => made.with_request(request),
        None => made,
    }
}
