//! Machines that boot over the network: what they are told, and when they install.
//!
//! A machine whose boot order begins with the network asks at every boot. So a script installs only while somebody offers it,
//! and everybody else is sent to the local disk.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rackhand_spec::MacAddress;

use crate::{
    EventKind, NetbootFiles, Part, PublishError, Token, advertise,
    ipxe::{self, Install},
    netboot::ROOTFS_URL,
    registry::{Registry, lock},
};

/// How a node is to boot over the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetbootSettings {
    /// The server's base URL as the node itself sees it, `http://192.0.2.1:8080` for example: see
    /// [`MediaServer::advertise`](crate::MediaServer::advertise), with the node's address.
    pub base: String,
    /// Kernel arguments besides those of the files: static addresses (`ip=…`), consoles.
    pub arguments: Vec<String>,
    /// Whether what is booted is told where to call back, by `rackhand.callback=URL`.
    pub callback: bool,
}

/// What a node boots over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetbootPublication {
    /// The node.
    pub node: String,
    /// The network address that it asks by.
    pub mac: MacAddress,
    /// The path of its iPXE script: `/ipxe/{mac}`. All machines may be given [`COMMON_SCRIPT`](Self::COMMON_SCRIPT) instead.
    pub script_path: String,
    /// The kernel's path: `/{token}/vmlinuz`.
    pub kernel_path: String,
    /// The paths of the initial file systems: `/{token}/initrd.img`, `/{token}/initrd2.img`, ….
    pub initrd_paths: Vec<String>,
    /// The root file system's path: `/{token}/rootfs.img`.
    pub rootfs_path: Option<String>,
    /// Where what is booted posts its call-backs: `/{token}/callback`.
    pub callback_path: String,
    /// What the kernel is told, in whole.
    pub arguments: Vec<String>,
    /// How many bytes all files have together.
    pub size: u64,
}

impl NetbootPublication {
    /// The path of the script that sends each machine on to its own.
    pub const COMMON_SCRIPT: &'static str = "/boot.ipxe";
}

/// What kernels on x86 and Arm read of their command line.
const MOST_ARGUMENTS: usize = 2047;

/// How many peers a script's being given is told of.
const MOST_PEERS: usize = 64;

/// Whether and how the machine of an entry installs.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) mac: MacAddress,
    script: String,
    offered: AtomicBool,
    told: Mutex<BTreeSet<(IpAddr, bool)>>,
}

/// Whether it is the same that is offered, not whether it is offered at the moment.
impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        (self.mac, &self.script) == (other.mac, &other.script)
    }
}

impl Offer {
    pub(crate) fn set(&self, offered: bool) {
        self.offered.store(offered, Ordering::SeqCst);
        if offered {
            lock(&self.told).clear();
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.offered.load(Ordering::SeqCst)
    }

    fn is_news(&self, peer: IpAddr, installs: bool) -> bool {
        let mut told = lock(&self.told);
        told.len() < MOST_PEERS && told.insert((peer, installs))
    }
}

impl Registry {
    pub(crate) fn publish_netboot(
        &self,
        node: &str,
        mac: MacAddress,
        files: &NetbootFiles,
        token: &Token,
        settings: &NetbootSettings,
    ) -> Result<NetbootPublication, PublishError> {
        let base = advertise::checked(&settings.base)?;
        let path = |name: &str| format!("/{}/{name}", token.as_str());
        let url = |name: &str| format!("{base}{}", path(name));
        let named = named(files);
        let arguments = arguments(node, files, settings, &url)?;
        let initrds: Vec<&str> =
            named.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("initrd")).collect();
        let script = ipxe::install(&Install {
            node,
            kernel: url(KERNEL),
            initrds: initrds.iter().map(|name| ((*name).to_owned(), url(name))).collect(),
            arguments: &arguments,
            own: format!("{base}/ipxe/{}", ipxe::hyphenated(mac)),
        });
        let publication = NetbootPublication {
            node: node.to_owned(),
            mac,
            script_path: format!("/ipxe/{}", ipxe::hyphenated(mac)),
            kernel_path: path(KERNEL),
            initrd_paths: initrds.iter().map(|name| path(name)).collect(),
            rootfs_path: files.rootfs.as_ref().map(|_| path(ROOTFS)),
            callback_path: path("callback"),
            arguments,
            size: named.iter().map(|(_, part)| part.size()).sum(),
        };
        let offer = Offer { mac, script, offered: AtomicBool::new(false), told: Mutex::default() };
        self.put(node, token, named, Some(offer))?;
        Ok(publication)
    }

    pub(crate) fn offer(&self, node: &str, offered: bool) -> bool {
        let Some(entry) = self.find_offer(node) else { return false };
        if offered {
            entry.recount();
        }
        if let Some(offer) = &entry.offer {
            offer.set(offered);
        }
        true
    }

    pub(crate) fn is_offered(&self, node: &str) -> bool {
        self.find_offer(node).is_some_and(|entry| entry.offer.as_ref().is_some_and(Offer::is_on))
    }

    /// What the machine with that address is told, which is told in turn.
    pub(crate) fn script(&self, mac: MacAddress, peer: IpAddr) -> String {
        let entry = self.find_mac(mac);
        let Some((node, offer)) = entry.as_ref().and_then(|entry| Some((&entry.node, entry.offer.as_ref()?)))
        else {
            self.stranger(peer, mac);
            return ipxe::local_disk(&ipxe::unknown(mac));
        };
        let installs = offer.is_on();
        if offer.is_news(peer, installs) {
            self.tell(Some(node), EventKind::ScriptGiven { peer, mac, installs });
        }
        if installs {
            offer.script.clone()
        } else {
            ipxe::local_disk(&format!("node {node} is not to be installed now"))
        }
    }
}

const KERNEL: &str = "vmlinuz";
const ROOTFS: &str = "rootfs.img";

/// The files with their names in URLs.
fn named(files: &NetbootFiles) -> Vec<(String, Part)> {
    let mut named = vec![(KERNEL.to_owned(), files.kernel.clone())];
    for (at, initrd) in files.initrds.iter().enumerate() {
        let number = if at == 0 { String::new() } else { (at + 1).to_string() };
        named.push((format!("initrd{number}.img"), initrd.clone()));
    }
    named.extend(files.rootfs.iter().map(|rootfs| (ROOTFS.to_owned(), rootfs.clone())));
    named
}

/// Everything the kernel is told, if iPXE and the kernel take it so.
fn arguments(
    node: &str,
    files: &NetbootFiles,
    settings: &NetbootSettings,
    url: &impl Fn(&str) -> String,
) -> Result<Vec<String>, PublishError> {
    let mut arguments = files.arguments.clone();
    if files.rootfs.is_some() {
        arguments.push(format!("{ROOTFS_URL}={}", url(ROOTFS)));
    }
    arguments.extend(settings.arguments.iter().cloned());
    if settings.callback {
        arguments.push(format!("rackhand.callback={}", url("callback")));
    }
    for argument in &arguments {
        if let Some(reason) = ipxe::wrong_with(argument) {
            let (node, argument) = (node.to_owned(), argument.escape_debug().to_string());
            return Err(PublishError::Argument { node, argument, reason: reason.to_owned() });
        }
    }
    let bytes = arguments.iter().map(|argument| argument.len() + 1).sum();
    if bytes > MOST_ARGUMENTS {
        return Err(PublishError::Arguments { node: node.to_owned(), bytes, most: MOST_ARGUMENTS });
    }
    Ok(arguments)
}
