//! XML as the API speaks it: elements, attributes, children. No text, no namespaces.

use std::fmt;

use quick_xml::{
    Reader, XmlVersion,
    escape::escape,
    events::{BytesStart, Event},
};

/// The deepest nesting that is read. The model is a tree of at most ten levels; what is deeper is no answer of a CIMC.
const DEEPEST: usize = 64;

/// One element. A method and a managed object are both just that.
///
/// Its `Debug` form shows names only: values can hold cookies and passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// Its name: a method (`configResolveDn`) or a class (`lsbootVMedia`).
    pub name: String,
    /// Its attributes, in order.
    attributes: Vec<(String, String)>,
    /// Its children, in order.
    pub children: Vec<Element>,
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.attributes.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Element")
            .field("name", &self.name)
            .field("attributes", &names)
            .field("children", &self.children)
            .finish()
    }
}

impl Element {
    /// An element without attributes and children.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), children: Vec::new() }
    }

    /// The same with an attribute; one that is there already is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((name, value)),
        }
        self
    }

    /// The same with a child.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// An attribute's value. Empty counts as missing: the API writes `""` for what it does not know.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// An attribute's value as it is.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every attribute, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The distinguished name of a managed object.
    #[must_use]
    pub fn dn(&self) -> &str {
        self.get("dn").unwrap_or_default()
    }

    /// Whether an attribute says `wanted`. Case does not count: firmware answers `Enabled` to what was set as `enabled`.
    #[must_use]
    pub fn says(&self, name: &str, wanted: &str) -> bool {
        self.raw(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted.trim()))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it and where, without any of its content.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::from_reader(text);
        let mut buffer = Vec::new();
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event_into(&mut buffer);
            let at = reader.buffer_position();
            let closed = match event.map_err(|_| format!("it is no well-formed XML (at byte {at})"))? {
                Event::Start(start) if open.len() < DEEPEST => {
                    open.push(Self::begun(&start).map_err(|why| format!("{why} (at byte {at})"))?);
                    None
                }
                Event::Start(_) => return Err(format!("it is nested deeper than {DEEPEST} levels")),
                Event::Empty(start) => {
                    Some(Self::begun(&start).map_err(|why| format!("{why} (at byte {at})"))?)
                }
                Event::End(_) => open.pop(),
                Event::Eof => return Err(format!("it ends early, after {} bytes", text.len())),
                // Text and declarations say nothing here; entities of its own making are not expanded.
                _ => None,
            };
            match (closed, open.last_mut()) {
                (Some(closed), Some(parent)) => parent.children.push(closed),
                (Some(root), None) => return Ok(root),
                (None, _) => {}
            }
            buffer.clear();
        }
    }

    fn begun(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self::new(start.name().as_ref());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| "an attribute is not well-formed".to_owned())?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| "an attribute holds an entity that XML does not know".to_owned())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    /// Writes it.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        text.push('<');
        text.push_str(&self.name);
        for (name, value) in &self.attributes {
            text.push(' ');
            text.push_str(name);
            text.push_str("=\"");
            // Line ends and tabs would be read again as blanks.
            text.push_str(&escape(value.as_str()).replace('\n', "&#10;").replace('\t', "&#9;"));
            text.push('"');
        }
        if self.children.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        self.children.iter().for_each(|child| child.write(text));
        text.push_str("</");
        text.push_str(&self.name);
        text.push('>');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z_][a-zA-Z0-9_.-]{0,12}"
    }

    /// Any text that XML 1.0 can hold.
    fn value() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![
                proptest::char::range(' ', '\u{d7ff}'),
                proptest::char::range('\u{e000}', '\u{fffd}'),
                Just('\t'),
                Just('\n'),
                Just('\r'),
                Just('&'),
                Just('<'),
                Just('"'),
                Just('\''),
            ],
            0..20,
        )
        .prop_map(|chars| chars.into_iter().collect())
    }

    fn element() -> impl Strategy<Value = Element> {
        let attributes = proptest::collection::btree_map(name(), value(), 0..4);
        let leaf = (name(), attributes).prop_map(|(name, attributes)| Element {
            name,
            attributes: attributes.into_iter().collect(),
            children: Vec::new(),
        });
        leaf.prop_recursive(4, 20, 4, |inner| {
            (inner.clone(), proptest::collection::vec(inner, 0..4))
                .prop_map(|(element, children)| Element { children, ..element })
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(element in element()) {
            prop_assert_eq!(Element::parse(element.to_xml().as_bytes()), Ok(element));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Element::parse(&bytes));
        }

        #[test]
        fn no_almost_xml_makes_it_panic(text in "[<>/&;=\"' a-c#x0-9!\\[\\]?-]{0,60}") {
            drop(Element::parse(text.as_bytes()));
        }

        #[test]
        fn a_cut_document_is_an_error(element in element(), part in 0.0..1.0_f64) {
            let text = element.to_xml();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let end = (text.len() as f64 * part) as usize;
            prop_assert!(Element::parse(&text.as_bytes()[..end]).is_err());
        }
    }

    #[test]
    fn an_answer_is_read_with_its_entities() {
        let text = "<?xml version=\"1.0\"?>\n<configResolveDn cookie=\"1/a\" response=\"yes\">\n <outConfig>\
            <commVMediaMap dn='sys/x' mappingStatus=\"ERROR &amp; &quot;time&#x2d;out&quot;\" driveType=\" cd \"></commVMediaMap>\
            </outConfig> </configResolveDn>";
        let answer = Element::parse(text.as_bytes()).unwrap();
        let map = &answer.children[0].children[0];
        assert_eq!((map.name.as_str(), map.dn()), ("commVMediaMap", "sys/x"));
        assert_eq!(map.get("mappingStatus"), Some("ERROR & \"time-out\""));
        assert!(map.says("driveType", "CD") && !map.says("absent", ""));
        assert!(!format!("{answer:?}").contains("1/a"), "a cookie is not shown");
    }

    #[test]
    fn what_is_wrong_is_named_without_its_content() {
        for (text, why) in [
            ("", "it ends early, after 0 bytes"),
            ("<a b=\"secret", "it is no well-formed XML"),
            ("<a b=\"&secret;\"/>", "an attribute holds an entity that XML does not know"),
            ("<a secret/>", "an attribute is not well-formed"),
            ("<a></secret>", "it is no well-formed XML"),
        ] {
            let said = Element::parse(text.as_bytes()).unwrap_err();
            assert!(said.starts_with(why) && !said.contains("secret"), "{text}: {said}");
        }
        let deep = "<a>".repeat(100);
        assert!(Element::parse(deep.as_bytes()).unwrap_err().contains("deeper"));
    }
}
