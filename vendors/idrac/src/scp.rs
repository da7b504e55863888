//! Server Configuration Profiles as documents: read, changed, and written without whitespace, in XML and JSON.
//!
//! Both forms say the same: components by FQDD, nested, with attributes by name. What an export only shows (read-only
//! attributes, those left out for security) is a comment in XML and has `"Set On Import": "False"` in JSON.
//! The values can be secrets, so nothing here has a `Debug` form that shows them, and errors name places, not values.

mod json;
mod xml;

use std::fmt;

/// A profile.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    /// The attributes of the document itself: `Model`, `ServiceTag`, `TimeStamp`.
    pub about: Vec<(String, String)>,
    /// The components, in the document's order.
    pub components: Vec<Component>,
}

/// A component: a device, or the iDRAC or BIOS itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its name: `BIOS.Setup.1-1`, `RAID.SL.3-1`.
    pub fqdd: String,
    /// Its attributes, in the document's order.
    pub attributes: Vec<Setting>,
    /// Components inside it: drives and volumes of a controller.
    pub components: Vec<Component>,
}

/// One attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name: `SysProfile`, `ServerBoot.1#BootOnce`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether an import writes it.
    pub set_on_import: bool,
}

/// Why a document is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ProfileError {
    /// Line of the document, from 1.
    pub line: usize,
    /// Column of the line, from 1.
    pub column: usize,
    /// What is wrong there. Never a value.
    pub what: String,
}

impl ProfileError {
    /// An error at a byte of the document.
    fn at(text: &str, offset: usize, what: impl Into<String>) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self { line, column, what: what.into() }
    }
}

impl Profile {
    /// Reads a document: XML when it begins with `<`, else JSON.
    ///
    /// # Errors
    /// With the place where it stops being a profile.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.trim_start().starts_with('<') { xml::parse(text) } else { json::parse(text) }
    }

    /// The document in XML, without whitespace between its elements.
    #[must_use]
    pub fn to_xml(&self) -> String {
        xml::write(self)
    }

    /// The document in JSON, without whitespace.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// The component of that FQDD, at whatever depth.
    #[must_use]
    pub fn component(&self, fqdd: &str) -> Option<&Component> {
        find(&self.components, fqdd)
    }

    /// Sets an attribute that an import is to write; the component is made when there is none.
    pub fn set(&mut self, fqdd: &str, name: &str, value: &str) {
        if !edit(&mut self.components, fqdd, name, value) {
            let mut made = Component { fqdd: fqdd.to_owned(), ..Component::default() };
            made.set(name, value);
            self.components.push(made);
        }
    }
}

fn find<'a>(components: &'a [Component], fqdd: &str) -> Option<&'a Component> {
    components.iter().find_map(|component| {
        if component.fqdd == fqdd { Some(component) } else { find(&component.components, fqdd) }
    })
}

/// Whether the component was there.
fn edit(components: &mut [Component], fqdd: &str, name: &str, value: &str) -> bool {
    components.iter_mut().any(|component| {
        if component.fqdd == fqdd {
            component.set(name, value);
            return true;
        }
        edit(&mut component.components, fqdd, name, value)
    })
}

impl Component {
    /// The value of an attribute.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|setting| setting.name == name).map(|setting| setting.value.as_str())
    }

    fn set(&mut self, name: &str, value: &str) {
        let set = Setting { name: name.to_owned(), value: value.to_owned(), set_on_import: true };
        match self.attributes.iter_mut().find(|setting| setting.name == name) {
            Some(known) => *known = set,
            None => self.attributes.push(set),
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("components", &self.components).finish_non_exhaustive()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("fqdd", &self.fqdd)
            .field("attributes", &self.attributes.len())
            .field("components", &self.components)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
