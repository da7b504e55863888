//! Wanted values against a registry alone, with no machine at hand.

use rackhand_bmc::{AttributeKind, AttributeValue, Attributes, BiosProblem};

use super::{plan, registry::Registry};

impl Registry {
    /// What this firmware would refuse of the wanted values, whatever the machine's state: names and values it has not,
    /// attributes that are never written, and those that others of the wanted values lock with another value.
    ///
    /// A machine may refuse more: what its own state locks only its BMC knows ([`Bios::plan`](rackhand_bmc::Bios::plan)).
    #[must_use]
    pub fn check(&self, desired: &Attributes) -> Vec<BiosProblem> {
        let mut problems = Vec::new();
        let mut typed = Attributes::new();
        for (name, value) in desired {
            match self.in_its_type(name, value) {
                Ok(value) => drop(typed.insert(name.clone(), value)),
                Err(problem) => problems.push(BiosProblem { attribute: name.clone(), problem }),
            }
        }
        let end = plan::overlaid(&self.defaults(), &typed);
        for (name, value) in &typed {
            if let Some(problem) = self.lock(name, value, &end) {
                problems.push(BiosProblem { attribute: name.clone(), problem });
            }
        }
        problems
    }

    fn in_its_type(&self, name: &str, value: &AttributeValue) -> Result<AttributeValue, String> {
        let attribute = self.get(name).ok_or_else(|| plan::unknown(name, &Attributes::new(), Some(self)))?;
        let text = value.to_string();
        let is_word =
            matches!(attribute.kind, AttributeKind::Enumeration(_)) && self.words_of(name).contains(&text);
        if is_word { Ok(AttributeValue::String(text)) } else { plan::typed(value, &attribute.kind) }
    }

    /// Why an attribute cannot be written on the way to `end`, where every wanted value is in force. One that others lock
    /// with the wanted value comes along by itself (HPE: what a workload profile sets).
    fn lock(&self, name: &str, value: &AttributeValue, end: &Attributes) -> Option<String> {
        if let Some(by) = self.locked_by(name, end) {
            let given = self.given_by_others(name, end);
            return match given {
                Some(given) if given.same_as(value) => None,
                Some(given) => Some(format!("it is read-only and {given} while {by}")),
                None if self.defaults().get(name).is_some_and(|default| default.same_as(value)) => None,
                None => Some(format!("it is read-only while {by}")),
            };
        }
        let marked = self.get(name).is_some_and(|attribute| attribute.read_only);
        (marked && !self.depends(name)).then(|| "it is read-only".to_owned())
    }
}
