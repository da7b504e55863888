//! Scripts, against a world that is a table of URLs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

const BASE: &str = "http://boot.example:8080/node1/boot.ipxe";

/// URLs with what is there; what was noted and slept.
#[derive(Default)]
struct World {
    files: BTreeMap<String, Bytes>,
    notes: Mutex<Vec<String>>,
    slept: Mutex<Duration>,
}

impl World {
    fn with(mut self, url: &str, content: &str) -> Self {
        self.files.insert(url.into(), Bytes::copy_from_slice(content.as_bytes()));
        self
    }
}

impl Surroundings for World {
    fn fetch<'a>(&'a self, url: &'a str) -> Fut<'a, Result<Bytes, String>> {
        let found = self.files.get(url).cloned().ok_or_else(|| "the server answered 404".to_owned());
        Box::pin(async move { found })
    }

    fn sleep(&self, time: Duration) -> Fut<'_, ()> {
        *self.slept.lock().unwrap() += time;
        Box::pin(async {})
    }

    fn note(&self, what: String) {
        self.notes.lock().unwrap().push(what);
    }

    fn alive(&self) -> bool {
        true
    }
}

fn settings() -> Settings {
    Settings::default()
        .with("mac", "02:0a:0b:0c:0d:01")
        .with("net0/mac", "02:0a:0b:0c:0d:01")
        .with("net1/mac", "02:0a:0b:0c:0d:02")
}

