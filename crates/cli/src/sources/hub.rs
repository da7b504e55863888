//! The objects of a hub as a source. What they may ask for is bounded by this machine's configuration: an object on the hub
//! must not make the agent send a password elsewhere, or serve a file that is not an image.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
};

use rackhand_hub::kubernetes::{Snapshot, Standing, Targets, Verdict, node_of_file};
use rackhand_spec::{IpNet, Loaded, NodeSpec, read};
use tokio::sync::{mpsc, watch};

use super::files::findings;
use crate::{World, fleet::News, options::SiteOptions, site::Site};

/// What objects on the hub may ask for.
#[derive(Debug, Clone)]
pub(crate) struct HubRules {
    /// Where BMCs may be.
    pub(crate) networks: Arc<[IpNet]>,
    /// Where files may be that they name by a path; none when absent.
    pub(crate) images: Option<PathBuf>,
    /// Whether `insecure` and `disableCertificateVerification` count.
    pub(crate) insecure: bool,
}

/// Reads nodes from a hub.
pub(crate) struct FromHub {
    pub(crate) name: String,
    pub(crate) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(crate) targets: watch::Sender<Option<Arc<Targets>>>,
    pub(crate) options: SiteOptions,
    pub(crate) rules: HubRules,
    /// Nothing is said before it is known whether another process goes by this agent's name.
    pub(crate) lease: watch::Receiver<Standing>,
}

impl FromHub {
    /// Reads for as long as somebody listens.
    pub(crate) async fn run(mut self, news: mpsc::Sender<News>, world: World) {
        if self.lease.wait_for(|standing| *standing != Standing::Unknown).await.is_err() {
            return;
        }
        loop {
            let snapshot = self.snapshots.borrow_and_update().clone();
            if let Some(snapshot) = snapshot {
                match self.said(&snapshot) {
                    Ok((one, targets)) => {
                        self.targets.send_replace(Some(Arc::new(targets)));
                        if news.send(one).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        let _ = world.stderr.line(format_args!(
                            "warning: what the hub says cannot be read, what was read before stays: {error:#}"
                        ));
                    }
                }
            }
            tokio::select! {
                biased;
                () = news.closed() => return,
                changed = self.snapshots.changed() => if changed.is_err() { return },
            }
        }
    }

    /// What a snapshot says: the nodes that can be acted on, and what is told of the others.
    fn said(&self, snapshot: &Snapshot) -> anyhow::Result<(News, Targets)> {
        let mut targets = snapshot.view.targets.clone();
        let mut loaded = read(&snapshot.view.source);
        self.blame(&loaded, &mut targets);
        let mut nodes = Vec::new();
        for node in std::mem::take(&mut loaded.nodes) {
            let key = node.name.to_string();
            let Some(target) = targets.get_mut(&key) else { continue };
            match self.rules.allow(node) {
                Ok(node) => nodes.push(node),
                Err(why) => target.verdict = Verdict::Invalid(why),
            }
        }
        loaded.nodes.clone_from(&nodes);
        let site = Site::of_hub(loaded, &self.options)?;
        let without: Vec<(String, String)> = nodes
            .iter()
            .filter_map(|node| Some((node.name.to_string(), site.credentials(node).err()?.to_string())))
            .collect();
        for (node, why) in without {
            nodes.retain(|one| one.name.as_str() != node);
            if let Some(target) = targets.get_mut(&node) {
                target.verdict = Verdict::Waiting(why);
            }
        }
        let known: BTreeSet<String> = nodes.iter().map(|node| node.name.to_string()).collect();
        let mut waiting = BTreeMap::new();
        let mut going = BTreeSet::new();
        for (node, target) in &mut targets {
            if target.going {
                going.insert(node.clone());
            }
            if known.contains(node) {
                continue;
            }
            if target.verdict == Verdict::Valid && !target.going {
                target.verdict =
                    Verdict::Invalid("no node can be read from it; see the agent's log".to_owned());
            }
            let why = match &target.verdict {
                Verdict::Waiting(why) | Verdict::Invalid(why) => why.clone(),
                Verdict::Valid => "it is being deleted".to_owned(),
            };
            waiting.insert(node.clone(), why);
        }
        let findings = findings(&site);
        let stages = snapshot.view.stages.clone();
        let from = self.name.clone();
        // The hub lists all there is: what is not among it is gone.
        let answers = snapshot.answers;
        let news = News { site, nodes, waiting, going, complete: true, stages, from, findings, answers };
        Ok((news, targets))
    }

