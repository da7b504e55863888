//! What boots over the network: for every personality which targets it takes, and where the URL is from.

use serde_json::{Value, json};

use super::bench::{Answer, Bench, ISO};
use super::cimc::Cimc;
use super::idrac::Idrac;
use super::ilo::Ilo;
use super::lenovo::Lenovo;
use super::openbmc::OpenBmc;
use super::supermicro::Supermicro;
use super::sushy::Sushy;
use super::{Personality, Quirks, all, cimc, idrac, ilo};
use crate::machine::{HttpBoot, NetworkBoot};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const DELL: &str = "/redfish/v1/Systems/System.Embedded.1";

fn once(target: &str) -> Value {
    json!({"Boot": {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}})
}

/// A boot once from `target`, for personalities that take it at the System; the answer.
async fn boot_once(bench: &Bench, target: &str) -> Answer {
    let system = bench.system().await;
    match bench.patch(&system, once(target)).await {
        answer if answer.status == 428 => bench.patch_fresh(&system, once(target)).await,
        answer => answer,
    }
}

/// What DHCP offers, with an image for firmware that boots by HTTP.
fn offers(bench: &Bench) {
    let offer = NetworkBoot::new("boot.example:69", "boot.ipxe").http(ISO);
    let script = "#!ipxe\nkernel vmlinuz rackhand.callback=http://agent.example/callback\nboot\n";
    bench.net.put("tftp://boot.example:69/boot.ipxe", script);
    bench.net.put("tftp://boot.example:69/vmlinuz", "kernel");
    bench.simulator.machine("node1").unwrap().with(|machine| machine.network = Some(offer));
}

/// Where the URL is from, by the personality's name.
const WAYS: [(&str, HttpBoot); 16] = [
    ("sushy", HttpBoot::None),
    ("idrac8", HttpBoot::None),
    ("idrac9-4", DELL_WAY),
    ("idrac9", DELL_WAY),
    ("idrac9-7", DELL_WAY),
    ("idrac10", DELL_WAY),
    ("cimc-m4", HttpBoot::None),
    ("cimc", HttpBoot::None),
    ("cimc-x", HttpBoot::None),
    ("ilo4", HttpBoot::None),
    ("ilo5", HPE_WAY),
    ("ilo6", HPE_WAY),
    ("ilo7", HPE_WAY),
    ("supermicro", HttpBoot::Dhcp),
    ("lenovo", HttpBoot::None),
    ("openbmc", HttpBoot::None),
];
const DELL_WAY: HttpBoot = HttpBoot::Attribute { uri: "HttpDev1Uri", off: ("HttpDev1EnDis", "Disabled") };
const HPE_WAY: HttpBoot = HttpBoot::Attribute { uri: "UrlBootFile", off: ("HttpSupport", "Disabled") };

#[test]
fn every_personality_has_its_way_to_boot_by_http() {
    let found: Vec<_> = all()
        .into_iter()
        .map(|one| {
            let model = one.model(&Quirks::of(one.as_ref(), &[]));
            let takes = model.rules.boot_targets.contains(&"UefiHttp");
            assert!(model.rules.boot_targets.contains(&"Pxe"), "{}", one.name());
            // The emulator takes it, and boots something else.
            let boots = model.rules.http_boot != HttpBoot::None || one.name() == "sushy";
            assert_eq!(takes, boots, "{}", one.name());
            if let HttpBoot::Attribute { uri, off: (switch, value) } = model.rules.http_boot {
                let registry = &model.hardware.registry;
                assert_eq!(registry.attribute(uri).unwrap().kind.name(), "String", "{}", one.name());
                let switch = format!("{:?}", registry.attribute(switch).unwrap().kind);
                assert!(switch.contains(&format!("\"{value}\"")), "{}: {switch}", one.name());
            }
            (one.name(), model.rules.http_boot)
        })
        .collect();
    assert_eq!(found, WAYS);
}

#[tokio::test(start_paused = true)]
async fn those_that_do_not_boot_by_http_refuse_it() {
    let benches = [
        Bench::new(Idrac(idrac::Generation::Eight), &[]),
        Bench::new(Ilo(ilo::Generation::Four), &[]),
        Bench::new(Cimc(cimc::Generation::M6), &[]),
        Bench::new(Lenovo, &[]),
        Bench::new(OpenBmc, &[]),
    ];
    for bench in benches {
        let answer = boot_once(&bench, "UefiHttp").await;
        assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.body);
        let taken = bench.simulator.machine("node1").unwrap().with(|machine| machine.boot.target.clone());
        assert_ne!(taken, "UefiHttp");
    }
}

