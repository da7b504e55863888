//! BIOS settings as `Bios`, its settings object and its attribute registry have them.

mod check;
mod plan;
mod registry;

use std::sync::Arc;

use rackhand_bmc::{
    AttributeVerdict, Attributes, Bios, BiosPlan, BiosRegistry, BiosStage, BiosState, BiosVerdict, ErrorKind,
    Fut, Mark, Outcome, Pending, PendingSettings, Result,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use self::registry::Registry;
use self::registry::attribute_value;
use super::{host::Host, quirks};
use crate::{
    client::Sent,
    document::Document,
    messages::{Extended, extended},
    uri::{last_segment, same_resource},
};

/// BIOS settings of the System.
#[derive(Debug)]
pub struct StandardBios {
    host: Arc<Host>,
    registry: OnceCell<Option<Arc<Registry>>>,
}

/// What is known when the fate of a stage is judged.
#[derive(Debug, Clone, Copy)]
pub struct BiosEvidence<'a> {
    /// The BIOS resource as it reads now.
    pub bios: &'a Document,
    /// The values in force.
    pub current: &'a Attributes,
    /// Whether the firmware has taken up settings since the stage was written. False when that cannot be told.
    pub consumed: bool,
    /// What the firmware said when it last took up settings, successes left out.
    pub messages: &'a [Extended],
}

