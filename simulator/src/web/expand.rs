//! `$expand`: links in place, as the query parameter of DSP0266 has it.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Call, Problem};
use crate::cell::Cell;
use crate::machine::Machine;
use crate::personality::Expand;

/// Which links are wanted, and how deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    inside_links: bool,
    outside_links: bool,
    levels: u32,
}

/// What a query asks for; nothing when it does not, or when this service ignores it.
///
/// # Errors
/// A form of `$expand` that the service does not advertise.
pub fn asked(offered: Option<Expand>, query: &str) -> Result<Option<Depth>, Problem> {
    let Some(offered) = offered else { return Ok(None) };
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, value)) = pairs.into_iter().find(|(name, _)| name == "$expand") else { return Ok(None) };
    let refused = || {
        let text = format!("The value {value} for the query parameter $expand is not supported.");
        Problem::Other(StatusCode::BAD_REQUEST, "QueryParameterValueFormatError".into(), text)
    };
    let (kind, levels) = match value.split_once('(') {
        None => (value.as_ref(), 1),
        Some((kind, rest)) => {
            let levels = rest.strip_suffix(')').and_then(|rest| rest.strip_prefix("$levels="));
            (kind, levels.and_then(|levels| levels.parse().ok()).ok_or_else(refused)?)
        }
    };
    let (known, inside_links, outside_links) = match kind {
        "*" => (offered.all, true, true),
        "." => (offered.no_links, false, true),
        "~" => (offered.links, true, false),
        _ => (false, false, false),
    };
    if !known || levels == 0 || levels > offered.max_levels {
        return Err(refused());
    }
    Ok(Some(Depth { inside_links, outside_links, levels }))
}

/// `ProtocolFeaturesSupported` of the service root.
pub fn features(offered: Option<Expand>) -> Value {
    let expand = offered.unwrap_or(Expand { all: false, links: false, no_links: false, max_levels: 0 });
    let mut query = json!({
        "ExpandAll": expand.all,
        "Levels": offered.is_some(),
        "Links": expand.links,
        "NoLinks": expand.no_links,
    });
    if offered.is_some() {
        query["MaxLevels"] = expand.max_levels.into();
    }
    json!({
        "ExpandQuery": query,
        "FilterQuery": false,
        "OnlyMemberQuery": false,
        "SelectQuery": false,
    })
}

/// Puts the resources that `body` links to in place of the links. One that cannot be read stays a link.
pub fn expand(cell: &Cell, machine: &Machine, body: &mut Value, depth: Depth) {
    walk(cell, machine, body, depth, false);
}

fn walk(cell: &Cell, machine: &Machine, value: &mut Value, depth: Depth, in_links: bool) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| replace(cell, machine, item, depth, in_links));
        }
        Value::Object(object) => {
            for (name, item) in object {
                let in_links = in_links || name == "Links";
                // What is told about settings and actions is no resource's link.
                if !name.starts_with('@') && name != "Actions" {
                    replace(cell, machine, item, depth, in_links);
                }
            }
        }
        _ => {}
    }
}

fn replace(cell: &Cell, machine: &Machine, item: &mut Value, depth: Depth, in_links: bool) {
    let Some(path) = whole(item) else { return walk(cell, machine, item, depth, in_links) };
    let wanted = if in_links { depth.inside_links } else { depth.outside_links };
    if !wanted {
        return;
    }
    let Some(mut body) = read(cell, machine, path) else { return };
    if depth.levels > 1 {
        walk(cell, machine, &mut body, Depth { levels: depth.levels - 1, ..depth }, false);
    }
    *item = body;
}

/// The target of an object that is nothing but a link to a whole resource.
fn whole(item: &Value) -> Option<&str> {
    let object = item.as_object().filter(|object| object.len() == 1)?;
    object.get("@odata.id")?.as_str().filter(|path| !path.contains('#'))
}

/// What a GET of `path` by an administrator would show.
pub(crate) fn read(cell: &Cell, machine: &Machine, path: &str) -> Option<Value> {
    let mut found = cell.find(path)?;
    let request = Request::get(path).body(Bytes::new()).ok()?;
    let mut call = Call::new(cell.me()?, request);
    call.params = std::mem::take(&mut found.params);
    found.read(&call, machine).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<Expand> = Some(Expand { all: false, links: false, no_links: true, max_levels: 1 });

    #[test]
    fn forms_that_are_not_offered_are_refused() {
        assert_eq!(asked(None, "$expand=*"), Ok(None));
        assert_eq!(asked(ONE, "$top=3"), Ok(None));
        let depth = Depth { inside_links: false, outside_links: true, levels: 1 };
        for query in ["$expand=.", "$expand=.($levels=1)", "x=1&%24expand=.%28%24levels%3D1%29"] {
            assert_eq!(asked(ONE, query), Ok(Some(depth)), "{query}");
        }
        for query in ["$expand=*", "$expand=~", "$expand=.($levels=2)", "$expand=.(levels=1)", "$expand="] {
            assert!(asked(ONE, query).is_err(), "{query}");
        }
    }
}
