//! The XML form.

use quick_xml::{
    Reader,
    escape::{escape, partial_escape, resolve_predefined_entity},
    events::{BytesStart, Event},
};

use super::{Component, Profile, ProfileError, Setting};

const ROOT: &str = "SystemConfiguration";

/// What is open at some point of the document.
struct Open {
    component: Component,
    /// The attribute whose text is being read.
    setting: Option<(String, String)>,
}

pub(super) fn parse(text: &str) -> Result<Profile, ProfileError> {
    let mut reader = Reader::from_str(text);
    let mut about = None;
    let mut open: Vec<Open> = Vec::new();
    let mut done = None;
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let bad = |what: String| ProfileError::at(text, offset, what);
        let event = reader.read_event().map_err(|_| bad("this is no well-formed XML".to_owned()))?;
        match event {
            Event::Start(start) => begin(&start, &mut about, &mut open).map_err(bad)?,
            Event::Empty(start) => {
                begin(&start, &mut about, &mut open).map_err(bad)?;
                end(&mut open, &mut done);
            }
            Event::End(_) => end(&mut open, &mut done),
            Event::Text(part) => add(&mut open, &part).map_err(bad)?,
            Event::CData(part) => add(&mut open, &part).map_err(bad)?,
            Event::GeneralRef(name) => {
                let meant = match name.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter.to_string()),
                    _ => resolve_predefined_entity(&name).map(str::to_owned),
                };
                let meant = meant.ok_or_else(|| bad("an entity that XML does not know".to_owned()))?;
                add(&mut open, &meant).map_err(bad)?;
            }
            Event::Comment(comment) => {
                if let (Some(shown), Some(parent)) = (commented(&comment), open.last_mut()) {
                    parent.component.attributes.push(shown);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let whole: Option<Component> = done.filter(|_| open.is_empty());
    match (about, whole) {
        (Some(about), Some(root)) => Ok(Profile { about, components: root.components }),
        _ => Err(ProfileError::at(text, text.len(), format!("the document ends before its {ROOT} does"))),
    }
}

type About = Option<Vec<(String, String)>>;

fn begin(start: &BytesStart<'_>, about: &mut About, open: &mut Vec<Open>) -> Result<(), String> {
    let name = start.name();
    let name = name.as_ref();
    let pairs = pairs(start)?;
    let named = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let inside = open.last_mut();
    match (name, inside) {
        (ROOT, None) if about.is_none() => {
            *about = Some(pairs);
            open.push(Open { component: Component::default(), setting: None });
        }
        ("Component", Some(parent)) if parent.setting.is_none() => {
            let fqdd = named("FQDD").ok_or_else(|| "a Component without an FQDD".to_owned())?;
            let component = Component { fqdd, ..Component::default() };
            open.push(Open { component, setting: None });
        }
        ("Attribute", Some(parent)) if parent.setting.is_none() && !parent.component.fqdd.is_empty() => {
            let name = named("Name").ok_or_else(|| "an Attribute without a Name".to_owned())?;
            parent.setting = Some((name, String::new()));
        }
        _ => return Err(format!("a {name} element does not belong here")),
    }
    Ok(())
}

fn pairs(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let wrong = || "the attributes of this element are malformed".to_owned();
    let mut found = Vec::new();
    for pair in start.attributes() {
        let pair = pair.map_err(|_| wrong())?;
        let name = pair.key.as_ref().to_owned();
        let value = quick_xml::escape::unescape(&pair.value).map_err(|_| wrong())?.into_owned();
        found.push((name, value));
    }
    Ok(found)
}

fn end(open: &mut Vec<Open>, done: &mut Option<Component>) {
    if let Some(inside) = open.last_mut()
        && let Some((name, value)) = inside.setting.take()
    {
        inside.component.attributes.push(Setting { name, value, set_on_import: true });
        return;
    }
    let Some(closed) = open.pop() else { return };
    match open.last_mut() {
        Some(parent) => parent.component.components.push(closed.component),
        None => *done = Some(closed.component),
    }
}

fn add(open: &mut [Open], part: &str) -> Result<(), String> {
    match open.last_mut().and_then(|inside| inside.setting.as_mut()) {
        Some((_, value)) => value.push_str(part),
        None if part.trim().is_empty() => {}
        None => return Err("text that is no attribute's value".to_owned()),
    }
    Ok(())
}

/// An attribute that is only shown: a comment that holds its element.
fn commented(inner: &str) -> Option<Setting> {
    let inner = inner.trim();
    let element = inner.strip_prefix("<Attribute ")?;
    let (head, rest) = element.split_once('>')?;
    let name = head.split_once("Name=\"")?.1.split('"').next()?;
    let value = rest.split_once("</Attribute>").map_or("", |(value, _)| value);
    let plain = |text: &str| quick_xml::escape::unescape(text).map(std::borrow::Cow::into_owned).ok();
    Some(Setting { name: plain(name)?, value: plain(value)?, set_on_import: false })
}

pub(super) fn write(profile: &Profile) -> String {
    let mut text = format!("<{ROOT}");
    for (name, value) in &profile.about {
        text.push_str(&format!(" {name}=\"{}\"", escape(value.as_str())));
    }
    text.push('>');
    profile.components.iter().for_each(|component| element(component, &mut text));
    text.push_str(&format!("</{ROOT}>"));
    text
}

fn element(component: &Component, text: &mut String) {
    text.push_str(&format!("<Component FQDD=\"{}\">", escape(component.fqdd.as_str())));
    for one in &component.attributes {
        let value = partial_escape(one.value.as_str());
        let written = format!("<Attribute Name=\"{}\">{value}</Attribute>", escape(one.name.as_str()));
        match one.set_on_import {
            true => text.push_str(&written),
            // Two hyphens would end the comment; what is only shown is left out rather than shown wrongly.
            false if written.contains("--") => {}
            false => text.push_str(&format!("<!--{written}-->")),
        }
    }
    component.components.iter().for_each(|inner| element(inner, text));
    text.push_str("</Component>");
}