impl StandardBios {
    /// BIOS settings of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host), registry: OnceCell::new() }
    }

    /// Reads the BIOS resource.
    ///
    /// # Errors
    /// As any read.
    pub async fn read(&self) -> Result<Document> {
        let uri = self.host.machine.system.link("Bios").ok_or_else(|| self.host.lacks("Bios resource"))?;
        self.host.client.get(uri).await
    }

    /// Where settings are written, when that is apart from the BIOS resource.
    fn settings_apart(&self, bios: &Document) -> Option<String> {
        self.host.dialect.bios_settings_uri(bios).filter(|uri| !same_resource(uri, bios.uri()))
    }

    /// Current and pending values.
    ///
    /// # Errors
    /// As any read.
    pub async fn observe(&self) -> Result<BiosState> {
        let bios = self.read().await?;
        let current = attributes(&bios);
        let pending = match self.settings_apart(&bios) {
            None => PendingSettings::NotVisible,
            Some(uri) => {
                let settings = self.host.client.get(&uri).await?;
                match self.host.dialect.bios_pending(&current, &settings) {
                    None => PendingSettings::NotVisible,
                    Some(staged) if staged.is_empty() => PendingSettings::None,
                    Some(staged) => PendingSettings::Values(staged),
                }
            }
        };
        Ok(BiosState {
            registry_id: bios.str("AttributeRegistry").map(str::to_owned),
            mark: mark(&bios),
            current,
            pending,
        })
    }

    /// The registry with its dependencies; read once, because firmware changes it only at its own update.
    ///
    /// # Errors
    /// As any read. A BMC without one is no error.
    pub async fn full_registry(&self, id: Option<&str>) -> Result<Option<Arc<Registry>>> {
        self.registry.get_or_try_init(|| self.load_registry(id)).await.cloned()
    }

    async fn load_registry(&self, id: Option<&str>) -> Result<Option<Arc<Registry>>> {
        let Some(registries) = self.host.machine.root.link("Registries") else { return Ok(None) };
        let uris = self.host.client.member_uris(registries).await?;
        let exact = !self.host.cures(quirks::REGISTRY_ID);
        let Some(file) = best_match(&uris, id, exact) else { return Ok(None) };
        let file = self.host.client.get(file).await?;
        let locations = file.view().list("Location");
        let english = locations
            .iter()
            .find(|location| location.str("Language").is_some_and(|language| language.starts_with("en")));
        let location = english.or(locations.first());
        // iLO 4 wraps the URI in an object.
        let uri = location.and_then(|location| location.str("Uri").or_else(|| location.str("Uri/extref")));
        let Some(uri) = uri else { return Ok(None) };
        let document = self.host.dialect.bios_registry(self.host.client.get(uri).await?);
        Ok(Some(Arc::new(Registry::parse(&document))))
    }

    async fn make_plan(&self, desired: &Attributes) -> Result<BiosPlan> {
        let bios = self.read().await?;
        let registry = self.full_registry(bios.str("AttributeRegistry")).await?;
        Ok(plan::plan(self.host.dialect.as_ref(), desired, &attributes(&bios), registry.as_deref()))
    }

    async fn write(&self, stage: &BiosStage) -> Result<Outcome> {
        let host = &self.host;
        let bios = self.read().await?;
        let apart = self.settings_apart(&bios);
        let uri = apart.clone().unwrap_or_else(|| bios.uri().to_owned());
        let etag = bios.etag().filter(|_| apart.is_none());
        let bodies = host.dialect.bios_bodies(&bios, &stage.attributes);
        let sent = host.first_accepted(bodies, |body| host.client.patch(&uri, etag, body)).await?;
        let job = sent.job();
        if matches!(sent, Sent::Lost { .. }) {
            return Ok(sent.outcome());
        }
        let can_discard = apart.is_some() && host.dialect.bios_can_restage();
        let desired = stage.attributes.clone();
        let staged =
            Outcome::Pending(Pending { needs_reset: true, desired, mark: mark(&bios), job, can_discard });
        host.dialect.bios_stage_extra(host, &uri, staged).await
    }

    async fn drop_pending(&self) -> Result<Outcome> {
        let bios = self.read().await?;
        let Some(uri) = self.settings_apart(&bios) else {
            return Err(self.host.client.error(
                ErrorKind::Unsupported,
                "this BMC does not show pending BIOS settings, so none can be dropped",
            ));
        };
        let (current, settings) = (attributes(&bios), self.host.client.get(&uri).await?);
        let mut staged = attributes(&settings);
        staged.retain(|name, value| current.get(name).is_some_and(|now| !now.same_as(value)));
        if staged.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        if !self.host.dialect.bios_can_restage() {
            return Err(self
                .host
                .client
                .error(ErrorKind::Unsupported, "this BMC cannot drop pending BIOS settings"));
        }
        let restored: Attributes =
            current.into_iter().filter(|(name, _)| staged.contains_key(name)).collect();
        let body = json!({"Attributes": restored});
        Ok(self.host.client.patch(&uri, settings.etag(), body).await?.outcome())
    }

    async fn judge(&self, stage: &BiosStage, before: Option<&Mark>) -> Result<BiosVerdict> {
        let bios = self.read().await?;
        let current = attributes(&bios);
        let messages: Vec<Extended> = bios
            .view()
            .list("@Redfish.Settings/Messages")
            .into_iter()
            .filter_map(|view| extended(view, None))
            .filter(|message| !message.is_success())
            .collect();
        // Without a mark from before, or with one that says nothing, messages may be of an earlier write.
        let consumed = before.is_some_and(|before| !before.0.is_empty() && *before != mark(&bios));
        let evidence = BiosEvidence { bios: &bios, current: &current, consumed, messages: &messages };
        let fate = |name: &String, wanted: &rackhand_bmc::AttributeValue| {
            if current.get(name).is_some_and(|now| now.same_as(wanted)) {
                return AttributeVerdict::Applied;
            }
            self.host
                .dialect
                .bios_verdict(&evidence, name)
                .unwrap_or_else(|| standard_verdict(&evidence, name))
        };
        Ok(BiosVerdict {
            attributes: stage
                .attributes
                .iter()
                .map(|(name, wanted)| (name.clone(), fate(name, wanted)))
                .collect(),
        })
    }
}

/// Rejected when the firmware took settings up since and says so of this attribute, or says of none which it means.
fn standard_verdict(evidence: &BiosEvidence<'_>, name: &str) -> AttributeVerdict {
    let named = || evidence.messages.iter().find(|message| message.names(name));
    let of_none =
        || evidence.messages.iter().find(|message| message.properties.is_empty() && message.args.is_empty());
    match named().or_else(of_none).filter(|_| evidence.consumed) {
        Some(said) => {
            AttributeVerdict::Rejected { reason: format!("{}: {}", said.message.id, said.message.text) }
        }
        None => AttributeVerdict::NotYet,
    }
}

