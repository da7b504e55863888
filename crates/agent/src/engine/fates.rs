//! What became of a change that a boot or a job was to bring about, written down.

use rackhand_bmc::{ComponentKind, Error};

use super::{
    connect::{Connected, connect},
    firmware::{FirmwareFate, Followed},
    follow::{BiosFate, BootFate},
    node::{NodeRun, Stop, fail},
    progress::Steps,
};
use crate::{
    event::{Act, ActResult, Event, StepId},
    plan::{Accepted, PlannedStep},
};

impl NodeRun<'_> {
    /// Follows a firmware update, writes down what became of it, and connects anew to a BMC that was updated itself.
    pub(super) async fn verify_firmware(
        &mut self,
        steps: &mut Steps,
        act: Act,
        accepted: Option<Accepted>,
        kind: ComponentKind,
        booted: bool,
        planned: &[PlannedStep],
    ) -> Result<(), Stop> {
        let Act::UpdateFirmware { update } = &act else { return Ok(()) };
        let detail = format!("follow the update of {}", update.component);
        steps.enter(self.shared, StepId::Firmware, &detail, planned).await?;
        let followed = Followed { update, kind, accepted, booted };
        let fate = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Stop::Cancel),
            () = self.shared.stop.cancelled() => return Err(Stop::Interrupt),
            fate = followed.to_its_end(self.shared, &self.bmc) => {
                fate.map_err(|error| fail(StepId::Firmware, &error))?
            }
        };
        let is_in_force = matches!(fate, FirmwareFate::InForce(_));
        let (result, failed) = match fate {
            FirmwareFate::InForce(seen) => {
                steps.say(format!("proven: {seen}"));
                (ActResult::Done { mark: None }, None)
            }
            FirmwareFate::Waits => (ActResult::Undecidable, None),
            FirmwareFate::NeverArrived => (ActResult::FoundNotDone, None),
            FirmwareFate::Failed(error) => (ActResult::Failed { error: error.clone() }, Some(error)),
        };
        self.record(Event::Outcome { job: steps.job().clone(), act, result }).await?;
        if let Some(error) = failed {
            return Err(Stop::Fail { step: StepId::Firmware, error, refused: false, cause: None });
        }
        if is_in_force && kind == ComponentKind::Bmc {
            self.connect_anew().await?;
        }
        Ok(())
    }

    /// A BMC with other firmware is another one: it may have other resources, quirks and capabilities.
    async fn connect_anew(&mut self) -> Result<(), Stop> {
        if let Err(error) = self.bmc.close().await {
            tracing::warn!(node = self.node(), %error, "the BMC did not confirm that the session is given back");
        }
        match connect(self.shared, self.node(), self.cancel).await {
            Connected::Yes(bmc) => {
                self.bmc = bmc;
                self.record(Event::Identified { identity: Box::new(self.bmc.identity.clone()) }).await?;
                Ok(())
            }
            Connected::No(error, _) => Err(fail(StepId::Firmware, &error)),
            Connected::Stopped if self.cancel.is_cancelled() => Err(Stop::Cancel),
            Connected::Stopped => Err(Stop::Interrupt),
        }
    }

    pub(super) async fn boot_fate(
        &self,
        steps: &mut Steps,
        act: Act,
        fate: Result<BootFate, Error>,
    ) -> Result<(), Stop> {
        match fate.map_err(|error| fail(StepId::Bios, &error))? {
            BootFate::InForce => {
                steps.say(format!("in force: {act}"));
                Ok(())
            }
            BootFate::NeverArrived => {
                let event = Event::Outcome { job: steps.job().clone(), act, result: ActResult::FoundNotDone };
                Ok(self.record(event).await?)
            }
            BootFate::Failed(error) => {
                Err(Stop::Fail { step: StepId::Bios, error, refused: false, cause: None })
            }
        }
    }

    pub(super) async fn bios_fate(
        &self,
        steps: &mut Steps,
        key: String,
        stage: rackhand_bmc::BiosStage,
        fate: Result<BiosFate, Error>,
    ) -> Result<(), Stop> {
        match fate.map_err(|error| fail(StepId::Bios, &error))? {
            BiosFate::Applied => {
                let values: Vec<String> =
                    stage.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
                steps.say(format!("in force: {}", values.join(", ")));
                Ok(())
            }
            BiosFate::NeverArrived => {
                let act = Act::StageBios { stage: key, attributes: stage.attributes };
                let event = Event::Outcome { job: steps.job().clone(), act, result: ActResult::FoundNotDone };
                Ok(self.record(event).await?)
            }
            BiosFate::Failed(error) => {
                Err(Stop::Fail { step: StepId::Bios, error, refused: false, cause: None })
            }
        }
    }
}
