//! Firmware: a file is sent, verified by the BMC, and then installed by a request of its own.

use std::sync::Arc;

use rackhand_bmc::{
    ApplyTime, ComponentId, ErrorKind, Firmware, FirmwareFile, FirmwareImage, FirmwareInventory, Fut, JobRef,
    JobState, Jobs, Outcome, Result,
};
use rackhand_redfish::{Document, Sent, standard::StandardJobs};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::quirks::{self, Smc};

/// The facet.
pub(crate) fn firmware(smc: &Smc, standard: Arc<dyn Firmware>) -> Arc<dyn Firmware> {
    Arc::new(SmcFirmware { smc: smc.clone(), standard })
}

struct SmcFirmware {
    smc: Smc,
    standard: Arc<dyn Firmware>,
}

/// What a file is for: the targets that UpdateParameters name are not the inventory's members but what they belong to
/// (bmclib).
#[derive(Debug, Clone, PartialEq)]
struct Aim {
    target: String,
    /// What is to be preserved, by the name of the component.
    preserve: Option<Value>,
}

impl SmcFirmware {
    fn aim(&self, ComponentId(component): &ComponentId) -> Aim {
        let machine = &self.smc.machine;
        let id = component.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let (of, preserve) = match id {
            "BIOS" => (machine.system.link("Bios"), Some(preserved_by_bios())),
            "BMC" => (machine.manager().map(Document::uri), Some(preserved_by_bmc())),
            _ => (None, None),
        };
        Aim { target: of.unwrap_or(component).to_owned(), preserve }
    }

    fn cannot(&self, why: &str) -> rackhand_bmc::Error {
        self.smc.client.error(ErrorKind::Unsupported, why)
    }

    async fn send(&self, file: &FirmwareFile) -> Result<Outcome> {
        let [component] = file.targets.as_slice() else {
            let kind = ErrorKind::RejectedValue { properties: vec!["Targets".to_owned()] };
            let why = format!("{} needs the one component that it is for, by name", file.name);
            return Err(self.smc.client.error(kind, why));
        };
        if file.when == ApplyTime::OnReset {
            return Err(self.cannot("a file that was sent is installed by StartUpdate, at once"));
        }
        let link = self.smc.machine.root.link("UpdateService");
        let service = self.smc.client.get(link.ok_or_else(|| self.smc.lacks("UpdateService"))?).await?;
        let push =
            service.str("MultipartHttpPushUri").ok_or_else(|| self.smc.lacks("MultipartHttpPushUri"))?;
        let start = service.action("UpdateService.StartUpdate").and_then(|action| action.str("target"));
        let start = start.ok_or_else(|| self.smc.lacks("UpdateService.StartUpdate"))?;
        let parameters = parameters(self.aim(component));
        let sent = self.smc.client.upload(push, &parameters, &file.name, &file.content).await?;
        if matches!(sent, Sent::Lost { .. }) {
            return Ok(sent.outcome());
        }
        if let Some(task) = sent.job() {
            self.verified(&task, &file.name).await?;
        }
        // Another firmware may put things elsewhere.
        self.smc.forget();
        Ok(self.smc.client.post(start, json!({})).await?.outcome())
    }

    /// Waits until the BMC has verified the file: StartUpdate is refused before.
    async fn verified(&self, task: &JobRef, name: &str) -> Result<()> {
        let jobs = StandardJobs::new(&self.smc.host);
        let pacing = &self.smc.pacing;
        let deadline = Instant::now() + pacing.step_deadline;
        loop {
            let job = jobs.job(task).await?;
            match job.state {
                JobState::Failed => {
                    let kind = ErrorKind::RejectedValue { properties: vec!["UpdateFile".to_owned()] };
                    let said = job.message.unwrap_or_else(|| "it does not say why".to_owned());
                    return Err(self.smc.client.error(kind, format!("the BMC refuses {name}: {said}")));
                }
                // A task that vanished says nothing; StartUpdate is refused where there is nothing to start.
                state if state.is_over() => return Ok(()),
                _ if Instant::now() >= deadline => {
                    let why = format!("{name} was sent and is still being verified ({})", task.id);
                    return Err(self.smc.client.error(ErrorKind::NotObserved, why));
                }
                _ => sleep(pacing.poll).await,
            }
        }
    }
}

/// Settings stay; what the file itself brings does not (bmclib: X12).
fn preserved_by_bios() -> Value {
    json!({"BIOS": {"PreserveME": false, "PreserveNVRAM": false, "PreserveSMBIOS": true, "PreserveOA": true,
        "PreserveSETUPCONF": true, "PreserveSETUPPWD": true, "PreserveSECBOOTKEY": true, "PreserveBOOTCONF": true}})
}

/// The BMC's configuration, sensors and certificate stay (bmclib).
fn preserved_by_bmc() -> Value {
    json!({"BMC": {"PreserveCfg": true, "PreserveSdr": true, "PreserveSsl": true}})
}

/// What is sent with a file. There is no lesser form to fall back to: a board that is not told what to preserve may
/// preserve nothing.
fn parameters(aim: Aim) -> Value {
    let mut parameters =
        json!({"Targets": [aim.target], "@Redfish.OperationApplyTime": "OnStartUpdateRequest"});
    if let (Some(preserve), Some(parameters)) = (aim.preserve, parameters.as_object_mut()) {
        parameters.insert("Oem".to_owned(), json!({"Supermicro": preserve}));
    }
    parameters
}

impl Firmware for SmcFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        self.standard.inventory()
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        self.standard.update(image)
    }

    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        if self.smc.on(quirks::PUSH) { Box::pin(self.send(file)) } else { self.standard.push(file) }
    }
}
