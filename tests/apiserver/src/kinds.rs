//! The kinds that are served: what is built in, and what CustomResourceDefinitions add.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{columns::Column, schema::Schema, status::Cause};

/// Group and plural: what objects are kept under, whatever version they are asked for in.
pub(crate) type GroupResource = (String, String);

/// One kind, in all its versions.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) custom: bool,
    /// Whether `metadata.generation` is kept.
    pub(crate) generations: bool,
    /// Whether a PUT makes what is not there.
    pub(crate) create_on_update: bool,
    /// Whether a PUT without a resourceVersion overwrites.
    pub(crate) unconditional_update: bool,
    pub(crate) versions: BTreeMap<String, Version>,
}

/// One version of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) schema: Arc<Schema>,
    /// Whether a value may be an integer or a string somewhere. Servers before 1.21 then make nothing of the schema when
    /// they tell whose fields are whose: lists are owned as a whole, whatever their type says.
    pub(crate) either: bool,
    pub(crate) status: bool,
    pub(crate) columns: Vec<Column>,
}

impl Kind {
    pub(crate) fn key(&self) -> GroupResource {
        (self.group.clone(), self.plural.clone())
    }

    /// `group/version`, or the version alone in the core group.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.into() } else { format!("{}/{version}", self.group) }
    }
}

