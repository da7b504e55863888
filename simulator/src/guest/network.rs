//! Booting over the network: firmware by PXE or by HTTP, iPXE, and the kernel that it starts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::cd::look_for_boot_record;
use super::{AGAIN, Installer, Stopped, callback};
use crate::cell::Cell;
use crate::fetch::{self, FetchError, Fut};
use crate::ipxe::{self, End, Ipxe, Kernel, Settings, Surroundings};
use crate::machine::{NetworkBoot, NetworkWay};

/// Firmware has room for no larger loader.
const LOADER_LIMIT: usize = 64 * 1024 * 1024;
/// No image, kernel or file system is larger.
const IMAGE_LIMIT: usize = 2 * 1024 * 1024 * 1024;
/// The argument that names where a live system's root file system is.
const ROOTFS: &str = "coreos.live.rootfs_url";
/// The argument that names where the installer reports to.
const CALLBACK: &str = "rackhand.callback";

/// What firmware takes an image for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Program,
    Cd,
    Disk,
}

impl Kind {
    /// By what the server says of it, else by its name, as the network stack does that most firmware has from EDK II. What
    /// neither tells is not booted, whatever is in it.
    fn of(url: &str, said: Option<&str>) -> Option<Self> {
        let known = match said.map(str::to_ascii_lowercase).as_deref() {
            Some("application/efi") => Some(Self::Program),
            Some("application/vnd.efi-iso") => Some(Self::Cd),
            Some("application/vnd.efi-img") => Some(Self::Disk),
            _ => None,
        };
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let named = || match path.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
            Some("efi") => Some(Self::Program),
            Some("iso") => Some(Self::Cd),
            Some("img") => Some(Self::Disk),
            _ => None,
        };
        known.or_else(named)
    }
}

/// A boot over the network.
struct Boot {
    cell: Arc<Cell>,
    number: u64,
    way: NetworkWay,
}

/// Boots what DHCP offers, as boot number `boot` of the machine.
pub async fn boot_pxe(cell: Arc<Cell>, boot: u64, offer: NetworkBoot) {
    let boot = Boot { cell, number: boot, way: NetworkWay::Pxe };
    let url = format!("tftp://{}/{}", offer.tftp, offer.file);
    let end = match boot.tftp(&offer.tftp, &offer.file).await {
        Ok(loader) => boot.loader(&url, &loader, Some(&offer)).await,
        Err(why) => End::Failed(format!("{} from {} by TFTP: {why}", offer.file, offer.tftp)),
    };
    boot.conclude(end).await;
}

/// Boots `url` by HTTP, as boot number `boot` of the machine.
pub async fn boot_http(cell: Arc<Cell>, boot: u64, url: String) {
    let boot = Boot { cell, number: boot, way: NetworkWay::Http };
    match fetch::page(boot.cell.net().as_ref(), &url, IMAGE_LIMIT).await {
        Ok((content, said)) => {
            boot.note(boot.way.word(), &format!("{url}: {} bytes", content.len()));
            boot.image(&url, said.as_deref(), content).await;
        }
        Err(why) => boot.conclude(End::Failed(format!("{url}: {why}"))).await,
    }
}

impl Boot {
    fn note(&self, what: &str, text: &str) {
        if self.alive() {
            self.cell.with(|machine| machine.note(what, "", text));
        }
    }

    async fn tftp(&self, server: &str, file: &str) -> Result<Bytes, FetchError> {
        let came = self.cell.net().tftp(server, file, LOADER_LIMIT).await;
        match &came {
            Ok(content) => self.note("tftp", &format!("{file}: {} bytes", content.len())),
            Err(why) => self.note("tftp", &format!("{file}: failed: {why}")),
        }
        came
    }

    /// What firmware loaded is a script for the iPXE in the port's ROM, or else iPXE itself, which asks DHCP again.
    async fn loader(&self, url: &str, content: &[u8], offer: Option<&NetworkBoot>) -> End {
        let settings = self.settings(offer);
        if ipxe::is_script(content) {
            return Ipxe::new(self, settings).boot_script(url, content).await;
        }
        if content.is_empty() {
            return End::Failed(format!("{url} is empty"));
        }
        match offer.and_then(|offer| offer.script.as_deref()) {
            Some(script) => Ipxe::new(self, settings).boot_url(script).await,
            None => End::Failed("DHCP offers iPXE nothing to load".into()),
        }
    }

    fn settings(&self, offer: Option<&NetworkBoot>) -> Settings {
        let settings = self.cell.with(|machine| Settings::of(machine));
        let Some(offer) = offer else { return settings };
        let host = offer.tftp.rsplit_once(':').map_or(offer.tftp.as_str(), |(host, _)| host);
        settings.with("next-server", host).with("filename", &offer.file)
    }

    /// Boots an image that firmware has in memory: an ISO, or an EFI program, which is taken to be iPXE.
    async fn image(&self, url: &str, said: Option<&str>, content: Bytes) {
        let end = match Kind::of(url, said) {
            Some(Kind::Cd) => return self.cd(url, content).await,
            Some(Kind::Program) if content.starts_with(b"MZ") => {
                let offer = self.cell.with(|machine| machine.network.clone());
                self.loader(url, &content, offer.as_ref()).await
            }
            Some(Kind::Program) => End::Failed(format!("{url} is no EFI program: it does not begin with MZ")),
            Some(Kind::Disk) => {
                End::Failed(format!("{url} is an image of a disk, with nothing on it that boots"))
            }
            None => End::Failed(format!(
                "{url}: neither its Content-Type nor its name (.efi, .iso, .img) says what it is"
            )),
        };
        self.conclude(end).await;
    }

