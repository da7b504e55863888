//! A host boots over the network: by PXE and iPXE, and by HTTP; in virtual time from memory.
use std::time::Duration;

use http::Method;
use rackhand_simulator::Simulator;
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::log::Entry;
use rackhand_simulator::machine::{Guest, NetworkBoot};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::plain::{Bmc, ISO, RESET, SYSTEM, builder, medium};

const TFTP: &str = "boot.example:69";
const LOADER: &str = "tftp://boot.example:69/ipxe.efi";
const SCRIPT: &str = "http://boot.example/node1/boot.ipxe";
const CALLBACK: &str = "http://agent.example/t0ken/callback";
const ROOTFS: &str = "http://boot.example/files/rootfs.img";

fn offer() -> NetworkBoot {
    NetworkBoot::new(TFTP, "ipxe.efi").script(SCRIPT)
}

/// Kernel, initial file system, root file system, and a script that starts them.
fn serve(net: &MemoryFetch) {
    net.put(LOADER, "MZ and the rest of iPXE");
    net.put("http://boot.example/files/vmlinuz", "the kernel");
    net.put("http://boot.example/files/initrd.img", "the initrd");
    net.put(ROOTFS, "the root file system");
    let script = format!(
        "#!ipxe\nkernel ../files/vmlinuz coreos.live.rootfs_url={ROOTFS} rackhand.callback={CALLBACK}\n\
         initrd ../files/initrd.img\nboot\n"
    );
    net.put(SCRIPT, script);
}

struct Site {
    simulator: Simulator,
    net: MemoryFetch,
    bmc: Bmc,
}

impl Site {
    fn new(offer: Option<NetworkBoot>) -> Self {
        let net = MemoryFetch::new();
        serve(&net);
        let mut builder = builder(&net);
        if let Some(offer) = offer {
            builder = builder.network_boot(offer);
        }
        let simulator = builder.build().unwrap();
        let bmc = Bmc::inside(&simulator);
        Self { simulator, net, bmc }
    }

    fn with_script(script: &str) -> Self {
        let site = Self::new(Some(offer()));
        site.net.put(SCRIPT, script.to_owned());
        site
    }

    async fn boot(&self, boot: serde_json::Value) {
        let answer = self.bmc.patch(SYSTEM, json!({"Boot": boot})).await.unwrap();
        assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(self.bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap().status, 204);
    }

    async fn boot_once(&self, target: &str) {
        self.boot(json!({"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"})).await;
    }

    async fn boot_url(&self, url: &str) {
        let mut boot = json!({"BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once"});
        boot["HttpBootUri"] = url.into();
        self.boot(boot).await;
    }

    /// Waits until the guest is what `wanted` says.
    async fn guest(&self, wanted: &str) -> String {
        let entry = self.simulator.log().wait_for(
            |entry| matches!(entry, Entry::State(one) if one.what == "guest" && one.to.starts_with(wanted)),
        );
        match entry.await {
            Entry::State(state) => state.to,
            Entry::Request(_) => unreachable!("only states were asked for"),
        }
    }

    async fn installed(&self) -> String {
        self.simulator.log().wait_state("node1", "callback", "Done").await;
        self.guest("installed os running: ").await
    }

    fn told(&self, what: &str) -> Vec<String> {
        self.simulator.log().changes("node1", what).into_iter().map(|(_, to)| to).collect()
    }

    fn boots(&self) -> Vec<String> {
        self.told("boot-source").iter().map(|to| to.split('#').next().unwrap_or("").to_owned()).collect()
    }

