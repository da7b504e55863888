use rackhand_cli::Exit;

use crate::bench::Bench;

#[tokio::test]
async fn a_live_host_waits_for_somebodys_word() {
    let bench = Bench::with(&["sushy"], |machine| machine.old_os().on()).await;
    let waits = bench.apply(&[]).await;
    assert_eq!(waits.exit, Exit::SomeNodes, "{waits:?}");
    assert!(waits.stderr.contains("it may be a live system"), "{}", waits.stderr);
    assert_eq!(bench.changes(), 0);

    let adopted = bench.rackhand(&["adopt", "node1", "-f", &bench.site()]).await;
    assert_eq!(adopted.exit, Exit::Done, "{adopted:?}");
    let nothing = bench.apply(&[]).await;
    assert_eq!((nothing.exit, bench.changes()), (Exit::Done, 0), "{nothing:?}");
    let nodes = bench.rackhand(&["get", "nodes"]).await;
    assert!(nodes.stdout.contains("Adopted"), "{}", nodes.stdout);

    let retried = bench.rackhand(&["retry", "node1"]).await;
    assert_eq!(retried.exit, Exit::Done, "{retried:?}");
    let installed = bench.apply(&[]).await;
    assert_eq!(installed.exit, Exit::Done, "{installed:?}");
    assert!(installed.stdout.contains("Installed"), "{}", installed.stdout);
    let again = bench.apply(&[]).await;
    assert!(again.stdout.contains("Nothing to do"), "a permission is used once: {}", again.stdout);
}

#[tokio::test]
async fn install_by_name_installs_what_is_live() {
    let bench = Bench::with(&["sushy"], |machine| machine.old_os().on()).await;
    let answer = bench.apply(&["--install", "node1"]).await;
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    let jobs = bench.rackhand(&["get", "jobs", "-o", "json"]).await;
    let jobs: serde_json::Value = serde_json::from_str(&jobs.stdout).unwrap();
    assert_eq!(jobs[0]["state"], "Installed");
    assert_eq!(jobs[0]["why"], "asked for by --install");
}

#[tokio::test]
async fn the_record_is_read_without_any_bmc() {
    let bench = Bench::new(&["sushy"]).await;
    let none = bench.rackhand(&["get", "nodes"]).await;
    assert_eq!(none.exit, Exit::Failed);
    assert!(none.stderr.contains("there is no journal in"), "{}", none.stderr);

    assert_eq!(bench.apply(&[]).await.exit, Exit::Done);
    let seen = bench.simulator.log().entries().len();
    let names = bench.rackhand(&["get", "nodes", "-o", "name"]).await;
    assert_eq!(names.stdout, "edge-1/node1\n");
    let described = bench.rackhand(&["describe", "node", "node1"]).await;
    assert!(described.stdout.contains("Job edge-1/node1#1"), "{}", described.stdout);
    let logs = bench.rackhand(&["logs", "node1", "-o", "json"]).await;
    let last = logs.stdout.lines().last().unwrap();
    let record: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(record["event"]["type"], "jobFinished");
    let unknown = bench.rackhand(&["logs", "node7"]).await;
    assert_eq!(unknown.exit, Exit::Failed);
    assert!(unknown.stderr.contains("there are: edge-1/node1"), "{}", unknown.stderr);
    let cancelled = bench.rackhand(&["cancel", "node1"]).await;
    assert_eq!(cancelled.exit, Exit::Failed, "{cancelled:?}");
    assert_eq!(bench.simulator.log().entries().len(), seen);
}
