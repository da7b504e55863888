//! BIOS tokens of the XML API, for a System whose Redfish has no Bios.
//!
//! Every token is an object below `bios-settings` whose attributes begin with `vp`. Tokens are taken from what the machine
//! itself shows, so no list of them is needed; an attribute is called by its own name (`vpSrIov`).

use std::{collections::BTreeMap, sync::Arc};

use rackhand_bmc::{
    AttributeValue, AttributeVerdict, Attributes, Bios, BiosPlan, BiosProblem, BiosRegistry, BiosStage,
    BiosState, BiosVerdict, ErrorKind, Fut, Mark, Outcome, Pending, PendingSettings, Result,
};

use crate::{cisco::Cisco, xml::Element};

/// BIOS tokens by the XML API.
pub(crate) struct XmlBios {
    cisco: Arc<Cisco>,
}

impl XmlBios {
    pub(crate) fn new(cisco: Arc<Cisco>) -> Self {
        Self { cisco }
    }

    fn dn(&self) -> String {
        format!("{}/bios/bios-settings", self.cisco.tree.server)
    }

    async fn tokens(&self) -> Result<Vec<Element>> {
        let settings = self.cisco.xml.resolve(&self.dn(), true).await?.ok_or_else(|| {
            self.cisco.xml.error(ErrorKind::Unsupported, "the XML API has no BIOS settings on this machine")
        })?;
        Ok(settings.children)
    }

    async fn current(&self) -> Result<Attributes> {
        Ok(attributes(&self.tokens().await?))
    }

    async fn write(&self, wanted: &Attributes) -> Result<Outcome> {
        let tokens = self.tokens().await?;
        let mut settings = Element::new("biosSettings").with("dn", self.dn());
        let mut left: Vec<&str> = wanted.keys().map(String::as_str).collect();
        for token in &tokens {
            let mut changed = Element::new(token.name.as_str()).with("dn", token.dn());
            for (name, present) in token.attributes() {
                let Some(value) = wanted.get(name) else { continue };
                left.retain(|left| *left != name);
                if !present.eq_ignore_ascii_case(&value.to_string()) {
                    changed = changed.with(name, value.to_string());
                }
            }
            if changed.attributes().count() > 1 {
                settings = settings.with_child(changed);
            }
        }
        if !left.is_empty() {
            let properties: Vec<String> = left.iter().map(|name| (*name).to_owned()).collect();
            let detail = format!("this machine's BIOS has no token {}", left.join(", "));
            return Err(self.cisco.xml.error(ErrorKind::RejectedValue { properties }, detail));
        }
        if settings.children.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        Ok(self.cisco.xml.change(settings).await?.outcome(pending(wanted.clone())))
    }
}

fn pending(desired: Attributes) -> Outcome {
    let mark = Mark::default();
    Outcome::Pending(Pending { needs_reset: true, desired, mark, job: None, can_discard: false })
}

/// The tokens' values: attributes that begin with `vp`.
fn attributes(tokens: &[Element]) -> Attributes {
    let values = tokens.iter().flat_map(Element::attributes).filter(|(name, _)| name.starts_with("vp"));
    values.map(|(name, value)| (name.to_owned(), AttributeValue::from(value))).collect()
}

/// Values compare without case: firmware writes `Enabled` for what was set as `enabled`.
fn same(present: Option<&AttributeValue>, wanted: &AttributeValue) -> bool {
    present.is_some_and(|present| present.to_string().eq_ignore_ascii_case(&wanted.to_string()))
}

impl Bios for XmlBios {
    fn state(&self) -> Fut<'_, BiosState> {
        Box::pin(async move {
            Ok(BiosState {
                current: self.current().await?,
                pending: PendingSettings::NotVisible,
                registry_id: None,
                mark: Mark::default(),
            })
        })
    }

    fn registry(&self) -> Fut<'_, Option<BiosRegistry>> {
        Box::pin(async { Ok(None) })
    }

    fn plan<'a>(&'a self, desired: &'a Attributes) -> Fut<'a, BiosPlan> {
        Box::pin(async move {
            let current = self.current().await?;
            let mut plan = BiosPlan::default();
            let mut differing = Attributes::new();
            for (name, wanted) in desired {
                if same(current.get(name), wanted) {
                    plan.satisfied.push(name.clone());
                } else if current.contains_key(name) {
                    differing.insert(name.clone(), wanted.clone());
                } else {
                    let problem =
                        "this machine's BIOS has no such token; the XML API calls them vp…".to_owned();
                    plan.problems.push(BiosProblem { attribute: name.clone(), problem });
                }
            }
            if plan.problems.is_empty() && !differing.is_empty() {
                let reason = format!("{} BIOS tokens differ", differing.len());
                plan.stages.push(BiosStage { attributes: differing, reason });
            }
            Ok(plan)
        })
    }

    fn stage<'a>(&'a self, stage: &'a BiosStage) -> Fut<'a, Outcome> {
        Box::pin(self.write(&stage.attributes))
    }

    fn reset_defaults(&self) -> Fut<'_, Outcome> {
        let why = "the XML API has no action that resets BIOS settings to their defaults";
        Box::pin(async move { Err(self.cisco.xml.error(ErrorKind::Unsupported, why)) })
    }

    fn discard(&self) -> Fut<'_, Outcome> {
        let why = "this BMC does not show pending BIOS settings, so none can be dropped";
        Box::pin(async move { Err(self.cisco.xml.error(ErrorKind::Unsupported, why)) })
    }

    fn verify<'a>(&'a self, stage: &'a BiosStage, _mark: Option<&'a Mark>) -> Fut<'a, BiosVerdict> {
        Box::pin(async move {
            let current = self.current().await?;
            let fate = |(name, wanted): (&String, &AttributeValue)| {
                let applied = same(current.get(name), wanted);
                let verdict = if applied { AttributeVerdict::Applied } else { AttributeVerdict::NotYet };
                (name.clone(), verdict)
            };
            let attributes: BTreeMap<_, _> = stage.attributes.iter().map(fate).collect();
            Ok(BiosVerdict { attributes })
        })
    }
}
