use super::{complaints, names, node, only, read_one, read_texts, said, site, testdata};
use crate::{BootMode, RaidLevel, Role};

#[test]
fn a_full_site_becomes_its_nodes() {
    let files = [
        ("site.yaml", testdata("site.yaml")),
        ("hw.profile", testdata("hw.profile")),
        ("node.profile", testdata("node.profile")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let loaded = read_texts(&files);
    insta::assert_json_snapshot!("site_nodes", loaded.nodes);
    insta::assert_snapshot!("site_said", said(&loaded));
}

#[test]
fn a_full_instance_becomes_its_nodes() {
    let loaded = read_one(&testdata("instance.yaml"));
    insta::assert_json_snapshot!("instance_nodes", loaded.nodes);
    insta::assert_snapshot!("instance_said", said(&loaded));
    assert_eq!(
        loaded.nodes[0].namespace, "hosts",
        "the Secret stands beside the BareMetalHost that hostRef names"
    );
    assert_eq!(loaded.nodes[0].request_id.as_deref(), Some("one"), "reinstall.generation");
}

#[test]
fn a_full_host_becomes_its_node() {
    let loaded = read_one(&testdata("host.yaml"));
    let spec = only(&loaded);
    insta::assert_json_snapshot!("host_node", spec);
    assert_eq!((spec.host_name.as_str(), spec.role), ("worker-0.example.com", Role::Worker));
    assert_eq!(spec.raid.as_ref().unwrap().hardware.as_ref().unwrap()[0].level, RaidLevel::Raid1);
}

#[test]
fn five_mistakes_are_five_findings_and_the_sound_node_stays() {
    let loaded = read_one(&testdata("mistakes.yaml"));
    insta::assert_snapshot!(complaints(&loaded), @r"
    f.yaml:15:23: error: spec.clusters[0].nodes[0].bmcAddress: scheme `ilo4-virtualmedia` is no longer in use; write `redfish-virtualmedia+http`
    f.yaml:18:27: error: spec.clusters[0].nodes[0].bootMACAddress: `0c:42:a1:55:aa:1` is not a MAC address; write six pairs of hexadecimal digits with colons: 0c:42:a1:55:aa:01
    f.yaml:20:11: error: spec.clusters[0].nodes[1].bmcAdress: unknown field `bmcAdress`
        help: did you mean `bmcAddress`?
    f.yaml:21:31: error: spec.clusters[0].nodes[1].bmcCredentialsName: a mapping with `name` is expected here
        help: write {name: two}
    f.yaml:23:21: error: spec.clusters[0].nodes[1].bootMode: `uefi` is not allowed here; it is one of UEFI, UEFISecureBoot, legacy
        help: did you mean `UEFI`?
    ");
    assert_eq!(names(&loaded), ["mistakes/three"]);
}

#[test]
fn an_error_above_stands_for_all_below() {
    let bad_cluster = site("apiVIP: 10.1\n", &[&node(1), &node(2)]);
    assert_eq!(names(&read_one(&bad_cluster)), [""; 0]);
    let bad_site = site("", &[&node(1)]).replace("spec:\n", "spec:\n  crTemplate: {}\n");
    let loaded = read_one(&bad_site);
    assert_eq!(names(&loaded), [""; 0]);
    insta::assert_snapshot!(complaints(&loaded), @r"
    f.yaml:5:3: error: spec.crTemplate: unknown field `crTemplate`
        help: did you mean `crTemplates`?
    ");
    let no_name = site("", &[&node(1)]).replace("metadata: {name: s}\n", "metadata: {}\n");
    insta::assert_snapshot!(complaints(&read_one(&no_name)), @"f.yaml:3:11: error: metadata.name: the field `name` is missing");
}

#[test]
fn the_nearest_level_wins_and_a_hidden_annotation_is_said() {
    let text = site(
        "crAnnotations: {add: {BareMetalHost: {rackhand.dev/iso: /cluster.iso}}}\n",
        &[
            &node(1),
            &format!("{}crAnnotations: {{add: {{BareMetalHost: {{rackhand.dev/iso: /node.iso}}}}}}\n", node(2)),
            &format!("{}crAnnotations: {{add: {{Agent: {{x: y}}}}}}\n", node(3)),
        ],
    )
    .replace("spec:\n", "spec:\n  crAnnotations: {add: {BareMetalHost: {rackhand.dev/profile: lab, rackhand.dev/iso: /site.iso}}}\n");
    let loaded = read_one(&text);
    let isos: Vec<_> =
        loaded.nodes.iter().map(|node| (node.iso.as_deref(), node.profile.as_deref())).collect();
    assert_eq!(isos, [(Some("/cluster.iso"), None), (Some("/node.iso"), None), (Some("/cluster.iso"), None)]);
    insta::assert_snapshot!(said(&loaded), @r"
    f.yaml:5:40: warning: spec.crAnnotations.add.BareMetalHost: it counts for no node: every node has a nearer one
    f.yaml:8:42: warning: spec.clusters[0].crAnnotations.add.BareMetalHost: these annotations replace those of spec.crAnnotations.add.BareMetalHost, so rackhand.dev/profile is not set here
        help: repeat it here
    f.yaml:23:36: note: not used by rackhand: Agent
    ");
}

#[test]
fn annotations_of_ours_are_checked() {
    let with = |annotation: &str| {
        let text = format!("{}crAnnotations: {{add: {{BareMetalHost: {{{annotation}}}}}}}\n", node(1));
        complaints(&read_one(&site("", &[&text])))
    };
    insta::assert_snapshot!(with("rackhand.dev/profil: x"), @r#"
    f.yaml:12:66: error: spec.clusters[0].nodes[0].crAnnotations.add.BareMetalHost["rackhand.dev/profil"]: unknown annotation `rackhand.dev/profil`
        help: did you mean `rackhand.dev/profile`?
    "#);
    insta::assert_snapshot!(with("rackhand.dev/zzzzzzzz: x"), @r#"
    f.yaml:12:68: error: spec.clusters[0].nodes[0].crAnnotations.add.BareMetalHost["rackhand.dev/zzzzzzzz"]: unknown annotation `rackhand.dev/zzzzzzzz`
        help: known are rackhand.dev/profile, rackhand.dev/iso, rackhand.dev/iso-sha256, rackhand.dev/ipxe-script, rackhand.dev/boot, rackhand.dev/follow, rackhand.dev/request-id, rackhand.dev/install, rackhand.dev/bmc-fingerprint, rackhand.dev/agent
    "#);
    insta::assert_snapshot!(with("rackhand.dev/follow: Callback"), @r#"
    f.yaml:12:66: error: spec.clusters[0].nodes[0].crAnnotations.add.BareMetalHost["rackhand.dev/follow"]: `Callback` is not allowed here; it is one of callback, none
        help: did you mean `callback`?
    "#);
    insta::assert_snapshot!(with("rackhand.dev/iso-sha256: abc"), @r#"f.yaml:12:70: error: spec.clusters[0].nodes[0].crAnnotations.add.BareMetalHost["rackhand.dev/iso-sha256"]: `abc` is not a SHA-256 digest; write 64 hexadecimal digits (colons between the pairs are accepted)"#);
    insta::assert_snapshot!(with("rackhand.dev/iso: ''"), @r#"f.yaml:12:63: error: spec.clusters[0].nodes[0].crAnnotations.add.BareMetalHost["rackhand.dev/iso"]: the text is empty"#);
    let misplaced =
        site("", &[&node(1)]).replace("{name: s}", "{name: s, annotations: {rackhand.dev/iso: /x}}");
    insta::assert_snapshot!(complaints(&read_one(&misplaced)), @r#"
    f.yaml:3:53: error: metadata.annotations["rackhand.dev/iso"]: rackhand's annotations have no effect here
        help: write it below spec.crAnnotations.add.BareMetalHost
    "#);
}

#[test]
fn upstreams_looseness_is_accepted_with_a_warning() {
    let text = site(
        "clusterLabels: {common: true, sites: null}\nserviceNetwork: [{cidr: 172.30.0.0/16}]\nmachineNetwork: [{cidr: 10.0.0.7/24}]\n",
        &[&format!("{}nodeLabels:\ninstallerArgs: ['--a', b]\ncrSuppression: [BareMetalHost]\n", node(1))],
    );
    let loaded = read_one(&text);
    assert_eq!(only(&loaded).cluster_labels["common"], "true");
    insta::assert_snapshot!(complaints(&loaded), @r#"
    f.yaml:7:29: warning: spec.clusters[0].clusterLabels.common: a text is expected here, not a boolean; taken as "true"
        help: write "true" in quotes
    f.yaml:8:22: warning: spec.clusters[0].serviceNetwork[0]: a SiteConfig writes a plain network here
        help: write `- 172.30.0.0/16` without `cidr:`
    f.yaml:9:29: warning: spec.clusters[0].machineNetwork[0].cidr: `10.0.0.7/24` has bits set beyond its prefix; taken as 10.0.0.0/24
        help: write 10.0.0.0/24
    f.yaml:11:7: warning: spec.clusters[0].nodes[0]: the hub is told not to render this node's BareMetalHost; rackhand provisions it all the same
    f.yaml:15:17: warning: spec.clusters[0].nodes[0].nodeLabels: nothing stands here; taken as not given
    "#);
}

#[test]
fn networks_must_agree() {
    let with = |cluster: &str| complaints(&read_one(&site(cluster, &[&node(1)])));
    insta::assert_snapshot!(with("machineNetwork: [{cidr: 10.0.0.0/24}]\napiVIP: 10.0.1.5\ningressVIPs: [10.0.0.6, 10.0.0.7]\n"), @r"
    f.yaml:8:13: error: spec.clusters[0].apiVIP: 10.0.1.5 is not inside the machine network (10.0.0.0/24)
    f.yaml:9:18: error: spec.clusters[0].ingressVIPs: ingressVIPs has two addresses of one family; the second is for the other family
    ");
    insta::assert_snapshot!(with("apiVIP: 10.0.0.5\napiVIPs: [10.0.0.6]\n"), @"f.yaml:7:13: error: spec.clusters[0].apiVIP: apiVIP is 10.0.0.5 and the first of apiVIPs is 10.0.0.6");
    insta::assert_snapshot!(with("clusterNetwork: [{cidr: fd01::/48, hostPrefix: 64}]\nserviceNetwork: [172.30.0.0/16]\n"), @r"
    f.yaml:8:21: error: spec.clusters[0].serviceNetwork: serviceNetwork is IPv4 and clusterNetwork is IPv6
        help: give each network the same address families
    ");
    insta::assert_snapshot!(with("clusterNetwork: [{cidr: 10.128.0.0, hostPrefix: 200}]\n"), @r"
    f.yaml:7:29: error: spec.clusters[0].clusterNetwork[0].cidr: `10.128.0.0` is not a network
        help: write ADDRESS/PREFIX, as in 10.16.231.0/24
    f.yaml:7:53: error: spec.clusters[0].clusterNetwork[0].hostPrefix: 200 is no prefix length; it is at most 128
    ");
    let nmstate = |address: &str| {
        let text = format!(
            "{}nodeNetwork: {{config: {{interfaces: [{{name: e, ipv4: {{address: [{address}]}}}}]}}}}\n",
            node(1)
        );
        complaints(&read_one(&site("", &[&text])))
    };
    insta::assert_snapshot!(nmstate("{ip: 10.0.0.300, prefix-length: 24}"), @"f.yaml:12:75: error: spec.clusters[0].nodes[0].nodeNetwork.config.interfaces[0].ipv4.address[0].ip: `10.0.0.300` is not an IP address");
    insta::assert_snapshot!(nmstate("{ip: 'fd00::1', prefix-length: 64}"), @r"
    f.yaml:12:75: error: spec.clusters[0].nodes[0].nodeNetwork.config.interfaces[0].ipv4.address[0].ip: fd00::1 stands below ipv4
    f.yaml:12:101: error: spec.clusters[0].nodes[0].nodeNetwork.config.interfaces[0].ipv4.address[0].prefix-length: 64 is no prefix length here; it is at most 32
    ");
    insta::assert_snapshot!(nmstate("{ip: 10.0.0.3, prefix-length: 33}"), @"f.yaml:12:100: error: spec.clusters[0].nodes[0].nodeNetwork.config.interfaces[0].ipv4.address[0].prefix-length: 33 is no prefix length here; it is at most 32");
    insta::assert_snapshot!(nmstate("10.0.0.3/24"), @"f.yaml:12:70: warning: spec.clusters[0].nodes[0].nodeNetwork.config.interfaces[0].ipv4.address[0]: nmstate expects a mapping with `ip` and `prefix-length` here");
}

#[test]
fn nodes_that_claim_the_same_are_all_refused() {
    let claim = |second: String| {
        let loaded = read_one(&site("", &[&node(1), &second, &node(3)]));
        assert_eq!(names(&loaded), ["c/n3"]);
        complaints(&loaded)
    };
    insta::assert_snapshot!(claim(node(2).replace("aa:02", "AA:01")), @"f.yaml:15:23: error: spec.clusters[0].nodes[1].bootMACAddress: MAC address 0c:42:a1:55:aa:01 is also that of c/n1, at f.yaml:11");
    insta::assert_snapshot!(claim(node(2).replace("10.0.0.2", "10.0.0.1")), @"f.yaml:13:19: error: spec.clusters[0].nodes[1].bmcAddress: BMC 10.0.0.1:443 is also that of c/n1, at f.yaml:9");
    insta::assert_snapshot!(claim(node(2).replace("10.0.0.2", "10.0.0.1/redfish/v1/Systems/2")), @"f.yaml:13:19: error: spec.clusters[0].nodes[1].bmcAddress: BMC 10.0.0.1:443 is claimed as a whole, without a system, at f.yaml:9");
    insta::assert_snapshot!(claim(node(2).replace("n2", "n1")), @"f.yaml:12:17: error: spec.clusters[0].nodes[1].hostName: node c/n1 is also that of c/n1, at f.yaml:8");
    let interface = "nodeNetwork: {interfaces: [{name: a, macAddress: '0c:42:a1:55:aa:02'}, {name: b, macAddress: '0c:42:a1:55:aa:01'}]}\n";
    insta::assert_snapshot!(claim(format!("{}{interface}", node(2))), @"f.yaml:16:100: error: spec.clusters[0].nodes[1].nodeNetwork.interfaces[1].macAddress: MAC address 0c:42:a1:55:aa:01 is also that of c/n1, at f.yaml:11");
    // One BMC with two systems, as sushy-emulator has, is no conflict.
    let systems =
        |n: u8| node(n).replace(&format!("10.0.0.{n}"), &format!("10.0.0.9/redfish/v1/Systems/{n}"));
    assert_eq!(read_one(&site("", &[&systems(1), &systems(2)])).nodes.len(), 2);
}

#[test]
fn a_host_name_in_two_clusters_is_a_warning() {
    let other = site("", &[&node(2).replace("hostName: n2", "hostName: n1")])
        .replace("clusterName: c", "clusterName: d");
    let loaded = read_texts(&[("a.yaml", &site("", &[&node(1)])), ("b.yaml", &other)]);
    insta::assert_snapshot!(complaints(&loaded), @"b.yaml:8:17: warning: spec.clusters[0].nodes[0].hostName: host name `n1` is also that of c/n1, at a.yaml:8");
    assert_eq!(loaded.nodes.len(), 2);
}

#[test]
fn a_boot_mac_should_be_an_interfaces() {
    let text =
        format!("{}nodeNetwork: {{interfaces: [{{name: a, macAddress: '0c:42:a1:55:aa:09'}}]}}\n", node(1));
    insta::assert_snapshot!(complaints(&read_one(&site("", &[&text]))), @"f.yaml:11:23: warning: spec.clusters[0].nodes[0].bootMACAddress: 0c:42:a1:55:aa:01 is none of the MAC addresses in nodeNetwork.interfaces");
}

#[test]
fn documents_that_are_not_read_are_named() {
    let with = |text: &str| {
        let loaded = read_one(text);
        let skipped: Vec<String> =
            loaded.skipped.iter().map(|one| format!("{} {:?}: {}", one.kind, one.name, one.reason)).collect();
        format!("{}\n{}", skipped.join("\n"), complaints(&loaded)).trim().to_owned()
    };
    insta::assert_snapshot!(with("kind: Namespace\napiVersion: v1\nmetadata: {name: x}\n"), @r#"Namespace Some("x"): rackhand does not read this kind"#);
    insta::assert_snapshot!(with("just: values\n"), @r"
    None: it has no apiVersion and kind, so it is no Kubernetes object
    f.yaml:1:1: warning: no Kubernetes object: apiVersion or kind is missing; left out
    ");
    insta::assert_snapshot!(with("just text"), @r"
    None: it has no apiVersion and kind, so it is no Kubernetes object
    f.yaml:1:1: warning: no Kubernetes object: apiVersion or kind is missing; left out
    ");
    insta::assert_snapshot!(with("apiVersion: ran.openshift.io/v3\nkind: SiteConfig\n"), @"f.yaml:1:13: error: apiVersion: rackhand does not read SiteConfig of `ran.openshift.io/v3`");
    insta::assert_snapshot!(with("apiVersion: ran.openshift.io/v1\nkind: SiteConfg\n"), @r"
    SiteConfg None: rackhand does not read this kind
    f.yaml:2:7: error: kind: there is no kind `SiteConfg` in ran.openshift.io
        help: did you mean `SiteConfig`?
    ");
    insta::assert_snapshot!(with("apiVersion: ran.openshift.com/v1\nkind: SiteConfig\n"), @r"
    SiteConfig None: rackhand does not read this kind
    f.yaml:1:13: error: apiVersion: a SiteConfig of group `ran.openshift.com` is not read
        help: the group of SiteConfig is ran.openshift.io
    ");
    insta::assert_snapshot!(with("apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata: {name: '{{ .Node.HostName }}'}\nspec: {}\n"), @r#"BareMetalHost Some("{{ .Node.HostName }}"): a template, which the hub fills in"#);
    insta::assert_snapshot!(with("apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata: {name: x}\nspec: {bmc: {address: ''}, online: true}\n"), @"f.yaml:3:18: warning: metadata.name: the host has no BMC address, so there is nothing to reach it by; left out");
    insta::assert_snapshot!(with("apiVersion: metal3.io/v1alpha1\nkind: HostFirmwareSettings\nmetadata: {name: x}\nspec: {settings: {A: b}}\n"), @"");
    assert_eq!(with(""), "");
}

#[test]
fn lists_of_objects_are_read_as_their_items() {
    let host = "apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata: {name: x}\nspec: {online: true, bmc: {address: 'redfish://h', credentialsName: s}, bootMACAddress: '0c:42:a1:55:aa:01'}\n";
    let items: String = host.lines().map(|line| format!("  {line}\n")).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}", items.replacen("  ", "- ", 1));
    let loaded = read_one(&list);
    assert_eq!(only(&loaded).name.as_str(), "default/x");
    assert_eq!(only(&loaded).boot_mode, BootMode::Uefi);
}

#[test]
fn host_firmware_settings_reach_the_nodes_of_every_format() {
    let settings = |namespace: &str, settings: &str| {
        format!(
            "---\napiVersion: metal3.io/v1alpha1\nkind: HostFirmwareSettings\nmetadata: {{name: n1, namespace: {namespace}}}\nspec: {{settings: {settings}}}\n"
        )
    };
    let site = site("", &[&node(1)]);
    let loaded = read_one(&format!("{site}{}", settings("c", "{A: b}")));
    assert_eq!(only(&loaded).bios_settings.as_ref().unwrap().source, "HostFirmwareSettings c/n1");
    let broken = read_one(&format!("{site}{}", settings("c", "{A: {b: c}}")));
    assert_eq!(names(&broken), [""; 0]);
    insta::assert_snapshot!(complaints(&broken), @"f.yaml:16:22: error: spec.settings.A: a BIOS attribute's value is a text, a whole number, true or false");
    let twice = read_one(&format!("{site}{}{}", settings("c", "{A: b}"), settings("c", "{A: c}")));
    insta::assert_snapshot!(complaints(&twice), @"f.yaml:18:1: error: this host has HostFirmwareSettings already, at f.yaml:13");
}

#[test]
fn broken_yaml_is_located_and_later_documents_are_read() {
    let sound = site("", &[&node(1)]);
    let with = |text: &str| {
        let loaded = read_one(&format!("{text}\n---\n{sound}"));
        assert_eq!(names(&loaded), ["c/n1"], "{}", complaints(&loaded));
        complaints(&loaded)
    };
    insta::assert_snapshot!(with("a: [1, 2"), @r"
    f.yaml:1:4: error: a[1]: not readable as YAML: unclosed bracket '['
        help: the file ends too early, or a bracket is not closed
    ");
    insta::assert_snapshot!(with("a:\n\t- b"), @r"
    f.yaml:2:2: error: a: not readable as YAML: tabs disallowed within this context (block indentation)
        help: YAML is indented with blanks; replace the tab
    ");
    insta::assert_snapshot!(with("a: b\n c: d"), @r"
    f.yaml:2:3: error: not readable as YAML: mapping values are not allowed in this context
        help: a colon is missing after a field's name, or a text with `: ` in it lacks quotes
    ");
    insta::assert_snapshot!(with("a: \"b"), @"f.yaml:1:4: error: a: not readable as YAML: while scanning a quoted scalar, found unexpected document indicator");
    insta::assert_snapshot!(with("spec:\n  a: 1\n  b: 2\n  a: 3"), @"f.yaml:4:3: error: spec.a: `a` stands twice in this mapping; the first is in line 2");
    insta::assert_snapshot!(with("a: !vault x"), @"f.yaml:1:11: error: a: tag `!vault` is not understood");
    insta::assert_snapshot!(with("a: {{ .Values.x }}"), @r#"
    f.yaml:1:5: error: a[""]: a list or a mapping stands in the place of a field's name
        help: `{{ … }}` is a template: render it first, or put the value in quotes
    "#);
    insta::assert_snapshot!(with("a: *b"), @"f.yaml:1:4: error: a: not readable as YAML: while parsing node, found unknown anchor");
    insta::assert_snapshot!(with("a: &a [*a]"), @"f.yaml:1:8: error: a[0]: an alias that contains itself");
    insta::assert_snapshot!(with("? [a]\n: b"), @r#"
    f.yaml:1:3: error: [""]: a list or a mapping stands in the place of a field's name
        help: `{{ … }}` is a template: render it first, or put the value in quotes
    "#);
}

#[test]
fn anchors_and_merge_keys_are_understood() {
    let text = site(
        "",
        &[
            "<<: &common\n  bmcCredentialsName: {name: all}\n  bootMode: legacy\nhostName: a\nbmcAddress: redfish://a\nbootMACAddress: 0c:42:a1:55:aa:01\n",
            "<<: *common\nbootMode: UEFI\nhostName: b\nbmcAddress: redfish://b\nbootMACAddress: 0c:42:a1:55:aa:02\n",
        ],
    );
    let loaded = read_one(&text);
    assert_eq!(complaints(&loaded), "");
    let modes: Vec<BootMode> = loaded.nodes.iter().map(|node| node.boot_mode).collect();
    assert_eq!(modes, [BootMode::Legacy, BootMode::Uefi]);
}

/// A document with every field of a schema.
fn sample(schema: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match schema["type"].as_str() {
        Some("object") => match schema["properties"].as_object() {
            Some(fields) => {
                Value::Object(fields.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect())
            }
            None => Value::Object(serde_json::Map::new()),
        },
        Some("array") => Value::from(vec![sample(&schema["items"])]),
        Some("integer") => Value::from(1),
        Some("boolean") => Value::from(true),
        _ => schema["enum"].get(0).cloned().unwrap_or_else(|| Value::from("x")),
    }
}

/// Upstream's own schemas, recorded: each of their fields is known here, used or not.
#[test]
fn every_field_of_upstreams_schemas_is_known() {
    let crds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples/crds");
    if !crds.is_dir() {
        println!("skipped: no upstream schemas");
        return;
    }
    for name in [
        "ran.openshift.io_siteconfigs",
        "siteconfig.open-cluster-management.io_clusterinstances",
        "metal3.io_baremetalhosts",
        "metal3.io_hostfirmwaresettings",
        "metal3.io_hostfirmwarecomponents",
    ] {
        let text = std::fs::read_to_string(crds.join(format!("{name}.yaml"))).unwrap();
        let crd = super::mutation::documents(&text).remove(0);
        for version in crd["spec"]["versions"].as_array().unwrap() {
            let mut document = sample(&version["schema"]["openAPIV3Schema"]);
            let api =
                format!("{}/{}", crd["spec"]["group"].as_str().unwrap(), version["name"].as_str().unwrap());
            document["apiVersion"] = api.into();
            document["kind"] = crd["spec"]["names"]["kind"].clone();
            document["metadata"] = serde_json::json!({"name": "x"});
            let loaded = read_one(&document.to_string());
            assert!(!loaded.diagnostics.is_empty(), "{name}");
            let unknown: Vec<String> = loaded
                .diagnostics
                .iter()
                .filter(|one| one.code == crate::Code::UnknownField)
                .map(ToString::to_string)
                .collect();
            assert_eq!(unknown, [""; 0], "{name}");
        }
    }
}