/// A definition that can be served, or what is wrong with it.
pub(crate) fn defined(crd: &Value) -> Result<Kind, Vec<Cause>> {
    let mut causes = Vec::new();
    let spec = &crd["spec"];
    let names = &spec["names"];
    if !names.is_object() {
        return Err(vec![Cause::required("spec.names")]);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&names["plural"]));
    let name = text(&crd["metadata"]["name"]);
    if name != format!("{plural}.{group}") {
        causes.push(Cause::invalid(
            "metadata.name",
            &crd["metadata"]["name"],
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    let listed = spec["versions"].as_array().cloned().unwrap_or_default();
    if listed.iter().filter(|version| version["storage"] == true).count() != 1 {
        causes.push(Cause::invalid(
            "spec.versions",
            &spec["versions"],
            "must have exactly one version marked as storage version",
        ));
    }
    let mut versions = BTreeMap::new();
    for (index, version) in listed.iter().enumerate() {
        let read = read_version(version, &format!("spec.versions[{index}]"), &mut causes);
        if version["served"] == true {
            versions.insert(text(&version["name"]), read);
        }
    }
    if !causes.is_empty() {
        return Err(causes);
    }
    let kind = text(&names["kind"]);
    let singular = names["singular"].as_str().map_or_else(|| kind.to_lowercase(), Into::into);
    Ok(Kind {
        group,
        plural,
        singular,
        kind,
        short_names: crate::schema::strings(&names["shortNames"]),
        categories: crate::schema::strings(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        custom: true,
        generations: true,
        create_on_update: false,
        unconditional_update: false,
        versions,
    })
}

fn read_version(version: &Value, at: &str, causes: &mut Vec<Cause>) -> Version {
    let at = format!("{at}.schema.openAPIV3Schema");
    let given = &version["schema"]["openAPIV3Schema"];
    if !given.is_object() {
        causes.push(Cause::required_because(&at, "schemas are required"));
    }
    let mut schema = Schema::read(given, &at, causes);
    if given.is_object() {
        schema.complain(&at, causes);
    }
    add_header(&mut schema);
    Version {
        either: schema.has_int_or_string(),
        schema: Arc::new(schema),
        status: version["subresources"]["status"].is_object(),
        columns: Column::read(&version["additionalPrinterColumns"]),
    }
}

/// Gives a root schema what every object has.
fn add_header(schema: &mut Schema) {
    let text = || Schema { of: Some("string".into()), ..Schema::default() };
    schema.properties.insert("apiVersion".into(), text());
    schema.properties.insert("kind".into(), text());
    let mut metadata = Schema::read(&metadata_schema(), "metadata", &mut Vec::new());
    if let Some(given) = schema.properties.get("metadata").and_then(|one| one.properties.get("name"))
        && let Some(name) = metadata.properties.get_mut("name")
    {
        *name = given.clone();
    }
    schema.properties.insert("metadata".into(), metadata);
}

fn metadata_schema() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "object", "additionalProperties": text });
    let whole = json!({ "type": "array", "items": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    let mut owners = whole.clone();
    owners["x-kubernetes-list-type"] = json!("map");
    owners["x-kubernetes-list-map-keys"] = json!(["uid"]);
    json!({ "type": "object", "properties": {
        "name": text, "generateName": text, "namespace": text, "uid": text, "resourceVersion": text,
        "selfLink": text, "clusterName": text, "creationTimestamp": { "type": "string", "nullable": true },
        "deletionTimestamp": { "type": "string", "nullable": true },
        "generation": { "type": "integer" }, "deletionGracePeriodSeconds": { "type": "integer" },
        "labels": texts, "annotations": texts, "ownerReferences": owners, "managedFields": whole,
        "finalizers": { "type": "array", "items": text, "x-kubernetes-list-type": "set" },
    } })
}

/// The built-in kinds: only as much of their schemas as tells known fields from unknown ones.
pub(crate) fn built_in() -> Vec<Kind> {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer" });
    let texts = json!({ "type": "object", "additionalProperties": text });
    let any = json!({ "x-kubernetes-preserve-unknown-fields": true });
    let list = |items: &Value| json!({ "type": "array", "items": items });
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let bytes = &texts;
    let set = json!({ "type": "array", "items": text, "x-kubernetes-list-type": "set" });
    let conditions = json!({ "type": "array", "items": open, "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"] });

    let mut kinds = vec![
        Kind {
            short_names: vec!["ns".into()],
            ..core(
                "namespaces",
                "Namespace",
                false,
                &object(json!({
                    "spec": object(json!({ "finalizers": set })),
                    "status": object(json!({ "phase": text, "conditions": conditions })),
                })),
            )
        },
        core(
            "secrets",
            "Secret",
            true,
            &object(json!({
                "data": bytes, "stringData": texts, "type": text, "immutable": { "type": "boolean" },
            })),
        ),
        Kind {
            short_names: vec!["cm".into()],
            ..core(
                "configmaps",
                "ConfigMap",
                true,
                &object(json!({
                    "data": texts, "binaryData": bytes, "immutable": { "type": "boolean" },
                })),
            )
        },
        Kind {
            short_names: vec!["sa".into()],
            ..core(
                "serviceaccounts",
                "ServiceAccount",
                true,
                &object(json!({
                    "secrets": list(&open), "imagePullSecrets": list(&open),
                    "automountServiceAccountToken": { "type": "boolean" },
                })),
            )
        },
        Kind {
            short_names: vec!["ev".into()],
            create_on_update: true,
            ..core(
                "events",
                "Event",
                true,
                &object(json!({
                    "involvedObject": open, "reason": text, "message": text, "source": open, "firstTimestamp": any,
                    "lastTimestamp": any, "count": number, "type": text, "eventTime": any, "series": open,
                    "action": text, "related": open, "reportingComponent": text, "reportingInstance": text,
                })),
            )
        },
        Kind {
            create_on_update: true,
            unconditional_update: false,
            ..grouped(
                "coordination.k8s.io",
                "leases",
                "Lease",
                true,
                &object(json!({
                    "spec": object(json!({
                        "holderIdentity": text, "leaseDurationSeconds": number, "acquireTime": text,
                        "renewTime": text, "leaseTransitions": number,
                    })),
                })),
            )
        },
        Kind {
            short_names: vec!["crd".into(), "crds".into()],
            generations: true,
            unconditional_update: false,
            ..grouped(
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "CustomResourceDefinition",
                false,
                &object(json!({ "spec": open, "status": open })),
            )
        },
    ];
    kinds.extend(authorization(&list(&open)));
    for kind in &mut kinds {
        let status = matches!(kind.plural.as_str(), "namespaces" | "customresourcedefinitions");
        kind.versions.values_mut().for_each(|version| version.status = status);
    }
    kinds
}

/// The kinds that say who may do what.
fn authorization(list: &Value) -> Vec<Kind> {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let rules = json!({ "type": "object", "properties": { "rules": list, "aggregationRule": open } });
    let binding = json!({ "type": "object", "properties": { "subjects": list, "roleRef": open } });
    [
        ("roles", "Role", true, &rules),
        ("clusterroles", "ClusterRole", false, &rules),
        ("rolebindings", "RoleBinding", true, &binding),
        ("clusterrolebindings", "ClusterRoleBinding", false, &binding),
    ]
    .into_iter()
    .map(|(plural, kind, namespaced, schema)| Kind {
        create_on_update: true,
        ..grouped("rbac.authorization.k8s.io", plural, kind, namespaced, schema)
    })
    .collect()
}

fn core(plural: &str, kind: &str, namespaced: bool, schema: &Value) -> Kind {
    grouped("", plural, kind, namespaced, schema)
}

fn grouped(group: &str, plural: &str, kind: &str, namespaced: bool, schema: &Value) -> Kind {
    let mut schema = Schema::read(schema, "", &mut Vec::new());
    add_header(&mut schema);
    let version = Version { schema: Arc::new(schema), either: false, status: false, columns: Vec::new() };
    Kind {
        group: group.into(),
        plural: plural.into(),
        singular: kind.to_lowercase(),
        kind: kind.into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced,
        custom: false,
        generations: false,
        create_on_update: false,
        unconditional_update: true,
        versions: BTreeMap::from([("v1".into(), version)]),
    }
}
