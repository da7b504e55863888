//! A site is written for a fleet that listens, and its certificates outlive a restart.
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use bytes::Bytes;
use rackhand_simulator::iso::{SECTOR, read_descriptors};
use rackhand_simulator::personality::all;
use rackhand_simulator::serve::Endpoint;
use rackhand_simulator::site::{self, SiteFiles, SiteOptions};
use rackhand_simulator::{MachineSpec, Service, Simulator};
use serde_json::Value;

const PASSWORD: &str = "it's \"a\" #secret";

/// Four machines: a cluster of three and a single node.
async fn fleet(directory: &Path, tls: bool) -> (Simulator, Vec<Endpoint>, SiteFiles) {
    let personalities = all();
    let mut builder = Simulator::builder().seed(3).state(directory.join(".simulator"));
    for (number, personality) in (1..=4).zip(personalities.iter().cycle()) {
        let machine = MachineSpec::new(&format!("node{number}"), personality.clone());
        builder = builder.machine(machine.login("root", PASSWORD));
    }
    let simulator = builder.build().unwrap();
    let mut endpoints = Vec::new();
    for cell in simulator.machines() {
        let address = "127.0.0.1:0".parse().unwrap();
        endpoints.push(simulator.serve_machine(cell.clone(), address, tls).await.unwrap());
    }
    let options = SiteOptions { iso_size: 1 << 20, ..SiteOptions::default() };
    let files = site::write(&simulator, &endpoints, directory, &options).unwrap();
    (simulator, endpoints, files)
}

fn yaml(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

async fn get(service: &Service, path: &str) -> Value {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("root:{PASSWORD}"));
    let request = http::Request::get(path).header("authorization", format!("Basic {login}"));
    let answer = service.call(request.body(Bytes::new()).unwrap()).await.unwrap();
    if !answer.status().is_success() {
        return Value::Null;
    }
    serde_json::from_slice(answer.body()).unwrap()
}

fn links(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(|link| link["@odata.id"].as_str())
}

