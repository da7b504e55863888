//! A Server Configuration Profile as a document: components with attributes, in XML and JSON.

use quick_xml::Reader;
use quick_xml::escape::{escape, partial_escape, resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

/// A component: a device, or the iDRAC or BIOS itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Part {
    pub(super) fqdd: String,
    pub(super) settings: Vec<Setting>,
    pub(super) parts: Vec<Part>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether an import writes it; what it does not is only shown.
    pub(super) writable: bool,
}

impl Part {
    pub(super) fn new(fqdd: &str) -> Self {
        Self { fqdd: fqdd.into(), ..Self::default() }
    }

    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push(Setting { name: name.into(), value: value.into(), writable: true });
        self
    }

    pub(super) fn show(mut self, name: &str, value: &str) -> Self {
        self.settings.push(Setting { name: name.into(), value: value.into(), writable: false });
        self
    }

    /// The first value of an attribute.
    pub(super) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// All values of an attribute that stands there several times.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.settings.iter().filter(move |one| one.name == name && one.writable);
        named.map(|one| one.value.as_str())
    }
}

/// What a document says of itself.
pub(super) struct About {
    pub(super) model: String,
    pub(super) tag: String,
    pub(super) time: String,
}

/// The document in XML, with an element a line, as an iDRAC exports it.
pub(super) fn to_xml(about: &About, parts: &[Part]) -> String {
    let About { model, tag, time } = about;
    let (model, tag) = (escape(model.as_str()), escape(tag.as_str()));
    let mut text =
        format!("<SystemConfiguration Model=\"{model}\" ServiceTag=\"{tag}\" TimeStamp=\"{time}\">\n");
    parts.iter().for_each(|part| element(part, &mut text));
    text.push_str("</SystemConfiguration>\n");
    text
}

fn element(part: &Part, text: &mut String) {
    text.push_str(&format!("<Component FQDD=\"{}\">\n", escape(part.fqdd.as_str())));
    for one in &part.settings {
        let (name, value) = (escape(one.name.as_str()), partial_escape(one.value.as_str()));
        let written = format!("<Attribute Name=\"{name}\">{value}</Attribute>");
        text.push_str(&if one.writable {
            format!("  {written}\n")
        } else {
            format!("  <!-- {written} -->\n")
        });
    }
    part.parts.iter().for_each(|inner| element(inner, text));
    text.push_str("</Component>\n");
}

/// The document in JSON.
pub(super) fn to_json(about: &About, parts: &[Part]) -> Value {
    json!({"SystemConfiguration": {
        "Comments": [{"Comment": "Export type is Normal,JSON,Selective"}],
        "Model": about.model,
        "ServiceTag": about.tag,
        "TimeStamp": about.time,
        "Components": parts.iter().map(tree).collect::<Vec<_>>(),
    }})
}

fn tree(part: &Part) -> Value {
    let settings: Vec<_> = part
        .settings
        .iter()
        .map(|one| {
            json!({
                "Name": one.name,
                "Value": one.value,
                "Set On Import": if one.writable { "True" } else { "False" },
                "Comment": if one.writable { "Read and Write" } else { "Read Only" },
            })
        })
        .collect();
    let mut value = json!({"FQDD": part.fqdd, "Attributes": settings});
    if !part.parts.is_empty() {
        value["Components"] = part.parts.iter().map(tree).collect();
    }
    value
}

/// Reads a document: XML when it begins with `<`, else JSON. `None` when it is neither, or, with `compact`, when its XML has
/// whitespace between the elements.
pub(super) fn parse(text: &str, compact: bool) -> Option<Vec<Part>> {
    if text.trim_start().starts_with('<') { parse_xml(text, compact) } else { parse_json(text) }
}

fn parse_json(text: &str) -> Option<Vec<Part>> {
    let value: Value = serde_json::from_str(text).ok()?;
    parts(value.get("SystemConfiguration")?)
}

fn parts(value: &Value) -> Option<Vec<Part>> {
    let Some(list) = value.get("Components") else { return Some(Vec::new()) };
    list.as_array()?.iter().map(part).collect()
}

