//! What a source says of all its nodes, each time that it says something.

use std::collections::{BTreeMap, BTreeSet};

use rackhand_spec::NodeSpec;

use crate::site::Site;

/// Everything that is wanted now.
#[derive(Debug)]
pub(crate) struct News {
    /// The site: sound nodes, Secrets, profiles.
    pub(crate) site: Site,
    /// What is wanted of each node by itself, and nothing of those that cannot be acted on.
    pub(crate) nodes: Vec<NodeSpec>,
    /// Nodes that are there and not to be acted on now, and why. What is under way for them goes on.
    pub(crate) waiting: BTreeMap<String, String>,
    /// Nodes whose object is being deleted: what was begun is taken back.
    pub(crate) going: BTreeSet<String>,
    /// Whether a node that is not there is gone. With errors in the files that cannot be known.
    pub(crate) complete: bool,
    /// What the hub's Agents show: signs of installations.
    pub(crate) stages: BTreeMap<String, (String, Option<jiff::Timestamp>)>,
    /// Where it comes from, for people.
    pub(crate) from: String,
    /// What is wrong with it, for people.
    pub(crate) findings: Vec<String>,
    /// How often reading again had been asked for when this began to be read.
    pub(crate) answers: u64,
}

/// What a daemon wants of a node, as far as a change in it means to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanting {
    /// The spec, all of it, and who logs in: as one text that is compared and never shown.
    pub(crate) all: rackhand_media::Sha256Digest,
    /// What it boots.
    pub(crate) image: Option<String>,
}

impl Wanting {
    /// Of a node of a site.
    pub(crate) fn of(site: &Site, node: &NodeSpec) -> anyhow::Result<Self> {
        use secrecy::ExposeSecret as _;
        let mut text = serde_json::to_string(node)?;
        match site.credentials(node) {
            Ok(found) => {
                text.push_str(&found.username);
                text.push('\0');
                text.push_str(found.password.expose_secret());
            }
            Err(error) => text.push_str(&error.to_string()),
        }
        let image = node.iso.as_ref().map(|iso| identity(iso).to_owned());
        Ok(Self { all: rackhand_media::Sha256Digest::of(text.as_bytes()), image })
    }
}

/// What names an image: what stands behind `#` where its URL holds a token that changes.
fn identity(iso: &str) -> &str {
    iso.split_once('#').map_or(iso, |(_, identity)| identity)
}
