//! The hooks of the standard driver that differ.

use std::sync::OnceLock;

use rackhand_bmc::{
    BootOverride, Capabilities, Error, Fut, Identity, JobState, Learned, MediaImage, MediaSlot, Operation,
    Outcome, Pending, Readiness, ReadyState, Result, Support, Vendor,
};
use rackhand_redfish::{Dialect, Document, Host, Machine, MessageRule, Plain, last_segment};
use serde_json::{Value, json};

use crate::{generation::Generation, messages::MESSAGES};

/// Dell's differences.
#[derive(Debug, Default)]
pub struct IdracDialect {
    /// Target of the action that tells how ready the iDRAC's parts are; learned at its first use.
    status_target: OnceLock<String>,
}

impl Dialect for IdracDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Dell
    }

    fn message_rules(&self) -> &'static [MessageRule] {
        MESSAGES
    }

    fn generation(&self, machine: &Machine) -> String {
        Generation::of(machine).to_string()
    }

    /// The service tag that people know is the SKU; `SerialNumber` is the board's (ironic, note idrac-inspect-sku).
    fn identity(&self, machine: &Machine, identity: &mut Identity) {
        if let Some(tag) = machine.system.str("SKU") {
            identity.serial = Some(tag.to_owned());
        }
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        match Generation::of(machine) {
            Generation::Idrac8 => {
                let why = "iDRAC8 shows virtual media by Redfish but cannot insert or eject it";
                for operation in
                    [Operation::MediaInsertHttp, Operation::MediaInsertHttps, Operation::MediaEject]
                {
                    known(capabilities, operation, Support::Unsupported(why.to_owned()), "OMAM: Redfish 1.4");
                }
                let why = "iDRAC8 has no Redfish way to boot its virtual CD";
                known(
                    capabilities,
                    Operation::BootCdOnce,
                    Support::Unsupported(why.to_owned()),
                    "DS#90: neither Cd nor ServerBoot do",
                );
            }
            Generation::Idrac9 if Generation::cd_is_physical(machine) => {
                known(
                    capabilities,
                    Operation::BootCdOnce,
                    Support::Supported,
                    "DS#90: by ServerBoot attributes",
                );
            }
            // Its System lists no targets; the virtual CD boots all the same (DS#324).
            Generation::Idrac10 => {
                known(capabilities, Operation::BootCdOnce, Support::Supported, "DS#324");
                let why = "iDRAC10 boots UEFI only: there is no BootSourceOverrideMode";
                known(capabilities, Operation::BootModeSet, Support::Unsupported(why.to_owned()), "TF");
            }
            Generation::Idrac9 | Generation::Unknown => {}
        }
    }

    /// iDRAC10 takes a boot override at the System's settings resource alone (TF; DS#324).
    fn boot_target_uri(&self, machine: &Machine) -> String {
        let system = &machine.system;
        match Generation::of(machine) {
            Generation::Idrac10 => settings_of(system),
            _ => system.uri().to_owned(),
        }
    }

    /// Without the mode: on iDRAC9 it makes a BIOS job of what would be immediate (CG, LRF), so it is sent only where it is
    /// asked for; iDRAC10 has none (TF).
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        let mut bodies = Plain.boot_override_bodies(wanted, name, mode);
        bodies.truncate(1);
        bodies
    }

    /// Only slot 1 of iDRAC10 boots (ironic), so it comes first; on iDRAC9 slots 1 and 2 are alike, and the Manager has `CD`.
    fn slot_preference(&self, machine: &Machine, slot: &MediaSlot) -> u32 {
        let first = matches!(last_segment(&slot.id.0), "1" | "CD");
        let usual = Plain.slot_preference(machine, slot) * 2;
        if first { usual } else { usual + 1 }
    }

    /// `Inserted` stays true for a while after an eject, when image and connection are gone (ironic, notes
    /// fix-redfish-vmedia-stale-insert and story 2008504).
    fn inserted(&self, slot: &Document) -> Option<bool> {
        let gone = slot.str("Image").is_none() && slot.str("ConnectedVia") == Some("NotConnected");
        if gone { Some(false) } else { slot.bool("Inserted") }
    }

    /// Only the least form: a refusal here means an image that cannot be read, which more properties do not mend, and each
    /// try takes the iDRAC as long as the share's time-out (DS#265).
    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        bodies.truncate(1);
        bodies
    }

    /// Where the settings do not know OnReset (iDRAC8, early iDRAC9) values are only staged until a job takes them up
    /// (LRF, DS).
    fn bios_stage_extra<'a>(
        &'a self,
        host: &'a Host,
        settings: &'a str,
        staged: Outcome,
    ) -> Fut<'a, Outcome> {
        Box::pin(async move {
            match staged {
                Outcome::Pending(pending) if pending.job.is_none() => {
                    make_bios_job(self, host, settings, pending).await
                }
                staged => Ok(staged),
            }
        })
    }

    /// One query tells the state of all parts, firmware 3.30 and later (DS; sushy). It tells of POST too, which the System
    /// does not before 7.x: `BootProgress` is there on the R750 7.10 and not on the 6.00.
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        let part = match what {
            Readiness::LifecycleController => "LCStatus",
            Readiness::StorageInventory => "RTStatus",
            Readiness::HostPost => "ServerStatus",
            _ => return None,
        };
        let service = host.machine.manager()?.link("Links/Oem/Dell/DellLCService")?;
        Some(Box::pin(self.ask_status(host, service, part)))
    }

    /// Linked on recent firmware (R750 6.00); the alias beside it is older and stays (LRF, DS).
    fn jobs_uri(&self, machine: &Machine) -> Option<String> {
        let manager = machine.manager()?;
        let linked = manager.link("Links/Oem/Dell/Jobs").map(str::to_owned);
        Some(linked.unwrap_or_else(|| format!("{}/Jobs", manager.uri())))
    }

    /// Dell's own names, on jobs and inside tasks (sushy, DS).
    fn job_state(&self, job: &Document) -> Option<JobState> {
        let state = job.str("JobState").or_else(|| job.str("Oem/Dell/JobState"))?;
        // Such a job never starts: it must be deleted (LRF).
        let stuck = job.str("MessageId") == Some("PR30")
            || job.str("Message") == Some("Job processing initialization failure.");
        Some(match state {
            "New" | "Scheduling" | "Scheduled" if stuck => JobState::Failed,
            "New" | "Scheduling" | "Scheduled" | "ReadyForExecution" | "RebootPending"
            | "PendingActivation" | "UserIntervention" => JobState::Scheduled,
            "Downloading" | "Downloaded" | "Running" | "Starting" | "Waiting" | "Paused" => JobState::Running,
            "Completed" | "RebootCompleted" => JobState::Completed,
            "CompletedWithErrors" | "Failed" | "RebootFailed" => JobState::Failed,
            _ => return None,
        })
    }

    /// 409 in a state that is reached already (BF), with the message that iDRAC10 uses for "not yet".
    fn is_already(&self, error: &Error) -> bool {
        error.has_message("ActionParameterValueConflict")
    }
}

/// The System's settings resource.
pub(crate) fn settings_of(system: &Document) -> String {
    system
        .link("@Redfish.Settings/SettingsObject")
        .map_or_else(|| format!("{}/Settings", system.uri()), str::to_owned)
}

fn known(capabilities: &mut Capabilities, operation: Operation, support: Support, source: &str) {
    capabilities.set(operation, support, Learned::Documented(source.to_owned()));
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