    async fn cd(&self, url: &str, content: Bytes) {
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        match look_for_boot_record(&content, size, url).await {
            Ok(callback) => {
                let digest = crate::tls::hex(&Sha256::digest(&content));
                drop(content);
                self.install(digest, callback).await;
            }
            Err(Stopped::BootOver) => {}
            Err(Stopped::MediumLost(why) | Stopped::NotBootable(why)) => {
                self.conclude(End::Failed(format!("{url} does not boot: {why}"))).await;
            }
        }
    }

    async fn conclude(&self, end: End) {
        let (boot, way) = (self.number, self.way);
        match end {
            End::Kernel(kernel) => self.start(*kernel).await,
            End::Disk => self.cell.with(|machine| machine.network_hands_back(boot, true)),
            End::Exit => self.cell.with(|machine| machine.network_hands_back(boot, false)),
            End::Failed(why) => self.cell.with(|machine| machine.network_does_not_boot(boot, way, &why)),
            End::Waits(why) => self.cell.with(|machine| machine.installer_failed(boot, &why)),
        }
    }

    /// Runs a kernel, which fetches its root file system itself.
    async fn start(&self, kernel: Kernel) {
        let mut digest = Sha256::new();
        for part in std::iter::once(&kernel.kernel).chain(&kernel.initrds) {
            digest.update(&part.content);
        }
        if let Some(url) = kernel.argument(ROOTFS) {
            match self.root(url).await {
                Ok(content) => digest.update(&content),
                Err(why) => {
                    let why = format!("the root file system cannot be fetched from {url}: {why}");
                    self.cell.with(|machine| machine.installer_failed(self.number, &why));
                    return;
                }
            }
        }
        let named = kernel.argument(CALLBACK).map(str::to_owned);
        let callback = named.or_else(|| kernel.initrds.iter().find_map(|one| told(&one.content, &one.url)));
        drop(kernel);
        self.install(crate::tls::hex(&digest.finalize()), callback).await;
    }

    /// Reads the root file system, trying again for as long as an installer has patience with its medium.
    async fn root(&self, url: &str) -> Result<Bytes, FetchError> {
        let patience = self.cell.with(|machine| machine.rules.media.patience);
        let mut waited = Duration::ZERO;
        loop {
            match fetch::whole(self.cell.net().as_ref(), url, IMAGE_LIMIT).await {
                Ok(content) => {
                    self.note("ipxe", &format!("{ROOTFS} {url}: {} bytes", content.len()));
                    return Ok(content);
                }
                Err(why) if waited >= patience || !self.alive() => return Err(why),
                Err(_) => {
                    waited += AGAIN;
                    self.cell.world.clock.sleep(AGAIN).await;
                }
            }
        }
    }

    async fn install(&self, digest: String, callback: Option<String>) {
        let installer = Installer { cell: Arc::clone(&self.cell), boot: self.number, digest, callback };
        // All of it is in memory: what ends an installation here is a reset, or a host without a disk, which says so.
        drop(installer.install(None).await);
    }
}

/// The call-back of a file that begins with a configuration: as much of it as is text.
fn told(content: &[u8], url: &str) -> Option<String> {
    const LONGEST: usize = 64 * 1024;
    let text = |byte: &&u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let begin: Vec<u8> = content.iter().take(LONGEST).take_while(text).copied().collect();
    callback(&String::from_utf8_lossy(&begin), url)
}

impl Surroundings for Boot {
    fn fetch<'a>(&'a self, url: &'a str) -> Fut<'a, Result<Bytes, String>> {
        Box::pin(async move {
            let came = fetch::whole(self.cell.net().as_ref(), url, IMAGE_LIMIT).await;
            if let (Ok(content), true) = (&came, url.starts_with("tftp:")) {
                self.note("tftp", &format!("{url}: {} bytes", content.len()));
            }
            came.map_err(|why| why.to_string())
        })
    }

    fn sleep(&self, time: Duration) -> Fut<'_, ()> {
        Box::pin(self.cell.world.clock.sleep(time))
    }

    fn note(&self, what: String) {
        Self::note(self, "ipxe", &what);
    }

    fn alive(&self) -> bool {
        self.cell.with(|machine| machine.is_boot(self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, told};

    #[test]
    fn firmware_knows_an_image_by_its_type_and_else_by_its_name() {
        for (url, said, kind) in [
            ("http://x/a.iso", None, Some(Kind::Cd)),
            ("http://x/a.ISO?token=b.c", Some("application/octet-stream"), Some(Kind::Cd)),
            ("http://x/a.iso", Some("application/EFI"), Some(Kind::Program)),
            ("http://x/a", Some("application/vnd.efi-iso"), Some(Kind::Cd)),
            ("http://x/ipxe.efi", None, Some(Kind::Program)),
            ("http://x/disk.img", None, Some(Kind::Disk)),
            ("http://x/disk", Some("application/vnd.efi-img"), Some(Kind::Disk)),
            ("http://x/images/full?type=.iso", Some("text/html"), None),
        ] {
            assert_eq!(Kind::of(url, said), kind, "{url} {said:?}");
        }
    }

    #[test]
    fn an_initial_file_system_may_begin_with_a_configuration() {
        let url = "http://boot.example/a/initrd.img";
        let mut content = b"# Text\ncallback=http://boot.example/callback\n".to_vec();
        content.extend([0, 1, 2, 255]);
        content.extend(b"\ncallback=http://other.example/\n");
        assert_eq!(told(&content, url).as_deref(), Some("http://boot.example/callback"));
        assert_eq!(told(b"\x1f\x8b\ncallback=http://other.example/\n", url), None);
        assert_eq!(
            told(b"callback={base}/callback\n", url).as_deref(),
            Some("http://boot.example/a/callback")
        );
    }
}