    /// Tells each object the first error that is in it.
    fn blame(&self, loaded: &Loaded, targets: &mut Targets) {
        let mut blamed = BTreeSet::new();
        for one in loaded.diagnostics.iter().filter(|one| one.is_error()) {
            let Some(node) = node_of_file(&one.file) else { continue };
            let Some(target) = targets.get_mut(&node) else { continue };
            if blamed.insert(node) {
                let field = if one.path.is_empty() { String::new() } else { format!("{}: ", one.path) };
                let help = one.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                target.verdict = Verdict::Invalid(format!("{field}{}{help}", one.message));
            }
        }
    }
}

impl HubRules {
    /// The node as far as it may be acted on; a sentence when not.
    fn allow(&self, mut node: NodeSpec) -> Result<NodeSpec, String> {
        let host = node.bmc.host.trim_matches(['[', ']']);
        // What a name leads to is judged when it is connected to.
        if let Ok(ip) = host.parse::<IpAddr>()
            && !self.networks.iter().any(|network| network.contains(&ip))
        {
            let all: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
            return Err(format!(
                "spec.bmc.address: {ip} is outside the networks that this agent may reach ({})",
                all.join(", ")
            ));
        }
        if !self.insecure {
            node.disable_certificate_verification = None;
        }
        let images = node.iso.iter_mut().chain(&mut node.ipxe_script);
        let files = images.chain(node.firmware.iter_mut().map(|update| &mut update.url));
        for file in files {
            *file = self.allow_file(file)?;
        }
        Ok(node)
    }

    /// The file as it is opened. A relative path is meant from the image directory.
    fn allow_file(&self, file: &str) -> Result<String, String> {
        if file.starts_with("http://") || file.starts_with("https://") {
            return Ok(file.to_owned());
        }
        let inside = self.images.as_ref().and_then(|images| {
            let images = images.canonicalize().ok()?;
            let found = images.join(file).canonicalize().ok()?;
            found.starts_with(&images).then(|| found.display().to_string())
        });
        inside.ok_or_else(|| format!(
            "{file}: objects on the hub may name URLs, and of the files of the jump host only those below its --image-dir"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn rules(dir: &Path) -> HubRules {
        HubRules {
            networks: Arc::from(["192.0.2.0/24".parse().unwrap()]),
            images: Some(dir.join("images")),
            insecure: false,
        }
    }

    #[test]
    fn only_files_below_the_image_directory_are_served_for_the_hub() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("images")).unwrap();
        std::fs::write(dir.path().join("images/a.iso"), "x").unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("images/link")).unwrap();
        let rules = rules(dir.path());
        let allowed = |name: &str| rules.allow_file(&dir.path().join(name).display().to_string()).is_ok();
        assert!(allowed("images/a.iso"));
        let relative = rules.allow_file("a.iso").unwrap();
        assert!(relative.ends_with("images/a.iso"), "{relative}");
        assert!(rules.allow_file("../secret").is_err());
        for name in ["secret", "images/../secret", "images/link", "images/none.iso"] {
            assert!(!allowed(name), "{name}");
        }
        assert!(rules.allow_file("https://hub.example/x.iso").is_ok());
        assert!(rules.allow_file("file:///etc/shadow").is_err());
    }
}
