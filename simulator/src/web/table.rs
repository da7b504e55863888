//! The table of resources: path templates with their handlers, found by segments.
//!
//! A personality starts from the standard's table and adds, replaces or removes entries, or amends what the standard
//! renders.

use std::sync::Arc;

use http::Method;
use serde_json::Value;

use super::{Call, Problem, Reply};
use crate::fetch::Fut;
use crate::machine::Machine;

/// Renders a resource.
pub type Read = fn(&Call, &Machine) -> Result<Value, Problem>;
/// Changes what a rendered resource says.
pub type Amend = fn(&Call, &Machine, &mut Value);
/// Carries out a write or an action on the locked machine.
pub type Write = fn(&Call, &mut Machine) -> Result<Reply, Problem>;
/// Carries out a write or an action that has to wait for something.
pub type Slow = fn(Arc<Call>) -> Fut<'static, Result<Reply, Problem>>;

/// What handles a method.
#[derive(Clone, Copy)]
pub enum Handler {
    /// On the locked machine.
    Write(Write),
    /// On its own time; locks the machine by itself.
    Slow(Slow),
    /// On the locked machine, and the body need not be JSON.
    Upload(Write),
}

#[derive(Clone)]
struct Resource {
    template: Vec<String>,
    read: Option<Read>,
    amends: Vec<Amend>,
    writes: Vec<(Method, Handler)>,
}

/// Path templates and their handlers.
#[derive(Clone, Default)]
pub struct Table {
    /// Ordered by length, so that a path is compared with those of its own length only.
    resources: Vec<Resource>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.resources.iter().map(|resource| resource.template.join("/"))).finish()
    }
}

/// A resource that was found.
pub struct Found<'a> {
    resource: &'a Resource,
    /// Values of the template's parameters.
    pub params: Vec<(String, String)>,
}

impl Found<'_> {
    /// Renders the resource, with every amendment.
    ///
    /// # Errors
    /// `MethodNotAllowed` for an action; or what its handler says.
    pub fn read(&self, call: &Call, machine: &Machine) -> Result<Value, Problem> {
        let read = self.resource.read.ok_or(Problem::MethodNotAllowed)?;
        let mut body = read(call, machine)?;
        for amend in &self.resource.amends {
            amend(call, machine, &mut body);
        }
        Ok(body)
    }

    /// Whether it can be read.
    pub fn is_readable(&self) -> bool {
        self.resource.read.is_some()
    }

    /// What handles a method other than GET.
    pub fn handler(&self, method: &Method) -> Option<Handler> {
        self.resource.writes.iter().find(|(known, _)| known == method).map(|(_, handler)| *handler)
    }

    /// The methods it takes, for `Allow`.
    pub fn allow(&self) -> String {
        let mut words: Vec<&str> = if self.is_readable() { vec!["GET", "HEAD"] } else { Vec::new() };
        words.extend(self.resource.writes.iter().map(|(method, _)| method.as_str()));
        words.join(", ")
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

impl Table {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    fn position(&self, template: &str) -> Option<usize> {
        self.resources
            .iter()
            .position(|resource| segments(template).eq(resource.template.iter().map(String::as_str)))
    }

    fn entry(&mut self, template: &str) -> Option<&mut Resource> {
        let at = self.position(template).unwrap_or_else(|| {
            let template: Vec<_> = segments(template).map(str::to_owned).collect();
            let at = self.resources.partition_point(|other| other.template.len() <= template.len());
            let resource = Resource { template, read: None, amends: Vec::new(), writes: Vec::new() };
            self.resources.insert(at, resource);
            at
        });
        self.resources.get_mut(at)
    }

    /// Adds or replaces how `template` is rendered; drops earlier amendments of it.
    ///
    /// `{name}` in the template stands for any segment; `{system}`, `{manager}` and `{chassis}` only for the machine's own ids.
    pub fn get(&mut self, template: &str, read: Read) -> &mut Self {
        if let Some(entry) = self.entry(template) {
            entry.read = Some(read);
            entry.amends.clear();
        }
        self
    }

    /// Changes what `template` says, after whatever renders it.
    pub fn amend(&mut self, template: &str, amend: Amend) -> &mut Self {
        if let Some(entry) = self.entry(template) {
            entry.amends.push(amend);
        }
        self
    }

    /// Adds or replaces what handles `method` of `template`.
    pub fn on(&mut self, method: Method, template: &str, handler: Handler) -> &mut Self {
        if let Some(entry) = self.entry(template) {
            entry.writes.retain(|(known, _)| *known != method);
            entry.writes.push((method, handler));
        }
        self
    }

    /// Adds or replaces the PATCH of `template`.
    pub fn patch(&mut self, template: &str, write: Write) -> &mut Self {
        self.on(Method::PATCH, template, Handler::Write(write))
    }

    /// Adds or replaces the POST of `template`.
    pub fn post(&mut self, template: &str, write: Write) -> &mut Self {
        self.on(Method::POST, template, Handler::Write(write))
    }

    /// Adds or replaces the POST of `template` with one that takes its time.
    pub fn post_slow(&mut self, template: &str, slow: Slow) -> &mut Self {
        self.on(Method::POST, template, Handler::Slow(slow))
    }

    /// Adds or replaces the POST of `template` with one whose body need not be JSON.
    pub fn upload(&mut self, template: &str, write: Write) -> &mut Self {
        self.on(Method::POST, template, Handler::Upload(write))
    }

    /// Adds or replaces the DELETE of `template`.
    pub fn delete(&mut self, template: &str, write: Write) -> &mut Self {
        self.on(Method::DELETE, template, Handler::Write(write))
    }

    /// Takes `template` and everything below it out of the table.
    pub fn remove(&mut self, template: &str) -> &mut Self {
        let prefix: Vec<_> = segments(template).collect();
        self.resources.retain(|resource| {
            !resource.template.iter().map(String::as_str).take(prefix.len()).eq(prefix.iter().copied())
        });
        self
    }

    /// Moves `from` and everything below it to `to`. What is rendered still names the old paths: amend it.
    pub fn relocate(&mut self, from: &str, to: &str) -> &mut Self {
        let prefix: Vec<_> = segments(from).map(str::to_owned).collect();
        for resource in &mut self.resources {
            if resource.template.starts_with(&prefix) {
                let rest = resource.template.split_off(prefix.len());
                resource.template = segments(to).map(str::to_owned).chain(rest).collect();
            }
        }
        self.resources.sort_by_key(|resource| resource.template.len());
        self
    }

    /// Finds the resource of a path. `own` answers what `{system}`, `{manager}`, `{chassis}` stand for.
    pub fn find<'o>(
        &self,
        path: &str,
        ignore_case: bool,
        own: &dyn Fn(&str) -> Option<&'o str>,
    ) -> Option<Found<'_>> {
        let path: Vec<_> = segments(path).collect();
        let first = self.resources.partition_point(|resource| resource.template.len() < path.len());
        let like = self.resources.iter().skip(first).take_while(|other| other.template.len() == path.len());
        like.into_iter().find_map(|resource| {
            let params = resource.matches(&path, ignore_case, own)?;
            Some(Found { resource, params })
        })
    }
}

