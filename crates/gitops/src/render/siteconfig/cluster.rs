//! One cluster's objects, with what the user puts over them.

use serde_json::{Map, Value, json};

use rackhand_spec::{Code, Located};

use super::manifests::{GENERATED, Wanted, annotate};
use super::resources::{INSPECT, NODE_LABEL, SOURCES, Source};
use super::{Cluster, View, bios_settings, model, overrides, text};
use crate::render::RenderOptions;
use crate::render::read::{At, Beside};

const DEPRECATED: &str = "ran.openshift.io/ztp-warning-field-deprecation-";

/// Everything that is the same for all of a cluster's objects.
struct Builder<'b, 'a> {
    cluster: &'b Cluster<'a>,
    /// The site's place and fields.
    spec: &'b At<'a>,
    site: &'b Map<String, Value>,
    second: bool,
    beside: &'b Beside,
}

pub(super) fn objects<'a>(
    cluster: &Cluster<'a>,
    spec: &At<'a>,
    site: &Map<String, Value>,
    second: bool,
    options: &RenderOptions,
    beside: &Beside,
) -> Vec<Value> {
    let nodes: Vec<Map<String, Value>> = cluster.nodes.iter().map(|(_, node)| node.clone()).collect();
    let wanted = Wanted {
        at: &cluster.at,
        fields: &cluster.fields,
        nodes: &nodes,
        single_node: cluster.text("clusterType") == "sno",
        shipped: options.predefined_manifests.as_deref(),
        beside,
    };
    let Some(manifests) = wanted.texts() else { return Vec::new() };
    let builder = Builder { cluster, spec, site, second, beside };
    if cluster.fields.contains_key("extramanifestonly") {
        let documents = manifests.values().map(|text| Located::documents(cluster.at.file, text).0);
        return documents.flatten().map(|document| document.json()).collect();
    }
    builder.known_kinds();
    let mut made = Vec::new();
    for source in SOURCES.iter().filter(|source| builder.is_made(source)) {
        if source.of_node {
            cluster.nodes.iter().for_each(|(at, fields)| made.extend(builder.of_node(source, at, fields)));
        } else {
            made.extend(builder.of_cluster(source, &manifests));
        }
    }
    made.iter_mut().for_each(|one| builder.mark(one));
    made
}

