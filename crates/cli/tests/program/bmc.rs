use rackhand_cli::Exit;

use crate::bench::{Answer, Bench, PASSWORD};

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

#[tokio::test]
async fn power_is_changed_and_proven() {
    let bench = Bench::new(&["ilo6"]).await;
    assert_eq!(json(&bench.bmc(&["power", "-o", "json"]).await)["power"], "Off");
    let on = bench.bmc(&["power", "on", "-o", "json"]).await;
    assert_eq!(json(&on)["power"], "On");
    assert!(on.stderr.contains("power on: done, and proven by a read"), "{}", on.stderr);
    let again = bench.bmc(&["power", "on"]).await;
    assert!(again.stderr.contains("it was so already; nothing was sent"), "{}", again.stderr);
    let off = bench.bmc(&["power", "off", "--force", "-o", "json"]).await;
    assert_eq!(json(&off)["power"], "Off");
}

#[tokio::test]
async fn boot_media_bios_and_inventory_are_shown() {
    let bench = Bench::new(&["idrac9"]).await;
    let boot = json(&bench.bmc(&["boot", "once", "Pxe", "-o", "json"]).await);
    assert_eq!((boot["target"].as_str(), boot["enabled"].as_str()), (Some("Pxe"), Some("Once")));
    let nowhere = bench.bmc(&["boot", "once", "Tape"]).await;
    assert_eq!(nowhere.exit, Exit::Failed);
    assert!(nowhere.stderr.contains("does not boot Tape; it names: "), "{}", nowhere.stderr);
    let media = json(&bench.bmc(&["media", "-o", "json"]).await);
    assert!(media.as_array().is_some_and(|slots| !slots.is_empty()), "{media}");
    let inventory = json(&bench.bmc(&["inventory", "-o", "json"]).await);
    assert_eq!(inventory["identity"]["vendor"], "dell");

    let plan = bench.bmc(&["bios", "plan", "LogicalProc=Maybe"]).await;
    assert_eq!(plan.exit, Exit::Failed);
    assert!(plan.stderr.contains("LogicalProc: "), "{}", plan.stderr);
    let staged = bench.bmc(&["bios", "set", "LogicalProc=Disabled"]).await;
    assert!(staged.stderr.contains("shows them as waiting for the next reset"), "{}", staged.stderr);
    let pending = json(&bench.bmc(&["bios", "pending", "-o", "json"]).await);
    assert_eq!(pending["LogicalProc"], "Disabled");
    let current = json(&bench.bmc(&["bios", "get", "LogicalProc", "-o", "json"]).await);
    assert_eq!(current["LogicalProc"], "Enabled", "nothing is in force before a reset");
}

#[tokio::test]
async fn without_trust_or_credentials_nothing_is_sent() {
    let bench = Bench::new(&["sushy"]).await;
    let url = bench.endpoints[0].url.clone();
    let nobody = bench.rackhand(&["bmc", &url, "power"]).await;
    assert_eq!(nobody.exit, Exit::Usage, "{nobody:?}");
    let file = bench.path("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let file = file.display().to_string();
    let untrusted =
        bench.rackhand(&["bmc", &url, "--user", "admin", "--password-file", &file, "power"]).await;
    assert_eq!(untrusted.exit, Exit::Refused, "{untrusted:?}");
    let print = bench.endpoints[0].fingerprint.clone().unwrap();
    assert!(untrusted.stderr.contains(&format!("--fingerprint {print}")), "{}", untrusted.stderr);
    assert!(bench.simulator.log().entries().is_empty());
}
