use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rackhand_bmc::{AttributeKind, AttributeValue, Attributes, BiosRegistry, RegistryAttribute};
use rackhand_spec::{BiosSettings, BootMode};

use super::*;

const MINIMAL: &str = "\
apiVersion: rackhand.dev/v1alpha1
kind: FirmwareProfile
metadata: {name: lab}
spec:
  match: {vendor: Dell, models: ['PowerEdge R7*'], bios: '>=1.5 <3'}
  bios:
    attributes:
      TpmSecurity: On
      AcPwrRcvryUserDelay: 120
      AssetTag: \"120\"
      Flag: true
";

fn host(vendor: &str, model: &str, bios: &str) -> HostIdentity {
    HostIdentity { vendor: vendor.into(), model: Some(model.into()), bios_version: Some(bios.into()) }
}

fn parse(text: &str) -> Result<Profiles, LoadError> {
    Profiles::parse(Path::new("lab.yaml"), text)
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn values_keep_their_types() {
    let profiles = parse(MINIMAL).unwrap();
    let profile = profiles.iter().next().unwrap();
    let expected: Attributes = BTreeMap::from([
        ("TpmSecurity".into(), AttributeValue::String("On".into())),
        ("AcPwrRcvryUserDelay".into(), AttributeValue::Integer(120)),
        ("AssetTag".into(), AttributeValue::String("120".into())),
        ("Flag".into(), AttributeValue::Boolean(true)),
    ]);
    assert_eq!(profile.spec.bios.attributes, expected);
}

#[test]
fn mistakes_are_named_with_their_place() {
    insta::assert_snapshot!(refusal(&MINIMAL.replace("attributes:", "atributes:")), @"lab.yaml:7:5: unknown field `atributes`, expected one of attributes");
    insta::assert_snapshot!(refusal(&MINIMAL.replace("v1alpha1", "v1")), @"lab.yaml:1:13: unknown variant `rackhand.dev/v1`, expected one of rackhand.dev/v1alpha1");
    insta::assert_snapshot!(refusal(&MINIMAL.replace(">=1.5 <3", "1.5")), @"lab.yaml:5:58: `1.5` is not a range of versions: `1.5` starts with none of < <= = >= >; write conditions with blanks between, as in `>=1.5 <3`");
    insta::assert_snapshot!(refusal(&MINIMAL.replace("Flag: true", "Flag: [1]")), @"lab.yaml:11:13: a BIOS attribute's value is a text, a whole number, true or false");
    insta::assert_snapshot!(refusal(&MINIMAL.replace("Flag: true", "AssetTag: x")), @"lab.yaml:11:7: duplicate mapping key `AssetTag` is not allowed here");
    insta::assert_snapshot!(refusal("a: [1\n"), @"lab.yaml:1:1: unknown field `a`, expected one of apiVersion, kind, metadata, spec");
    insta::assert_snapshot!(refusal(""), @"lab.yaml: holds no profile");
    insta::assert_snapshot!(refusal(&format!("{MINIMAL}  bootMode: legacy\n  secureBoot: true\n")), @"lab.yaml:5:3: spec.bootMode legacy and spec.secureBoot true exclude each other");
    insta::assert_snapshot!(refusal(&format!(
        "{MINIMAL}  firmware: [{{component: bios, version: 2.1, url: 'https://h/f.exe', sha256: abc}}]\n"
    )), @"lab.yaml:12:78: `abc` is not a SHA-256 digest; write 64 hexadecimal digits (colons between the pairs are accepted)");
    insta::assert_snapshot!(refusal(&format!(
        "{MINIMAL}  storage: {{volumes: [{{name: os, raid: RAID1, drives: {{count: 1}}}}]}}\n"
    )), @"lab.yaml:5:3: spec.storage.volumes[0]: RAID1 takes at least 2 drives, not 1");
    insta::assert_snapshot!(refusal(&format!(
        "{MINIMAL}  storage: {{volumes: [{{name: os, raid: RAID1, drives: {{count: 2}}}}, {{name: os, raid: RAID0, drives: {{ids: [a]}}}}]}}\n"
    )), @"lab.yaml:5:3: spec.storage.volumes names `os` twice; a volume is found by its name");
}

#[test]
fn each_attribute_is_located() {
    let profiles = parse(MINIMAL).unwrap();
    let profile = profiles.iter().next().unwrap();
    assert_eq!(profile.place_of("AcPwrRcvryUserDelay"), "lab.yaml:9:28");
    assert_eq!(profile.place_of("Unheard"), "lab.yaml:3");
}

fn attribute(kind: AttributeKind, read_only: bool, default: Option<&str>) -> RegistryAttribute {
    RegistryAttribute { kind, read_only, display_name: None, default: default.map(AttributeValue::from) }
}

#[test]
fn a_captured_profile_is_read_again_and_holds_nothing_of_one_machine() {
    let choice = |read_only, default| attribute(AttributeKind::Enumeration(vec![]), read_only, default);
    let text = || attribute(AttributeKind::String { min_length: None, max_length: None }, false, None);
    let entries = [
        ("AcPwrRcvry", choice(false, Some("Last"))),
        ("Delay", attribute(AttributeKind::Integer { lower: None, upper: None }, false, Some("120"))),
        ("Sriov", choice(false, Some("Enabled"))),
        ("Locked", choice(true, None)),
        ("AssetTagProtection", choice(false, Some("Unlocked"))),
        ("Tpm2Operation", choice(false, Some("NoAction"))),
        ("OneTimeBootMode", choice(false, None)),
        ("SetupPassword", attribute(AttributeKind::Password, false, None)),
        ("AdminEmail", text()),
    ];
    let registry = BiosRegistry {
        id: "R".to_owned(),
        attributes: entries.map(|(name, entry)| (name.to_owned(), entry)).into(),
    };
    let mut attributes: Attributes = [
        ("AcPwrRcvry", "On"),
        ("Sriov", "Enabled"),
        ("Locked", "x"),
        ("AssetTagProtection", "Locked"),
        ("Tpm2Operation", "NoAction"),
        ("OneTimeBootMode", "Disabled"),
        ("SetupPassword", "hunter2"),
        ("AdminEmail", "night@example.com"),
        ("ServerAssetTag", "A-17"),
        ("NetworkAdapter_A088C2C36F6E__Slot15_Mode", "On"),
        ("PortMac", "a0:88:c2:c3:6f:6e"),
        ("Unlisted", "0120"),
    ]
    .map(|(name, value)| (name.to_owned(), AttributeValue::from(value)))
    .into();
    attributes.insert("Delay".to_owned(), AttributeValue::Integer(60));
    let host = host("Dell Inc.", "PowerEdge R750", "1.13.2");
    let seen = Seen {
        host: &host,
        attributes: &attributes,
        registry: Some(&registry),
        boot_mode: Some(BootMode::Uefi),
        storage: None,
    };
    let captured = seen.capture("lab", true);
    let yaml = captured.profile.to_yaml().unwrap();
    insta::assert_snapshot!(yaml);
    let left: Vec<String> =
        captured.left_out.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    insta::assert_snapshot!(left.join("\n"));
    let again = parse(&yaml).unwrap();
    let chosen = again.select("lab", &host).unwrap();
    assert_eq!(chosen.spec, captured.profile.spec);
    assert!(seen.capture("lab", false).profile.spec.bios.attributes.contains_key("Sriov"));
}

proptest! {
    #[test]
    fn whatever_is_captured_loads_again(value in ".{0,30}", name in "[A-Za-z][A-Za-z0-9_]{0,20}") {
        let attributes = Attributes::from([(name, AttributeValue::String(value))]);
        let host = host("Dell Inc.", "PowerEdge R750", "1.13.2");
        let seen = Seen { host: &host, attributes: &attributes, registry: None, boot_mode: None, storage: None };
        let captured = seen.capture("lab", false).profile;
        let again = parse(&captured.to_yaml().unwrap()).unwrap();
        prop_assert_eq!(&again.iter().next().unwrap().spec, &captured.spec);
    }
}

#[test]
fn secure_boot_belongs_to_the_boot_mode() {
    let mode = |lines: &str| {
        let profiles = parse(&format!("{MINIMAL}{lines}")).unwrap();
        profiles.iter().next().unwrap().spec.boot_mode()
    };
    assert_eq!(mode(""), None);
    assert_eq!(mode("  bootMode: UEFI\n"), Some(BootMode::Uefi));
    assert_eq!(mode("  secureBoot: true\n"), Some(BootMode::UefiSecureBoot));
    assert_eq!(mode("  bootMode: legacy\n  secureBoot: false\n"), Some(BootMode::Legacy));
}

#[test]
fn each_vendor_gets_its_own_profile() {
    let profiles = Profiles::builtin().unwrap();
    let chosen = |vendor, model, bios| {
        let profile = profiles.select("ran-low-latency", &host(vendor, model, bios)).unwrap();
        profile.description.clone().unwrap()
    };
    let chosen: Vec<String> = [
        ("Dell Inc.", "PowerEdge R750", "1.8.2"),
        ("Dell Inc.", "PowerEdge XR8620t", "2.6.3"),
        ("Dell Inc.", "PowerEdge R640", "2.19.1"),
        ("HPE", "ProLiant DL360 Gen10", "U32 v2.90 (07/20/2023)"),
        ("HPE", "ProLiant DL360 Gen10 Plus", "U46 v1.78 (07/07/2023)"),
        ("HPE", "ProLiant DL380a Gen11 -- SIMULATED", "U58 v2.44 (01/17/2025)"),
        ("HPE", "HPE ProLiant Compute DL360 Gen12 -- SIMULATED", "U68 v1.40 (05/22/2025)"),
        ("Cisco Systems Inc.", "UCSC-C220-M5SX", "C220M5.4.1.3d.0.0102211143"),
        ("Cisco Systems Inc", "UCSC-C240-M6N", "C240M6.4.2.2a.0.1211210414"),
    ]
    .into_iter()
    .map(|(vendor, model, bios)| format!("{model}: {}", chosen(vendor, model, bios)))
    .collect();
    insta::assert_snapshot!(chosen.join("\n"), @r"
    PowerEdge R750: Low-latency RAN node, Dell PowerEdge 14G to 16G (Intel)
    PowerEdge XR8620t: Low-latency RAN node, Dell PowerEdge 14G to 16G (Intel)
    PowerEdge R640: Low-latency RAN node, Dell PowerEdge 14G to 16G (Intel)
    ProLiant DL360 Gen10: Low-latency RAN node, HPE ProLiant Gen10 and Gen10 Plus (Intel)
    ProLiant DL360 Gen10 Plus: Low-latency RAN node, HPE ProLiant Gen10 and Gen10 Plus (Intel)
    ProLiant DL380a Gen11 -- SIMULATED: Low-latency RAN node, HPE ProLiant Gen11 (Intel)
    HPE ProLiant Compute DL360 Gen12 -- SIMULATED: Low-latency RAN node, HPE ProLiant Compute Gen12 (Intel)
    UCSC-C220-M5SX: Low-latency RAN node, Cisco UCS C220 and C240 M5 and M6 (Intel)
    UCSC-C240-M6N: Low-latency RAN node, Cisco UCS C220 and C240 M5 and M6 (Intel)
    ");
}

#[test]
fn a_refusal_says_what_was_near() {
    let profiles = Profiles::builtin().unwrap();
    let refusal = |name, host: &HostIdentity| profiles.select(name, host).unwrap_err().to_string();
    insta::assert_snapshot!(refusal("ran-low-latncy", &host("Dell Inc.", "PowerEdge R750", "1.8.2")), @"no profile is called `ran-low-latncy`; there are: factory-safe, gpu-node, ran-low-latency, storage, virtualisation");
    insta::assert_snapshot!(refusal("ran-low-latency", &host("HPE", "ProLiant DL385 Gen10 Plus v2", "A42 v2.60 (08/11/2022)")), @r"
    no profile `ran-low-latency` is for this machine (HPE ProLiant DL385 Gen10 Plus v2, BIOS A42 v2.60 (08/11/2022)):
      firmware-profiles/hpe/ran-low-latency.yaml:13: it is for models ProLiant DL1?0 Gen10*, ProLiant DL3?0 Gen10*, ProLiant e910* Gen10*
      firmware-profiles/hpe/ran-low-latency.yaml:62: it is for models ProLiant DL1?0 Gen11*, ProLiant DL3?0* Gen11*, ProLiant ML3?0 Gen11*
      firmware-profiles/hpe/ran-low-latency.yaml:102: it is for models *ProLiant*DL1?0 Gen12*, *ProLiant*DL3?0* Gen12*
    ");
    let lab = parse(MINIMAL).unwrap();
    let refusal = |bios: Option<&str>| {
        let host =
            HostIdentity { bios_version: bios.map(Into::into), ..host("Dell Inc.", "PowerEdge R750", "") };
        lab.select("lab", &host).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refusal(Some("3.0.0")), @r"
    no profile `lab` is for this machine (Dell Inc. PowerEdge R750, BIOS 3.0.0):
      lab.yaml:3: it is for BIOS >=1.5 <3
    ");
    insta::assert_snapshot!(refusal(Some("unknown")), @r"
    no profile `lab` is for this machine (Dell Inc. PowerEdge R750, BIOS unknown):
      lab.yaml:3: it is for BIOS >=1.5 <3, and `unknown` holds no version
    ");
    insta::assert_snapshot!(refusal(None), @r"
    no profile `lab` is for this machine (Dell Inc. PowerEdge R750, BIOS unknown):
      lab.yaml:3: the machine tells no BIOS version, it is for >=1.5 <3
    ");
}

#[test]
fn two_that_fit_are_no_answer_and_an_upper_layer_is() {
    let twice = parse(&format!("{MINIMAL}---\n{MINIMAL}")).unwrap();
    let dell = host("Dell Inc.", "PowerEdge R750", "1.8.2");
    insta::assert_snapshot!(twice.select("lab", &dell).unwrap_err(), @r"
    several profiles `lab` are for this machine (Dell Inc. PowerEdge R750, BIOS 1.8.2); narrow their `match`:
      lab.yaml:3
      lab.yaml:15
    ");
    let upper = Profiles::parse(Path::new("mine.yaml"), MINIMAL).unwrap();
    assert_eq!(upper.over(twice).select("lab", &dell).unwrap().source, "mine.yaml:3");
}

#[test]
fn the_nodes_own_file_wins_and_numbers_compare_as_numbers() {
    let profiles = parse(MINIMAL).unwrap();
    let settings = BiosSettings {
        source: "site.profile".into(),
        values: BTreeMap::from([
            ("TpmSecurity".into(), "Off".into()),
            ("AcPwrRcvryUserDelay".into(), "120".into()),
        ]),
    };
    let wanted = effective(profiles.iter().next(), Some(&settings));
    let current: Attributes = BTreeMap::from([
        ("TpmSecurity".into(), "On".into()),
        ("AcPwrRcvryUserDelay".into(), AttributeValue::Integer(120)),
        ("AssetTag".into(), "120".into()),
    ]);
    let rows: Vec<(String, Verdict)> =
        diff(&current, &wanted).into_iter().map(|row| (row.name, row.verdict)).collect();
    assert_eq!(
        rows,
        [
            ("AcPwrRcvryUserDelay".to_owned(), Verdict::Same),
            ("AssetTag".to_owned(), Verdict::Same),
            ("Flag".to_owned(), Verdict::Absent),
            ("TpmSecurity".to_owned(), Verdict::Differs),
        ]
    );
}

#[test]
fn versions_of_all_vendors_compare() {
    let holds = |range: &str, version: &str| range.parse::<VersionRange>().unwrap().contains(version);
    assert_eq!(holds(">=1.5 <3", "1.13.2"), Some(true));
    assert_eq!(holds(">=1.5 <3", "1.4.9"), Some(false));
    assert_eq!(holds(">= 1.5, < 3", "3.0"), Some(false));
    assert_eq!(holds("=2", "2.0.0"), Some(true));
    assert_eq!(holds(">=1.40", "U46 v1.78 (07/07/2023)"), Some(true));
    assert_eq!(holds(">=1.80", "U46 v1.78 (07/07/2023)"), Some(false));
    assert_eq!(holds(">=4.1.3 <4.2", "C220M5.4.1.3d.0.0102211143"), Some(true));
    assert_eq!(holds("<4.1.3", "C220M5.4.1.3d.0.0102211143"), Some(false));
    assert_eq!(holds(">=1", "unknown"), None);
    assert!("".parse::<VersionRange>().is_err());
    assert!(">=".parse::<VersionRange>().is_err());
}

#[test]
fn a_directory_is_read_with_every_problem_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("dell")).unwrap();
    std::fs::write(dir.path().join("dell/a.yaml"), MINIMAL).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "no profile").unwrap();
    assert_eq!(Profiles::load(dir.path()).unwrap().names(), ["lab"]);
    std::fs::write(dir.path().join("b.yaml"), "kind: x\n").unwrap();
    std::fs::write(dir.path().join("c.yml"), "x: [\n").unwrap();
    assert_eq!(Profiles::load(dir.path()).unwrap_err().problems.len(), 2);
    let missing = Profiles::load(&dir.path().join("missing")).unwrap_err().to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn the_readmes_example_is_a_profile() {
    let readme = include_str!("../../../firmware-profiles/README.md");
    let example: String =
        readme.lines().filter_map(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect();
    let example = example.replace("<64 digits>", &"0".repeat(64));
    let profiles = parse(&example).unwrap();
    let chosen = profiles.select("ran-low-latency", &host("Dell Inc.", "PowerEdge R750", "1.13.2")).unwrap();
    assert_eq!(chosen.spec.boot_mode(), Some(BootMode::UefiSecureBoot));
    assert_eq!((chosen.spec.storage.volumes.len(), chosen.spec.firmware.len()), (1, 1));
}

/// A file added to `firmware-profiles/` and forgotten in the table of built-in ones would be missing from the program.
#[test]
fn every_shipped_file_is_built_in() {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../firmware-profiles");
    let on_disk = Profiles::load(&checkout).unwrap();
    let specs = |profiles: &Profiles| profiles.iter().map(|profile| profile.spec.clone()).collect::<Vec<_>>();
    assert_eq!(specs(&on_disk), specs(&Profiles::builtin().unwrap()));
}

/// The vendors' own registries, recorded: every name and value of the profiles that ship must be in them.
#[test]
fn names_and_values_are_the_vendors() {
    let registries =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings/bios-registries");
    if !registries.is_dir() {
        println!("skipped: no recorded registries");
        return;
    }
    let builtin = Profiles::builtin().unwrap();
    let mut checked = std::collections::BTreeSet::new();
    for (vendor, model, file) in [
        ("Dell", "PowerEdge R750", "dell-poweredge-r750-idrac9-6.00__BiosAttributeRegistry.v1_0_3.json"),
        (
            "Dell",
            "PowerEdge R750",
            "dell-poweredge-r750-multidpu-idrac9-7.10__BiosAttributeRegistry.v1_0_3.json",
        ),
        (
            "HPE",
            "ProLiant DL360 Gen10 Plus",
            "hpe-proliant-dl360gen10plus-ilo5-3.11__BiosAttributeRegistryU46.v1_2_34.json",
        ),
        (
            "HPE",
            "ProLiant DL380a Gen11",
            "hpe-proliant-dl380agen11-ilo6-1.66__BiosAttributeRegistryU58.v1_2_44.json",
        ),
        (
            "HPE",
            "ProLiant Compute DL360 Gen12",
            "hpe-proliant-dl360gen12-ilo7-1.14__BiosAttributeRegistryU68.v1_1_40.json",
        ),
        (
            "Lenovo",
            "ThinkSystem SR670 V2",
            "lenovo-thinksystem-sr670v2-xcc-2.83__BiosAttributeRegistry.1.0.0.json",
        ),
        ("Supermicro", "SYS-821GE-TNHR", "supermicro-sys821ge-11.01__BiosAttributeRegistry.1_0_0.json"),
    ] {
        let text = std::fs::read_to_string(registries.join(file)).unwrap();
        let registry: serde_json::Value = serde_json::from_str(&text).unwrap();
        let names: std::collections::BTreeSet<_> = builtin.iter().map(|profile| &profile.name).collect();
        let chosen =
            names.into_iter().filter_map(|name| builtin.select(name, &host(vendor, model, "1.0")).ok());
        for profile in chosen {
            verify(profile, &registry, file);
            checked.insert(profile.source.clone());
        }
    }
    let unchecked: Vec<&str> = builtin
        .iter()
        .map(|profile| profile.source.as_str())
        .filter(|source| !checked.contains(*source) && !source.contains("/cisco/"))
        .collect();
    // No CIMC was recorded; its names are those of a public capture (the profiles say which).
    assert!(unchecked.is_empty(), "no registry was looked at for {unchecked:?}");
}

/// Every name of the profile is an attribute, and every value one of its own, by the name or by the words that the BMC
/// shows instead (Supermicro).
fn verify(profile: &Profile, registry: &serde_json::Value, file: &str) {
    assert!(!profile.spec.bios.attributes.is_empty(), "{}", profile.source);
    for (name, value) in &profile.spec.bios.attributes {
        let entry = registry["RegistryEntries"]["Attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["AttributeName"] == name.as_str())
            .unwrap_or_else(|| panic!("{}: {file} has no attribute {name}", profile.source));
        let allowed: Vec<&str> = entry["Value"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|v| [v["ValueName"].as_str(), v["ValueDisplayName"].as_str()])
            .flatten()
            .collect();
        assert!(
            allowed.contains(&value.to_string().as_str()),
            "{}: {file}: {name} is one of {allowed:?}, not {value}",
            profile.source
        );
    }
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in ".{0,200}") {
        let _ = parse(&text);
        let _ = text.parse::<VersionRange>();
        let _ = ">=1.2b".parse::<VersionRange>().unwrap().contains(&text);
    }

    #[test]
    fn versions_order_like_numbers(a in 0u64..50, b in 0u64..50, c in 0u64..50, d in 0u64..50) {
        let range: VersionRange = format!("<{a}.{b}").parse().unwrap();
        prop_assert_eq!(range.contains(&format!("X1 v{c}.{d} (01/02/2024)")), Some((c, d) < (a, b)));
    }
}
