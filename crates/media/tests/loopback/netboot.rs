//! From an ISO to what a machine boots over the network, and what it is told when.

use std::{net::IpAddr, time::Duration};

use proptest::{prelude::*, test_runner::TestRunner};
use rackhand_media::{
    EventKind, Image, MediaEvent, NetbootError, NetbootFiles, NetbootPublication, NetbootSettings, Offering,
    PublishError, Source, Token,
};
use rackhand_spec::MacAddress;
use reqwest::Method;

use crate::{
    disc::{Names, disc},
    support::{Origin, Rig, Store, TOKEN, content, token},
};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) const GRUB: &str = "set timeout=5\nmenuentry 'Live' {\n\
    \tlinux /images/pxeboot/vmlinuz rw coreos.liveiso=some-label ignition.firstboot ignition.platform.id=metal\n\
    ########################## ROOM FOR MORE\n\
    \tinitrd /images/pxeboot/initrd.img /images/ignition.img\n}\n";

/// A disc as CoreOS live discs are laid out.
pub(crate) fn live(names: Names) -> Vec<u8> {
    disc(
        names,
        &[
            ("/EFI/redhat/grub.cfg", GRUB.as_bytes()),
            ("/images/pxeboot/vmlinuz", &content(5000)),
            ("/images/pxeboot/initrd.img", &content(70_001)),
            ("/images/pxeboot/rootfs.img", &content(300_000)),
            ("/images/ignition.img", b"an archive"),
        ],
    )
}

#[tokio::test]
async fn a_live_disc_is_read_whatever_names_it_has() {
    let rig = Rig::new(10).await;
    for names in [Names::Plain, Names::RockRidge, Names::Continued, Names::Joliet] {
        let image = rig.store.image("live.iso", &live(names)).await;
        let files = NetbootFiles::from_iso(&image).unwrap();
        let sizes: Vec<u64> = files.initrds.iter().map(|part| part.size()).collect();
        assert_eq!((files.kernel.size(), sizes), (5000, vec![70_001, 10]), "{names:?}");
        assert_eq!(files.rootfs.as_ref().unwrap().size(), 300_000);
        assert_eq!(files.arguments, ["rw", "ignition.firstboot", "ignition.platform.id=metal"]);
        let publication =
            rig.server.publish_netboot("node-1", mac(), &files, &token(), &settings(&rig)).unwrap();
        assert_eq!(body(&rig, &publication.kernel_path).await, content(5000), "{names:?}");
        assert_eq!(body(&rig, &publication.initrd_paths[1]).await, b"an archive", "{names:?}");
    }
}

#[tokio::test]
async fn a_disc_with_isolinux_alone_and_paths_beside_its_menu() {
    let store = Store::new();
    let menu = "default linux\nlabel linux\n  kernel vmlinuz\n  append initrd=initrd.img,/more.img quiet\n";
    let bytes = disc(
        Names::RockRidge,
        &[
            ("/isolinux/isolinux.cfg", menu.as_bytes()),
            ("/isolinux/vmlinuz", b"kernel"),
            ("/isolinux/initrd.img", b"initrd"),
            ("/more.img", b"more"),
            ("/EFI/BOOT/grub.cfg", b"menuentry 'Disk' {\n exit\n}\n"),
        ],
    );
    let files = NetbootFiles::from_iso(&store.image("other.iso", &bytes).await).unwrap();
    assert_eq!((files.kernel.size(), files.initrds.len(), files.rootfs.is_none()), (6, 2, true));
    assert_eq!(files.arguments, ["quiet"]);
}

