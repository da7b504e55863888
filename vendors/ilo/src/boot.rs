//! Boot: the mode is a BIOS setting, and the order also goes by names that say what they are.

use std::sync::Arc;

use rackhand_bmc::{
    Attributes, Boot, BootMode, BootOption, BootOverride, BootSettings, Fut, Outcome, Pending, Result,
    SecureBootState,
};
use rackhand_redfish::{Document, Sent, standard::bios};
use serde_json::{Value, json};

use crate::quirks::{self, Hpe, hp_link, oem_link};

const ORDER: &str = "PersistentBootConfigOrder";
const MODE: &str = "BootMode";
const SETTINGS: &str = "@Redfish.Settings/SettingsObject";

/// The facet.
pub(crate) fn boot(hpe: &Hpe, standard: Arc<dyn Boot>) -> Arc<dyn Boot> {
    Arc::new(HpeBoot { hpe: hpe.clone(), standard })
}

struct HpeBoot {
    hpe: Hpe,
    standard: Arc<dyn Boot>,
}

/// The order of a boot settings resource, each with the name people see.
fn named(document: &Document) -> Vec<BootOption> {
    let sources = document.view().list("BootSources");
    let name = |reference: &str| {
        let source = sources.iter().find(|source| source.str("StructuredBootString") == Some(reference))?;
        source.str("BootString").map(str::to_owned)
    };
    let option = |reference: &str| BootOption { reference: reference.to_owned(), name: name(reference) };
    document.strings(ORDER).into_iter().map(option).collect()
}

impl HpeBoot {
    async fn bios(&self) -> Result<Document> {
        let uri = self.hpe.machine.system.link("Bios").ok_or_else(|| self.hpe.lacks("Bios"))?;
        self.hpe.client.get(uri).await
    }

    /// The boot order below Bios: linked from it, at a place that moved between generations (`bios/boot`,
    /// `bios/oem/hpe/boot`).
    async fn below_bios(&self) -> Result<Document> {
        let bios = self.bios().await?;
        let linked = oem_link(&bios, "Boot").or_else(|| hp_link(&bios, "", "Boot"));
        self.hpe.client.get(linked.ok_or_else(|| self.hpe.lacks("boot settings below Bios"))?).await
    }

    /// Where a resource's settings wait, whichever generation says it.
    fn waiting<'a>(&self, document: &'a Document) -> Result<&'a str> {
        let linked = document.link(SETTINGS).or_else(|| hp_link(document, "", "Settings"));
        linked.ok_or_else(|| self.hpe.lacks("settings object"))
    }

    async fn staged(&self, current: &Document, body: Value, desired: Attributes) -> Result<Outcome> {
        let settings = self.hpe.client.get(self.waiting(current)?).await?;
        let sent = self.hpe.client.patch(settings.uri(), settings.etag(), body).await?;
        if matches!(sent, Sent::Lost { .. }) {
            return Ok(sent.outcome());
        }
        let (mark, job) = (bios::mark(current), sent.job());
        Ok(Outcome::Pending(Pending { needs_reset: true, desired, mark, job, can_discard: false }))
    }

    async fn by_names(&self, order: &[String]) -> Result<Outcome> {
        let current = self.below_bios().await?;
        let known = current.strings(ORDER);
        if let Some(unknown) = order.iter().find(|name| !known.contains(&name.as_str())) {
            let why = format!("{unknown} is no device of the boot order; it has {}", known.join(", "));
            return Err(self.hpe.refused(ORDER, why));
        }
        let rest = known.iter().filter(|name| !order.iter().any(|wanted| wanted == *name));
        let whole: Vec<&str> = order.iter().map(String::as_str).chain(rest.copied()).collect();
        if whole == known {
            return Ok(Outcome::Unchanged);
        }
        let desired = Attributes::from([(ORDER.to_owned(), whole.join(",").as_str().into())]);
        self.staged(&current, json!({ORDER: whole}), desired).await
    }

    /// Whether the order goes by names: where the System shows none of its own, or names were given.
    fn goes_by_names(&self, system: &Document, order: &[String]) -> bool {
        let shown = system.strings("Boot/BootOrder");
        let foreign = order.iter().any(|one| !shown.contains(&one.as_str()) && one.contains('.'));
        self.hpe.on(quirks::BOOT_ORDER) && (shown.is_empty() || foreign)
    }

    async fn mode(&self, mode: BootMode) -> Result<Outcome> {
        let bios = self.bios().await?;
        let name = match mode {
            BootMode::Uefi => "Uefi",
            BootMode::Legacy => "LegacyBios",
        };
        let at = format!("Attributes/{MODE}");
        let Some(now) = bios.str(&at) else {
            return self.standard.set_mode(mode).await;
        };
        let settings = self.hpe.client.get(self.waiting(&bios)?).await?;
        let waits = settings.str(&at).is_some_and(|pending| pending != now);
        if now == name && !waits {
            return Ok(Outcome::Unchanged);
        }
        let desired = Attributes::from([(MODE.to_owned(), name.into())]);
        self.staged(&bios, json!({"Attributes": {MODE: name}}), desired).await
    }
}

impl Boot for HpeBoot {
    fn http_boot_settings(&self, url: &str) -> Attributes {
        self.standard.http_boot_settings(url)
    }

    fn settings(&self) -> Fut<'_, BootSettings> {
        self.standard.settings()
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        self.standard.set_override(wanted)
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        self.standard.secure_boot()
    }

    fn set_secure_boot(&self, enabled: bool) -> Fut<'_, Outcome> {
        self.standard.set_secure_boot(enabled)
    }

    fn set_mode(&self, mode: BootMode) -> Fut<'_, Outcome> {
        if self.hpe.on(quirks::BOOT_MODE) { Box::pin(self.mode(mode)) } else { self.standard.set_mode(mode) }
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        Box::pin(async move {
            if self.goes_by_names(&self.hpe.machine.system, &[]) {
                return Ok(named(&self.below_bios().await?));
            }
            self.standard.order().await
        })
    }

    fn set_order<'a>(&'a self, order: &'a [String]) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if self.goes_by_names(&self.hpe.machine.system, order) {
                return self.by_names(order).await;
            }
            self.standard.set_order(order).await
        })
    }
}
