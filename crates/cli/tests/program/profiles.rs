//! `profile verify`, `diff` and `capture`.

use insta::assert_snapshot;
use rackhand_cli::Exit;

use crate::bench::{Bench, rackhand};

const PROFILE: &str = "\
apiVersion: rackhand.dev/v1alpha1
kind: FirmwareProfile
metadata: {name: lab}
spec:
  match: {vendor: Dell}
  bios:
    attributes:
      SysProfile: Performance
      ProcCStates: Disabled
      Sriov: enabled
      Delay: 7
      AssetTag: \"12\"
";

fn registry() -> String {
    serde_json::json!({"Id": "Lab", "OwningEntity": "Dell", "RegistryEntries": {
        "Attributes": [
            {"AttributeName": "SysProfile", "Type": "Enumeration", "Value": [{"ValueName": "Performance"}, {"ValueName": "Custom"}]},
            {"AttributeName": "ProcCStates", "Type": "Enumeration", "Value": [{"ValueName": "Enabled"}, {"ValueName": "Disabled"}]},
            {"AttributeName": "SriovGlobal", "Type": "Enumeration", "Value": [{"ValueName": "Enabled"}, {"ValueName": "Disabled"}]},
            {"AttributeName": "Delay", "Type": "Integer", "LowerBound": 60, "UpperBound": 600},
            {"AttributeName": "AssetTags", "Type": "String", "ReadOnly": true}],
        "Dependencies": [{"Dependency": {
            "MapFrom": [{"MapFromAttribute": "SysProfile", "MapFromProperty": "CurrentValue", "MapFromCondition": "NEQ", "MapFromValue": "Custom"}],
            "MapToAttribute": "ProcCStates", "MapToProperty": "ReadOnly", "MapToValue": true}}]}})
    .to_string()
}

#[tokio::test]
async fn every_complaint_stands_where_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("lab.yaml"), PROFILE).unwrap();
    std::fs::write(path("registry.json"), registry()).unwrap();
    let answer =
        rackhand(&["profile", "verify", &path("lab.yaml"), "--registry", &path("registry.json")]).await;
    assert_eq!(answer.exit, Exit::Failed, "{answer:?}");
    let steady = |text: &str| text.replace(&format!("{}/", dir.path().display()), "");
    assert_snapshot!("verify", format!("{}{}", steady(&answer.stdout), steady(&answer.stderr)));

    // The form alone is sound; a directory with another file is not.
    let form = rackhand(&["profile", "verify", &path("lab.yaml")]).await;
    assert_eq!(form.exit, Exit::Done, "{form:?}");
    std::fs::create_dir(path("all")).unwrap();
    std::fs::write(path("all/lab.yaml"), PROFILE).unwrap();
    std::fs::write(path("all/wrong.yaml"), PROFILE.replace("bios:", "bois:")).unwrap();
    let wrong = rackhand(&["profile", "verify", &path("all")]).await;
    assert_eq!(wrong.exit, Exit::Failed, "{wrong:?}");
    assert!(
        steady(&wrong.stderr).contains("all/wrong.yaml:6:3: error: unknown field `bois`"),
        "{}",
        wrong.stderr
    );
    let unknown = rackhand(&["profile", "verify", "ran-low-latncy"]).await;
    assert!(unknown.stderr.contains("did you mean ran-low-latency?"), "{}", unknown.stderr);
    let shipped = rackhand(&["profile", "verify", "dell/storage", "-o", "json"]).await;
    assert_eq!(shipped.exit, Exit::Done, "{shipped:?}");
}

#[tokio::test]
async fn what_ships_is_sound_on_the_machines_it_is_for() {
    for personality in ["idrac9", "ilo6"] {
        let bench = Bench::new(&[personality]).await;
        let answer = bench.profile(&["verify", "ran-low-latency"]).await;
        assert_eq!(answer.exit, Exit::Done, "{personality}: {answer:?}");
        assert!(answer.stdout.contains(" boot"), "{}", answer.stdout);
        assert!(answer.stdout.contains("left out"), "{}", answer.stdout);
        assert_eq!(bench.changes(), 0, "it only reads");
    }
}

#[tokio::test]
async fn what_is_captured_loads_again_and_differs_in_nothing() {
    for personality in ["idrac9", "ilo6", "cimc"] {
        let bench = Bench::new(&[personality]).await;
        let captured = bench.profile(&["capture", "--name", "golden"]).await;
        assert_eq!(captured.exit, Exit::Done, "{personality}: {captured:?}");
        let serial = bench.machine(|machine| machine.identity.serial.clone());
        assert!(!captured.stdout.contains(&serial), "{personality}: {}", captured.stdout);
        let file = bench.path("golden.yaml");
        std::fs::write(&file, &captured.stdout).unwrap();
        let file = file.display().to_string();
        let same = bench.profile(&["diff", &file, "--detailed-exitcode"]).await;
        assert_eq!(same.exit, Exit::Done, "{personality}: {same:?}");
        assert_eq!(same.stdout, "", "{personality}");
        let sound = bench.profile(&["verify", &file]).await;
        assert_eq!(sound.exit, Exit::Done, "{personality}: {sound:?}");
        assert_eq!(bench.changes(), 0, "it only reads");
    }
}

#[tokio::test]
async fn a_machine_is_compared_with_the_profile_that_is_for_it() {
    let bench = Bench::new(&["idrac9"]).await;
    let answer = bench.profile(&["diff", "ran-low-latency", "--detailed-exitcode"]).await;
    assert_eq!(answer.exit, Exit::Changes, "{answer:?}");
    assert_snapshot!("diff", answer.stdout);
    let rows: serde_json::Value =
        serde_json::from_str(&bench.profile(&["diff", "ran-low-latency", "-o", "json"]).await.stdout)
            .unwrap();
    assert!(rows.as_array().unwrap().iter().any(|row| row["what"] == "UncoreFrequency"), "{rows}");
    let nothing = bench.profile(&["diff", "hpe/storage"]).await;
    assert_eq!(nothing.exit, Exit::Failed, "{nothing:?}");
    assert!(nothing.stderr.contains("is for this machine (Dell"), "{}", nothing.stderr);

    let two =
        rackhand(&["profile", "diff", "dell/ran-low-latency", "dell/storage", "--detailed-exitcode"]).await;
    assert_eq!(two.exit, Exit::Changes, "{two:?}");
    let same = rackhand(&["profile", "diff", "dell/storage", "dell/storage", "--detailed-exitcode"]).await;
    assert_eq!((same.exit, same.stdout.as_str()), (Exit::Done, ""), "{same:?}");
}