impl<'a> Builder<'_, 'a> {
    fn view<'v>(&'v self, node: Option<&'v Map<String, Value>>) -> View<'v> {
        View { site: self.site, cluster: &self.cluster.fields, node, second: self.second }
    }

    /// The second ConfigMap is there only where something is said of it.
    fn is_made(&self, source: &Source) -> bool {
        !source.of_map || (self.second && self.cluster.fields.contains_key("siteConfigMap"))
    }

    fn of_cluster(
        &self,
        source: &Source,
        manifests: &std::collections::BTreeMap<String, String>,
    ) -> Option<Value> {
        let levels = [&self.cluster.at, self.spec];
        let mut made = self.instantiate(source, None, &levels)?;
        let own_map = source.kind == "ConfigMap" && self.is_manifests_map(&made);
        if own_map && let Some(made) = made.as_object_mut() {
            let mut data: Map<String, Value> =
                manifests.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
            if let Some(Value::Object(more)) = made.remove("data") {
                data.extend(more);
            }
            made.insert("data".to_owned(), data.into());
        }
        let suppressed = suppresses(&self.cluster.at, source.kind);
        (!suppressed).then_some(made)
    }

    /// Whether a ConfigMap is the one for the manifests, and not the `siteConfigMap`.
    fn is_manifests_map(&self, map: &Value) -> bool {
        let name = Value::from(self.cluster.text("clusterName"));
        map.pointer("/metadata/name") == Some(&name) && map.pointer("/metadata/namespace") == Some(&name)
    }

    fn of_node(&self, source: &Source, at: &At<'a>, fields: &Map<String, Value>) -> Option<Value> {
        let levels = [at, &self.cluster.at, self.spec];
        let mut made = self.instantiate(source, Some(fields), &levels)?;
        match source.kind {
            "NMStateConfig" => {
                let network = fields.get("nodeNetwork");
                let filled = |field| {
                    let part = network.and_then(|network| network.get(field));
                    part.is_some_and(|part| part != &json!([]) && part != &json!({}))
                };
                let empty = !filled("config") && !filled("interfaces");
                if empty && template(&levels, source.kind).is_none() {
                    return None;
                }
            }
            "HostFirmwareSettings" => {
                let reference = levels.iter().find_map(|level| {
                    let at = level.given("biosConfigRef")?.given("filePath")?;
                    Some(at).filter(|at| at.node.text() != Some(""))
                })?;
                let settings = self.settings(&reference)?;
                made.as_object_mut()?.insert("spec".to_owned(), json!({ "settings": settings }));
            }
            "BareMetalHost" => host_annotations(&mut made, fields),
            _ => {}
        }
        (!suppresses(at, source.kind)).then_some(made)
    }

    fn settings(&self, at: &At<'_>) -> Option<Value> {
        let (path, settings) = bios_settings(at, self.beside)?;
        let at = At::root(&path, at.findings, &settings);
        let before = at.findings.errors();
        let texts = model::texts(&at);
        (at.findings.errors() == before).then_some(texts?)
    }

    /// The object, in the user's form where there is one, with the user's annotations.
    fn instantiate(
        &self,
        source: &Source,
        node: Option<&Map<String, Value>>,
        levels: &[&At<'a>],
    ) -> Option<Value> {
        let view = self.view(node);
        let mut made = (source.make)(&view);
        if let Some(at) = template(levels, source.kind) {
            made = overrides::apply(made, &at, &view, self.beside)?;
        }
        // The nearest level counts, and what the object has already is left.
        let add =
            levels.iter().find_map(|level| level.given("crAnnotations")?.given("add")?.given(source.kind));
        for (entry, at) in add.iter().flat_map(|at| at.entries()) {
            let text = at.scalar().map(|(text, _)| text).unwrap_or_default();
            let known = made.pointer("/metadata/annotations").and_then(|all| all.get(&entry.key));
            if known.is_none() {
                annotate(&mut made, &entry.key, text);
            }
        }
        Some(made)
    }

    /// Marks an object as generated, and with what is old-fashioned in its source.
    fn mark(&self, made: &mut Value) {
        annotate(made, GENERATED.0, GENERATED.1);
        let kind = made.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let cpuset = self.cluster.nodes.iter().any(|(_, node)| !text(node, "cpuset").is_empty());
        if kind == "AgentClusterInstall" && cpuset {
            let message = "cpuset will be deprecated after OCP 4.15, please use cpuPartitioningMode for OCP versions >= 4.14";
            annotate(made, &format!("{DEPRECATED}cpuset"), message);
        }
        if kind == "ConfigMap" && !self.cluster.text("extraManifestPath").is_empty() {
            let message = "extraManifestPath will be deprecated after OCP 4.15, please use ExtraManifests.SearchPaths for OCP versions >= 4.14";
            annotate(made, &format!("{DEPRECATED}extraManifestPath"), message);
        }
    }

    /// Refuses templates for kinds that are not made at their level, and says which suppressions and annotations have no effect.
    fn known_kinds(&self) {
        let all = |of_node_alone: bool| {
            SOURCES.iter().filter(move |source| !of_node_alone || source.of_node).map(|source| source.kind)
        };
        let nodes = self.cluster.nodes.iter().map(|(at, _)| (at, true));
        for (level, is_node) in [(self.spec, false), (&self.cluster.at, false)].into_iter().chain(nodes) {
            let known = |kind: &str| all(is_node).any(|known| known == kind);
            let place = if is_node { "for a node" } else { "of a SiteConfig" };
            for (entry, at) in level.given("crTemplates").iter().flat_map(|at| at.entries()) {
                if !known(&entry.key) {
                    at.error(
                        Code::InvalidValue,
                        format!("no {} is made {place}, so none can be overridden", entry.key),
                    );
                }
            }
            let add = level.given("crAnnotations").and_then(|at| at.given("add"));
            for (entry, at) in add.iter().flat_map(|at| at.entries()) {
                if !known(&entry.key) {
                    at.warn(
                        Code::NotUsed,
                        format!("no {} is made {place}, so this has no effect", entry.key),
                        None,
                    );
                }
            }
        }
        let cluster = [(&self.cluster.at, false)].into_iter();
        let nodes = self.cluster.nodes.iter().map(|(at, _)| (at, true));
        for (level, is_node) in cluster.chain(nodes) {
            for at in level.given("crSuppression").iter().flat_map(At::items) {
                let kind = at.node.text().unwrap_or_default();
                if !SOURCES.iter().any(|source| source.kind == kind && source.of_node == is_node) {
                    let other = if is_node { "a node" } else { "a cluster" };
                    at.warn(
                        Code::NotUsed,
                        format!("no {kind} is made for {other} itself, so this has no effect"),
                        None,
                    );
                }
            }
        }
    }
}

/// Where the nearest level names the user's form of a kind.
fn template<'a>(levels: &[&At<'a>], kind: &str) -> Option<At<'a>> {
    levels.iter().find_map(|level| level.given("crTemplates")?.given(kind))
}

/// A node suppresses what is made for a node, and a cluster what is made for a cluster.
fn suppresses(level: &At<'_>, kind: &str) -> bool {
    let listed = level.given("crSuppression").map(|at| at.items()).unwrap_or_default();
    listed.iter().any(|at| at.node.text() == Some(kind))
}

/// Inspection is what happens anyway; and each label of a node becomes an annotation of its own.
fn host_annotations(made: &mut Value, fields: &Map<String, Value>) {
    let Some(annotations) = made.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) else {
        return;
    };
    if annotations.get(INSPECT).is_some_and(|inspect| inspect != "disabled") {
        annotations.remove(INSPECT);
    }
    let whole = annotations.remove(NODE_LABEL);
    let labels = fields.get("nodeLabels").and_then(Value::as_object).filter(|_| whole.is_some());
    for (label, value) in labels.into_iter().flatten() {
        annotations.insert(format!("{NODE_LABEL}.{label}"), value.clone());
    }
}
