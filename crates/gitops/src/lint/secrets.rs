//! Secrets: those that are named and nowhere declared, and those that everybody can read. No finding holds a value.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rackhand_spec::located::{Document, Field, documents};

use super::Rule;
use super::facts::Facts;
use super::finding::{Finding, place};
use super::repository::{KUSTOMIZATIONS, Object, Repository};

/// Keys whose values need not be hidden: a user's name, and the network of a host, which metal3 wants in a Secret.
const OPEN_KEYS: [&str; 3] = ["username", "nmstate", "networkData"];

/// A Secret that there is, or that a controller makes from what there is.
struct Declared<'a> {
    name: &'a str,
    namespace: Option<&'a str>,
    at: Field<'a>,
}

pub(crate) fn check(repository: &Repository, facts: &Facts<'_>, out: &mut Vec<Finding>) {
    let kustomizations = kustomizations(repository);
    let generated = kustomizations.iter().flat_map(|document| generated(&document.root()));
    let objects = repository.objects().filter_map(|object| declared(&object));
    let declared: Vec<Declared<'_>> = objects.chain(generated).collect();
    let mut seen = BTreeSet::new();
    let mut need = |at: &Field<'_>, namespace: &str, what: &str| {
        // What a template will name nobody knows.
        let Some(name) = at.text().filter(|name| !name.contains("{{")) else { return };
        if !namespace.contains("{{") && seen.insert((namespace.to_owned(), name.to_owned())) {
            out.extend(missing(&declared, at, namespace, name, what));
        }
    };
    for cluster in &facts.clusters {
        if let Some(at) = &cluster.pull_secret {
            need(at, cluster.name, "pull secret");
        }
        for node in &cluster.nodes {
            if let Some(at) = &node.credentials {
                need(at, node.namespace, "BMC's Secret");
            }
        }
    }
    for host in &facts.hosts {
        if let (Some(at), Some(namespace)) = (&host.credentials, host.namespace) {
            need(at, namespace, "BMC's Secret");
        }
    }
    for secret in repository.objects().filter(|object| object.is("", "Secret")) {
        out.extend(plain(&secret));
    }
}

/// The kustomizations that list files of this repository. Those that change anything were built, and are not read here.
fn kustomizations(repository: &Repository) -> Vec<Document> {
    if repository.source.root.is_none() {
        return Vec::new();
    }
    let files = repository.source.files.iter();
    let directories: BTreeSet<&Path> = files.filter_map(|(file, _)| file.parent()).collect();
    let read = |directory: &Path| {
        let paths = KUSTOMIZATIONS.iter().map(|name| directory.join(name));
        let found = paths.filter_map(|path| Some((std::fs::read_to_string(&path).ok()?, path)));
        found.flat_map(|(text, path)| documents(&path, &text).0).collect::<Vec<_>>()
    };
    directories.into_iter().flat_map(read).collect()
}

/// What `secretGenerator` makes.
fn generated<'a>(kustomization: &Field<'a>) -> Vec<Declared<'a>> {
    let items = kustomization.get("secretGenerator").map(|at| at.items()).unwrap_or_default();
    let secret = |at: &Field<'a>| {
        let namespace = at.get("namespace").and_then(|at| at.text());
        let at = at.get("name")?;
        Some(Declared { name: at.text()?, namespace, at })
    };
    items.iter().filter_map(secret).collect()
}

fn declared<'a>(object: &Object<'a>) -> Option<Declared<'a>> {
    let own = |names: &[&str]| object.root.dig(names).and_then(|at| at.text());
    let (name, namespace) = match (object.group, object.kind) {
        ("", "Secret") => (object.name, object.namespace),
        ("bitnami.com", "SealedSecret") => (
            own(&["spec", "template", "metadata", "name"]).unwrap_or(object.name),
            own(&["spec", "template", "metadata", "namespace"]).or(object.namespace),
        ),
        ("external-secrets.io", "ExternalSecret") => {
            (own(&["spec", "target", "name"]).unwrap_or(object.name), object.namespace)
        }
        _ => return None,
    };
    Some(Declared { name, namespace, at: object.place() })
}

/// A Secret without a namespace goes into the one that its application is synchronised to, which nobody knows here.
fn missing(
    declared: &[Declared<'_>],
    at: &Field<'_>,
    namespace: &str,
    name: &str,
    what: &str,
) -> Option<Finding> {
    let named = || declared.iter().filter(|one| one.name == name);
    if named().any(|one| one.namespace.is_none_or(|own| own == namespace)) {
        return None;
    }
    let (rule, message, help) = match named().find_map(|one| Some((one.namespace?, &one.at))) {
        Some((elsewhere, there)) => (
            Rule::SecretElsewhere,
            format!(
                "the {what} `{name}` is looked for in namespace {namespace}, and stands in {elsewhere} at {}",
                place(there)
            ),
            format!("declare it in namespace {namespace}"),
        ),
        None => (
            Rule::MissingSecret,
            format!("the {what} `{name}` of namespace {namespace} is not declared in this repository"),
            format!(
                "make it on the hub in namespace {namespace}; `--allow {}` where Secrets are kept elsewhere",
                Rule::MissingSecret
            ),
        ),
    };
    Some(Finding::warning(at, rule, message).help(help))
}

/// A Secret with real data.
fn plain(secret: &Object<'_>) -> Option<Finding> {
    // sops leaves the keys readable and encrypts the values.
    if secret.root.get("sops").is_some() {
        return None;
    }
    let entries = |name| secret.root.get(name).map(|at| at.entries()).unwrap_or_default();
    let encoded = entries("data").into_iter().map(|(key, at)| (key, decoded(&at), at));
    let written =
        entries("stringData").into_iter().map(|(key, at)| (key, at.text().map(ToOwned::to_owned), at));
    let real = |(key, value, _): &(&str, Option<String>, Field<'_>)| {
        !OPEN_KEYS.contains(key) && value.as_deref().is_some_and(|value| !is_placeholder(value))
    };
    let (key, _, at) = encoded.chain(written).find(real)?;
    let message = format!("`{key}` of Secret {} is here in plain text", secret.name);
    Some(Finding::warning(&at.at_key(), Rule::PlainSecret, message))
}

/// What base64 hides; what is none counts as it stands.
fn decoded(at: &Field<'_>) -> Option<String> {
    let text: String = at.text()?.split_whitespace().collect();
    let bytes = STANDARD.decode(&text).ok();
    Some(bytes.map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Whether a value says that a real one is to be put in its place.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 9] =
        ["change", "replace", "redacted", "placeholder", "example", "your-", "todo", "dummy", "insert"];
    let value = value.trim().to_lowercase();
    value.is_empty()
        || value.starts_with("enc[")
        || (value.starts_with('<') && value.ends_with('>'))
        || value.contains("{{")
        || value.contains("${")
        || value.chars().all(|c| matches!(c, 'x' | '*' | '.' | '-'))
        || WORDS.iter().any(|word| value.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_told_from_a_password() {
        for placeholder in [
            "",
            "<password>",
            "change-me",
            "CHANGEME",
            "xxxxxxxx",
            "****",
            "${BMC}",
            "{{ .pw }}",
            "ENC[AES256,x]",
        ] {
            assert!(is_placeholder(placeholder), "{placeholder}");
        }
        for real in ["calvin", "Exchange2020!", "hunter2", "x", "a<b>"] {
            assert_eq!(is_placeholder(real), real == "x", "{real}");
        }
    }
}
