//! HostProvisions: what they say by themselves, and over a BareMetalHost.

use crate::tests::read_one;
use crate::{BootMode, Follow, Loaded};

const HOST: &str = "
apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata:
  name: node1
  namespace: site1
  annotations: { rackhand.dev/iso: https://hub.example/a.iso, rackhand.dev/iso-sha256: 'aa00000000000000000000000000000000000000000000000000000000000000' }
spec:
  bmc: { address: 'redfish-virtualmedia://192.0.2.1/redfish/v1/Systems/1', credentialsName: bmc }
  bootMACAddress: 02:00:00:00:00:01
";

fn read(texts: &str) -> Loaded {
    read_one(texts)
}

fn provision(spec: &str) -> String {
    format!(
        "---\napiVersion: rackhand.dev/v1alpha1\nkind: HostProvision\nmetadata: {{name: node1, namespace: site1}}\nspec:\n{spec}"
    )
}

#[test]
fn alone_it_says_all_that_is_needed_or_names_what_is_missing() {
    let whole = provision(
        "  agentRef: {name: rack7}
  bmc: {address: idrac-virtualmedia://192.0.2.7/redfish/v1/Systems/System.Embedded.1, credentialsName: bmc, tls: {fingerprint: 'aa00000000000000000000000000000000000000000000000000000000000000'}}
  bootMACAddress: 02:00:00:00:00:07
  bootMode: UEFISecureBoot
  image: {url: https://hub.example/x.iso}
  firmwareSettings: {ProcVirtualization: Enabled, Threads: 4}
  firmwareUpdates: [{component: bios, url: https://hub.example/bios.exe}]
  raid: {hardwareRAIDVolumes: [{level: '1', name: os}]}
  profile: ran
  follow: callback
  hold: false
  install: now
  requestID: '2'
",
    );
    let loaded = read(&whole);
    assert_eq!(loaded.diagnostics, []);
    let node = &loaded.nodes[0];
    assert_eq!((node.name.as_str(), node.source.kind.as_str()), ("site1/node1", "HostProvision"));
    assert_eq!((node.boot_mode, node.follow), (BootMode::UefiSecureBoot, Some(Follow::Callback)));
    assert_eq!(node.bios_settings.as_ref().unwrap().values.len(), 2);
    assert_eq!(node.raid.as_ref().unwrap().hardware.as_ref().unwrap().len(), 1);
    assert_eq!((node.request_id.as_deref(), node.install.as_deref()), (Some("2"), Some("now")));
    assert!(node.bmc_fingerprint.is_some() && node.firmware.len() == 1);
    let loaded = read(&provision("  agentRef: {name: rack7}\n"));
    let said = loaded.diagnostics[0].to_string();
    assert!(
        said.contains("spec.bmc.address, spec.bmc.credentialsName, spec.bootMACAddress missing"),
        "{said}"
    );
    assert!(loaded.nodes.is_empty());
}

#[test]
fn what_it_says_goes_before_the_bare_metal_host_and_the_rest_is_taken_from_there() {
    let loaded = read(&format!("{HOST}{}", provision("  agentRef: {name: rack7}\n  requestID: two\n")));
    let node = &loaded.nodes[0];
    assert_eq!(loaded.nodes.len(), 1);
    assert_eq!((node.request_id.as_deref(), node.bmc.host.as_str()), (Some("two"), "192.0.2.1"));
    assert!(node.iso_sha256.is_some());
    let other = provision("  agentRef: {name: rack7}\n  image: {url: https://hub.example/b.iso}\n");
    let loaded = read(&format!("{HOST}{other}"));
    let node = &loaded.nodes[0];
    assert_eq!(node.iso.as_deref(), Some("https://hub.example/b.iso"));
    assert_eq!(node.iso_sha256, None, "the digest is that of the other image");
    let script = "https://hub.example/a.ipxe";
    let scripted =
        HOST.replace("annotations: {", &format!("annotations: {{ rackhand.dev/ipxe-script: {script},"));
    let loaded = read(&format!("{scripted}{}", provision("  agentRef: {name: rack7}\n")));
    assert_eq!(loaded.nodes[0].ipxe_script.as_deref(), Some(script));
    let loaded = read(&format!("{scripted}{other}"));
    assert_eq!(loaded.nodes[0].ipxe_script, None, "so is the script");
    let own = provision("  agentRef: {name: rack7}\n  image: {ipxeScript: https://hub.example/b.ipxe}\n");
    let loaded = read(&format!("{scripted}{own}"));
    assert_eq!(loaded.nodes[0].ipxe_script.as_deref(), Some("https://hub.example/b.ipxe"));
}

#[test]
fn impossible_combinations_name_their_field_and_leave_the_host_alone() {
    for (spec, field) in [
        ("  agentRef: {}\n", "spec.agentRef"),
        ("  agentRef: {name: a, pool: b}\n", "spec.agentRef"),
        (
            "  agentRef: {name: a}\n  image: {url: https://x/y.iso, infraEnvRef: {name: e}}\n",
            "spec.image.url",
        ),
        (
            "  agentRef: {name: a}\n  bmc: {tls: {insecure: true, fingerprint: 'aa00000000000000000000000000000000000000000000000000000000000000'}}\n",
            "spec.bmc.tls",
        ),
        ("  agentRef: {name: a}\n  bootMode: uefi2\n", "spec.bootMode"),
        (
            "  agentRef: {name: a}\n  raid: {hardwareRAIDVolumes: [{level: '9'}]}\n",
            "spec.raid.hardwareRAIDVolumes[0].level",
        ),
        ("  agentRef: {name: a}\n  requestId: '2'\n", "spec.requestId"),
        ("  agentRef: {name: a}\n  bmc: {address: 'gopher://192.0.2.1'}\n", "spec.bmc.address"),
    ] {
        let loaded = read(&format!("{HOST}{}", provision(spec)));
        let error = loaded.diagnostics.iter().find(|one| one.is_error());
        assert_eq!(error.map(|one| one.path.as_str()), Some(field), "{spec}: {:?}", loaded.diagnostics);
        assert!(loaded.nodes.is_empty(), "{spec}");
    }
    let twice = format!("{HOST}{0}{0}", provision("  agentRef: {name: a}\n"));
    assert!(read(&twice).nodes.is_empty(), "two that may differ");
}
