//! Firmware: the ROM behind the ROM, and what SimpleUpdate takes.

use serde_json::{Value, json};

use super::booted;
use crate::package::Package;
use crate::personality::bench::Bench;
use crate::personality::ilo::Generation::{self, Five, Six};
use crate::personality::ilo::Ilo;

const SERVICE: &str = "/redfish/v1/UpdateService";
const IMAGE: &str = "http://images.example/U54_2.60.fwpkg";

fn of(generation: Generation, without: &[&str]) -> Bench {
    let bench = Bench::new(Ilo(generation), without);
    bench.net.put(IMAGE, Package::new("BIOS", "U54 v2.60").build());
    bench
}

async fn update(bench: &Bench, url: &str) -> u16 {
    let path = format!("{SERVICE}/Actions/UpdateService.SimpleUpdate");
    bench.post(&path, json!({"ImageURI": url})).await.status
}

#[tokio::test(start_paused = true)]
async fn the_redundant_rom_holds_the_version_before() {
    let bench = of(Six, &[]);
    let before = bench.get(&format!("{SERVICE}/FirmwareInventory/2")).await;
    let backup = bench.get(&format!("{SERVICE}/FirmwareInventory/3")).await;
    assert_eq!((&backup["Description"], &backup["Version"]), (&json!("SystemRomBackup"), &before["Version"]));
    assert_eq!(update(&bench, IMAGE).await, 200);
    bench.wait(10).await;
    booted(&bench).await;
    let after = bench.get(&format!("{SERVICE}/FirmwareInventory/2")).await;
    assert_eq!((&after["Description"], &after["Version"]), (&json!("SystemRomActive"), &json!("U54 v2.60")));
    let backup = bench.get(&format!("{SERVICE}/FirmwareInventory/3")).await;
    assert_eq!(backup["Version"], before["Version"]);
    let one = of(Six, &["redundant-rom"]).get(&format!("{SERVICE}/FirmwareInventory")).await;
    assert_eq!(one["Members@odata.count"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_smart_component_is_no_image() {
    let component = "http://images.example/cp049874.exe";
    assert_eq!(update(&of(Five, &[]), component).await, 400);
    assert_eq!(update(&of(Five, &["no-smart-component"]), component).await, 200);
    let with_task = of(Five, &["update-without-task"]);
    assert_eq!(update(&with_task, IMAGE).await, 202);
    assert_eq!(with_task.get(SERVICE).await["Oem"], Value::Null);
}
