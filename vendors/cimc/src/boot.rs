//! Boot settings: by Redfish where it can, else by the XML API.

use std::sync::Arc;

use rackhand_bmc::{
    Attributes, Boot, BootMode, BootOption, BootOverride, BootSettings, BootTarget, ErrorKind, Fut, HostView,
    Outcome, OverrideEnabled, Power, PowerState, ResetType, Result, SecureBootState,
};

use crate::{
    cisco::{Cisco, is_no_way, settled},
    precise::Precise,
};

const ALLOWED: &str = "Boot/BootSourceOverrideTarget@Redfish.AllowableValues";

/// Boot settings of a CIMC.
pub(crate) struct CimcBoot {
    pub(crate) cisco: Arc<Cisco>,
    pub(crate) standard: Arc<dyn Boot>,
    pub(crate) precise: Arc<Precise>,
}

impl CimcBoot {
    fn has(&self, path: &str) -> bool {
        self.cisco.host.machine.system.at(path).is_some()
    }

    /// Whether Redfish says that it does not know a target.
    fn is_unlisted(&self, target: &BootTarget) -> bool {
        let allowed = self.cisco.host.machine.system.strings(ALLOWED);
        !self.has("Boot")
            || (!allowed.is_empty() && !allowed.iter().any(|name| BootTarget::parse(name) == *target))
    }

    async fn write(&self, wanted: BootOverride) -> Result<Outcome> {
        let by_xml = self.cisco.by_xml("boot-by-xml");
        if wanted.enabled == OverrideEnabled::Disabled || wanted.target == BootTarget::None {
            let only = by_xml && !self.has("Boot");
            let cleared = self.precise.clear(only).await?;
            if only || !settled(&cleared) {
                return Ok(cleared);
            }
            return self.standard.set_override(wanted).await;
        }
        let precise = by_xml && wanted.enabled == OverrideEnabled::Once;
        if precise && self.is_unlisted(&wanted.target) {
            return self.precise.arm(&wanted.target).await;
        }
        match self.standard.set_override(wanted.clone()).await {
            Err(error) if precise && refuses(error.kind()) => match self.precise.arm(&wanted.target).await {
                // What Redfish said is nearer to what was asked.
                Err(second) if is_no_way(second.kind()) => Err(error),
                armed => armed,
            },
            answer => answer,
        }
    }
}

fn refuses(kind: &ErrorKind) -> bool {
    is_no_way(kind) || matches!(kind, ErrorKind::RejectedValue { .. })
}

impl Boot for CimcBoot {
    fn http_boot_settings(&self, url: &str) -> Attributes {
        self.standard.http_boot_settings(url)
    }

    fn settings(&self) -> Fut<'_, BootSettings> {
        Box::pin(async move { self.precise.overlay(self.standard.settings().await?).await })
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        Box::pin(self.write(wanted))
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        Box::pin(async move {
            if self.has("SecureBoot") || !self.cisco.by_xml("secure-boot-by-xml") {
                return self.standard.secure_boot().await;
            }
            Ok(SecureBootState { enabled: self.precise.secure_boot().await?, current_boot: None })
        })
    }

    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome> {
        Box::pin(async move {
            if self.has("SecureBoot") || !self.cisco.by_xml("secure-boot-by-xml") {
                return self.standard.set_secure_boot(enabled).await;
            }
            self.precise.set_secure_boot(enabled).await
        })
    }

    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome> {
        Box::pin(async move {
            if self.has("Boot/BootSourceOverrideMode") || !self.cisco.by_xml("boot-by-xml") {
                return self.standard.set_mode(mode).await;
            }
            self.precise.set_mode(mode).await
        })
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        Box::pin(async move {
            if self.has("Boot/BootOrder") || !self.cisco.by_xml("boot-by-xml") {
                return self.standard.order().await;
            }
            self.precise.order().await
        })
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if self.has("Boot/BootOrder") || !self.cisco.by_xml("boot-by-xml") {
                return self.standard.set_order(order).await;
            }
            self.precise.set_order(order).await
        })
    }
}

/// Power of a CIMC: the standard's, with the boot settings that only the XML API shows.
pub(crate) struct CimcPower {
    pub(crate) standard: Arc<dyn Power>,
    pub(crate) precise: Arc<Precise>,
}

impl Power for CimcPower {
    fn state(&self) -> Fut<'_, PowerState> {
        self.standard.state()
    }

    fn observe(&self) -> Fut<'_, HostView> {
        Box::pin(async move {
            let view = self.standard.observe().await?;
            Ok(HostView { boot: self.precise.overlay(view.boot).await?, ..view })
        })
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        self.standard.reset(kind)
    }
}
