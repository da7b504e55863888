//! Real clients against the TFTP and HTTP servers: curl, Debian's tftp-hpa and atftp; and a disc that xorriso wrote.
//!
//! Skipped where a program is not installed, unless `RACKHAND_PEERS=1` says that it has to be.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
};

use rackhand_media::{
    Advertise, Events, FetchSettings, ImageStore, Listen, MediaServer, NetbootFiles, NetbootSettings,
    Offering, Source, TftpOptions, Token,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Where a program is, or that the test is skipped.
#[allow(
    clippy::disallowed_methods,
    reason = "what is installed, and what has to be, is said by the environment"
)]
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("RACKHAND_PEERS").is_none_or(|set| set != "1"), "{name} is not installed");
        println!("skipped: {name} is not installed");
    }
    found
}

/// Bytes of which each position is recognisable.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8 ^ (at / 251 % 256) as u8).collect()
}

/// A server with loaders, and a directory for what clients fetch.
struct Place {
    directory: TempDir,
    server: MediaServer,
    _events: Events,
    tftp: SocketAddr,
}

const LOADER: usize = 1_000_003;

impl Place {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let loaders = directory.path().join("loaders");
        fs::create_dir(&loaders).unwrap();
        fs::write(loaders.join("ipxe.efi"), content(LOADER)).unwrap();
        fs::write(loaders.join("even.kpxe"), content(512 * 7)).unwrap();
        fs::write(directory.path().join("outside"), b"secret").unwrap();
        std::os::unix::fs::symlink("../outside", loaders.join("link")).unwrap();
        fs::create_dir(directory.path().join("fetched")).unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let (server, _events) = MediaServer::start(vec![Listen::http(any)], Advertise::by_route()).unwrap();
        let base = format!("http://{}", server.bound()[0].address);
        let tftp =
            server.start_tftp(TftpOptions { listen: any, base, loaders: Some(loaders) }).await.unwrap();
        Self { directory, server, _events, tftp }
    }

    fn http(&self) -> String {
        format!("http://{}", self.server.bound()[0].address)
    }

    fn fetched(&self) -> PathBuf {
        self.directory.path().join("fetched")
    }

    async fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        let run = command.args(arguments).current_dir(self.fetched()).kill_on_drop(true).output();
        tokio::time::timeout(std::time::Duration::from_secs(60), run).await.unwrap().unwrap()
    }

    /// What the last run fetched under that name, which is then gone.
    fn take(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.fetched().join(name);
        let content = fs::read(&path).ok();
        let _ = fs::remove_file(path);
        content
    }

    /// Nothing of what lies outside was fetched, and the loaders are as they were.
    fn is_unharmed(&self) {
        for entry in fs::read_dir(self.fetched()).unwrap() {
            let content = fs::read(entry.unwrap().path()).unwrap();
            assert!(!content.windows(6).any(|part| part == b"secret"));
        }
        let loaders = self.directory.path().join("loaders");
        let mut names: Vec<_> =
            fs::read_dir(&loaders).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["even.kpxe", "ipxe.efi", "link"]);
        assert!(fs::read(loaders.join("ipxe.efi")).unwrap() == content(LOADER));
    }
}

const TRAVERSALS: [&str; 4] = ["../outside", "/etc/passwd", "link", "loaders/../../outside"];

#[tokio::test]
async fn curl() {
    let Some(curl) = program("curl") else { return };
    let place = Place::new().await;
    let url = |name: &str| format!("tftp://{}/{name}", place.tftp);
    for block in ["512", "1468", "8956", "65464"] {
        for (name, size) in [("ipxe.efi", LOADER), ("even.kpxe", 512 * 7)] {
            let out = place.run(&curl, &["-sS", "--tftp-blksize", block, "-o", "got", &url(name)]).await;
            assert!(out.status.success(), "{block}: {}", String::from_utf8_lossy(&out.stderr));
            assert!(place.take("got").unwrap() == content(size), "{block} {name}");
        }
    }
    for name in TRAVERSALS {
        let out = place.run(&curl, &["-sS", "--path-as-is", "-o", "got", &url(name)]).await;
        assert!(!out.status.success(), "{name}");
    }
    fs::write(place.fetched().join("mine"), b"mine").unwrap();
    let out = place.run(&curl, &["-sS", "-T", "mine", &url("ipxe.efi")]).await;
    assert!(!out.status.success());
    place.is_unharmed();
}

#[tokio::test]
async fn tftp_hpa() {
    let Some(tftp) = program("tftp") else { return };
    let place = Place::new().await;
    let port = place.tftp.port().to_string();
    let transfer = async |arguments: &[&str]| {
        let all = ["-m", "binary", "127.0.0.1", &port, "-c"].into_iter().chain(arguments.iter().copied());
        place.run(&tftp, &all.collect::<Vec<_>>()).await
    };
    for (name, size) in [("ipxe.efi", LOADER), ("even.kpxe", 512 * 7)] {
        transfer(&["get", name, "got"]).await;
        assert!(place.take("got").unwrap() == content(size), "{name}");
    }
    for name in TRAVERSALS {
        transfer(&["get", name, "got"]).await;
        assert!(place.take("got").unwrap_or_default().is_empty(), "{name}");
    }
    fs::write(place.fetched().join("mine"), b"mine").unwrap();
    transfer(&["put", "mine", "ipxe.efi"]).await;
    transfer(&["put", "mine", "new"]).await;
    place.is_unharmed();
}

