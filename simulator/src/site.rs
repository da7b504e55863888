//! A site for a simulated fleet: what an operator would keep in Git for these machines, ready to be applied.
//!
//! One SiteConfig (`ran.openshift.io/v1`) per cluster: clusters of three control-plane nodes, and single-node clusters for
//! what is left over. Beside them one Secret per BMC, a `.profile` of BIOS settings per vendor, and a bootable image.

mod bios;
mod render;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cell::Cell;
use crate::iso::{CONFIG_FILE, IsoBuilder};
use crate::serve::Endpoint;
use crate::simulator::Simulator;
use crate::tls::write_secret;

/// Nodes of a cluster with a shared control plane.
const COMPACT: usize = 3;

/// What a site is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteOptions {
    /// Name of the site: its clusters are called `NAME-1`, `NAME-2` …
    pub name: String,
    /// Domain of the clusters.
    pub domain: String,
    /// Size of the installer's image in bytes.
    pub iso_size: usize,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self { name: "edge".into(), domain: "example.com".into(), iso_size: 8 * 1024 * 1024 }
    }
}

/// The files of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFiles {
    /// The directory: what is to be applied.
    pub directory: PathBuf,
    /// SiteConfigs, one per cluster.
    pub site_configs: Vec<PathBuf>,
    /// Files of Secrets, one per cluster. Only their owner reads them.
    pub secrets: Vec<PathBuf>,
    /// BIOS settings, one file per personality.
    pub profiles: Vec<PathBuf>,
    /// The installer's image, which all nodes boot.
    pub iso: PathBuf,
    /// Each node's machine and the cluster it is in, in the order of the machines.
    pub nodes: Vec<SiteNode>,
}

/// A node of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteNode {
    /// Name of the machine, which is the node's host name.
    pub machine: String,
    /// Name of its cluster.
    pub cluster: String,
}

/// Writes a site for the machines that listen at `endpoints` into `directory`, which is made if it is not there.
///
/// # Errors
/// When there is no endpoint or one of no machine of this simulator, a name that cannot stand in a site, or a file cannot
/// be written.
pub fn write(
    simulator: &Simulator,
    endpoints: &[Endpoint],
    directory: &Path,
    options: &SiteOptions,
) -> anyhow::Result<SiteFiles> {
    anyhow::ensure!(!endpoints.is_empty(), "a site needs at least one machine that listens");
    for name in endpoints.iter().map(|endpoint| &endpoint.machine).chain([&options.name]) {
        let label = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        anyhow::ensure!(
            label && !name.is_empty() && !name.starts_with('-') && !name.ends_with('-'),
            "{name:?} cannot be a host's or cluster's name; lower-case letters, digits and inner hyphens can"
        );
    }
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    let mut files = SiteFiles {
        directory: directory.to_owned(),
        site_configs: Vec::new(),
        secrets: Vec::new(),
        profiles: Vec::new(),
        iso: directory.join(render::ISO),
        nodes: Vec::new(),
    };
    remove_earlier(directory)?;
    write_iso(simulator, &files.iso, options.iso_size)?;
    let mut rest = endpoints;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let size = if rest.len() >= COMPACT { COMPACT } else { 1 };
        let (members, others) = rest.split_at(size);
        rest = others;
        write_cluster(simulator, members, number, options, &mut files)?;
    }
    Ok(files)
}

/// Clusters of an earlier, larger fleet would be applied along with this one's: what this module wrote, it removes.
fn remove_earlier(directory: &Path) -> anyhow::Result<()> {
    let about = || format!("cannot clear the directory {}", directory.display());
    for entry in std::fs::read_dir(directory).with_context(about)? {
        let path = entry.with_context(about)?.path();
        let ours = path.extension().is_some_and(|extension| extension == "yaml" || extension == "profile")
            && std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with(render::MARK));
        if ours {
            std::fs::remove_file(&path).with_context(about)?;
        }
    }
    Ok(())
}

fn write_iso(simulator: &Simulator, path: &Path, size: usize) -> anyhow::Result<()> {
    let config = "# Where the installer and the installed system report to.\ncallback={base}/callback\n";
    let inside = "# Of the simulated installer; where it reports to is an argument of the kernel.\ninstaller=simulated\n";
    let image = IsoBuilder::new("INSTALLER").file(CONFIG_FILE, config).seed(simulator.seed());
    let image = image.boot_menu(inside).size(size);
    put(path, &image.build()?)
}

fn write_cluster(
    simulator: &Simulator,
    members: &[Endpoint],
    number: usize,
    options: &SiteOptions,
    files: &mut SiteFiles,
) -> anyhow::Result<()> {
    let cluster = render::Cluster::new(number, options);
    let mut nodes = Vec::new();
    for endpoint in members {
        let machine = simulator.machine(&endpoint.machine);
        let cell = machine
            .with_context(|| format!("there is no machine {:?} in this simulation", endpoint.machine))?;
        let profile = bios_settings(&cell, files)?;
        nodes.push(render::Node::new(&cell, endpoint, profile));
        files.nodes.push(SiteNode { machine: endpoint.machine.clone(), cluster: cluster.name.clone() });
    }
    let site = files.directory.join(format!("{}.yaml", cluster.name));
    put(&site, cluster.site_config(&nodes).as_bytes())?;
    files.site_configs.push(site);
    let secrets = files.directory.join(format!("{}-secrets.yaml", cluster.name));
    write_secret(&secrets, &cluster.secrets(&nodes))?;
    files.secrets.push(secrets);
    Ok(())
}

/// Name of the file with the BIOS settings of the machine's vendor, which is written with the first of its machines.
fn bios_settings(cell: &Cell, files: &mut SiteFiles) -> anyhow::Result<Option<String>> {
    let name = format!("{}.profile", cell.personality.name());
    let path = files.directory.join(&name);
    if files.profiles.contains(&path) {
        return Ok(Some(name));
    }
    let Some(text) = bios::profile(cell)? else { return Ok(None) };
    put(&path, text.as_bytes())?;
    files.profiles.push(path);
    Ok(Some(name))
}

fn put(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