#[tokio::test]
async fn what_cannot_be_booted_says_why() {
    let store = Store::new();
    let error = async |bytes: &[u8]| {
        let image = store.image("bad.iso", bytes).await;
        let text = NetbootFiles::from_iso(&image).unwrap_err().to_string();
        text.replace(&image.path.display().to_string(), "bad.iso")
    };
    assert_eq!(
        error(&[0; 40_000]).await,
        "bad.iso cannot be read as an ISO: it has no volume descriptor of an ISO 9660 file system"
    );
    let none = error(&disc(Names::RockRidge, &[("/readme", b"x"), ("/EFI/BOOT/grub.cfg", b"exit\n")])).await;
    assert!(
        none.starts_with("bad.iso has no boot menu that starts a kernel; looked at /EFI/redhat"),
        "{none}"
    );
    assert!(
        none.contains("/EFI/BOOT/grub.cfg (no kernel)") && none.contains("isolinux.cfg (not there)"),
        "{none}"
    );
    let menu = |text: &str| disc(Names::RockRidge, &[("/boot/grub/grub.cfg", text.as_bytes()), ("/k", b"k")]);
    assert_eq!(
        error(&menu("linux /k\ninitrd /i\n")).await,
        "bad.iso: its boot menu /boot/grub/grub.cfg names /i, which is not on it"
    );
    let needs = error(&menu("linux /k inst.stage2=hd:LABEL=x\n")).await;
    assert!(
        needs.contains("its kernel argument inst.stage2=hd:LABEL=x makes it look for the disc"),
        "{needs}"
    );
    assert!(error(&menu("linux /k coreos.liveiso=x\n")).await.contains("argument coreos.liveiso=x"));
    let many = format!("linux /k\ninitrd {}\n", "/k ".repeat(17));
    assert!(error(&menu(&many)).await.contains("names 17 initial file systems; at most 16"));
    // Cut off in the middle of its contents.
    let mut short = live(Names::RockRidge);
    short.truncate(40 * 2048);
    assert!(error(&short).await.contains("lies behind its end; it is cut off or damaged"));
}

#[test]
fn a_damaged_disc_is_read_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::new();
    let whole = [Names::Plain, Names::RockRidge, Names::Continued, Names::Joliet].map(|names| {
        disc(
            names,
            &[
                ("/EFI/redhat/grub.cfg", GRUB.as_bytes()),
                ("/images/pxeboot/vmlinuz", b"k"),
                ("/images/pxeboot/initrd.img", b"i"),
                ("/images/pxeboot/rootfs.img", b"r"),
                ("/images/ignition.img", b"a"),
            ],
        )
    });
    let byte = prop_oneof![Just(0_u8), Just(1), Just(0x80), Just(0xff), any::<u8>()];
    let damage = prop::collection::vec((32_768..whole[0].len(), byte), 1..12);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&(0..4_usize, damage, 0..4096_usize), |(which, damage, cut)| {
            let mut bytes = whole[which].clone();
            for (at, byte) in damage {
                bytes[at % whole[which].len()] = byte;
            }
            bytes.truncate(bytes.len() - cut);
            let image = runtime.block_on(store.image("damaged.iso", &bytes));
            if let Ok(files) = NetbootFiles::from_iso(&image) {
                let end = |part: &rackhand_media::Part| part.size() <= bytes.len() as u64;
                prop_assert!(files.initrds.iter().chain([&files.kernel]).all(end));
            }
            Ok(())
        })
        .unwrap();
}

pub(crate) fn mac() -> MacAddress {
    "52:54:00:12:34:56".parse().unwrap()
}

pub(crate) fn settings(rig: &Rig) -> NetbootSettings {
    NetbootSettings {
        base: format!("http://{}/", rig.address()),
        arguments: vec!["ip=192.0.2.5::192.0.2.1:24:n1:eno1:none".to_owned()],
        callback: true,
    }
}

/// A server that has a live disc published for `node-1`, not offered yet.
async fn published() -> (Rig, Image, NetbootPublication) {
    let rig = Rig::new(10).await;
    let image = rig.store.image("live.iso", &live(Names::RockRidge)).await;
    let files = NetbootFiles::from_iso(&image).unwrap();
    let publication = rig.server.publish_netboot("node-1", mac(), &files, &token(), &settings(&rig)).unwrap();
    (rig, image, publication)
}