#[tokio::test(start_paused = true)]
async fn the_uri_is_a_property_of_none_of_them() {
    for bench in [
        Bench::new(Idrac(idrac::Generation::Nine), &[]),
        Bench::new(Supermicro, &["enabled-in-every-boot-patch"]),
        Bench::new(OpenBmc, &[]),
        Bench::new(Ilo(ilo::Generation::Six), &[]),
    ] {
        let system = bench.system().await;
        assert!(bench.get(&system).await["Boot"].get("HttpBootUri").is_none());
        let answer = bench.patch(&system, json!({"Boot": {"HttpBootUri": ISO}})).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    // Where an iLO's difference is switched off, it is as the standard has it.
    let lenient = Bench::new(Ilo(ilo::Generation::Six), &["no-http-boot-uri"]);
    assert_eq!(lenient.patch(SYSTEM, json!({"Boot": {"HttpBootUri": ISO}})).await.status, 200);
    assert_eq!(lenient.get(SYSTEM).await["Boot"]["HttpBootUri"], ISO);
    assert_eq!(boot_once(&lenient, "UefiHttp").await.status, 200);
    lenient.reset("On").await;
    lenient.state("callback", "Done").await;
    assert_eq!(lenient.boots(), ["UefiHttp", "Hdd"]);
}

async fn boots_pxe(personality: impl Personality) {
    let bench = Bench::new(personality, &[]);
    offers(&bench);
    let answer = boot_once(&bench, "Pxe").await;
    assert!(answer.status < 300, "{}: {}", answer.status, answer.body);
    bench.reset("On").await;
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Pxe", "Hdd"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_any_vendor_boots_by_pxe_once() {
    boots_pxe(Idrac(idrac::Generation::Eight)).await;
    boots_pxe(Idrac(idrac::Generation::NineNew)).await;
    boots_pxe(Ilo(ilo::Generation::Four)).await;
    boots_pxe(Ilo(ilo::Generation::Seven)).await;
    boots_pxe(Cimc(cimc::Generation::M4)).await;
    boots_pxe(Supermicro).await;
    boots_pxe(Lenovo).await;
    boots_pxe(OpenBmc).await;
}

#[tokio::test(start_paused = true)]
async fn an_idrac_boots_what_a_bios_setting_names() {
    for generation in [idrac::Generation::NineOld, idrac::Generation::Nine, idrac::Generation::Ten] {
        let bench = Bench::new(Idrac(generation), &[]);
        let attributes = json!({"HttpDev1EnDis": "Enabled", "HttpDev1Uri": ISO});
        let body = json!({"Attributes": attributes, "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}});
        let answer = bench.patch(&format!("{DELL}/Bios/Settings"), body).await;
        assert!(answer.status < 300, "{}", answer.body);
        let at = if generation == idrac::Generation::Ten { format!("{DELL}/Settings") } else { DELL.into() };
        assert!(bench.patch(&at, once("UefiHttp")).await.status < 300);
        bench.reset("On").await;
        bench.state("callback", "Done").await;
        assert_eq!(bench.boots(), ["UefiHttp", "Hdd"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idrac_whose_device_is_off_boots_nothing_by_http() {
    let bench = Bench::with_old_os(Idrac(idrac::Generation::Nine), &[]);
    offers(&bench);
    let body = json!({"Attributes": {"HttpDev1Uri": ISO}});
    assert_eq!(bench.patch(&format!("{DELL}/Bios/Settings"), body).await.status, 400, "the device is off");
    assert_eq!(boot_once(&bench, "UefiHttp").await.status, 200);
    bench.reset("On").await;
    bench.state("http-boot", "the BIOS setting HttpDev1EnDis is Disabled").await;
    bench.state("guest", "old os running").await;
}

#[tokio::test(start_paused = true)]
async fn an_idrac_boots_by_http_from_its_own_first_device() {
    let bench = Bench::new(Idrac(idrac::Generation::Nine), &[]);
    offers(&bench);
    let settings = format!("{DELL}/Bios/Settings");
    let body = json!({"Attributes": {"HttpDev1EnDis": "Enabled"},
        "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}});
    assert_eq!(bench.patch(&settings, body).await.status, 202);
    let device = json!({"ServerBoot.1.BootOnce": "Enabled", "ServerBoot.1.FirstBootDevice": "UefiHttp"});
    let attributes = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellAttributes/iDRAC.Embedded.1";
    assert_eq!(bench.patch(attributes, json!({"Attributes": device})).await.status, 200);
    assert_eq!(bench.get(attributes).await["Attributes"]["ServerBoot.1.FirstBootDevice"], "UefiHttp");
    bench.reset("On").await;
    // Without a URL of its own it boots what DHCP tells.
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["UefiHttp", "Hdd"]);
}

#[tokio::test(start_paused = true)]
async fn an_ilo_boots_what_a_bios_setting_names() {
    for generation in [ilo::Generation::Five, ilo::Generation::Six, ilo::Generation::Seven] {
        let bench = Bench::new(Ilo(generation), &[]);
        let settings = format!("{SYSTEM}/bios/settings/");
        let patch =
            async |url: &str| bench.patch(&settings, json!({"Attributes": {"UrlBootFile": url}})).await;
        assert_eq!(patch(ISO).await.status, 200);
        assert_eq!(boot_once(&bench, "UefiHttp").await.status, 200);
        bench.reset("On").await;
        bench.state("callback", "Done").await;
        assert_eq!(bench.boots(), ["UefiHttp", "Hdd"]);
        // A URL has to end in .iso or .efi, which POST judges.
        assert_eq!(patch("http://images.example/boot").await.status, 200);
        bench.reset("ForceRestart").await;
        bench.state("bios", "rejected UrlBootFile=http://images.example/boot").await;
        assert_eq!(bench.get(&format!("{SYSTEM}/bios/")).await["Attributes"]["UrlBootFile"], ISO);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ilo_without_http_support_boots_nothing_by_http() {
    let bench = Bench::with_old_os(Ilo(ilo::Generation::Six), &[]);
    let attributes = json!({"UrlBootFile": ISO, "HttpSupport": "Disabled"});
    let settings = format!("{SYSTEM}/bios/settings/");
    assert_eq!(bench.patch(&settings, json!({"Attributes": attributes})).await.status, 200);
    assert_eq!(boot_once(&bench, "UefiHttp").await.status, 200);
    bench.reset("On").await;
    bench.state("http-boot", "the BIOS setting HttpSupport is Disabled").await;
    bench.state("guest", "old os running").await;
}

#[tokio::test(start_paused = true)]
async fn a_supermicro_boots_what_dhcp_tells() {
    let bench = Bench::new(Supermicro, &[]);
    assert_eq!(boot_once(&bench, "UefiHttp").await.status, 204);
    offers(&bench);
    bench.reset("On").await;
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["UefiHttp", "Hdd"]);
}

fn uefi_http(uri: Option<&str>) -> Value {
    let mut boot = json!({"BootSourceOverrideTarget": "UefiHttp"});
    if let Some(uri) = uri {
        boot["HttpBootUri"] = uri.into();
    }
    json!({"Boot": boot})
}

#[tokio::test(start_paused = true)]
async fn the_emulator_puts_the_image_into_its_cd() {
    let bench = Bench::new(Sushy, &[]);
    let system = bench.system().await;
    assert_eq!(bench.get(&system).await["Boot"]["HttpBootUri"], "None");
    assert_eq!(bench.patch(&system, uefi_http(Some(ISO))).await.status, 204);
    let boot = bench.get(&system).await["Boot"].clone();
    assert_eq!((&boot["BootSourceOverrideTarget"], &boot["HttpBootUri"]), (&json!("Cd"), &json!(ISO)));
    let slot = bench.get(&format!("{system}/VirtualMedia/Cd")).await;
    assert_eq!((&slot["Image"], &slot["Inserted"]), (&json!(ISO), &json!(true)));
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    let eject = format!("{system}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia");
    assert_eq!(bench.post(&eject, json!({})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
}

#[tokio::test(start_paused = true)]
async fn a_standard_service_boots_what_the_uri_names() {
    let bench = Bench::new(Sushy, &["http-boot-by-cd", "override-always-continuous"]);
    let system = bench.system().await;
    let mut wanted = uefi_http(Some(ISO));
    wanted["Boot"]["BootSourceOverrideEnabled"] = "Once".into();
    assert_eq!(bench.patch(&system, wanted).await.status, 204);
    let boot = bench.get(&system).await["Boot"].clone();
    assert_eq!((&boot["BootSourceOverrideTarget"], &boot["HttpBootUri"]), (&json!("UefiHttp"), &json!(ISO)));
    assert_eq!(bench.get(&format!("{system}/VirtualMedia/Cd")).await["Inserted"], false);
    bench.reset("On").await;
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["UefiHttp", "Hdd"]);
    let lasting = Bench::new(Sushy, &["http-boot-by-cd"]);
    assert_eq!(lasting.patch(&lasting.system().await, uefi_http(Some(ISO))).await.status, 204);
    lasting.reset("On").await;
    lasting.state("boot-source", "UefiHttp#2").await;
}

#[tokio::test(start_paused = true)]
async fn the_emulator_boots_by_pxe_without_a_uri() {
    let bench = Bench::new(Sushy, &[]);
    offers(&bench);
    let system = bench.system().await;
    let bad = bench.patch(&system, uefi_http(Some("http://images.example/nothing.iso"))).await;
    assert_eq!(bad.status, 400);
    assert_eq!(bench.get(&system).await["Boot"]["BootSourceOverrideTarget"], "Hdd");
    assert_eq!(bench.patch(&system, uefi_http(None)).await.status, 204);
    assert_eq!(bench.get(&system).await["Boot"]["BootSourceOverrideTarget"], "Pxe");
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    // The override lasts: it boots the network again.
    bench.state("boot-source", "Pxe#2").await;
    let legacy = json!({"Boot": {"BootSourceOverrideMode": "Legacy"}});
    assert_eq!(bench.patch(&system, legacy).await.status, 204);
    let boot = bench.get(&system).await["Boot"].clone();
    assert_eq!(boot["BootSourceOverrideTarget@Redfish.AllowableValues"], json!(["Pxe", "Cd", "Hdd"]));
    assert_eq!(boot["HttpBootUri"], Value::Null);
}
