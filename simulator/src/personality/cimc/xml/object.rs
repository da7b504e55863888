//! Managed objects: the tree that queries walk, rendered from the machine each time.

use super::element::Element;

/// An object with its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) class: &'static str,
    /// Its distinguished name, such as `sys/rack-unit-1`.
    pub(super) dn: String,
    properties: Vec<(&'static str, String)>,
    pub(super) children: Vec<Object>,
}

impl Object {
    pub(super) fn new(class: &'static str, dn: impl Into<String>) -> Self {
        Self { class, dn: dn.into(), properties: Vec::new(), children: Vec::new() }
    }

    /// With a property.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.properties.push((name, value.into()));
        self
    }

    /// With children.
    pub(super) fn holding(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The object of that name, itself or below it.
    pub(super) fn find(&self, dn: &str) -> Option<&Self> {
        if self.dn == dn {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(dn))
    }

    /// All objects of a class, itself and below it.
    pub(super) fn of_class<'a>(&'a self, class: &str, found: &mut Vec<&'a Self>) {
        if self.class == class {
            found.push(self);
        }
        self.children.iter().for_each(|child| child.of_class(class, found));
    }

    /// Whether it shows a property of that name.
    pub(super) fn shows(&self, name: &str) -> bool {
        self.properties.iter().any(|(own, _)| *own == name)
    }

    /// As an element with its `dn`; `hierarchical`: with its children, which are named by their `rn` alone.
    pub(super) fn element(&self, hierarchical: bool) -> Element {
        self.named("dn", &self.dn, hierarchical)
    }

    fn named(&self, attribute: &str, name: &str, hierarchical: bool) -> Element {
        let mut element = Element::new(self.class).with(attribute, name);
        for (name, value) in &self.properties {
            element = element.with(name, value);
        }
        if !hierarchical {
            return element;
        }
        let relative = |child: &Self| {
            let own = child.dn.strip_prefix(&self.dn).and_then(|rest| rest.strip_prefix('/'));
            child.named("rn", own.unwrap_or(&child.dn), true)
        };
        element.holding(self.children.iter().map(relative))
    }
}
