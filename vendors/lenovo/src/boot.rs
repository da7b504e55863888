//! Boot: an override that lasts is refused before it is sent.

use std::sync::Arc;

use rackhand_bmc::{
    Attributes, Boot, BootMode, BootOption, BootOverride, BootSettings, ErrorKind, Fut, Outcome,
    OverrideEnabled, Quirks, SecureBootState,
};
use rackhand_redfish::Machine;

use crate::quirks::{self, Xcc, cited, on};

const LISTED: &str = "Boot/BootSourceOverrideEnabled@Redfish.AllowableValues";

/// The facet.
pub(crate) fn boot(xcc: Xcc, standard: Arc<dyn Boot>) -> Arc<dyn Boot> {
    Arc::new(XccBoot { xcc, standard })
}

/// Whether an override holds for one boot alone. A firmware that lists Continuous after all is believed.
pub(crate) fn only_once(quirks: &Quirks, machine: &Machine) -> bool {
    on(quirks, machine, quirks::NO_CONTINUOUS) && !machine.system.strings(LISTED).contains(&"Continuous")
}

struct XccBoot {
    xcc: Xcc,
    standard: Arc<dyn Boot>,
}

impl Boot for XccBoot {
    fn http_boot_settings(&self, url: &str) -> Attributes {
        self.standard.http_boot_settings(url)
    }

    fn settings(&self) -> Fut<'_, BootSettings> {
        self.standard.settings()
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        if wanted.enabled == OverrideEnabled::Continuous && only_once(self.xcc.cures(), &self.xcc.machine) {
            let why = format!("arm the override before each boot; {}", cited(quirks::NO_CONTINUOUS));
            return Box::pin(async move { Err(self.xcc.client.error(ErrorKind::Unsupported, why)) });
        }
        self.standard.set_override(wanted)
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        self.standard.secure_boot()
    }

    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome> {
        self.standard.set_secure_boot(enabled)
    }

    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome> {
        self.standard.set_mode(mode)
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        self.standard.order()
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        self.standard.set_order(order)
    }
}
