//! XML as the API speaks it: elements with attributes, and no text between them.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

/// No request nests deeper than a method, its `inConfig` and a few objects.
const DEPTH: usize = 16;
/// No request is longer.
const LONGEST: usize = 1024 * 1024;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// With an attribute.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// With children.
    pub(super) fn holding(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether an attribute says yes: `true`, `yes` or `1`.
    pub(super) fn says_yes(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| ["true", "yes", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes)))
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// As text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        text.push('<');
        text.push_str(&self.name);
        for (name, value) in &self.attributes {
            // A client may have sent what XML has no way to say; it is not said back.
            let plain: String = value.chars().filter(|letter| !letter.is_control()).collect();
            text.push_str(&format!(" {name}=\"{}\"", escape(plain.as_str())));
        }
        if self.children.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        self.children.iter().for_each(|child| child.write(text));
        text.push_str(&format!("</{}>", self.name));
    }
}

/// Reads the one element of a document.
///
/// # Errors
/// What is wrong with it, in words. Document types are not read, so that no entity can blow up.
pub(super) fn parse(body: &[u8]) -> Result<Element, String> {
    if body.len() > LONGEST {
        return Err("the document is too long".into());
    }
    let text = std::str::from_utf8(body).map_err(|_| "the document is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    let (mut open, mut root) = (Vec::new(), None);
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let over = root.is_some();
        match event {
            Event::Start(_) | Event::Empty(_) if over => return Err("more than one element".into()),
            Event::Start(start) => {
                if open.len() >= DEPTH {
                    return Err("elements are nested too deeply".into());
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => close(element(&start)?, &mut open, &mut root),
            Event::End(_) => {
                let closed = open.pop().ok_or("an element ends that did not begin")?;
                close(closed, &mut open, &mut root);
            }
            Event::Text(part) if part.trim().is_empty() => {}
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if !open.is_empty() => return Err("the document ends within an element".into()),
            Event::Eof => return root.ok_or_else(|| "the document is empty".into()),
            Event::DocType(_) => return Err("a document type is not allowed".into()),
            _ => return Err("text is not allowed between elements".into()),
        }
    }
}

fn close(closed: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(closed),
        None => *root = Some(closed),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = start.name().as_ref().to_owned();
    let mut found = Element::new(&name);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("Element '{name}': {error}"))?;
        let value = unescape(&attribute.value).map_err(|error| format!("Element '{name}': {error}"))?;
        found.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let device = Element::new("lsbootVMedia").with("name", "a \"<&'>\" b").with("order", "1");
        let written = Element::new("configConfMo").with("cookie", "1/a").holding([
            Element::new("inConfig").holding([Element::new("lsbootDevPrecision").holding([device])])
        ]);
        assert_eq!(parse(written.text().as_bytes()), Ok(written));
        let spaced = "<?xml version='1.0'?>\n <a b = 'c&#x41;'> <!-- so --> <d/></a>\n";
        let read = parse(spaced.as_bytes()).unwrap();
        assert_eq!((read.get("b"), read.children.len()), (Some("cA"), 1));
    }

    #[test]
    fn what_is_no_request_is_refused_in_words() {
        let deep = "<a>".repeat(40) + &"</a>".repeat(40);
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><a b=\"&x;\"/>";
        for text in [
            "",
            "   ",
            "hello",
            "<a",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a>text</a>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<a b='&lol;'/>",
            "<a><![CDATA[x]]></a>",
            "<a>&amp;</a>",
            &deep,
            bomb,
        ] {
            assert!(parse(text.as_bytes()).is_err_and(|why| !why.is_empty()), "{text}");
        }
        assert!(parse(&[0xff, 0xfe, b'<']).is_err());
        assert!(parse(&vec![b' '; LONGEST + 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }

        #[test]
        fn whatever_is_read_can_be_written(text in "[<>/a-c \"'=&;#x0-9!\\[\\]?-]{0,60}") {
            if let Ok(read) = parse(text.as_bytes()) {
                prop_assert!(parse(read.text().as_bytes()).is_ok(), "{}", read.text());
            }
        }
    }
}