/// Serial numbers of all drives that the BMC shows.
async fn drives(service: &Service, serials: &mut Vec<String>) {
    let system = format!("/redfish/v1/Systems/{}", service.cell().traits.ids.system);
    let storage = get(service, &format!("{system}/Storage")).await;
    for controller in links(&storage["Members"]) {
        for drive in links(&get(service, controller).await["Drives"]) {
            serials.push(get(service, drive).await["SerialNumber"].as_str().unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn the_site_names_what_the_machines_are() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, endpoints, files) = fleet(directory.path(), true).await;
    assert_eq!(files.site_configs.len(), 2);
    let sites: Vec<_> = files.site_configs.iter().flat_map(|path| yaml(path)).collect();
    let nodes: Vec<_> = sites
        .iter()
        .flat_map(|site| site["spec"]["clusters"][0]["nodes"].as_array().unwrap().clone())
        .collect();
    assert_eq!(nodes.len(), 4);
    for (node, endpoint) in nodes.iter().zip(&endpoints) {
        let cell = simulator.machine(&endpoint.machine).unwrap();
        let identity = cell.with(|machine| machine.identity.clone());
        assert_eq!(node["hostName"], endpoint.machine);
        assert_eq!(node["bootMACAddress"], identity.macs[0]);
        let (service, mut serials) = (simulator.connect(cell.clone()), Vec::new());
        drives(&service, &mut serials).await;
        match node["rootDeviceHints"]["serialNumber"].as_str() {
            Some(serial) => assert!(serials.iter().any(|known| known == serial), "{serial}: {serials:?}"),
            None => assert!(serials.is_empty() && node["rootDeviceHints"]["deviceName"] == "/dev/sda"),
        }
        let bmc = node["bmcAddress"].as_str().unwrap();
        let end =
            format!("-virtualmedia://{}/redfish/v1/Systems/{}", endpoint.address, cell.traits.ids.system);
        assert!(bmc.ends_with(&end), "{bmc}");
        let annotations = &node["crAnnotations"]["add"]["BareMetalHost"];
        assert_eq!(annotations["rackhand.dev/bmc-fingerprint"], endpoint.fingerprint.clone().unwrap());
        assert!(directory.path().join(annotations["rackhand.dev/iso"].as_str().unwrap()).is_file());
        let profile = directory.path().join(node["biosConfigRef"]["filePath"].as_str().unwrap());
        let settings = yaml(&profile).remove(0);
        let current = cell.with(|machine| machine.bios.current.clone());
        let settings = settings.as_object().unwrap();
        assert!((2..=4).contains(&settings.len()));
        assert!(settings.iter().all(|(name, value)| current[name] != *value));
    }
    simulator.shut_down().await;
}

#[tokio::test]
async fn a_machine_that_shows_no_bios_settings_is_wished_none() {
    let directory = tempfile::tempdir().unwrap();
    let personality = all().into_iter().find(|one| one.name() == "openbmc").unwrap();
    let builder = Simulator::builder().seed(3).state(directory.path().join(".simulator"));
    let simulator = builder.machine(MachineSpec::new("node1", personality)).build().unwrap();
    let cell = simulator.machine("node1").unwrap();
    let endpoint = simulator.serve_machine(cell, "127.0.0.1:0".parse().unwrap(), true).await.unwrap();
    let options = SiteOptions { iso_size: 1 << 20, ..SiteOptions::default() };
    let files = site::write(&simulator, &[endpoint], directory.path(), &options).unwrap();
    assert!(files.profiles.is_empty());
    let site = yaml(&files.site_configs[0]).remove(0);
    let node = &site["spec"]["clusters"][0]["nodes"][0];
    assert_eq!(node["hostName"], "node1");
    assert!(node.get("biosConfigRef").is_none() && node["crAnnotations"].is_object(), "{node}");
    simulator.shut_down().await;
}

#[tokio::test]
async fn secrets_are_whole_and_private_and_the_image_boots() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, _, files) = fleet(directory.path(), false).await;
    let secrets = yaml(&files.secrets[0]);
    assert_eq!(secrets.len(), 3);
    assert_eq!(secrets[1]["stringData"]["password"], PASSWORD);
    assert_eq!(secrets[1]["metadata"]["namespace"], files.nodes[1].cluster);
    for private in files.secrets.iter().cloned().chain([directory.path().join(".simulator/ca-key.pem")]) {
        assert_eq!(std::fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let text = std::fs::read_to_string(&files.site_configs[0]).unwrap();
    assert!(text.contains("-virtualmedia+http://") && !text.contains("fingerprint"));
    let image = std::fs::read(&files.iso).unwrap();
    assert_eq!(image.len(), 1 << 20);
    assert!(read_descriptors(&image[16 * SECTOR..18 * SECTOR]).is_ok());
    simulator.shut_down().await;
}

#[tokio::test]
async fn a_smaller_fleet_leaves_no_cluster_of_a_larger_one() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine.yaml"), "kind: Note\n").unwrap();
    let (simulator, endpoints, before) = fleet(directory.path(), false).await;
    let options = SiteOptions { iso_size: 1 << 20, ..SiteOptions::default() };
    let after = site::write(&simulator, &endpoints[..1], directory.path(), &options).unwrap();
    assert_eq!((before.site_configs.len(), after.site_configs.len()), (2, 1));
    let yaml = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let yaml: Vec<_> = yaml.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    assert_eq!(yaml.len(), 3, "{yaml:?}");
    simulator.shut_down().await;
}

#[tokio::test]
async fn certificates_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (simulator, endpoints, _) = fleet(directory.path(), true).await;
        let prints: Vec<_> = endpoints.into_iter().map(|endpoint| endpoint.fingerprint.unwrap()).collect();
        seen.push((simulator.authority().pem().to_owned(), prints));
        simulator.shut_down().await;
    }
    assert_eq!(seen[0], seen[1]);
    let mut distinct = seen[0].1.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "each BMC has a certificate of its own");
}
