//! What the hub has that matters to an agent, as it was last seen.

use std::{collections::BTreeMap, sync::Arc};

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// The kinds that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ours.
    HostProvision,
    /// metal3's.
    BareMetalHost,
    /// The siteconfig operator's.
    ClusterInstance,
    /// The assisted-service's: what makes the ISO.
    InfraEnv,
    /// The assisted-service's: what tells how far a host is.
    Agent,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::HostProvision, Self::BareMetalHost, Self::ClusterInstance, Self::InfraEnv, Self::Agent];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HostProvision => "HostProvision",
            Self::BareMetalHost => "BareMetalHost",
            Self::ClusterInstance => "ClusterInstance",
            Self::InfraEnv => "InfraEnv",
            Self::Agent => "Agent",
        }
    }

    /// How it is asked for.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let (group, version, plural) = match self {
            Self::HostProvision => ("rackhand.dev", "v1alpha1", "hostprovisions"),
            Self::BareMetalHost => ("metal3.io", "v1alpha1", "baremetalhosts"),
            Self::ClusterInstance => {
                ("siteconfig.open-cluster-management.io", "v1alpha1", "clusterinstances")
            }
            Self::InfraEnv => ("agent-install.openshift.io", "v1beta1", "infraenvs"),
            Self::Agent => ("agent-install.openshift.io", "v1beta1", "agents"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, self.name()), plural)
    }
}

/// Namespace and name.
pub type Key = (String, String);

/// What was last seen of every kind.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    all: BTreeMap<Kind, BTreeMap<Key, Arc<Value>>>,
}

impl Objects {
    /// Puts an object in its place.
    pub fn put(&mut self, kind: Kind, object: Value) {
        if let Some(key) = key(&object) {
            self.all.entry(kind).or_default().insert(key, Arc::new(object));
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, kind: Kind, object: &Value) {
        if let (Some(key), Some(all)) = (key(object), self.all.get_mut(&kind)) {
            all.remove(&key);
        }
    }

    /// All objects of a kind are these.
    pub fn replace(&mut self, kind: Kind, objects: impl IntoIterator<Item = Value>) {
        self.all.insert(kind, BTreeMap::new());
        objects.into_iter().for_each(|object| self.put(kind, object));
    }

    /// The objects of a kind, in order.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Value)> {
        self.all.get(&kind).into_iter().flatten().map(|(key, object)| (key, object.as_ref()))
    }

    /// One object.
    #[must_use]
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        self.all.get(&kind)?.get(&key).map(AsRef::as_ref)
    }
}

fn key(object: &Value) -> Option<Key> {
    Some((text(object, "/metadata/namespace")?.to_owned(), text(object, "/metadata/name")?.to_owned()))
}

/// A text within an object.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// An annotation or label, whose name may hold slashes.
pub(crate) fn of_map<'a>(object: &'a Value, map: &str, name: &str) -> Option<&'a str> {
    object.pointer(map)?.get(name)?.as_str()
}
