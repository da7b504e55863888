//! Resources as JSON with tolerant views.

use std::fmt;

use serde_json::{Map, Value};

use crate::uri::same_resource;

/// One resource as the BMC sent it.
///
/// Every view answers `None` for what is missing, null, or of the wrong type: one ill-typed field costs that field and
/// nothing else. Its `Debug` form names the resource only, because bodies can hold what does not belong in a log.
#[derive(Clone, PartialEq)]
pub struct Document {
    uri: String,
    etag: Option<String>,
    value: Value,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("uri", &self.uri).field("etag", &self.etag).finish_non_exhaustive()
    }
}

impl Document {
    /// A resource read from `uri`. `etag` is the header's; without one the body's `@odata.etag` counts.
    #[must_use]
    pub fn new(uri: impl Into<String>, etag: Option<String>, value: Value) -> Self {
        let etag = etag.or_else(|| View(&value).str("@odata.etag").map(str::to_owned));
        // An empty ETag in If-Match is refused by every service that sends one.
        let etag = etag.filter(|etag| !matches!(etag.trim(), "" | "\"\"" | "W/\"\""));
        Self { uri: uri.into(), etag, value }
    }

    /// The URI that it was read from, or that names it in its collection.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Its ETag, never an empty one.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The whole as a view.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View(&self.value)
    }

    /// The resource's `Id`, else the last segment of its URI.
    #[must_use]
    pub fn id(&self) -> &str {
        self.str("Id").unwrap_or_else(|| crate::uri::last_segment(&self.uri))
    }

    /// See [`View::at`].
    #[must_use]
    pub fn at(&self, path: &str) -> Option<View<'_>> {
        self.view().at(path)
    }

    /// See [`View::str`].
    #[must_use]
    pub fn str(&self, path: &str) -> Option<&str> {
        self.view().str(path)
    }

    /// See [`View::u64`].
    #[must_use]
    pub fn u64(&self, path: &str) -> Option<u64> {
        self.view().u64(path)
    }

    /// See [`View::bool`].
    #[must_use]
    pub fn bool(&self, path: &str) -> Option<bool> {
        self.view().bool(path)
    }

    /// See [`View::link`].
    #[must_use]
    pub fn link(&self, path: &str) -> Option<&str> {
        self.view().link(path)
    }

    /// See [`View::links`].
    #[must_use]
    pub fn links(&self, path: &str) -> Vec<&str> {
        self.view().links(path)
    }

    /// See [`View::strings`].
    #[must_use]
    pub fn strings(&self, path: &str) -> Vec<&str> {
        self.view().strings(path)
    }

    /// See [`View::action`].
    #[must_use]
    pub fn action(&self, suffix: &str) -> Option<View<'_>> {
        self.view().action(suffix)
    }

    /// Whether it is of the Redfish type `name` (`ComputerSystem`), whatever the version. False without `@odata.type`.
    #[must_use]
    pub fn is_type(&self, name: &str) -> bool {
        let is = |kind: &str| kind.trim_start_matches('#').split('.').next() == Some(name);
        self.str("@odata.type").is_some_and(is)
    }
}

/// A part of a resource.
#[derive(Clone, Copy, PartialEq)]
pub struct View<'a>(pub(crate) &'a Value);

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View(..)")
    }
}

impl<'a> View<'a> {
    /// What stands at `path`, property names and list positions separated by `/`. Null counts as missing.
    #[must_use]
    pub fn at(self, path: &str) -> Option<View<'a>> {
        let step = |value: &'a Value, name: &str| match value {
            Value::Object(map) => map.get(name),
            Value::Array(list) => list.get(name.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        let found = path.split('/').filter(|name| !name.is_empty()).try_fold(self.0, step)?;
        (!found.is_null()).then_some(View(found))
    }

    /// A text, trimmed. Empty counts as missing: BMCs write `""` for what they do not know.
    #[must_use]
    pub fn str(self, path: &str) -> Option<&'a str> {
        self.at(path)?.0.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// A number that is not negative, also one written as text.
    #[must_use]
    pub fn u64(self, path: &str) -> Option<u64> {
        self.i64(path).and_then(|number| number.try_into().ok()).or_else(|| self.at(path)?.0.as_u64())
    }

    /// A whole number, also one written as text or with a zero fraction.
    #[must_use]
    pub fn i64(self, path: &str) -> Option<i64> {
        match self.at(path)?.0 {
            Value::Number(number) => {
                number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
            }
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A boolean, also one written as text.
    #[must_use]
    pub fn bool(self, path: &str) -> Option<bool> {
        match self.at(path)?.0 {
            Value::Bool(value) => Some(*value),
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// A list's elements. A single value counts as a list of one (Cisco, Dell), missing as an empty one.
    #[must_use]
    pub fn list(self, path: &str) -> Vec<View<'a>> {
        match self.at(path).map(|view| view.0) {
            None => Vec::new(),
            Some(Value::Array(list)) => list.iter().filter(|value| !value.is_null()).map(View).collect(),
            Some(single) => vec![View(single)],
        }
    }

    /// The texts of a list, trimmed, nested lists flattened (an NVIDIA BMC writes `[["SCP"]]`).
    #[must_use]
    pub fn strings(self, path: &str) -> Vec<&'a str> {
        fn gather<'a>(view: View<'a>, depth: usize, found: &mut Vec<&'a str>) {
            if let Some(text) = view.str("") {
                found.push(text);
            } else if view.0.is_array() && depth < 3 {
                view.list("").into_iter().for_each(|view| gather(view, depth + 1, found));
            }
        }
        let mut found = Vec::new();
        self.list(path).into_iter().for_each(|view| gather(view, 0, &mut found));
        found
    }

    /// The link at `path`: an object with `@odata.id`, the first of a list of them, or a bare text.
    #[must_use]
    pub fn link(self, path: &str) -> Option<&'a str> {
        self.links(path).into_iter().next()
    }