impl Resource {
    /// Compares with a path of the same length.
    fn matches<'o>(
        &self,
        path: &[&str],
        ignore_case: bool,
        own: &dyn Fn(&str) -> Option<&'o str>,
    ) -> Option<Vec<(String, String)>> {
        let same = |left: &str, right: &str| {
            if ignore_case { left.eq_ignore_ascii_case(right) } else { left == right }
        };
        let mut params = Vec::new();
        for (wanted, got) in self.template.iter().zip(path) {
            let Some(name) = wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                if same(wanted, got) {
                    continue;
                }
                return None;
            };
            if own(name).is_some_and(|own| !same(own, got)) {
                return None;
            }
            params.push((name.to_owned(), (*got).to_owned()));
        }
        Some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &Call, _: &Machine) -> Result<Value, Problem> {
        Ok(Value::Null)
    }

    fn own(name: &str) -> Option<&'static str> {
        (name == "system").then_some("Sys1")
    }

    fn table() -> Table {
        let mut table = Table::new();
        table.get("/redfish/v1/Systems/{system}", nothing).get("/redfish/v1/Systems/{system}/Bios", nothing);
        table.get("/redfish/v1/Systems/{system}/Storage/{id}", nothing);
        table
    }

    #[test]
    fn paths_are_found_by_segments() {
        let table = table();
        assert!(table.find("/redfish/v1/Systems/Sys1/", false, &own).is_some());
        assert!(table.find("/redfish/v1/systems/sys1", false, &own).is_none());
        assert!(table.find("/redfish/v1/systems/sys1", true, &own).is_some());
        assert!(table.find("/redfish/v1/Systems/2", true, &own).is_none());
        let found = table.find("/redfish/v1/Systems/Sys1/Storage/A", false, &own).unwrap();
        assert_eq!(found.params[1], ("id".to_owned(), "A".to_owned()));
    }

    #[test]
    fn entries_are_removed_and_relocated_with_what_is_below() {
        let mut table = table();
        table.relocate("/redfish/v1/Systems/{system}/Bios", "/redfish/v1/Systems/{system}/BIOS");
        assert!(table.find("/redfish/v1/Systems/Sys1/BIOS", false, &own).is_some());
        assert!(table.find("/redfish/v1/Systems/Sys1/Bios", false, &own).is_none());
        table.remove("/redfish/v1/Systems/{system}/Storage");
        assert!(table.find("/redfish/v1/Systems/Sys1/Storage/A", false, &own).is_none());
        assert!(table.find("/redfish/v1/Systems/Sys1", false, &own).is_some());
    }
}