    /// What the log says of a boot that came to nothing.
    async fn fails(&self) -> String {
        self.guest("no bootable device").await;
        self.told("pxe").pop().unwrap()
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_host_installs_by_pxe_and_reports_like_one_with_a_cd() {
    let site = Site::new(Some(offer()));
    site.boot_once("Pxe").await;
    let all = digest(b"the kernelthe initrdthe root file system");
    assert_eq!(site.installed().await, format!("installed os running: {all}"));
    let posts = site.net.posts();
    let stages: Vec<_> = posts.iter().map(|(_, body)| body["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["Writing image to disk", "Rebooting", "Done"]);
    assert!(posts.iter().all(|(url, _)| url == CALLBACK));
    assert_eq!(site.boots(), ["Pxe", "Hdd"]);
    assert_eq!(site.told("pxe"), ["DHCP offers ipxe.efi from boot.example:69"]);
    assert_eq!(site.told("tftp"), ["ipxe.efi: 23 bytes"]);
    let steps = site.told("ipxe");
    assert_eq!(steps[1], "kernel http://boot.example/files/vmlinuz: 10 bytes");
    assert_eq!(steps[2], "initrd http://boot.example/files/initrd.img: 10 bytes");
    assert!(steps[3].starts_with("boot vmlinuz coreos.live.rootfs_url="), "{}", steps[3]);
    assert_eq!(steps[4], format!("coreos.live.rootfs_url {ROOTFS}: 20 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_port_with_ipxe_in_its_rom_takes_a_script_from_tftp() {
    let site = Site::new(Some(NetworkBoot::new(TFTP, "node1/boot.ipxe")));
    site.net.put("tftp://boot.example:69/node1/vmlinuz", "kernel by TFTP");
    let config = "# For the installer.\ncallback=http://agent.example/other/callback\n\0\0";
    site.net.put("http://boot.example/initrd.img", config);
    let script = "#!ipxe\nisset ${filename} || shell\niseq ${next-server} boot.example || shell\n\
        kernel vmlinuz\ninitrd http://boot.example/initrd.img\nboot\n";
    site.net.put("tftp://boot.example:69/node1/boot.ipxe", script);
    site.boot_once("Pxe").await;
    site.installed().await;
    assert_eq!(site.net.posts()[0].0, "http://agent.example/other/callback");
    assert_eq!(site.told("tftp")[1], "tftp://boot.example:69/node1/vmlinuz: 14 bytes");
}

#[tokio::test(start_paused = true)]
async fn the_url_that_dhcp_tells_may_have_settings_in_it() {
    let told = "http://boot.example/by-mac/${mac:hexhyp}.ipxe";
    let site = Site::new(Some(NetworkBoot::new(TFTP, "ipxe.efi").script(told)));
    let mac = site.simulator.machine("node1").unwrap().with(|machine| machine.identity.macs[0].clone());
    let url = format!("http://boot.example/by-mac/{}.ipxe", mac.replace(':', "-"));
    site.net.put(&url, "#!ipxe\necho nothing for this one\nexit\n");
    site.boot_once("Pxe").await;
    site.guest("no bootable device").await;
    assert_eq!(site.told("ipxe")[..2], [format!("chain {url}: 38 bytes"), "exit 0".into()]);
}

#[tokio::test(start_paused = true)]
async fn without_dhcp_the_next_device_is_booted() {
    let site = Site::new(None);
    site.boot_once("Pxe").await;
    assert_eq!(site.fails().await, "no DHCP offer");
    assert_eq!(site.boots(), ["none"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_boot_is_told_and_firmware_goes_on() {
    for (script, why) in [
        ("#!ipxe\nfrobnicate\n", "line 2: the command \"frobnicate\" is not known"),
        ("#!ipxe\nkernel nothing\nboot\n", "the server answered 404"),
        ("#!ipxe\nexit 1\n", "exit 1"),
    ] {
        let site = Site::with_script(script);
        site.boot_once("Pxe").await;
        let told = site.fails().await;
        assert!(told.starts_with("does not boot: ") && told.ends_with(why), "{told}");
        // By the override, and once more as the last of the order.
        assert_eq!(site.boots(), ["Pxe", "Pxe", "none"]);
    }
    let site = Site::new(Some(offer()));
    site.net.remove(SCRIPT);
    site.boot_once("Pxe").await;
    assert!(site.fails().await.contains("the server answered 404"));
    let site = Site::new(Some(offer()));
    site.net.remove(LOADER);
    site.boot_once("Pxe").await;
    assert!(site.fails().await.ends_with(
        "ipxe.efi from boot.example:69 by TFTP: the TFTP server answered error 1: File not found"
    ));
    let site = Site::new(Some(NetworkBoot::new(TFTP, "ipxe.efi")));
    site.boot_once("Pxe").await;
    assert!(site.fails().await.ends_with("DHCP offers iPXE nothing to load"));
}

#[tokio::test(start_paused = true)]
async fn a_host_cut_off_from_the_servers_boots_nothing() {
    let site = Site::new(Some(offer()));
    for rule in rackhand_simulator::faults::preset("unreachable-iso", "node1").unwrap() {
        site.simulator.faults().add(rule);
    }
    site.boot_once("Pxe").await;
    let told = site.fails().await;
    assert!(
        told.ends_with("the server cannot be reached: no way to ipxe.efi at boot.example:69 by TFTP"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_installed_host_is_sent_to_its_disk() {
    for (end, sources) in [("exit", ["Pxe", "Hdd"]), ("sanboot --no-describe --drive 0x80", ["Pxe", "Hdd"])] {
        let site = Site::new(Some(offer()));
        site.boot_once("Pxe").await;
        site.installed().await;
        site.net.put(SCRIPT, format!("#!ipxe\n{end}\n"));
        let pxe = json!({"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"});
        site.bmc.patch(SYSTEM, json!({"Boot": pxe})).await.unwrap();
        assert_eq!(site.bmc.post(RESET, json!({"ResetType": "ForceRestart"})).await.unwrap().status, 204);
        site.simulator.clock().sleep(Duration::from_secs(200)).await;
        let running = site.simulator.machine("node1").unwrap().with(|machine| machine.guest().clone());
        assert!(matches!(running, Guest::Installed(_)), "{running:?}");
        assert_eq!(site.boots()[2..], sources);
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_holds_the_host_until_somebody_resets_it() {
    let site = Site::with_script("#!ipxe\nprompt Press a key\n");
    site.boot_once("Pxe").await;
    assert_eq!(site.guest("install failed").await, "install failed: iPXE waits for a key");
    assert_eq!(site.bmc.post(RESET, json!({"ResetType": "ForceOff"})).await.unwrap().status, 204);
    site.simulator.log().wait_state("node1", "power", "Off").await;
}

#[tokio::test(start_paused = true)]
async fn a_live_system_waits_for_its_root_file_system_and_gives_up() {
    let site = Site::new(Some(offer()));
    site.net.remove(ROOTFS);
    site.boot_once("Pxe").await;
    site.guest("loading from network").await;
    site.simulator.clock().sleep(Duration::from_secs(20)).await;
    site.net.put(ROOTFS, "late");
    site.installed().await;

    let site = Site::new(Some(offer()));
    site.net.remove(ROOTFS);
    site.boot_once("Pxe").await;
    let why = site.guest("install failed").await;
    assert!(why.contains(ROOTFS) && why.ends_with("the server answered 404"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_a_boot_over_the_network() {
    let site = Site::with_script("#!ipxe\n:again\nsleep 60\ngoto again\n");
    site.boot_once("Pxe").await;
    site.guest("loading from network").await;
    assert_eq!(site.bmc.post(RESET, json!({"ResetType": "ForceOff"})).await.unwrap().status, 204);
    site.simulator.clock().sleep(Duration::from_secs(3600)).await;
    assert_eq!(site.simulator.machine("node1").unwrap().with(|machine| machine.guest().clone()), Guest::None);
    assert_eq!(site.boots(), ["Pxe"]);
}

#[tokio::test(start_paused = true)]
async fn the_order_may_begin_with_the_network() {
    let site = Site::new(Some(offer()));
    let order = json!({"Boot": {"BootOrder": ["Boot0002", "Boot0000", "Boot0001"]}});
    assert_eq!(site.bmc.patch(SYSTEM, order).await.unwrap().status, 204);
    assert_eq!(site.bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap().status, 204);
    site.simulator.log().wait_state("node1", "callback", "Rebooting").await;
    // It boots the network again, as long as that is first.
    site.net.put(SCRIPT, "#!ipxe\nexit\n");
    site.installed().await;
    assert_eq!(site.boots(), ["Pxe", "Pxe", "Hdd"]);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_booted_by_http_from_memory() {
    let site = Site::new(None);
    site.boot_url(ISO).await;
    site.guest("installer: started").await;
    // All of it is in memory.
    site.net.remove(ISO);
    assert_eq!(site.installed().await, format!("installed os running: {}", digest(&medium())));
    assert_eq!(site.net.posts()[0].0, "http://images.example/t0ken/callback");
    assert_eq!(site.boots(), ["UefiHttp", "Hdd"]);
    let size = medium().len();
    assert_eq!(site.told("http-boot"), [format!("loads {ISO}"), format!("{ISO}: {size} bytes")]);
}

#[tokio::test(start_paused = true)]
async fn an_efi_program_booted_by_http_is_ipxe() {
    let program = "http://boot.example/ipxe.efi";
    let site = Site::new(Some(offer()));
    site.net.put(program, "MZ iPXE");
    site.boot_url(program).await;
    site.installed().await;
    assert_eq!(site.boots(), ["UefiHttp", "Hdd"]);
    assert!(site.told("tftp").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_http_boot_cannot_boot_is_told() {
    for (url, why) in [
        (
            "http://boot.example/page.html",
            "neither its Content-Type nor its name (.efi, .iso, .img) says what it is",
        ),
        (
            "http://boot.example/page.iso",
            "page.iso does not boot: no ISO 9660 descriptor (CD001) in sector 16",
        ),
        ("http://boot.example/page.efi", "is no EFI program: it does not begin with MZ"),
        ("http://boot.example/page.img", "is an image of a disk, with nothing on it that boots"),
        ("tftp://boot.example/ipxe.efi", "is not an http or https URL"),
        ("http://boot.example/nothing.iso", "the server answered 404"),
        ("ftp://boot.example/x.iso", "is not an http or https URL"),
        ("http://boot.example/ipxe.efi", "DHCP offers iPXE nothing to load"),
    ] {
        let site = Site::new(None);
        for ending in ["html", "iso", "efi", "img"] {
            site.net.put(&format!("http://boot.example/page.{ending}"), "<html>".repeat(20_000));
        }
        site.net.put("http://boot.example/ipxe.efi", "MZ iPXE");
        site.boot_url(url).await;
        site.guest("no bootable device").await;
        let told =
            site.told("http-boot").into_iter().find(|told| told.starts_with("does not boot: ")).unwrap();
        assert!(told.contains(why), "{told}");
    }
    let site = Site::new(None);
    site.boot_once("UefiHttp").await;
    site.guest("no bootable device").await;
    assert_eq!(site.told("http-boot"), ["there is no URL, and no DHCP offer of one"]);
}

#[tokio::test(start_paused = true)]
async fn dhcp_may_tell_what_is_booted_by_http() {
    let site = Site::new(Some(offer().http(ISO)));
    site.boot_once("UefiHttp").await;
    site.installed().await;
    assert_eq!(site.boots(), ["UefiHttp", "Hdd"]);
}

#[tokio::test(start_paused = true)]
async fn the_uri_is_shown_and_taken_away() {
    let site = Site::new(None);
    let shown = async || site.bmc.get(SYSTEM).await.unwrap().json()["Boot"]["HttpBootUri"].clone();
    assert_eq!(shown().await, json!(null));
    for uri in [json!(ISO), json!(null)] {
        assert_eq!(site.bmc.patch(SYSTEM, json!({"Boot": {"HttpBootUri": uri}})).await.unwrap().status, 204);
        assert_eq!(shown().await, uri);
    }
    let wrong = site.bmc.send(Method::PATCH, SYSTEM, &[], Some(json!({"Boot": {"HttpBootUri": 7}}))).await;
    assert_eq!(wrong.unwrap().status, 400);
}