fn part(value: &Value) -> Option<Part> {
    let mut part = Part::new(value.get("FQDD")?.as_str()?);
    for one in value.get("Attributes").and_then(Value::as_array).into_iter().flatten() {
        let name = one.get("Name")?.as_str()?.to_owned();
        let value = one.get("Value").and_then(Value::as_str).unwrap_or_default().to_owned();
        let writable = one.get("Set On Import").and_then(Value::as_str) != Some("False");
        part.settings.push(Setting { name, value, writable });
    }
    part.parts = parts(value)?;
    Some(part)
}

fn parse_xml(text: &str, compact: bool) -> Option<Vec<Part>> {
    let mut reader = Reader::from_str(text);
    // What is open: components, and the attribute whose text is being read.
    let mut open: Vec<Part> = Vec::new();
    let mut setting: Option<Setting> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => begin(&start, &mut open, &mut setting)?,
            Event::Empty(start) => {
                begin(&start, &mut open, &mut setting)?;
                if let Some(root) = end(&mut open, &mut setting) {
                    return Some(root.parts);
                }
            }
            Event::End(_) => {
                if let Some(root) = end(&mut open, &mut setting) {
                    return Some(root.parts);
                }
            }
            Event::Text(part) => match &mut setting {
                Some(setting) => setting.value.push_str(&part),
                None if compact && !open.is_empty() => return None,
                None if part.trim().is_empty() => {}
                None => return None,
            },
            Event::GeneralRef(name) => {
                let letter = match name.resolve_char_ref() {
                    Ok(Some(letter)) => letter.to_string(),
                    _ => resolve_predefined_entity(&name)?.to_owned(),
                };
                setting.as_mut()?.value.push_str(&letter);
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn begin(start: &BytesStart<'_>, open: &mut Vec<Part>, setting: &mut Option<Setting>) -> Option<()> {
    let named = |wanted: &str| {
        let found = start.attributes().flatten().find(|one| one.key.as_ref() == wanted)?;
        Some(unescape(&found.value).ok()?.into_owned())
    };
    match start.name().as_ref() {
        "SystemConfiguration" if open.is_empty() => open.push(Part::default()),
        "Component" if !open.is_empty() && setting.is_none() => open.push(Part::new(&named("FQDD")?)),
        "Attribute" if open.len() > 1 && setting.is_none() => {
            *setting = Some(Setting { name: named("Name")?, value: String::new(), writable: true });
        }
        _ => return None,
    }
    Some(())
}

/// Closes what was opened last; the root once it is closed.
fn end(open: &mut Vec<Part>, setting: &mut Option<Setting>) -> Option<Part> {
    if let Some(done) = setting.take() {
        open.last_mut()?.settings.push(done);
        return None;
    }
    let closed = open.pop()?;
    match open.last_mut() {
        Some(parent) => {
            parent.parts.push(closed);
            None
        }
        None => Some(closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<Part> {
        let mut raid = Part::new("RAID.SL.3-1").set("RAIDresetConfig", "False");
        raid.parts.push(Part::new("Disk.Virtual.0:RAID.SL.3-1").set("Name", "a & <b>"));
        vec![Part::new("BIOS.Setup.1-1").set("LogicalProc", "Enabled").show("SystemModelName", "R750"), raid]
    }

    fn about() -> About {
        About { model: "PowerEdge".into(), tag: "TAG".into(), time: "now".into() }
    }

    #[test]
    fn both_forms_are_read_as_they_were_written() {
        let json = to_json(&about(), &parts()).to_string();
        assert_eq!(parse(&json, true), Some(parts()));
        let xml = to_xml(&about(), &parts());
        let mut written = parts();
        // What is only shown is a comment in XML.
        written[0].settings.pop();
        assert_eq!(parse(&xml, false), Some(written.clone()));
        assert_eq!(parse(&xml, true), None);
        let compact: String = xml.lines().map(str::trim).collect();
        assert_eq!(parse(&compact, true), Some(written));
    }

    #[test]
    fn what_is_no_profile_is_none() {
        for text in ["", "<a/>", "<SystemConfiguration>", "{}", "[]", "<Component FQDD=\"x\"/>"] {
            assert_eq!(parse(text, false), None, "{text}");
        }
    }
}
