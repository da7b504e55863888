//! The management controller itself.

use rackhand_bmc::{ErrorKind, Fut, Manager, ManagerInfo, Outcome, Readiness, ReadyState};

use crate::{
    device::{ColdReset, GetDeviceId},
    link::Link,
};

/// The facet.
pub(crate) struct Controller {
    pub(crate) link: Link,
}

impl Manager for Controller {
    fn info(&self) -> Fut<'_, ManagerInfo> {
        Box::pin(async move {
            let device = self.link.read(GetDeviceId).await?;
            Ok(ManagerInfo {
                id: device.id.to_string(),
                firmware: Some(device.firmware),
                model: None,
                date: None,
            })
        })
    }

    fn ready(&self, what: Readiness) -> Fut<'_, ReadyState> {
        Box::pin(async move {
            // Of the host and of storage IPMI says nothing.
            if what != Readiness::Bmc {
                return Ok(ReadyState::Ready);
            }
            match self.link.read(GetDeviceId).await {
                Ok(device) if device.available => Ok(ReadyState::Ready),
                Ok(_) => Ok(ReadyState::NotYet("the BMC updates itself".to_owned())),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Unreachable | ErrorKind::Lost | ErrorKind::Busy { .. }
                    ) =>
                {
                    Ok(ReadyState::NotYet(error.detail().to_owned()))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn reset(&self) -> Fut<'_, Outcome> {
        Box::pin(async move {
            self.link
                .owned(|link| async move {
                    let outcome = link.outcome(ColdReset).await;
                    if outcome.is_ok() {
                        link.hang_up().await;
                    }
                    outcome
                })
                .await
        })
    }
}