/// The attributes of a BIOS resource or its settings.
#[must_use]
pub fn attributes(document: &Document) -> Attributes {
    document
        .view()
        .entries("Attributes")
        .filter_map(|(name, view)| Some((name.to_owned(), attribute_value(view)?)))
        .collect()
}

/// The mark of this moment: what `@Redfish.Settings` says of the settings taken up last. Empty when the service has
/// neither property; one that has them empty (iLO before its first settings) says that none were taken up yet.
#[must_use]
pub fn mark(bios: &Document) -> Mark {
    let has = |name: &str| {
        bios.at("@Redfish.Settings").is_some_and(|settings| settings.value().get(name).is_some())
    };
    if !has("ETag") && !has("Time") {
        return Mark::default();
    }
    let (etag, time) = (bios.str("@Redfish.Settings/ETag"), bios.str("@Redfish.Settings/Time"));
    Mark(Value::from_iter([("etag", etag), ("time", time)]).to_string())
}

/// The registry file that `id` means: by its name, else by its name without the version, which differs between the
/// two on Dell. Without an id (NVIDIA) the BIOS registry is known by its usual name. `exact` takes the name alone.
fn best_match<'a>(uris: &'a [String], id: Option<&str>, exact: bool) -> Option<&'a str> {
    let unversioned = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let lower = lower.strip_suffix(".json").unwrap_or(&lower);
        // A version begins with a digit or a v and a digit after a dot.
        let is_version = |part: &str| part.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        lower.split('.').take_while(|part| !is_version(part)).collect::<Vec<_>>().join(".")
    };
    let find =
        |fits: &dyn Fn(&str) -> bool| uris.iter().map(String::as_str).find(|uri| fits(last_segment(uri)));
    let named = id.and_then(|id| find(&|name| name.eq_ignore_ascii_case(id)));
    if exact {
        return named;
    }
    let Some(id) = id else { return find(&|name| unversioned(name).starts_with("biosattributeregistry")) };
    named.or_else(|| find(&|name| unversioned(name) == unversioned(id)))
}

impl Bios for StandardBios {
    fn state(&self) -> Fut<'_, BiosState> {
        Box::pin(self.observe())
    }

    fn registry(&self) -> Fut<'_, Option<BiosRegistry>> {
        Box::pin(async move {
            if let Some(known) = self.registry.get() {
                return Ok(known.as_ref().map(|registry| registry.catalogue.clone()));
            }
            let bios = self.read().await?;
            let registry = self.full_registry(bios.str("AttributeRegistry")).await?;
            Ok(registry.map(|registry| registry.catalogue.clone()))
        })
    }

    fn plan<'a>(&'a self, desired: &'a Attributes) -> Fut<'a, BiosPlan> {
        Box::pin(self.make_plan(desired))
    }

    fn stage<'a>(&'a self, stage: &'a BiosStage) -> Fut<'a, Outcome> {
        Box::pin(self.write(stage))
    }

    fn reset_defaults(&self) -> Fut<'_, Outcome> {
        Box::pin(async move {
            let bios = self.read().await?;
            let lacks = || self.host.lacks("Bios.ResetBios action");
            let action = bios.action("Bios.ResetBios").ok_or_else(lacks)?;
            let target = action.str("target").ok_or_else(lacks)?;
            // With a body: several answer 400 or 415 without (sushy stories 2008198, 2006246).
            let sent = self.host.client.post(target, json!({})).await?;
            if matches!(sent, Sent::Lost { .. }) {
                return Ok(sent.outcome());
            }
            Ok(Outcome::Pending(Pending {
                needs_reset: true,
                desired: Attributes::new(),
                mark: mark(&bios),
                job: sent.job(),
                can_discard: false,
            }))
        })
    }

    fn discard(&self) -> Fut<'_, Outcome> {
        Box::pin(self.drop_pending())
    }

    fn verify<'a>(&'a self, stage: &'a BiosStage, mark: Option<&'a Mark>) -> Fut<'a, BiosVerdict> {
        Box::pin(self.judge(stage, mark))
    }
}

#[cfg(test)]
mod tests;