    /// The links of a list.
    #[must_use]
    pub fn links(self, path: &str) -> Vec<&'a str> {
        self.list(path)
            .into_iter()
            .filter_map(|view| view.str("@odata.id").or_else(|| view.str("")))
            .collect()
    }

    /// The properties of an object, in the BMC's order. Empty for anything else.
    pub fn entries(self, path: &str) -> impl Iterator<Item = (&'a str, View<'a>)> {
        let map: Option<&'a Map<String, Value>> = self.at(path).and_then(|view| view.0.as_object());
        map.into_iter().flatten().map(|(name, value)| (name.as_str(), View(value)))
    }

    /// The action whose name ends in `suffix` (`ComputerSystem.Reset`), OEM actions included: vendors vary what stands
    /// before it between firmware, while the target stays.
    #[must_use]
    pub fn action(self, suffix: &str) -> Option<View<'a>> {
        let named = |(name, _): &(&str, View<'a>)| {
            name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with(['#', '.']))
        };
        self.entries("Actions")
            .find(named)
            .or_else(|| self.entries("Actions/Oem").find(named))
            .map(|(_, view)| view)
    }

    /// A number with a fraction, also when it is written as text.
    #[must_use]
    pub fn f64(self, path: &str) -> Option<f64> {
        match self.at(path)?.0 {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// The JSON itself.
    #[must_use]
    pub fn value(self) -> &'a Value {
        self.0
    }

    /// Whether nothing but a link stands here: a member that was not expanded.
    pub(crate) fn is_reference(self) -> bool {
        self.0.as_object().is_some_and(|map| map.keys().all(|key| key == "@odata.id"))
    }
}

/// Whether `uri` is among `links`, compared as resources.
#[must_use]
pub fn names(links: &[&str], uri: &str) -> bool {
    links.iter().any(|link| same_resource(link, uri))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sample() -> Document {
        let value = json!({
            "@odata.etag": "W/\"7\"", "@odata.type": "#ComputerSystem.v1_18_0.ComputerSystem", "Name": "  host ",
            "SerialNumber": "", "Cores": "32", "Fraction": 4.0, "Negative": -1, "Flag": "True", "Nothing": null,
            "Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/1"}], "One": {"@odata.id": "/x"}},
            "Nested": [["SCP"], "HTTP", null, 3],
            "Actions": {"#ComputerSystem.Reset": {"target": "/reset"},
                        "Oem": {"#OemManager.v1_4_0.OemManager#OemManager.Import": {"target": "/import"}}},
        });
        Document::new("/redfish/v1/Systems/1/", None, value)
    }

    #[test]
    fn views_read_what_is_there_and_nothing_else() {
        let system = sample();
        assert_eq!(system.str("Name"), Some("host"));
        assert_eq!(system.str("SerialNumber"), None);
        assert_eq!(system.str("Cores/x"), None);
        assert_eq!(
            (system.u64("Cores"), system.u64("Fraction"), system.u64("Negative")),
            (Some(32), Some(4), None)
        );
        assert_eq!((system.bool("Flag"), system.bool("Name")), (Some(true), None));
        assert!(system.at("Nothing").is_none());
        assert_eq!(system.link("Links/ManagedBy"), Some("/redfish/v1/Managers/1"));
        assert_eq!(system.links("Links/One"), ["/x"]);
        assert_eq!(system.strings("Nested"), ["SCP", "HTTP"]);
        assert_eq!(system.etag(), Some("W/\"7\""));
        assert_eq!(system.id(), "1");
        assert!(system.is_type("ComputerSystem") && !system.is_type("Computer"));
    }

    #[test]
    fn actions_are_found_by_their_ending() {
        let system = sample();
        let target = |name: &str| system.action(name).and_then(|action| action.str("target"));
        assert_eq!(target("ComputerSystem.Reset"), Some("/reset"));
        assert_eq!(target("OemManager.Import"), Some("/import"));
        assert_eq!(target("Reset"), Some("/reset"));
        assert_eq!(target("eset"), None);
    }

    #[test]
    fn an_empty_etag_is_none() {
        for etag in ["", "\"\"", "W/\"\""] {
            assert_eq!(Document::new("/a", Some(etag.to_owned()), json!({})).etag(), None);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let name = "(Members|Id|Actions|Oem|@odata.id|Links|[a-z]{1,3}|0)";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_a_view_panic(value in any_json(), path in "(Members|Id|Links|0|/|[a-z]{1,3}){0,4}") {
            let document = Document::new("/x", None, value);
            let view = document.view();
            let _ = (view.str(&path), view.u64(&path), view.i64(&path), view.bool(&path), view.links(&path));
            let _ = (view.strings(&path), view.action(&path), view.entries(&path).count(), document.id().len());
            let _ = (view.is_reference(), document.is_type(&path), crate::collection::Page::of(&document).members.len());
        }
    }
}
