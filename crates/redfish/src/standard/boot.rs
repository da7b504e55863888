//! Boot override and secure boot as ComputerSystem has them.

use std::sync::Arc;

use rackhand_bmc::{
    AttributeValue, Attributes, Boot, BootMode, BootOverride, BootSettings, ErrorKind, Fut, Mark, Outcome,
    OverrideEnabled, Pending, Result, SecureBootState,
};
use serde_json::json;

use super::{dialect::Dialect, host::Host};
use crate::{client::Sent, document::Document, uri::same_resource};

const ALLOWED: &str = "Boot/BootSourceOverrideTarget@Redfish.AllowableValues";

/// Boot settings of the System.
#[derive(Debug)]
pub struct StandardBoot {
    host: Arc<Host>,
}

impl StandardBoot {
    /// Boot settings of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn write(&self, wanted: &BootOverride) -> Result<Outcome> {
        let host = &self.host;
        let system = &host.machine.system;
        let name = host.dialect.boot_target_name(&wanted.target, &system.strings(ALLOWED));
        let bodies =
            host.dialect.boot_override_bodies(wanted, &name, system.str("Boot/BootSourceOverrideMode"));
        let uri = host.dialect.boot_target_uri(&host.machine);
        let write =
            async |uri: &str| host.first_accepted(bodies.clone(), |body| host.patch_system(uri, body)).await;
        let settings =
            system.link("@Redfish.Settings/SettingsObject").filter(|link| !same_resource(link, &uri));
        let sent: Sent = match (write(&uri).await, settings) {
            // Nokia and others take it at the settings resource only.
            (Err(error), Some(settings)) if refuses_to_be_written(&error) => write(settings)
                .await
                .map_err(|second| if second.kind().is_transient() { second } else { error })?,
            (answer, _) => answer?,
        };
        Ok(sent.outcome())
    }

    fn secure_boot_uri(&self) -> Result<&str> {
        self.host.machine.system.link("SecureBoot").ok_or_else(|| self.host.lacks("SecureBoot resource"))
    }
}

fn refuses_to_be_written(error: &rackhand_bmc::Error) -> bool {
    matches!(error.kind(), ErrorKind::RejectedValue { .. } | ErrorKind::Unsupported)
}

impl Boot for StandardBoot {
    fn settings(&self) -> Fut<'_, BootSettings> {
        Box::pin(async move { Ok(boot_settings(&self.host.system().await?, self.host.dialect.as_ref())) })
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        Box::pin(async move { self.write(&wanted).await })
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        Box::pin(async move {
            let resource = self.host.client.get(self.secure_boot_uri()?).await?;
            let current_boot = match resource.str("SecureBootCurrentBoot") {
                Some("Enabled") => Some(true),
                Some("Disabled") => Some(false),
                _ => None,
            };
            Ok(SecureBootState { enabled: resource.bool("SecureBootEnable"), current_boot })
        })
    }

    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome> {
        Box::pin(async move {
            let body = json!({"SecureBootEnable": enabled});
            let sent = self.host.client.patch(self.secure_boot_uri()?, None, body).await?;
            let desired =
                Attributes::from([("SecureBootEnable".to_owned(), AttributeValue::Boolean(enabled))]);
            Ok(match sent.job() {
                _ if matches!(sent, Sent::Lost { .. }) => sent.outcome(),
                job => Outcome::Pending(Pending {
                    needs_reset: true,
                    desired,
                    mark: Mark::default(),
                    job,
                    can_discard: false,
                }),
            })
        })
    }
}

/// The boot settings that a System shows.
pub(crate) fn boot_settings(system: &Document, dialect: &dyn Dialect) -> BootSettings {
    let enabled = match system.str("Boot/BootSourceOverrideEnabled") {
        Some("Once") => Some(OverrideEnabled::Once),
        Some("Continuous") => Some(OverrideEnabled::Continuous),
        Some("Disabled") => Some(OverrideEnabled::Disabled),
        _ => None,
    };
    let mode = match system.str("Boot/BootSourceOverrideMode") {
        Some(mode) if mode.eq_ignore_ascii_case("UEFI") => Some(BootMode::Uefi),
        Some(mode) if mode.eq_ignore_ascii_case("Legacy") => Some(BootMode::Legacy),
        _ => None,
    };
    BootSettings {
        target: system.str("Boot/BootSourceOverrideTarget").map(|name| dialect.boot_target(name)),
        enabled,
        mode,
        allowed_targets: system.strings(ALLOWED).into_iter().map(|name| dialect.boot_target(name)).collect(),
    }
}
