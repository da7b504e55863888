//! The check before the first mutating request: the machine against the spec, the image, the firmware's files.

use super::{
    node::{NodeRun, Stop},
    observe::{Depth, http_setting_problems},
    progress::Steps,
};
use crate::{
    event::{Event, StepId, Trigger},
    plan::{self, Observed, PlannedStep, Served, ServedFirmware},
    wanted::BootWay,
};

impl NodeRun<'_> {
    /// Everything that can be known before the first mutating request; answers what is served.
    pub(super) async fn check(
        &mut self,
        steps: &mut Steps,
        begun: Option<(Trigger, Observed)>,
    ) -> Result<Served, Stop> {
        let known = self.running().and_then(|job| job.image);
        if let Some(image) =
            known.as_ref().filter(|_| self.running().is_some_and(|job| plan::is_installing(&job)))
        {
            // What was inserted stays what it is, whatever the spec's image is by now.
            return Ok(Served { image: image.url.clone(), way: image.way, firmware: Vec::new() });
        }
        let planned: Vec<PlannedStep> = match &begun {
            Some((_, observed)) => plan::steps(&self.wanted, observed, None),
            None => Vec::new(),
        };
        let detail = "compare the machine with the spec; prepare the image";
        steps.enter(self.shared, StepId::Check, detail, &planned).await?;
        if let Some((trigger, observed)) = &begun {
            let problems = plan::problems(&self.wanted, observed, trigger);
            if !problems.is_empty() {
                return Err(refused_by_check(problems.join("; ")));
            }
        }
        let way = match (&known, &begun) {
            // A job that has begun goes on as it began, whatever the BMC can do by now.
            (Some(image), _) => image.way,
            (None, Some((_, observed))) => self.chosen_way(observed)?,
            (None, None) => self.chosen_way(&self.look(Depth::Job, StepId::Check).await?)?,
        };
        let firmware = self.prepare_firmware(begun.as_ref().map(|(_, observed)| observed)).await?;
        let image = self.shared.parts.images.prepare(self.node(), way).await;
        let image = image.map_err(|error| refused_by_check(error.0))?;
        if let Some(known) = known.filter(|known| known.sha256 != image.sha256) {
            return Err(refused_by_check(format!(
                "the image changed under a running job: it began with SHA-256 {}, and {} is there now. Put the image back, or cancel the job",
                known.sha256, image.sha256
            )));
        }
        self.want_http_settings(way, &image.url);
        self.check_http_settings(way).await?;
        let digest = if image.verified { "verified" } else { "recorded" };
        steps.say(format!("image of {} bytes, SHA-256 {} {digest}", image.bytes, image.sha256));
        let event = Event::ImagePrepared {
            job: steps.job().clone(),
            url: image.url.clone(),
            sha256: image.sha256,
            bytes: image.bytes,
            verified: image.verified,
            way,
        };
        self.record(event).await?;
        Ok(Served { image: image.url, way, firmware })
    }

    fn chosen_way(&self, observed: &Observed) -> Result<BootWay, Stop> {
        let chosen = plan::boot_way(&self.wanted, observed);
        chosen.map(|choice| choice.way).map_err(|why| refused_by_check(why.join("; ")))
    }

    /// Puts the image's address among the wanted BIOS settings, where firmware is told it so.
    pub(super) fn want_http_settings(&mut self, way: BootWay, url: &str) {
        if let (BootWay::UefiHttp, Some(boot)) = (way, &self.bmc.boot) {
            self.wanted.bios.extend(boot.http_boot_settings(url));
        }
    }

    /// Whether this machine's BIOS takes the address, before anything is changed.
    async fn check_http_settings(&self, way: BootWay) -> Result<(), Stop> {
        if way != BootWay::UefiHttp {
            return Ok(());
        }
        let observed = self.look(Depth::Job, StepId::Check).await?;
        let plan = observed.bios.iter().map(|bios| &bios.plan);
        let problems: Vec<String> =
            plan.flat_map(|plan| http_setting_problems(plan, &observed.http_settings)).collect();
        if problems.is_empty() { Ok(()) } else { Err(refused_by_check(problems.join("; "))) }
    }

    /// The files of all updates that may have to be made, fetched, compared with their digests and served.
    async fn prepare_firmware(&self, observed: Option<&Observed>) -> Result<Vec<ServedFirmware>, Stop> {
        let wanted = &self.wanted;
        let needed = match observed {
            Some(observed) => plan::firmware_needed(wanted, observed),
            None => wanted.firmware.iter().collect(),
        };
        let mut served = Vec::new();
        for one in needed {
            let image =
                self.shared.parts.images.prepare_firmware(self.node(), one).await.map_err(|error| {
                    let error = format!("the file of {} for {}: {error}", one.source, one.component);
                    refused_by_check(error)
                })?;
            served.push(ServedFirmware { wanted: one.clone(), image });
        }
        Ok(served)
    }
}

fn refused_by_check(error: String) -> Stop {
    Stop::Fail { step: StepId::Check, error, refused: false, cause: None }
}
