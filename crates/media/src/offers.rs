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
    EventKind, Heard, NetbootFiles, Part, PublishError, Token, advertise,
    ipxe::{self, Install},
    netboot::ROOTFS_URL,
    registry::{Entry, Registry, lock},
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

/// What is said of a node that boots over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offering {
    /// It is to install, and what was read before counts no more: this is another installation.
    Anew,
    /// It is still to install; where a script tells it so, unless everything was sent already.
    Again,
    /// It is not to install.
    Ended,
}

/// Whether and how the machine of an entry installs.
#[derive(Debug)]
pub(crate) struct Offer {
    /// For a machine that asks by its address and is given a script. Otherwise the image itself is what is offered.
    script: Option<(MacAddress, String)>,
    offered: AtomicBool,
    told: Mutex<BTreeSet<(IpAddr, bool)>>,
}

/// Whether it is the same that is offered, not whether it is offered at the moment.
impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.script == other.script
    }
}

impl Offer {
    /// Of an image that firmware fetches by itself. It begins not offered.
    pub(crate) fn of_image() -> Self {
        Self { script: None, offered: AtomicBool::new(false), told: Mutex::default() }
    }

    fn of_script(mac: MacAddress, script: String) -> Self {
        Self { script: Some((mac, script)), ..Self::of_image() }
    }

    pub(crate) fn mac(&self) -> Option<MacAddress> {
        self.script.as_ref().map(|(mac, _)| *mac)
    }

    fn is_image(&self) -> bool {
        self.script.is_none()
    }

    /// Whether the files themselves are kept from whoever asks for them. What a script leads to is not: a system that was just
    /// booted by it may fetch once more what it lost.
    pub(crate) fn withholds(&self) -> bool {
        self.is_image() && !self.is_on()
    }

    pub(crate) fn set(&self, offered: bool) {
        self.offered.store(offered, Ordering::SeqCst);
        if offered {
            lock(&self.told).clear();
        }
    }

    /// Everything was sent. A machine that was given a script has all that it needs: when it boots the next time, it boots its
    /// disk. An image may have been fetched by a service that mounts it, and reads it again for the machine.
    pub(crate) fn is_complete(&self) {
        if !self.is_image() {
            self.set(false);
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.offered.load(Ordering::SeqCst)
    }

    fn is_news(&self, peer: IpAddr, installs: bool) -> bool {
        let told = lock(&self.told);
        told.len() < MOST_PEERS && !told.contains(&(peer, installs))
    }

    fn was_told(&self, peer: IpAddr, installs: bool) {
        lock(&self.told).insert((peer, installs));
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
        self.put(node, token, named, Some(Offer::of_script(mac, script)))?;
        Ok(publication)
    }

    pub(crate) fn offer(&self, node: &str, offering: Offering) -> bool {
        let Some(entry) = self.find_node(node) else { return false };
        let offered = match offering {
            Offering::Anew => {
                entry.recount();
                true
            }
            Offering::Again => entry.offer.as_ref().is_some_and(Offer::is_image) || !entry.is_complete(),
            Offering::Ended => false,
        };
        if let Some(offer) = &entry.offer {
            offer.set(offered);
        }
        true
    }

    pub(crate) fn is_offered(&self, node: &str) -> bool {
        self.find_node(node).is_some_and(|entry| entry.is_offered())
    }

    pub(crate) fn is_offered_to(&self, mac: MacAddress) -> bool {
        self.find_mac(mac).is_some_and(|entry| entry.is_offered())
    }

    /// What the machine with that address would be told now. Nobody is told of it.
    pub(crate) fn script(&self, mac: MacAddress) -> String {
        self.find_mac(mac).map_or_else(|| ipxe::local_disk(&ipxe::unknown(mac)), |entry| entry.script())
    }

    /// What the machine with that address is told, which is told in turn: that it installs before it is given.
    pub(crate) async fn give_script(&self, mac: MacAddress, peer: IpAddr) -> String {
        let found = self.find_mac(mac);
        let Some((entry, offer)) = found.as_ref().and_then(|entry| Some((entry, entry.offer.as_ref()?)))
        else {
            self.stranger(peer, mac);
            return self.script(mac);
        };
        let installs = offer.is_on();
        if offer.is_news(peer, installs) {
            let (heard, said) = Heard::new();
            self.tell(Some(&entry.node), EventKind::ScriptGiven { peer, mac, installs, heard });
            if installs && !Heard::said(said).await {
                let why = format!("nobody could write down that node {} is installed", entry.node);
                return ipxe::local_disk(&why);
            }
            offer.was_told(peer, installs);
        }
        // The offer may have ended while it was written down.
        entry.script()
    }
}

impl Entry {
    fn script(&self) -> String {
        match &self.offer {
            Some(offer @ Offer { script: Some((_, script)), .. }) if offer.is_on() => script.clone(),
            _ => ipxe::local_disk(&format!("node {} is not to be installed now", self.node)),
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