#[tokio::test]
async fn atftp() {
    let Some(atftp) = program("atftp") else { return };
    let place = Place::new().await;
    let port = place.tftp.port().to_string();
    let transfer = async |options: &[&str], way: &str, remote: &str, local: &str| {
        let named = [way, "-r", remote, "-l", local, "127.0.0.1", &port];
        place.run(&atftp, &[options, &named].concat()).await
    };
    let plain: &[&str] = &[];
    let most: &[&str] = &["--option", "blksize 65464", "--option", "timeout 255", "--option", "tsize 0"];
    for options in [plain, &["--option", "blksize 1468"], most] {
        for (name, size) in [("ipxe.efi", LOADER), ("even.kpxe", 512 * 7)] {
            let out = transfer(options, "-g", name, "got").await;
            assert!(out.status.success(), "{options:?}: {}", String::from_utf8_lossy(&out.stderr));
            assert!(place.take("got").unwrap() == content(size), "{options:?} {name}");
        }
    }
    for name in TRAVERSALS {
        transfer(&[], "-g", name, "got").await;
        assert!(place.take("got").unwrap_or_default().is_empty(), "{name}");
    }
    fs::write(place.fetched().join("mine"), b"mine").unwrap();
    assert!(!transfer(&[], "-p", "ipxe.efi", "mine").await.status.success());
    place.is_unharmed();
}

#[tokio::test]
async fn a_disc_of_xorriso_is_booted_by_curl() {
    let (Some(xorriso), Some(curl)) = (program("xorriso"), program("curl")) else { return };
    let place = Place::new().await;
    let root = place.directory.path().join("disc");
    let menu = "menuentry 'Live' {\n linux /images/pxeboot/vmlinuz coreos.liveiso=x ignition.firstboot\n\
        initrd /images/pxeboot/initrd.img /images/ignition.img\n}\n";
    for (name, bytes) in [
        ("EFI/redhat/grub.cfg", menu.as_bytes().to_vec()),
        ("images/pxeboot/vmlinuz", content(9_000_001)),
        ("images/pxeboot/initrd.img", content(700_000)),
        ("images/pxeboot/rootfs.img", content(3_000_000)),
        ("images/ignition.img", b"an archive".to_vec()),
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    for (at, extensions) in
        [&["-R"][..], &["-J"], &["-R", "-J"], &["-iso-level", "3"]].into_iter().enumerate()
    {
        let iso = place.directory.path().join(format!("{at}.iso"));
        let made = [
            &["-as", "mkisofs", "-quiet"],
            extensions,
            &["-o", iso.to_str().unwrap(), root.to_str().unwrap()],
        ];
        let out = place.run(&xorriso, &made.concat()).await;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        is_booted(&place, &curl, &iso).await;
    }
}

/// Publishes the disc, offers it, and fetches everything as a machine would.
async fn is_booted(place: &Place, curl: &Path, iso: &Path) {
    let tls =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let store = ImageStore::new(place.directory.path().join("cache"), FetchSettings::new(tls)).unwrap();
    let image = store.get(&Source::Path(iso.to_owned()), None).await.unwrap();
    let files = NetbootFiles::from_iso(&image).unwrap();
    let (mac, token) = ("52:54:00:12:34:56".parse().unwrap(), Token::random());
    let settings = NetbootSettings { base: place.http(), ..NetbootSettings::default() };
    let publication = place.server.publish_netboot("node-1", mac, &files, &token, &settings).unwrap();
    assert!(place.server.offer("node-1", Offering::Anew));
    let wanted = [
        (publication.kernel_path, content(9_000_001)),
        (publication.initrd_paths[0].clone(), content(700_000)),
        (publication.initrd_paths[1].clone(), b"an archive".to_vec()),
        (publication.rootfs_path.unwrap(), content(3_000_000)),
    ];
    for name in ["vmlinuz", "initrd.img"] {
        let url = format!("tftp://{}/52-54-00-12-34-56/{name}", place.tftp);
        let out = place.run(curl, &["-sS", "--tftp-blksize", "1468", "-o", name, &url]).await;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert!(
        place.take("vmlinuz").unwrap() == wanted[0].1 && place.take("initrd.img").unwrap() == wanted[1].1
    );
    for (path, content) in wanted {
        assert!(place.server.is_offered("node-1"));
        let out = place.run(curl, &["-sS", "-f", "-o", "got", &format!("{}{path}", place.http())]).await;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert!(place.take("got").unwrap() == content, "{path}");
    }
    assert!(!place.server.is_offered("node-1"), "everything was read");
}
