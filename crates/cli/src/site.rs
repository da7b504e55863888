//! The site: its nodes, what is said about its files, its profiles and its Secrets.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use rackhand_agent::{gather::GatherOptions, history::NodeHistory};
use rackhand_profiles::{HostIdentity, Profile, Profiles};
use rackhand_spec::{
    Code, Diagnostic, LoadOptions, Loaded, NodeSpec, Severity, folded, load,
    secrets::{CredentialSources, Credentials, CredentialsError, ENVIRONMENT_PREFIX},
};
use secrecy::SecretString;

use crate::{World, args::ConsentArgs, exit::usage, options::SiteOptions};

/// A loaded site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) loaded: Loaded,
    sources: CredentialSources,
    profiles: Profiles,
}

impl Site {
    /// Reads the site, the profiles and the environment's credentials. What is wrong with the site's files is in
    /// [`Loaded::diagnostics`]; a profile that cannot be read is an error, because which nodes it is for cannot be known.
    pub(crate) fn load(options: &SiteOptions, world: &World) -> anyhow::Result<Self> {
        Self::of(load(&options.file, &LoadOptions::default()), options, world)
    }

    /// The site of what was read already.
    pub(crate) fn of(loaded: Loaded, options: &SiteOptions, world: &World) -> anyhow::Result<Self> {
        let profiles = profiles(options)?;
        let environment = world
            .env
            .iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .filter_map(|(name, value)| Some((name.clone(), SecretString::from(value.to_str()?))))
            .collect();
        let sources = CredentialSources {
            documents: loaded.secrets.clone(),
            directory: options.secrets.clone(),
            environment,
        };
        Ok(Self { loaded, sources, profiles })
    }

    /// The site of what a hub says. Only the hub's own Secrets count for it: those of this machine are not the hub's to use.
    pub(crate) fn of_hub(loaded: Loaded, options: &SiteOptions) -> anyhow::Result<Self> {
        let sources = CredentialSources { documents: loaded.secrets.clone(), ..CredentialSources::default() };
        Ok(Self { loaded, sources, profiles: profiles(options)? })
    }

    /// Tells what there is to say about the files, on stderr. Answers how many errors there are.
    pub(crate) fn complain(&self, world: &World, tell: Tell) -> anyhow::Result<usize> {
        complain(&self.loaded.diagnostics, world, tell)
    }

    /// The nodes asked for: all without a name.
    pub(crate) fn choose(&self, only: &[String]) -> anyhow::Result<Vec<&NodeSpec>> {
        if only.is_empty() {
            return Ok(self.loaded.nodes.iter().collect());
        }
        let wanted = self.resolve(only, "--node")?;
        Ok(self.loaded.nodes.iter().filter(|node| wanted.contains(node.name.as_str())).collect())
    }

    /// The full names of nodes named by a flag.
    pub(crate) fn resolve(&self, given: &[String], flag: &str) -> anyhow::Result<BTreeSet<String>> {
        let names: Vec<&str> = self.loaded.nodes.iter().map(|node| node.name.as_str()).collect();
        let resolve = |name: &String| {
            resolve_node(name, &names).map_err(|error| usage(format!("{flag} {name}: {error}")))
        };
        given.iter().map(resolve).collect()
    }

    /// What an operator allows by name, of nodes that there are.
    pub(crate) fn consent(&self, given: &ConsentArgs) -> anyhow::Result<Consent> {
        let mut consent = Consent {
            unverified: self.resolve(&given.allow_unverified, "--allow-unverified")?,
            ..Consent::default()
        };
        for one in &given.delete_volume {
            let Some((node, volume)) = one.split_once('=').filter(|(_, volume)| !volume.trim().is_empty())
            else {
                return Err(usage(format!("--delete-volume {one}: write NODE=VOLUME")));
            };
            for node in self.resolve(&[node.to_owned()], "--delete-volume")? {
                consent.delete.entry(node).or_default().push(volume.trim().to_owned());
            }
        }
        Ok(consent)
    }

