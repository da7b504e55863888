//! Power, with the two things about it that differ: where the boot override shows, and what a refused On means.

use std::sync::Arc;

use rackhand_bmc::{Error, ErrorKind, Fut, HostView, Outcome, Power, PowerState, ResetType};

use crate::{
    boot::Place,
    dialect::as_kind,
    quirks::{self, Dell},
};

/// The facet.
pub(crate) fn power(dell: &Dell, standard: Arc<dyn Power>) -> Arc<dyn Power> {
    Arc::new(DellPower { dell: dell.clone(), standard, place: Place::of(dell) })
}

struct DellPower {
    dell: Dell,
    standard: Arc<dyn Power>,
    place: Option<Place>,
}

impl DellPower {
    /// The host is off, and switching it on is refused: it has only just gone off.
    fn too_soon(&self, kind: ResetType, error: Error) -> Error {
        let known = kind == ResetType::On && error.has_message("ActionParameterValueConflict");
        if known && self.dell.on(quirks::ON_REFUSED) {
            return as_kind(
                &error,
                ErrorKind::Busy { retry_after: None },
                "an iDRAC10 does so just after the host went off",
            );
        }
        error
    }
}

impl Power for DellPower {
    fn state(&self) -> Fut<'_, PowerState> {
        self.standard.state()
    }

    fn observe(&self) -> Fut<'_, HostView> {
        Box::pin(async move {
            let mut view = self.standard.observe().await?;
            if let Some(place) = &self.place {
                view.boot = place.corrected(&self.dell, view.boot).await?;
            }
            Ok(view)
        })
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        Box::pin(async move { self.standard.reset(kind).await.map_err(|error| self.too_soon(kind, error)) })
    }
}
