//! Who may do what, by the Role, ClusterRole and binding objects that are stored.

use serde_json::Value;

use crate::{kinds::GroupResource, request::Target, schema::strings, state::State};

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub user: String,
    /// The groups the user is in.
    pub groups: Vec<String>,
}

impl Identity {
    /// Somebody who may do everything.
    pub fn admin() -> Self {
        Self { user: "admin".into(), groups: vec!["system:masters".into()] }
    }

    /// Somebody who may do what roles bound to this user say.
    pub fn user(name: impl Into<String>) -> Self {
        Self { user: name.into(), groups: vec!["system:authenticated".into()] }
    }

    /// The service account of a pod.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            user: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ],
        }
    }

    fn is_subject(&self, subject: &Value, binding_namespace: &str) -> bool {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str().unwrap_or_default() {
            "User" => name == self.user,
            "Group" => self.groups.iter().any(|group| group == name),
            "ServiceAccount" => {
                let namespace = subject["namespace"].as_str().unwrap_or(binding_namespace);
                self.user == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    }
}

fn kind(plural: &str) -> GroupResource {
    ("rbac.authorization.k8s.io".into(), plural.into())
}

/// Whether somebody may do this.
pub(crate) fn allows(state: &State, who: &Identity, verb: &str, target: &Target) -> bool {
    if who.groups.iter().any(|group| group == "system:masters") {
        return true;
    }
    let (clusters, namespaces) = (kind("clusterrolebindings"), kind("rolebindings"));
    let everywhere = state.objects(&clusters);
    let here = state
        .objects(&namespaces)
        .filter(|((namespace, _), _)| !target.namespace.is_empty() && *namespace == target.namespace);
    everywhere.chain(here).any(|((namespace, _), binding)| {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        subjects.into_iter().any(|subject| who.is_subject(subject, namespace))
            && role(state, namespace, &binding["roleRef"])
                .is_some_and(|role| rules(role).any(|rule| permits(rule, verb, target)))
    })
}

fn role<'a>(state: &'a State, namespace: &str, reference: &Value) -> Option<&'a Value> {
    let name = reference["name"].as_str()?;
    let role = match reference["kind"].as_str()? {
        "ClusterRole" => state.object(&kind("clusterroles"), "", name),
        "Role" => state.object(&kind("roles"), namespace, name),
        _ => None,
    };
    role.map(|role| &**role)
}

fn rules(role: &Value) -> impl Iterator<Item = &Value> {
    role["rules"].as_array().into_iter().flatten()
}

fn permits(rule: &Value, verb: &str, target: &Target) -> bool {
    let has = |list: &str, wanted: &str| strings(&rule[list]).iter().any(|one| one == "*" || one == wanted);
    let resource = if target.subresource.is_empty() {
        target.resource.clone()
    } else {
        format!("{}/{}", target.resource, target.subresource)
    };
    let names = strings(&rule["resourceNames"]);
    has("verbs", verb)
        && has("apiGroups", &target.group)
        && has("resources", &resource)
        && (names.is_empty() || names.contains(&target.name))
}

/// What somebody is told who may not.
pub(crate) fn refusal(who: &Identity, verb: &str, target: &Target) -> String {
    let resource = if target.subresource.is_empty() {
        target.resource.clone()
    } else {
        format!("{}/{}", target.resource, target.subresource)
    };
    let scope = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", target.namespace)
    };
    format!(
        "User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {scope}",
        who.user, target.group
    )
}
