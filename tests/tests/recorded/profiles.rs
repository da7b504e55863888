//! The profiles that ship, planned against the machines that were recorded: not only are names and values known there,
//! what depends on each other fits together too, from the settings that the machine really had.

use rackhand::{BmcAddress, Options, connect_over};
use rackhand_bmc::Credentials;
use rackhand_profiles::{HostIdentity, Profiles};
use rackhand_testing::recording;

/// Machines that a profile is for. The R750 of firmware 7.10 is left out: it was recorded locked down, which makes every
/// one of its attributes read-only.
const MACHINES: [&str; 5] = [
    "dell-poweredge-r750-idrac9-6.00",
    "hpe-proliant-dl380agen11-ilo6-1.66",
    "hpe-proliant-dl360gen12-ilo7-1.14",
    "lenovo-thinksystem-sr670v2-xcc-2.83",
    "supermicro-sys821ge-11.01",
];

#[tokio::test(start_paused = true)]
async fn shipped_profiles_can_be_planned_on_recorded_machines() {
    let profiles = Profiles::builtin().unwrap();
    let mut planned = 0;
    for machine in MACHINES {
        let Some(service) = recording(machine) else {
            println!("skipped: there is no recording {machine} beside the project");
            return;
        };
        let address: BmcAddress = "redfish+https://bmc.test".parse().unwrap();
        let options = Options::new(Credentials::new("root", "calvin".to_owned()));
        let bmc = connect_over(service.transport(), &address, options).await.unwrap();
        let host = HostIdentity::from(&bmc.identity);
        let names: std::collections::BTreeSet<&str> =
            profiles.iter().map(|profile| profile.name.as_str()).collect();
        for profile in names.into_iter().filter_map(|name| profiles.select(name, &host).ok()) {
            let plan = bmc.bios().unwrap().plan(&profile.spec.bios.attributes).await.unwrap();
            assert_eq!(plan.problems, [], "{} on {machine}", profile.source);
            println!("{machine}: {} in {} boots", profile.source, plan.stages.len());
            planned += 1;
        }
        bmc.close().await.unwrap();
    }
    assert!(planned >= 15, "{planned} profiles were planned");
}