/// Polls what never waits: this world answers at once.
fn run(world: &World, script: &str) -> End {
    let mut boot = Box::pin(Ipxe::new(world, settings()).boot_script(BASE, script.as_bytes()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match boot.as_mut().poll(&mut context) {
        std::task::Poll::Ready(end) => end,
        std::task::Poll::Pending => panic!("the script waits for something"),
    }
}

use std::future::Future as _;

fn failed(script: &str) -> String {
    match run(&World::default(), script) {
        End::Failed(why) => why,
        other => panic!("{script}: {other:?}"),
    }
}

#[test]
fn a_kernel_with_its_initrd_is_started() {
    let world = World::default()
        .with("http://boot.example:8080/files/vmlinuz", "kernel")
        .with("http://boot.example:8080/node1/initrd.img", "initrd");
    let script = "#!ipxe\n# A comment\ndhcp\nset base http://boot.example:8080/files\n\
        kernel --name linux ${base}/vmlinuz ip=dhcp \\\n  rackhand.callback=http://x/${net0/mac:hexhyp} initrd=initrd\n\
        initrd --name=initrd initrd.img # the rest\nboot\n";
    let End::Kernel(kernel) = run(&world, script) else { panic!("no kernel") };
    assert_eq!((kernel.kernel.name.as_str(), &kernel.kernel.content[..]), ("linux", &b"kernel"[..]));
    assert_eq!(kernel.initrds[0].url, "http://boot.example:8080/node1/initrd.img");
    assert_eq!(kernel.argument("rackhand.callback"), Some("http://x/02-0a-0b-0c-0d-01"));
    assert_eq!(kernel.argument("ip"), Some("dhcp"));
    assert_eq!(kernel.argument("rackhand"), None);
}

#[test]
fn settings_are_expanded_from_within() {
    for (text, value) in [
        ("${mac}", "02:0a:0b:0c:0d:01"),
        ("${netX/mac:hexhyp}", "02-0a-0b-0c-0d-01"),
        ("${net1/mac:hexraw}.ipxe", "020a0b0c0d02.ipxe"),
        ("a${nothing}b", "ab"),
        ("${net${port}/mac}", "02:0a:0b:0c:0d:02"),
        ("}${", "}${"),
        ("${mac", "${mac"),
    ] {
        assert_eq!(settings().with("port", "1").expand(text).as_deref(), Ok(value), "{text}");
    }
}

#[test]
fn conditions_lead_to_labels() {
    let world = World::default();
    let script = |line: &str| format!("#!ipxe\n{line}\nexit 1\n:disk\nsanboot --no-describe --drive 0x80\n");
    for line in [
        "isset ${nothing} || goto disk",
        "isset ${mac} && goto disk",
        "iseq ${mac} 02:0a:0b:0c:0d:01 && goto disk || exit 3",
        "iseq a b || isset ${mac} && goto disk",
        "iseq a b ; goto disk",
        "chain http://nowhere.example/x || goto disk",
        "set a b\niseq ${a} b && goto disk",
        "set a b\nclear a\nisset ${a} || goto disk",
        "prompt --key 0x02 --timeout 2000 Press Ctrl-B || goto disk",
    ] {
        assert_eq!(run(&world, &script(line)), End::Disk, "{line}");
    }
    assert_eq!(*world.slept.lock().unwrap(), Duration::from_secs(2));
    assert_eq!(run(&world, &script("goto nowhere || exit 0")), End::Exit);
}

#[test]
fn an_end_hands_back_to_firmware() {
    let world = World::default();
    for script in ["#!ipxe\n", "#!ipxe\nexit\n", "#!ipxe\nexit 0\nfrobnicate\n", "#!ipxe"] {
        assert_eq!(run(&world, script), End::Exit, "{script}");
    }
    assert!(matches!(run(&world, "#!ipxe\nshell\n"), End::Waits(_)));
    assert!(matches!(run(&world, "#!ipxe\nprompt Press a key\n"), End::Waits(_)));
}

#[test]
fn what_fails_is_named_with_its_place() {
    for (script, why) in [
        ("#!ipxe\necho hello\nfrobnicate x || exit\n", " line 3: the command \"frobnicate\" is not known"),
        (
            "#!ipxe\nkernel vmlinuz\n",
            " line 2: kernel http://boot.example:8080/node1/vmlinuz: the server answered 404",
        ),
        ("#!ipxe\nkernel ftp://x/y\n", " line 2: ftp://x/y: iPXE fetches by http, https and tftp here"),
        ("#!ipxe\nboot\n", " line 2: boot: no kernel is loaded"),
        ("#!ipxe\nexit 3\n", "exit 3"),
        ("#!ipxe\nkernel --nome x y\n", " line 2: kernel: there is no option --nome"),
        ("#!ipxe\nsanboot iscsi:10.0.0.1::::iqn\n", " line 2: sanboot: there is no iscsi:10.0.0.1::::iqn"),
        ("#!ipxe\nimgargs vmlinuz a\n", " line 2: imgargs: no kernel of the name \"vmlinuz\" is loaded"),
        ("#!ipxe\n:a\ngoto a\n", " line 3: no end after 2000 commands"),
        ("echo\n", " is no iPXE script: it does not begin with #!ipxe"),
        (
            "#!ipxe\nset a xxxxxxxx\n:b\nset a ${a}${a}\ngoto b\n",
            " line 4: a text of more than 4096 characters",
        ),
    ] {
        let said = failed(script);
        assert!(said.ends_with(why), "{script}: {said}");
    }
}

#[test]
fn scripts_chain_and_come_back() {
    let here = "http://boot.example:8080/node1/";
    let world = World::default()
        .with(&format!("{here}inner.ipxe"), "#!ipxe\nset found yes\nexit 0\n")
        .with(&format!("{here}wrong.ipxe"), "#!ipxe\nexit 7\n")
        .with(&format!("{here}self.ipxe"), "#!ipxe\nchain self.ipxe\n")
        .with("http://boot.example:8080/other/vmlinuz", "kernel")
        .with("http://boot.example:8080/other/menu.ipxe", "#!ipxe\nkernel vmlinuz\nboot vmlinuz a b\n");
    let script = |line: &str| format!("#!ipxe\n{line}\nisset ${{found}} && sanboot\nexit 1\n");
    assert_eq!(run(&world, &script("chain --autofree inner.ipxe")), End::Disk);
    assert_eq!(run(&world, &script("chain --replace inner.ipxe")), End::Exit);
    assert_eq!(run(&world, &script("chain wrong.ipxe || set found yes")), End::Disk);
    assert!(matches!(run(&world, &script("chain wrong.ipxe")), End::Failed(_)));
    let End::Failed(why) = run(&world, &script("chain self.ipxe")) else {
        panic!("a kernel came of nothing")
    };
    assert!(why.ends_with("self.ipxe: more than 8 scripts within each other"), "{why}");
    let End::Kernel(kernel) = run(&world, &script("chain ../other/menu.ipxe")) else { panic!("no kernel") };
    assert_eq!(kernel.arguments, ["a", "b"]);
    assert_eq!(kernel.kernel.url, "http://boot.example:8080/other/vmlinuz");
}

#[test]
fn a_script_knows_where_it_is_from() {
    let world = World::default()
        .with("http://boot.example:8080/other/inner.ipxe", "#!ipxe\nset inner ${cwduri}\n")
        .with("http://boot.example:8080/node1/vmlinuz", "kernel");
    let script = "#!ipxe\nchain ../other/inner.ipxe\nkernel vmlinuz ${inner} ${cwduri} ${cwuri}\nboot\n";
    let End::Kernel(kernel) = run(&world, script) else { panic!("no kernel") };
    let (other, own) = ("http://boot.example:8080/other/", "http://boot.example:8080/node1/");
    assert_eq!(kernel.arguments, [other, own, BASE]);
}

#[test]
fn arguments_are_replaced_and_images_freed() {
    let world = World::default().with("http://boot.example:8080/node1/vmlinuz", "kernel");
    let End::Kernel(kernel) = run(&world, "#!ipxe\nkernel vmlinuz a\nimgargs vmlinuz b c\nboot\n") else {
        panic!("no kernel")
    };
    assert_eq!(kernel.arguments, ["b", "c"]);
    assert!(matches!(run(&world, "#!ipxe\nkernel vmlinuz a\nimgfree\nboot\n"), End::Failed(_)));
    let notes = world.notes.lock().unwrap().clone();
    assert_eq!(notes[0], "kernel http://boot.example:8080/node1/vmlinuz: 6 bytes");
    assert_eq!(notes[1], "boot vmlinuz b c");
}

/// Words of which scripts are made.
const WORDS: &[&str] = &[
    "kernel",
    "initrd",
    "chain",
    "boot",
    "goto",
    ":a",
    "a",
    "||",
    "&&",
    ";",
    "#",
    "\\\n",
    "\n",
    "--name",
    "--name=x",
    "--replace",
    "${mac}",
    "${",
    "}",
    "set",
    "isset",
    "iseq",
    "exit",
    "0",
    "sanboot",
    "imgargs",
    "vmlinuz",
    "prompt",
    "--timeout",
    "imgfree",
    "self.ipxe",
];

proptest! {
    #[test]
    fn any_text_comes_to_an_end(text in ".{0,400}") {
        run(&World::default(), &format!("#!ipxe\n{text}"));
        run(&World::default(), &text);
    }

    #[test]
    fn any_commands_come_to_an_end(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)
    ) {
        let world = World::default()
            .with("http://boot.example:8080/node1/vmlinuz", "kernel")
            .with("http://boot.example:8080/node1/self.ipxe", &format!("#!ipxe\n{}", words.join(" ")));
        run(&world, &format!("#!ipxe\n{}", words.join(" ")));
    }
}
