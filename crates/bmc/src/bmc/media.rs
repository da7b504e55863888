//! Booting an image: choose a slot, insert, arm, switch on, each proven.

use tokio::time::sleep;

use super::{Bmc, Progress, proven};
use crate::{
    BootOverride, BootTarget, Error, ErrorKind, MediaImage, MediaSlot, Outcome, PowerState, ResetType,
    Result, SlotId, common,
};

impl Bmc {
    /// Chooses the slot that an ISO goes into.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when no slot takes an ISO by URL, naming what the slots are.
    pub async fn choose_slot(&self) -> Result<MediaSlot> {
        let slots = self.media()?.slots().await?;
        let names: Vec<String> =
            slots.iter().map(|slot| format!("{} {:?}", slot.name, slot.media_types)).collect();
        slots.into_iter().find(|slot| slot.can_insert && slot.is_optical()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                &self.address,
                format!("no virtual media slot takes an ISO image by URL (slots: {})", names.join(", ")),
            )
        })
    }

    /// Mounts an image: choose a slot, clear it, insert, prove.
    ///
    /// # Errors
    /// As [`choose_slot`](Self::choose_slot), [`clear_slot`](Self::clear_slot) and
    /// [`insert_proven`](Self::insert_proven).
    pub async fn mount(&self, image: &MediaImage) -> Result<(MediaSlot, Outcome)> {
        let mut known = None;
        if let Some(remembered) = self.media()?.remembered() {
            if remembered.refuses_when_full
                && let Some(mounted) = self.mount_unseen(&remembered.id, image).await?
            {
                return Ok(mounted);
            }
            known = self.media()?.slot(&remembered.id).await.ok().filter(|slot| slot.can_insert);
        }
        let slot = match known {
            Some(slot) => slot,
            None => self.choose_slot().await?,
        };
        if slot.holds(&image.url) {
            return Ok((slot, Outcome::Unchanged));
        }
        if !slot.is_empty() {
            let cleared = self.clear_slot(&slot.id).await?;
            self.answered(&format!("eject from slot {}", slot.id), &cleared)?;
        }
        let outcome = self.attach(&slot.id, image).await?;
        Ok((slot, outcome))
    }

    /// Boots an image once: mount it, arm the override, prove both, switch on, prove that. The host must be off, so
    /// that nothing that runs is reset: this is the whole of what installs a machine.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the host is on before it should be, and as the operations it is made of.
    pub async fn boot_image_once(&self, image: &MediaImage) -> Result<MediaSlot> {
        let (slot, mounted) = self.mount(image).await?;
        self.answered(&format!("insert into slot {}", slot.id), &mounted)?;
        let target = BootTarget::Cd;
        let wanted = BootOverride::once(target.clone());
        // Written without looking first: the host is off, so writing it twice differs in nothing, and the look that
        // follows shows the override and the power together.
        let _ = self.boot()?.set_override(wanted).await?;
        let deadline = self.pacing.boot_override;
        let power = self.power()?;
        let view = self
            .wait_until(deadline, || async {
                let view = power.observe().await?;
                Ok(if view.boot.armed_for(&target) {
                    Progress::There(view)
                } else {
                    Progress::NotYet(format!(
                        "the BMC shows target {:?}, enabled {:?}",
                        view.boot.target, view.boot.enabled
                    ))
                })
            })
            .await
            .map_err(|seen| self.at_deadline("the boot override to be Cd", deadline, seen))?;
        if view.power != PowerState::Off {
            return Err(Error::new(
                ErrorKind::Conflict,
                &self.address,
                format!("the host is {:?}, not off; it is not reset under whatever runs on it", view.power),
            ));
        }
        let _ = self.reset_patiently(ResetType::On, PowerState::On).await?;
        self.wait_power(PowerState::On, self.pacing.power_change).await?;
        Ok(slot)
    }

    /// Ejects whatever is in a slot and proves it.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the slot still shows an image at the deadline, and whatever the requests met.
    pub async fn clear_slot(&self, id: &SlotId) -> Result<Outcome> {
        if self.media()?.slot(id).await?.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        self.eject_proven(id).await
    }

    /// Ejects, whatever the slot shows, and proves that it shows nothing. For an image that was accepted and never
    /// showed: a BMC may still be about to attach it (CIMC shows no image that it maps).
    ///
    /// # Errors
    /// As [`clear_slot`](Self::clear_slot).
    pub async fn eject_proven(&self, id: &SlotId) -> Result<Outcome> {
        let media = self.media()?;
        let outcome = media.eject(id).await?;
        if !self.cures.cures(common::EJECT_SHOWS_LATE) {
            return Ok(outcome);
        }
        let deadline = self.pacing.media_detach;
        let seen = self
            .wait_until(deadline, || async {
                let slot = media.slot(id).await?;
                Ok(if slot.is_empty() {
                    Progress::There(())
                } else {
                    Progress::NotYet(format!(
                        "the slot still shows {}",
                        slot.image.as_deref().unwrap_or("an inserted medium")
                    ))
                })
            })
            .await
            .map_err(|seen| {
                self.at_deadline(&format!("slot {id} to be empty after the eject"), deadline, seen)
            });
        proven(outcome, seen)
    }

    /// Inserts an image into an empty slot and proves that it is attached.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the image is not attached at the deadline, with what the BMC shows instead.
    pub async fn insert_proven(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let seen = self.media()?.slot(id).await?;
        if seen.holds(&image.url) {
            return Ok(Outcome::Unchanged);
        }
        if seen.image.as_deref() == Some(image.url.as_str()) && seen.problem.is_none() {
            // It is on its way already: CIMC maps for up to a minute after it has accepted an image.
            return self.prove_attached(id, image, Outcome::Done).await;
        }
        self.attach(id, image).await
    }

    async fn attach(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let outcome = self.insert_patiently(id, image).await?;
        if !self.cures.cures(common::ATTACHES_LATER) {
            return Ok(outcome);
        }
        self.prove_attached(id, image, outcome).await
    }

    /// Inserts without looking first, and proves it. `None` when the BMC refuses or its answer is lost: then it must be
    /// looked at.
    async fn mount_unseen(&self, id: &SlotId, image: &MediaImage) -> Result<Option<(MediaSlot, Outcome)>> {
        match self.media()?.insert(id, image).await {
            Ok(Outcome::Unknown { .. }) => Ok(None),
            Ok(_) => Ok(Some((self.wait_attached(id, image).await?, Outcome::Done))),
            Err(error) => match error.kind() {
                ErrorKind::Conflict
                | ErrorKind::Busy { .. }
                | ErrorKind::NotFound
                | ErrorKind::RejectedValue { .. }
                | ErrorKind::Unsupported => Ok(None),
                _ => Err(error),
            },
        }
    }

    async fn prove_attached(&self, id: &SlotId, image: &MediaImage, outcome: Outcome) -> Result<Outcome> {
        proven(outcome, self.wait_attached(id, image).await.map(|_| ()))
    }

    async fn wait_attached(&self, id: &SlotId, image: &MediaImage) -> Result<MediaSlot> {
        let media = self.media()?;
        let deadline = self.pacing.media_attach;
        self.wait_until(deadline, || async {
            let slot = media.slot(id).await?;
            if slot.holds(&image.url) {
                return Ok(Progress::There(slot));
            }
            if let Some(problem) = slot.problem {
                return Ok(Progress::Never(format!("the BMC could not attach {}: {problem}", image.url)));
            }
            Ok(Progress::NotYet(match slot.image {
                Some(other) if other != image.url => format!("the slot shows another image, {other}"),
                Some(_) => "the slot names the image but shows it as not attached".to_owned(),
                None => "the slot shows no image".to_owned(),
            }))
        })
        .await
        .map_err(|seen| {
            self.at_deadline(&format!("{} to be attached in slot {id}", image.url), deadline, seen)
        })
    }

    /// An insert right after an eject answers 5xx on some BMCs (iDRAC); ironic tries three times. Each further try is
    /// preceded by a read, because a refused answer does not say that nothing happened.
    async fn insert_patiently(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let media = self.media()?;
        let mut tries = 1;
        loop {
            match media.insert(id, image).await {
                Err(error)
                    if self.cures.cures(common::INSERT_AFTER_EJECT)
                        && tries < 3
                        && matches!(error.kind(), ErrorKind::Busy { .. } | ErrorKind::Conflict) =>
                {
                    tries += 1;
                    sleep(self.pacing.media_retry).await;
                    if media.slot(id).await?.holds(&image.url) {
                        return Ok(Outcome::Done);
                    }
                }
                answer => return answer,
            }
        }
    }
}
