//! Boot override and secure boot as ComputerSystem has them.

use std::sync::Arc;

use rackhand_bmc::{
    AttributeValue, Attributes, Boot, BootMode, BootOption, BootOverride, BootSettings, ErrorKind, Fut, Mark,
    Outcome, OverrideEnabled, Pending, Result, SecureBootState,
};
use serde_json::{Map, Value, json};

use super::{dialect::Dialect, host::Host, quirks};
use crate::{client::Sent, document::Document, uri::same_resource};

const ALLOWED: &str = "Boot/BootSourceOverrideTarget@Redfish.AllowableValues";

const ENABLED: &str = "Boot/BootSourceOverrideEnabled";

/// Shown by whoever takes the address of a UEFI HTTP boot with the override.
pub(super) const HTTP_URI: &str = "Boot/HttpBootUri";

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
        let name = host.dialect.boot_target_name(&host.machine, &wanted.target, &system.strings(ALLOWED));
        let mut bodies =
            host.dialect.boot_override_bodies(wanted, &name, system.str("Boot/BootSourceOverrideMode"));
        if !host.cures(quirks::OVERRIDE_MODE) {
            bodies.truncate(1);
        }
        let uri = host.dialect.boot_target_uri(&host.machine);
        let write =
            async |uri: &str| host.first_accepted(bodies.clone(), |body| host.patch_system(uri, body)).await;
        let settings =
            system.link("@Redfish.Settings/SettingsObject").filter(|link| !same_resource(link, &uri));
        let settings = settings.filter(|_| host.cures(quirks::OVERRIDE_SETTINGS));
        let sent: Sent = match (write(&uri).await, settings) {
            // Nokia and others take it at the settings resource only.
            (Err(error), Some(settings)) if refuses_to_be_written(&error) => write(settings)
                .await
                .map_err(|second| if second.kind().is_transient() { second } else { error })?,
            (answer, _) => answer?,
        };
        Ok(sent.outcome())
    }

    async fn write_boot(&self, uri: &str, name: &str, value: Value, desired: Attributes) -> Result<Outcome> {
        let mut boot = Map::from_iter([(name.to_owned(), value)]);
        if self.host.dialect.boot_wants_enabled() {
            // As it is now: an override that was armed meanwhile stays.
            let system = self.host.system().await?;
            let enabled = system.str(ENABLED).unwrap_or("Disabled");
            boot.insert("BootSourceOverrideEnabled".to_owned(), enabled.into());
        }
        let sent = self.host.patch_system(uri, json!({"Boot": boot})).await?;
        if matches!(sent, Sent::Lost { .. }) {
            return Ok(sent.outcome());
        }
        let (job, mark) = (sent.job(), Mark::default());
        Ok(Outcome::Pending(Pending { needs_reset: true, desired, mark, job, can_discard: false }))
    }

    async fn read_order(&self) -> Result<Vec<BootOption>> {
        let system = self.host.system().await?;
        let names = match system.link("Boot/BootOptions") {
            Some(uri) => self.host.client.collection(uri).await?.documents,
            None => Vec::new(),
        };
        let name = |reference: &str| {
            let option = names.iter().find(|option| option.str("BootOptionReference") == Some(reference))?;
            option.str("DisplayName").or_else(|| option.str("Name")).map(str::to_owned)
        };
        let order = system.strings("Boot/BootOrder");
        let option = |reference: &str| BootOption { reference: reference.to_owned(), name: name(reference) };
        Ok(order.into_iter().map(option).collect())
    }

    fn secure_boot_uri(&self) -> Result<&str> {
        self.host.machine.system.link("SecureBoot").ok_or_else(|| self.host.lacks("SecureBoot resource"))
    }
}

fn refuses_to_be_written(error: &rackhand_bmc::Error) -> bool {
    matches!(error.kind(), ErrorKind::RejectedValue { .. } | ErrorKind::Unsupported)
}

impl Boot for StandardBoot {
    fn http_boot_settings(&self, url: &str) -> Attributes {
        self.host.dialect.http_boot_settings(&self.host.machine, url)
    }

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

    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome> {
        let name = match mode {
            BootMode::Uefi => "UEFI",
            BootMode::Legacy => "Legacy",
        };
        let desired = Attributes::from([("BootSourceOverrideMode".to_owned(), name.into())]);
        let uri = self.host.machine.system.uri();
        Box::pin(async move { self.write_boot(uri, "BootSourceOverrideMode", name.into(), desired).await })
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        Box::pin(self.read_order())
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        Box::pin(async move {
            let present = self.read_order().await?;
            let mut whole = order.to_vec();
            whole.extend(present.iter().map(|o| o.reference.clone()).filter(|known| !order.contains(known)));
            if present.iter().map(|option| &option.reference).eq(&whole) {
                return Ok(Outcome::Unchanged);
            }
            let desired = Attributes::from([("BootOrder".to_owned(), whole.join(",").as_str().into())]);
            let uri = self.host.dialect.lasting_boot_uri(&self.host.machine);
            self.write_boot(&uri, "BootOrder", json!(whole), desired).await
        })
    }
}

/// The boot settings that a System shows.
pub(crate) fn boot_settings(system: &Document, dialect: &dyn Dialect) -> BootSettings {
    let enabled = match system.str(ENABLED) {
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
        override_mode: None,
        allowed_targets: system.strings(ALLOWED).into_iter().map(|name| dialect.boot_target(name)).collect(),
        http_uri: system.at(HTTP_URI).map(|_| match system.str(HTTP_URI) {
            // sushy-tools writes the text None for none.
            None | Some("None") => String::new(),
            Some(uri) => uri.to_owned(),
        }),
    }
}
