//! `bmc`: storage, firmware, jobs, logs and what else is done to one BMC directly.

use insta::assert_snapshot;
use rackhand_cli::Exit;
use rackhand_simulator::package::Package;

use crate::bench::{Answer, Bench};

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Refused before anything that changes something was sent.
async fn refused(bench: &Bench, args: &[&str], why: &str) {
    let before = bench.changes();
    let answer = bench.bmc(args).await;
    assert_eq!(answer.exit, Exit::Failed, "{args:?}: {answer:?}");
    assert!(answer.stderr.contains(why), "{args:?}: {}", answer.stderr);
    // Logging in and out is all.
    assert_eq!(bench.changes(), before, "{args:?}: {answer:?}");
}

/// The names of the drives that are free.
async fn free(bench: &Bench) -> Vec<String> {
    let view = json(&bench.bmc(&["storage", "-o", "json"]).await);
    let controllers = view["controllers"].as_array().unwrap();
    let makes = controllers.iter().filter(|one| one["canCreate"] == true);
    let drives = makes.flat_map(|one| one["drives"].as_array().unwrap());
    drives
        .filter(|drive| drive["state"] == "Ready")
        .map(|drive| drive["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_volume_is_made_and_deleted_by_its_name_said_twice() {
    let bench = Bench::with(&["idrac9"], |machine| machine.old_os().on()).await;
    let drives = free(&bench).await;
    let [first, second, ..] = drives.as_slice() else { panic!("{drives:?}") };
    let create = ["storage", "create", "data", "--raid", "RAID1", "--drive", first, "--drive", second];
    let made = bench.bmc(&create).await;
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    assert!(made.stderr.contains("done, and proven by a read"), "{}", made.stderr);
    assert_snapshot!("storage", bench.steady(&made.stdout));
    let again = bench.bmc(&create).await;
    assert!(again.stderr.contains("volume data is there already"), "{}", again.stderr);

    refused(&bench, &["storage", "delete", "dat", "--yes-delete", "dat"], "did you mean data?").await;
    refused(&bench, &["storage", "delete", "data"], "If that is meant, give --yes-delete data").await;
    refused(&bench, &["storage", "delete", "data", "--yes-delete", "os"], "names os, not data").await;
    refused(&bench, &["storage", "erase", first, "--yes-erase", first], "is not free: in volume data").await;
    refused(&bench, &["storage", "spare", first], "is not free: in volume data").await;
    let gone = bench.bmc(&["storage", "delete", "data", "--yes-delete", "data"]).await;
    assert_eq!(gone.exit, Exit::Done, "{gone:?}");
    assert!(!gone.stdout.contains("  data "), "{}", gone.stdout);
    assert!(free(&bench).await.contains(first));

    let other = free(&bench).await.pop().unwrap();
    refused(&bench, &["storage", "erase", &other], &format!("give --yes-erase {other}")).await;
    let erased = bench.bmc(&["storage", "erase", &other, "--yes-erase", &other]).await;
    assert_eq!(erased.exit, Exit::Done, "{erased:?}");
}

#[tokio::test]
async fn what_a_bmc_cannot_do_or_nobody_has_seen_is_refused_before_anything_is_sent() {
    let old = Bench::new(&["idrac8"]).await;
    refused(&old, &["media", "insert", "http://192.0.2.1/x.iso"], "iDRAC8 shows virtual media").await;
    refused(&old, &["boot", "order", "nonsense"], "").await;
    refused(&old, &["jobs", "clear", "JID_1"], "has no unfinished job JID_1").await;
    let capabilities = old.bmc(&["capabilities"]).await;
    assert!(capabilities.stdout.contains("unverified: takes --allow-unverified"), "{}", capabilities.stdout);
    refused(&old, &["bios", "reset", "--yes-reset", "x"], "give --allow-unverified").await;
    let serial = old.machine(|machine| machine.identity.serial.clone());
    refused(&old, &["bios", "reset", "--allow-unverified"], &format!("--yes-reset {serial}")).await;
}

#[tokio::test]
async fn what_is_known_of_a_bmc_is_shown_with_its_source() {
    let bench = Bench::new(&["ilo6"]).await;
    let table = json(&bench.bmc(&["capabilities", "-o", "json"]).await);
    assert_eq!(table.as_array().unwrap().len(), rackhand_bmc::Operation::ALL.len());
    let quirks = json(&bench.bmc(&["quirks", "-o", "json"]).await);
    let quirks = quirks.as_array().unwrap();
    let named = |name: &str| quirks.iter().find(|row| row["name"] == name);
    assert_eq!(named("shutdown-ignored").unwrap()["common"], true);
    assert!(named("rest-state-stuck").is_some_and(|row| row["source"] != ""), "{quirks:?}");
    assert!(quirks.iter().all(|row| row["name"] != "bios-job-queued"), "another vendor's");
    assert_snapshot!("capabilities", bench.bmc(&["capabilities"]).await.stdout);
}

#[tokio::test]
async fn firmware_that_is_not_what_was_meant_is_not_sent() {
    let bench = Bench::new(&["idrac9"]).await;
    let image = bench.path("bios.exe");
    std::fs::write(&image, Package::new("BIOS", "9.9.9").build()).unwrap();
    let image = image.display().to_string();
    refused(&bench, &["firmware", "push", &image, "--sha256", &"0".repeat(64)], "has the digest").await;
    refused(&bench, &["firmware", "push", &image, "--component", "BISO"], "has no single firmware component")
        .await;
}

#[tokio::test]
async fn boot_order_mode_and_pending_settings_are_changed_by_name() {
    let bench = Bench::new(&["idrac9"]).await;
    let order = json(&bench.bmc(&["boot", "order", "-o", "json"]).await);
    let order = order.as_array().unwrap();
    let last = order.last().unwrap()["reference"].as_str().unwrap().to_owned();
    let wrong = format!("{last}x");
    refused(&bench, &["boot", "order", &wrong], &format!("did you mean {last}?")).await;
    let first = order[0]["reference"].as_str().unwrap().to_owned();
    let same = bench.bmc(&["boot", "order", &first]).await;
    assert!(same.stderr.contains("so already; nothing was sent"), "{}", same.stderr);

    let staged = bench.bmc(&["bios", "set", "LogicalProc=Disabled"]).await;
    assert_eq!(staged.exit, Exit::Done, "{staged:?}");
    let dropped = bench.bmc(&["bios", "discard"]).await;
    assert_eq!(dropped.exit, Exit::Done, "{dropped:?}");
    assert!(dropped.stderr.contains("before: LogicalProc=Disabled waits for a reset"), "{}", dropped.stderr);
    let again = bench.bmc(&["bios", "discard"]).await;
    assert!(again.stderr.contains("nothing waits for a reset; nothing was sent"), "{}", again.stderr);
}

#[tokio::test]
async fn a_bmc_is_restarted_and_waited_for() {
    let bench = Bench::new(&["ilo6"]).await;
    let answer = bench.bmc(&["restart"]).await;
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    assert!(answer.stderr.contains("it went away, and is ready again after"), "{}", answer.stderr);
}

#[tokio::test]
async fn logs_and_health_are_read_and_a_log_is_cleared_by_its_name_said_twice() {
    let bench = Bench::new(&["ilo6"]).await;
    assert_eq!(bench.bmc(&["power", "on"]).await.exit, Exit::Done);
    assert_snapshot!("health", bench.bmc(&["health"]).await.stdout);
    let sensors = json(&bench.bmc(&["sensors", "-o", "json"]).await);
    assert!(sensors.as_array().is_some_and(|all| !all.is_empty()), "{sensors}");
    let logs = json(&bench.bmc(&["logs", "-o", "json"]).await);
    let log = logs.as_array().unwrap().iter().find(|log| log["clearable"] == true).unwrap();
    let name = log["name"].as_str().unwrap();
    refused(&bench, &["logs", "clear", name], &format!("give --yes-clear {name}")).await;
    refused(&bench, &["logs", "show", "nothing"], "has no log nothing").await;
    let cleared = bench.bmc(&["logs", "clear", name, "--yes-clear", name]).await;
    assert_eq!(cleared.exit, Exit::Done, "{cleared:?}");
}

#[tokio::test]
async fn a_configuration_is_written_to_a_file_of_its_owner_and_imported_for_a_named_machine() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(&["idrac9"]).await;
    let file = bench.path("server.xml");
    let path = file.display().to_string();
    refused(&bench, &["configuration", "export", &path, "--part", "BOIS"], "has no part BOIS").await;
    let exported = json(&bench.bmc(&["configuration", "export", &path, "-o", "json"]).await);
    assert_eq!(exported["bytes"].as_u64().unwrap(), std::fs::metadata(&file).unwrap().len());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("BIOS.Setup"));
    refused(&bench, &["configuration", "export", &path], "cannot be made; nothing was sent").await;

    let serial = bench.machine(|machine| machine.identity.serial.clone());
    let import = ["configuration", "import", &path, "--shutdown", "forced"];
    refused(&bench, &import, &format!("give --yes-import {serial}")).await;
    let other = Bench::new(&["ilo6"]).await;
    refused(&other, &["configuration", "export", &path], "").await;
}
