//! Booting over the network: what DHCP tells, what is asked for, and what becomes of it.

use serde_json::Value;

use super::{Deed, Guest, HttpBoot, Machine};

/// What the DHCP server of the machine's network tells those that boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkBoot {
    /// The TFTP server, as `HOST:PORT`.
    pub tftp: String,
    /// The file that firmware loads from it: iPXE, or a script for a port that has iPXE in its ROM.
    pub file: String,
    /// What iPXE is told to load, as a URL in which its settings may stand.
    pub script: Option<String>,
    /// What firmware that boots by HTTP is told to load, as a URL.
    pub http: Option<String>,
}

impl NetworkBoot {
    /// A DHCP server that names a TFTP server, written `HOST:PORT`, and a file on it.
    pub fn new(tftp: &str, file: &str) -> Self {
        Self { tftp: tftp.into(), file: file.into(), script: None, http: None }
    }

    /// Tells iPXE to load `url`.
    #[must_use]
    pub fn script(mut self, url: &str) -> Self {
        self.script = Some(url.into());
        self
    }

    /// Tells firmware that boots by HTTP to load `url`.
    #[must_use]
    pub fn http(mut self, url: &str) -> Self {
        self.http = Some(url.into());
        self
    }
}

/// A way to boot over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkWay {
    /// PXE.
    Pxe,
    /// UEFI's boot by HTTP.
    Http,
}

impl NetworkWay {
    /// Its name in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pxe => "pxe",
            Self::Http => "http-boot",
        }
    }
}

impl Machine {
    /// Firmware asks DHCP for what to boot by PXE; false when nobody answers.
    pub(super) fn begin_pxe(&mut self) -> bool {
        match self.network.clone() {
            Some(offer) => {
                let told = format!("DHCP offers {} from {}", offer.file, offer.tftp);
                self.begin_network("Pxe", NetworkWay::Pxe, told);
                self.deeds.push(Deed::BootPxe { boot: self.boots, offer });
                true
            }
            None => self.nothing_there(NetworkWay::Pxe, "no DHCP offer"),
        }
    }

    /// Firmware boots a URL; false when it knows of none.
    pub(super) fn begin_http(&mut self) -> bool {
        match self.http_boot_url() {
            Ok(url) => {
                self.begin_network("UefiHttp", NetworkWay::Http, format!("loads {url}"));
                self.deeds.push(Deed::BootHttp { boot: self.boots, url });
                true
            }
            Err(why) => self.nothing_there(NetworkWay::Http, &why),
        }
    }

    fn begin_network(&mut self, source: &str, way: NetworkWay, what: String) {
        self.set_source(source);
        self.set_guest(Guest::LoadingNetwork);
        self.note(way.word(), "", what);
    }

    fn nothing_there(&mut self, way: NetworkWay, why: &str) -> bool {
        // Many a host has the network last in its order and nobody there: its BMC's log has better things to tell.
        self.note(way.word(), "", why);
        false
    }

    /// The URL that firmware boots by HTTP, from where this machine has it.
    ///
    /// # Errors
    /// Why there is none.
    pub fn http_boot_url(&self) -> Result<String, String> {
        let own = match self.rules.http_boot {
            HttpBoot::None => return Err("firmware does not boot by HTTP".into()),
            HttpBoot::Dhcp => None,
            HttpBoot::Property => self.boot.http_uri.clone(),
            HttpBoot::Attribute { uri, off: (switch, off) } => {
                let value = |name| self.bios.current.get(name).and_then(Value::as_str);
                if value(switch) == Some(off) {
                    return Err(format!("the BIOS setting {switch} is {off}"));
                }
                value(uri).map(str::to_owned)
            }
        };
        let told = self.network.as_ref().and_then(|offer| offer.http.clone());
        own.filter(|url| !url.is_empty())
            .or(told)
            .ok_or_else(|| "there is no URL, and no DHCP offer of one".into())
    }

    /// What boot `boot` was to load over the network does not boot: firmware tries the next source.
    pub fn network_does_not_boot(&mut self, boot: u64, way: NetworkWay, why: &str) {
        if self.leaves_network(boot) {
            self.event("Warning", format!("Network boot failed: {why}"));
            self.note(way.word(), "", format!("does not boot: {why}"));
            self.boot_next();
        }
    }

    /// iPXE of boot `boot` hands back to firmware, which tries the next source, or the disk at once.
    pub fn network_hands_back(&mut self, boot: u64, to_disk: bool) {
        if self.leaves_network(boot) {
            if to_disk {
                self.candidates = vec!["Hdd".into()];
            }
            self.boot_next();
        }
    }

    fn leaves_network(&mut self, boot: u64) -> bool {
        let loads = self.is_boot(boot) && self.guest == Guest::LoadingNetwork;
        if loads {
            self.guest = Guest::None;
        }
        loads
    }
}
