//! Getting and listing, in the forms that clients ask for.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    columns,
    kinds::{Kind, Version},
    request::{Query, Target},
    selector::Selector,
    state::State,
    status::{Failure, Named},
};

/// How a client wants objects written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    Table,
    Metadata,
}

impl Form {
    /// Reads the Accept header: the first form in it that we write.
    pub(crate) fn read(accept: &str) -> Result<Self, Failure> {
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        for choice in accept.split(',') {
            let mut parts = choice.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            if !matches!(kind, "application/json" | "application/*" | "*/*") {
                continue;
            }
            let parts: Vec<&str> = parts.collect();
            let wanted = parts.iter().find_map(|part| part.strip_prefix("as="));
            match wanted {
                None => return Ok(Self::Whole),
                Some(_) if !parts.contains(&"v=v1") => {}
                Some("Table") => return Ok(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Self::Metadata),
                Some(_) => {}
            }
        }
        Err(Failure::not_acceptable(
            "only the following media types are accepted: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf",
        ))
    }

    /// Writes one object.
    pub(crate) fn one(self, version: &Version, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Table => {
                let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                columns::table(&version.columns, &[object], &metadata)
            }
            Self::Metadata => metadata_only(object),
        }
    }

    fn many(
        self,
        kind: &Kind,
        target: &Target,
        version: &Version,
        objects: &[&Value],
        metadata: &Value,
    ) -> Value {
        let (list, api_version, items) = match self {
            Self::Table => return columns::table(&version.columns, objects, metadata),
            Self::Whole => (
                format!("{}List", kind.kind),
                kind.api_version(&target.version),
                objects.iter().map(|object| (*object).clone()).collect::<Vec<Value>>(),
            ),
            Self::Metadata => (
                "PartialObjectMetadataList".to_owned(),
                "meta.k8s.io/v1".to_owned(),
                objects.iter().map(|object| metadata_only(object)).collect(),
            ),
        };
        json!({ "kind": list, "apiVersion": api_version, "metadata": metadata, "items": items })
    }
}

fn metadata_only(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

/// An object as it is told in a version.
pub(crate) fn told(kind: &Kind, version: &str, object: &Value) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = kind.api_version(version).into();
    object
}

/// One object by name.
pub(crate) fn get(state: &State, kind: &Kind, target: &Target) -> Result<Arc<Value>, Failure> {
    let named = Named { group: &kind.group, resource: &kind.plural, name: &target.name };
    let object = state.object(&kind.key(), &target.namespace, &target.name);
    object.cloned().ok_or_else(|| Failure::not_found(named))
}

/// A page of a list: from which object on, and how it was when the first page was read.
struct Token {
    version: u64,
    after: String,
}

impl Token {
    fn written(&self) -> String {
        URL_SAFE_NO_PAD
            .encode(json!({ "v": "meta.k8s.io/v1", "rv": self.version, "start": self.after }).to_string())
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let version = token["rv"].as_u64().ok_or_else(wrong)?;
        Ok(Self { version, after: token["start"].as_str().ok_or_else(wrong)?.to_owned() })
    }
}

/// A list, or a page of one.
pub(crate) fn list(
    state: &State,
    kind: &Kind,
    version: &Version,
    target: &Target,
    query: &Query,
    form: Form,
) -> Result<Value, Failure> {
    let selector = Selector::read(
        kind,
        &target.namespace,
        &target.name,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    let exact = query.get("resourceVersionMatch") == "Exact";
    if exact && query.number("resourceVersion").is_some_and(|asked| asked < state.compacted()) {
        return Err(Failure::expired("The resourceVersion for the provided list is too old."));
    }
    let token = match query.get("continue") {
        "" => None,
        text => Some(Token::read(text)?),
    };
    if token.as_ref().is_some_and(|token| token.version < state.compacted()) {
        return Err(Failure::expired(
            "The provided continue parameter is too old to display a consistent list result. \
             You can start a new list without the continue parameter.",
        ));
    }
    let place = |object: &Value| {
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("namespace"), text("name"))
    };
    let mut found: Vec<Value> = state
        .objects(&kind.key())
        .map(|(_, object)| object)
        .filter(|object| selector.matches(object))
        .filter(|object| token.as_ref().is_none_or(|token| place(object) > token.after))
        .map(|object| told(kind, &target.version, object))
        .collect();
    found.sort_by_key(&place);
    let told_at = token.as_ref().map_or(state.version(), |token| token.version);
    let mut metadata = json!({ "resourceVersion": told_at.to_string() });
    let limit =
        query.number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    if let Some(limit) = limit
        && found.len() > limit
    {
        if selector.is_everything() {
            metadata["remainingItemCount"] = (found.len() - limit).into();
        }
        found.truncate(limit);
        let after = found.last().map(place).unwrap_or_default();
        metadata["continue"] = Token { version: told_at, after }.written().into();
    }
    let objects: Vec<&Value> = found.iter().collect();
    Ok(form.many(kind, target, version, &objects, &metadata))
}