async fn body(rig: &Rig, path: &str) -> Vec<u8> {
    let answer = rig.ask(Method::GET, &rig.at(path), &[]).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

async fn script(rig: &mut Rig) -> String {
    let url = rig.at("/ipxe/52-54-00-12-34-56");
    let asking = rig.client.get(url).send();
    let asking = async { asking.await.unwrap().error_for_status().unwrap().text().await.unwrap() };
    rig.heeded(asking).await
}

#[tokio::test]
async fn the_files_are_parts_of_the_disc_and_their_ranges_and_validators_are_right() {
    let (rig, ..) = published().await;
    let files = [
        ("vmlinuz", content(5000)),
        ("initrd.img", content(70_001)),
        ("initrd2.img", b"an archive".to_vec()),
        ("rootfs.img", content(300_000)),
    ];
    let mut etags = std::collections::BTreeSet::new();
    for (name, want) in &files {
        let path = format!("/{TOKEN}/{name}");
        assert!(body(&rig, &path).await == *want, "{name}");
        let answer = rig.ask(Method::GET, &rig.at(&path), &[("range", "bytes=3-8")]).await;
        assert_eq!(answer.status(), 206);
        assert_eq!(answer.headers()["content-range"], format!("bytes 3-8/{}", want.len()).as_str());
        etags.insert(answer.headers()["etag"].clone().to_str().unwrap().to_owned());
        assert_eq!(answer.bytes().await.unwrap(), want[3..9]);
        let behind = format!("bytes={}-", want.len());
        assert_eq!(rig.ask(Method::GET, &rig.at(&path), &[("range", &behind)]).await.status(), 416);
    }
    assert_eq!(etags.len(), files.len(), "each file has a validator of its own");
    assert_eq!(rig.ask(Method::GET, &rig.at(&format!("/{TOKEN}/initrd3.img")), &[]).await.status(), 404);
}

#[tokio::test]
async fn a_machine_installs_only_while_it_is_offered_and_only_once() {
    let (mut rig, _image, publication) = published().await;
    assert_eq!(publication.script_path, "/ipxe/52-54-00-12-34-56");
    assert_eq!(publication.size, 5000 + 70_001 + 10 + 300_000);
    let local = "#!ipxe\necho rackhand: node node-1 is not to be installed now; booting the local disk\n";
    assert!(script(&mut rig).await.starts_with(local));
    assert!(!rig.server.offer("node-2", Offering::Anew));

    assert!(rig.server.offer("node-1", Offering::Anew));
    let given = script(&mut rig).await;
    assert!(
        given.contains(&format!(
            "kernel http://{}/{TOKEN}/vmlinuz initrd=initrd.img initrd=initrd2.img rw ",
            rig.address()
        )),
        "{given}"
    );
    assert!(given.contains(&format!(
        " coreos.live.rootfs_url=http://{}/{TOKEN}/rootfs.img ip=192.0.2.5",
        rig.address()
    )));
    assert!(
        given.contains(&format!(
            " rackhand.callback=http://{}/{TOKEN}/callback || goto failed",
            rig.address()
        ))
    );
    assert!(!given.contains("coreos.liveiso"));
    script(&mut rig).await;

    for path in [&publication.kernel_path, &publication.initrd_paths[0], &publication.initrd_paths[1]] {
        body(&rig, path).await;
    }
    assert!(rig.server.is_offered("node-1"), "its root file system is still to come");
    let rootfs = publication.rootfs_path.clone().unwrap();
    body(&rig, &rootfs).await;
    assert!(!rig.server.is_offered("node-1"));
    assert!(script(&mut rig).await.starts_with(local));
    let served = rig.server.served("node-1").unwrap();
    assert_eq!((served.distinct_bytes, served.size), (publication.size, publication.size));
    // What runs already may fetch once more what it lost.
    body(&rig, &rootfs).await;

    let told = told(&mut rig);
    let scripts: Vec<bool> = told.iter().filter_map(installs).collect();
    assert_eq!(scripts, [false, true, false]);
    let completes = told.iter().filter(|kind| matches!(kind, EventKind::Complete { .. })).count();
    assert_eq!(completes, 1);

    // A process that is started anew does not bring back what was read to its end.
    assert!(rig.server.offer("node-1", Offering::Again));
    assert!(!rig.server.is_offered("node-1"));
    // Another installation, asked for by somebody, is counted from nothing.
    assert!(rig.server.offer("node-1", Offering::Anew));
    assert_eq!(rig.server.served("node-1").unwrap().distinct_bytes, 0);
    assert!(script(&mut rig).await.contains("kernel http"));
    assert!(rig.server.offer("node-1", Offering::Ended));
    assert!(script(&mut rig).await.starts_with(local));
}

/// What was told of node-1 until now.
fn told(rig: &mut Rig) -> Vec<EventKind> {
    let told = rig.told().into_iter();
    told.map(|MediaEvent { node, kind, .. }| {
        assert_eq!(node.as_deref(), Some("node-1"));
        kind
    })
    .collect()
}

/// Whether a script installs, if it is one.
fn installs(kind: &EventKind) -> Option<bool> {
    match kind {
        EventKind::ScriptGiven { installs, .. } => Some(*installs),
        _ => None,
    }
}

#[tokio::test]
async fn nobody_is_told_to_install_who_is_not_written_down() {
    let (mut rig, ..) = published().await;
    rig.server.offer("node-1", Offering::Anew);
    let asking = rig.client.get(rig.at("/ipxe/52-54-00-12-34-56")).send();
    let unheard = async {
        let event = rig.events.recv().await.unwrap();
        assert_eq!(installs(&event.kind), Some(true));
        drop(event);
    };
    let (answer, ()) = tokio::join!(asking, unheard);
    let told = answer.unwrap().text().await.unwrap();
    assert!(told.starts_with(
        "#!ipxe\necho rackhand: nobody could write down that node node-1 is installed; booting the local disk\n"
    ));
    // The next time somebody may hear it, and it is in vain when the offer ends meanwhile.
    assert!(script(&mut rig).await.contains("kernel http"));
    rig.server.offer("node-1", Offering::Anew);
    let asking = rig.client.get(rig.at("/ipxe/52-54-00-12-34-56")).send();
    let (server, events) = (&rig.server, &mut rig.events);
    let too_late = async {
        let EventKind::ScriptGiven { heard, .. } = events.recv().await.unwrap().kind else { panic!() };
        server.offer("node-1", Offering::Ended);
        heard.take().unwrap().send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(asking, too_late);
    assert!(answer.unwrap().text().await.unwrap().contains("is not to be installed now"));
}

#[tokio::test]
async fn an_image_for_firmware_is_served_only_while_it_is_offered() {
    let mut rig = Rig::new(700_001).await;
    let publication = rig.server.publish_http_boot("node-1", &rig.image, &token()).unwrap();
    let url = rig.at(&publication.path);
    assert_eq!(rig.ask(Method::HEAD, &url, &[]).await.status(), 404);
    assert!(rig.server.offer("node-1", Offering::Again), "a process that is started anew");
    assert_eq!(rig.ask(Method::HEAD, &url, &[]).await.status(), 200);
    // Publishing it again changes nothing of that.
    assert_eq!(rig.server.publish_http_boot("node-1", &rig.image, &token()).unwrap(), publication);
    assert_eq!(
        rig.ask(Method::GET, &url, &[("range", "bytes=0-99999")]).await.bytes().await.unwrap().len(),
        100_000
    );
    assert!(rig.server.is_offered("node-1"));
    assert_eq!(rig.get(&[]).await.bytes().await.unwrap(), rig.content);
    // Whether it was the machine itself that has it all now, or a service that mounts it, is for others to say.
    assert!(rig.server.is_offered("node-1"));
    rig.server.offer("node-1", Offering::Ended);
    for _ in 0..2 {
        assert_eq!(rig.get(&[]).await.status(), 404, "the next boot goes to its disk");
    }
    let refused =
        "it boots over HTTP, and is not to be installed now; it goes on with the rest of its boot order";
    let refused = EventKind::Refused { peer: PEER, reason: refused.to_owned() };
    assert_eq!(told(&mut rig).iter().filter(|kind| **kind == refused).count(), 1, "told once");

    assert!(rig.server.offer("node-1", Offering::Anew));
    assert_eq!(rig.server.served("node-1").unwrap().distinct_bytes, 0);
    assert_eq!(rig.get(&[]).await.status(), 200);
    assert!(rig.server.offer("node-1", Offering::Ended));
    assert_eq!(rig.get(&[]).await.status(), 404);
}

#[tokio::test]
async fn an_image_for_a_bmc_is_counted_anew_and_served_all_the_time() {
    let mut rig = Rig::new(70_001).await;
    for _ in 0..2 {
        assert_eq!(rig.get(&[]).await.bytes().await.unwrap(), rig.content);
        let completes = |kind: &EventKind| matches!(kind, EventKind::Complete { .. });
        assert_eq!(
            told(&mut rig).iter().filter(|kind| completes(kind)).count(),
            1,
            "told for each installation"
        );
        assert!(rig.server.offer("node-1", Offering::Anew));
        assert_eq!(rig.server.served("node-1").unwrap().bytes_sent, 0);
    }
    rig.server.offer("node-1", Offering::Ended);
    assert_eq!(rig.get(&[]).await.status(), 200);
}

#[tokio::test]
async fn a_renamed_machine_boots_by_its_new_name_unless_the_old_one_is_being_installed() {
    let (mut rig, image, _) = published().await;
    let files = NetbootFiles::from_iso(&image).unwrap();
    let other: Token = "another-token-of-26-letters".parse().unwrap();
    let renamed = settings(&rig);
    rig.server.offer("node-1", Offering::Anew);
    let refused = rig.server.publish_netboot("node-2", mac(), &files, &other, &renamed).unwrap_err();
    assert!(matches!(refused, PublishError::MacInUse { .. }));
    rig.server.offer("node-1", Offering::Ended);
    rig.server.publish_netboot("node-2", mac(), &files, &other, &renamed).unwrap();
    rig.server.offer("node-1", Offering::Anew);
    assert!(script(&mut rig).await.contains("node node-2 is not to be installed now"));
    rig.server.offer("node-2", Offering::Anew);
    assert!(script(&mut rig).await.contains("installing node-2"));
    // What runs under the old name still reads and calls back.
    assert_eq!(body(&rig, &format!("/{TOKEN}/vmlinuz")).await, content(5000));
}

#[tokio::test]
async fn machines_that_nobody_knows_boot_their_disk() {
    let (mut rig, ..) = published().await;
    rig.server.offer("node-1", Offering::Anew);
    let common = String::from_utf8(body(&rig, NetbootPublication::COMMON_SCRIPT).await).unwrap();
    assert!(common.starts_with("#!ipxe\nchain --replace --autofree ipxe/${mac:hexhyp} ||\n"), "{common}");
    for _ in 0..2 {
        let other = String::from_utf8(body(&rig, "/ipxe/52-54-00-12-34-57").await).unwrap();
        assert!(
            other.starts_with(
                "#!ipxe\necho rackhand: no node has 52:54:00:12:34:57; booting the local disk\n"
            )
        );
        assert!(other.contains("exit 1") && other.contains("sanboot --no-describe --drive 0x80"));
    }
    let MediaEvent { node, kind, .. } = rig.events.try_recv().unwrap();
    let stranger: MacAddress = "52:54:00:12:34:57".parse().unwrap();
    let EventKind::ScriptGiven { peer, mac, installs, .. } = kind else { panic!("{kind:?}") };
    assert_eq!((node, peer, mac, installs), (None, PEER, stranger, false));
    assert!(rig.events.try_recv().is_err(), "told once");

    for path in ["/ipxe/", "/ipxe/x", "/ipxe/52-54-00-12-34-56/vmlinuz", "/ipxe/../boot.ipxe", "/boot.ipxe/"]
    {
        let url = rig.at(path);
        // A client that resolves the dots asks for the common script, which everybody may have.
        let dots = path.contains("..");
        assert_eq!(rig.ask(Method::GET, &url, &[]).await.status(), if dots { 200 } else { 404 }, "{path}");
    }
    let url = rig.at("/ipxe/52-54-00-12-34-56");
    assert_eq!(rig.ask(Method::POST, &url, &[]).await.status(), 405);
    let head = rig.ask(Method::HEAD, &url, &[]).await;
    let get = script(&mut rig).await;
    assert_eq!(head.headers()["content-length"], get.len().to_string().as_str());
    assert_eq!(head.headers()["cache-control"], "no-store");

    assert!(rig.server.withdraw("node-1"));
    assert!(script(&mut rig).await.contains("no node has 52:54:00:12:34:56"));
    assert!(!rig.server.offer("node-1", Offering::Anew));
}

#[tokio::test]
async fn publishing_again_keeps_the_offer_and_what_is_wrong_is_refused() {
    let (rig, image, publication) = published().await;
    let files = NetbootFiles::from_iso(&image).unwrap();
    let other: Token = "another-token-of-26-letters".parse().unwrap();
    let publish = |node: &str, token: &Token, settings: &NetbootSettings| {
        rig.server.publish_netboot(node, mac(), &files, token, settings)
    };
    let settings = settings(&rig);
    rig.server.offer("node-1", Offering::Anew);
    body(&rig, &publication.kernel_path).await;
    assert_eq!(publish("node-1", &token(), &settings).unwrap(), publication);
    assert!(rig.server.is_offered("node-1"));
    assert_eq!(rig.server.served("node-1").unwrap().distinct_bytes, 5000);

    let text = publish("node-2", &other, &settings).unwrap_err().to_string();
    assert_eq!(
        text,
        "52:54:00:12:34:56, given for node node-2, is also the address of node node-1, which is being installed; each node boots by one of its own"
    );
    let error = publish("node-2", &token(), &settings).unwrap_err();
    assert!(matches!(error, PublishError::TokenInUse { .. }));
    let with = |argument: &str| NetbootSettings { arguments: vec![argument.to_owned()], ..settings.clone() };
    assert_eq!(
        publish("node-1", &token(), &with("x=${net0/ip}")).unwrap_err().to_string(),
        "kernel argument \"x=${net0/ip}\" of node node-1: it holds \"${\", which iPXE would replace"
    );
    let long = publish("node-1", &token(), &with(&"x".repeat(3000))).unwrap_err().to_string();
    assert!(long.contains("kernels read 2047"), "{long}");
    let bad = NetbootSettings { base: "tftp://h".to_owned(), ..settings.clone() };
    assert!(matches!(publish("node-1", &token(), &bad).unwrap_err(), PublishError::Base(_)));
    // Nothing of what was refused has changed anything.
    assert!(rig.server.is_offered("node-1"));

    let changed = publish("node-1", &token(), &with("console=ttyS0")).unwrap();
    assert!(changed.arguments.contains(&"console=ttyS0".to_owned()));
    assert!(!rig.server.is_offered("node-1"), "something else begins not offered");
}

#[tokio::test]
async fn what_an_ipxe_script_names_is_fetched_once_and_served() {
    let rig = Rig::new(10).await;
    let origin = Origin::new(|head| {
        let path = head.split(' ').nth(1).unwrap();
        let body: &[u8] = match path.split('?').next().unwrap() {
            "/files" => {
                b"#!ipxe\ninitrd --name initrd /pxe-initrd?image_token=secret\n\
                  kernel boot/kernel?arch=x86_64 initrd=initrd coreos.live.rootfs_url=boot/rootfs?v=1 a=b\nboot\n"
            }
            "/pxe-initrd" => b"an initrd",
            "/boot/kernel" => b"a kernel",
            "/boot/rootfs" => b"a root file system",
            _ => return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    })
    .await;
    let base = origin.url.split_once("/isos/").unwrap().0.to_owned();
    let source = |file: &str| -> Source { format!("{base}/{file}").parse().unwrap() };
    let script = source("files?file_name=ipxe-script&token=t#env@1");
    let files = NetbootFiles::from_script(&rig.store.store, &script).await.unwrap();
    assert_eq!(files.arguments, ["a=b"], "the root file system is served by us");
    let publication = rig.server.publish_netboot("node-1", mac(), &files, &token(), &settings(&rig)).unwrap();
    assert_eq!(body(&rig, &publication.kernel_path).await, b"a kernel");
    assert_eq!(body(&rig, &publication.initrd_paths[0]).await, b"an initrd");
    assert_eq!(body(&rig, &publication.rootfs_path.unwrap()).await, b"a root file system");
    let again = source("files?file_name=ipxe-script&token=other#env@1");
    let same = NetbootFiles::from_script(&rig.store.store, &again).await.unwrap();
    assert_eq!(same.sha256(), files.sha256());
    assert_eq!(origin.requests().len(), 4, "another token is the same script, and leads to the same files");

    let missing =
        NetbootFiles::from_script(&rig.store.store, &source("none?token=secret")).await.unwrap_err();
    let missing = missing.to_string();
    assert!(
        missing.contains("/none: ") && missing.contains("404") && !missing.contains("secret"),
        "{missing}"
    );
    let page = rig.store.image("page", b"<html>").await;
    let page = NetbootFiles::from_script(&rig.store.store, &Source::Path(page.path)).await.unwrap_err();
    assert!(page.to_string().ends_with("page: it does not begin with #!ipxe"), "{page}");
}

#[tokio::test]
async fn a_disc_that_is_changed_under_the_server_is_not_served() {
    let (mut rig, image, publication) = published().await;
    let mut bytes = live(Names::RockRidge);
    bytes.push(0);
    std::fs::write(&image.path, bytes).unwrap();
    assert_eq!(rig.ask(Method::GET, &rig.at(&publication.kernel_path), &[]).await.status(), 503);
    let event = tokio::time::timeout(Duration::from_secs(5), rig.events.recv()).await.unwrap().unwrap();
    assert!(matches!(event.kind, EventKind::Unreadable { .. }), "{event:?}");
    assert!(matches!(NetbootFiles::from_iso(&image), Ok(_) | Err(NetbootError::Iso { .. })));
}
