//! What a request asks for, read from its method, path and query.

use std::{collections::BTreeMap, sync::Arc};

use http::Method;

use crate::{
    kinds::{Kind, Version},
    state::State,
    status::Failure,
};

/// A path below `/api` or `/apis`, in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

/// What a path is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Discovery, health and the like, by its segments.
    Other(Vec<String>),
    Objects(Target),
}

/// The subresources that a namespace has itself, where other words are resources inside it.
const OF_NAMESPACES: [&str; 2] = ["status", "finalize"];

impl Path {
    pub(crate) fn read(path: &str) -> Self {
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (group, version, rest) = match words.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return Self::Other(segments),
        };
        let (namespace, rest) = match rest {
            ["namespaces", _, word] if OF_NAMESPACES.contains(word) => ("", rest),
            ["namespaces", namespace, inside @ ..] if !inside.is_empty() => (*namespace, inside),
            _ => ("", rest),
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
        Self::Objects(Target {
            group: group.into(),
            version: version.into(),
            namespace: namespace.into(),
            resource: part(0),
            name: part(1),
            subresource: rest.get(2..).unwrap_or_default().join("/"),
        })
    }
}

fn decoded(segment: &str) -> String {
    // A path is a form value without plus signs.
    let plain = segment.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(plain.as_bytes());
    pairs.next().map_or_else(String::new, |(key, _)| key.into_owned())
}

/// The parameters of a query; the last of a name counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn read(query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1")
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

/// The verb, as RBAC and logs call it.
pub(crate) fn verb(method: &Method, target: &Target, query: &Query) -> &'static str {
    let named = !target.name.is_empty();
    match *method {
        Method::GET if query.is_true("watch") => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "",
    }
}

/// The kind that a target is about, in its version.
pub(crate) fn kind_of(state: &State, target: &Target) -> Result<(Arc<Kind>, Version), Failure> {
    let key = (target.group.clone(), target.resource.clone());
    let kind = state.kinds.get(&key).ok_or_else(Failure::no_such_resource)?;
    let version = kind.versions.get(&target.version).ok_or_else(Failure::no_such_resource)?;
    let subresource = target.subresource.as_str();
    if !(subresource.is_empty() || (subresource == "status" && version.status)) {
        return Err(Failure::no_such_resource());
    }
    let one = !target.name.is_empty();
    if !kind.namespaced && !target.namespace.is_empty() {
        return Err(Failure::no_such_resource());
    }
    if kind.namespaced && one && target.namespace.is_empty() {
        return Err(Failure::no_such_resource());
    }
    Ok((Arc::clone(kind), version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        match Path::read(path) {
            Path::Objects(target) => target,
            Path::Other(segments) => panic!("{segments:?} is not about objects"),
        }
    }

    #[test]
    fn paths_are_read_with_and_without_namespace() {
        let inside = target("/apis/g.example/v1/namespaces/site/things/one/status");
        assert_eq!((inside.namespace.as_str(), inside.resource.as_str()), ("site", "things"));
        assert_eq!((inside.name.as_str(), inside.subresource.as_str()), ("one", "status"));
        let itself = target("/api/v1/namespaces/site/status");
        assert_eq!((itself.namespace.as_str(), itself.resource.as_str()), ("", "namespaces"));
        assert_eq!((itself.name.as_str(), itself.subresource.as_str()), ("site", "status"));
        let named = target("/api/v1/namespaces/site");
        assert_eq!((named.resource.as_str(), named.name.as_str()), ("namespaces", "site"));
        assert_eq!(target("/api/v1/secrets/a%2Bb").name, "a+b");
        assert_eq!(
            Path::read("/apis/g.example/v1"),
            Path::Other(vec!["apis".into(), "g.example".into(), "v1".into()])
        );
    }
}