    /// As [`consent`](Self::consent), of those that there are: others may come.
    pub(crate) fn consent_of_known(&self, given: &ConsentArgs) -> anyhow::Result<Consent> {
        let names: Vec<&str> = self.loaded.nodes.iter().map(|node| node.name.as_str()).collect();
        let known = |node: &str| resolve_node(node, &names).is_ok();
        let of_known = ConsentArgs {
            delete_volume: given
                .delete_volume
                .iter()
                .filter(|one| one.split_once('=').is_none_or(|(node, _)| known(node)))
                .cloned()
                .collect(),
            allow_unverified: given.allow_unverified.iter().filter(|node| known(node)).cloned().collect(),
        };
        self.consent(&of_known)
    }

    /// The credentials for a node's BMC.
    pub(crate) fn credentials(&self, node: &NodeSpec) -> Result<Credentials, CredentialsError> {
        self.sources.resolve(&node.namespace, &node.credentials_name)
    }

    /// The profile for a node on the machine that it was found to be. A sentence when there is none for it.
    pub(crate) fn profile(&self, node: &NodeSpec, host: &HostIdentity) -> Result<Option<&Profile>, String> {
        match &node.profile {
            None => Ok(None),
            Some(name) => self.profiles.select(name, host).map(Some).map_err(|error| error.to_string()),
        }
    }
}

/// The operator's profiles over the built-in ones.
pub(crate) fn profiles(options: &SiteOptions) -> anyhow::Result<Profiles> {
    let builtin = Profiles::builtin().context("the built-in profiles")?;
    Ok(match &options.profiles {
        Some(path) => Profiles::load(path).context("--profiles")?.over(builtin),
        None => builtin,
    })
}

/// What an operator allows by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    /// Volumes that may be deleted, by node.
    delete: BTreeMap<String, Vec<String>>,
    /// Nodes on which what nobody has seen work may be tried.
    unverified: BTreeSet<String>,
}

impl Consent {
    /// What counts beside a node's spec and profile.
    pub(crate) fn options<'a>(
        &'a self,
        node: &str,
        asked: Option<&'a str>,
        history: Option<&'a NodeHistory>,
    ) -> GatherOptions<'a> {
        GatherOptions {
            asked,
            delete_volumes: self.delete.get(node).map_or(&[], Vec::as_slice),
            allow_unverified: self.unverified.contains(node),
            history,
        }
    }
}

/// How much is told about files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Errors and warnings.
    Serious,
    /// Those, and one note per file about fields that are not used.
    Folded,
    /// Every finding.
    All,
}

pub(crate) fn complain(diagnostics: &[Diagnostic], world: &World, tell: Tell) -> anyhow::Result<usize> {
    let told = if tell == Tell::All { diagnostics.to_vec() } else { folded(diagnostics) };
    for one in &told {
        let note = one.severity == Severity::Note || one.code == Code::NotUsed;
        if !(note && tell == Tell::Serious) {
            world.stderr.line(one)?;
        }
    }
    Ok(diagnostics.iter().filter(|one| one.is_error()).count())
}

/// The full name of a node: as given, or the one whose host it is.
pub(crate) fn resolve_node(given: &str, names: &[&str]) -> Result<String, String> {
    if names.contains(&given) {
        return Ok(given.to_owned());
    }
    let suffix = format!("/{given}");
    let fitting: Vec<&str> = names.iter().copied().filter(|name| name.ends_with(&suffix)).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] if names.is_empty() => Err("there is no node of that name; there are none at all".to_owned()),
        [] => Err(format!("there is no node of that name; there are: {}", some(names))),
        several => Err(format!("several nodes have that host name: {}", several.join(", "))),
    }
}

/// The first names, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_enough_where_it_is_unique() {
        let names = ["a/x", "a/y", "b/y"];
        assert_eq!(resolve_node("b/y", &names), Ok("b/y".to_owned()));
        assert_eq!(resolve_node("x", &names), Ok("a/x".to_owned()));
        assert_eq!(resolve_node("y", &names), Err("several nodes have that host name: a/y, b/y".to_owned()));
        assert_eq!(
            resolve_node("z", &names),
            Err("there is no node of that name; there are: a/x, a/y, b/y".to_owned())
        );
    }
}
