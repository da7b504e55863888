use insta::assert_snapshot;
use rackhand_cli::Exit;

use crate::bench::{Bench, PACE};

const PROFILE: (&str, &str) = (
    "            rackhand.dev/iso: installer.iso\n",
    "            rackhand.dev/iso: installer.iso\n            rackhand.dev/profile: ran-low-latency\n",
);

#[tokio::test]
async fn plan_shows_what_would_be_done_and_only_reads() {
    let bench = Bench::new(&["idrac9", "ilo6", "cimc"]).await;
    let answer = bench.rackhand(&["plan", "-f", &bench.site(), "--pace", PACE, "--detailed-exitcode"]).await;
    assert_eq!(answer.exit, Exit::Changes, "{answer:?}");
    assert_eq!(bench.changes(), 0);
    assert_snapshot!(bench.steady(&answer.stdout));
    assert_eq!(
        answer.stderr,
        "3 nodes: 3 with something to do, 0 with nothing to do, 0 waiting for a decision, 0 that could not be planned\n"
    );
}

#[tokio::test]
async fn a_site_is_provisioned_once_and_then_left_alone() {
    let bench = Bench::new(&["ilo6", "cimc"]).await;
    let events = bench.path("events.jsonl");
    let answer = bench.apply(&["--events", &events.display().to_string()]).await;
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    assert_eq!(answer.stdout.matches("Installed").count(), 2, "{}", answer.stdout);
    let told = std::fs::read_to_string(&events).unwrap();
    assert!(told.contains(r#""type":"jobFinished""#), "{told}");

    let before = bench.changes();
    let again = bench.apply(&[]).await;
    assert_eq!(again.exit, Exit::Done, "{again:?}");
    assert_eq!(again.stdout.matches("Nothing to do").count(), 2, "{}", again.stdout);
    let plan = bench.rackhand(&["plan", "-f", &bench.site(), "--detailed-exitcode"]).await;
    assert_eq!((plan.exit, bench.changes()), (Exit::Done, before));

    let unknown = bench.apply_in("elsewhere", &[]).await;
    assert_eq!(unknown.exit, Exit::SomeNodes, "{unknown:?}");
    assert_eq!(unknown.stdout.matches("NeedsDecision").count(), 2, "{}", unknown.stdout);
    assert_eq!(bench.changes(), before);
}

#[tokio::test]
async fn a_profile_is_chosen_by_who_the_machine_is_over_one_connection() {
    let bench = Bench::new(&["idrac9"]).await;
    bench.edit("edge-1.yaml", PROFILE.0, PROFILE.1);
    let answer = bench.apply(&[]).await;
    assert_eq!(answer.exit, Exit::Done, "{answer:?}");
    assert!(answer.stderr.contains("UncoreFrequency=MaxUFS"), "{}", answer.stderr);
    let logins = bench
        .simulator
        .log()
        .requests("node1")
        .iter()
        .filter(|request| request.method == "POST" && request.path.ends_with("/Sessions"))
        .count();
    assert_eq!(logins, 1, "the machine that was asked who it is, is the one that is worked on");
}

#[tokio::test]
async fn a_profile_for_no_such_machine_stops_the_node_before_anything_is_sent() {
    let bench = Bench::new(&["sushy"]).await;
    bench.edit("edge-1.yaml", PROFILE.0, PROFILE.1);
    let answer = bench.apply(&[]).await;
    assert_eq!(answer.exit, Exit::SomeNodes, "{answer:?}");
    assert!(answer.stderr.contains("no profile `ran-low-latency` is for this machine"), "{}", answer.stderr);
    assert_eq!(bench.changes(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_tried_twice_at_most_and_ends_with_5() {
    let bench = Bench::new(&["idrac9"]).await;
    bench.edit("edge-1-secrets.yaml", crate::bench::PASSWORD, "not-the-password");
    let answer = bench.apply(&[]).await;
    assert_eq!(answer.exit, Exit::Refused, "{answer:?}");
    assert!(!answer.stderr.contains("not-the-password"), "{}", answer.stderr);
    let logins =
        bench.simulator.log().requests("node1").iter().filter(|request| request.method == "POST").count();
    assert!(logins <= 2, "{logins} logins");
    let again = bench.apply(&[]).await;
    assert_eq!(again.exit, Exit::Refused, "{again:?}");
    let logins =
        bench.simulator.log().requests("node1").iter().filter(|request| request.method == "POST").count();
    assert!(logins <= 2, "{logins} logins, over two runs");

    // Corrected, it is still not tried, until somebody says that it is corrected.
    bench.edit("edge-1-secrets.yaml", "not-the-password", crate::bench::PASSWORD);
    let plan = ["plan", "-f", &bench.site()];
    let still = bench.rackhand(&plan).await;
    let address = bench.endpoints[0].url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let says = format!("then permit a login: rackhand retry-login {address};");
    assert!(still.stdout.contains(&says), "{says}: {still:?}");
    let unknown = bench.rackhand(&["retry-login", "192.0.2.77"]).await;
    assert_eq!(unknown.exit, Exit::Failed, "{unknown:?}");
    assert_eq!(unknown.stderr, "BMC 192.0.2.77: no refused login is known of it\n");
    let permitted = bench.rackhand(&["retry-login", &address]).await;
    assert_eq!(permitted.exit, Exit::Done, "{permitted:?}");
    assert_eq!(
        permitted.stderr,
        format!("BMC {address}: it refused 2 logins\none more login is permitted\n")
    );
    let planned = bench.rackhand(&plan).await;
    assert_eq!(planned.exit, Exit::Done, "{planned:?}");

    let by_user = bench.rackhand(&["retry-login", "--user", "nobody"]).await;
    assert_eq!(by_user.exit, Exit::Failed, "{by_user:?}");
    assert!(by_user.stderr.contains("no BMC is known to have refused it"), "{by_user:?}");
}

#[tokio::test]
async fn an_untrusted_certificate_says_its_fingerprint_and_what_to_type() {
    let bench = Bench::new(&["sushy"]).await;
    let print = bench.endpoints[0].fingerprint.clone().unwrap();
    bench.edit("edge-1.yaml", &format!("            rackhand.dev/bmc-fingerprint: \"{print}\"\n"), "");
    let answer = bench.apply(&[]).await;
    assert_eq!(answer.exit, Exit::Refused, "{answer:?}");
    assert!(answer.stderr.contains(&format!("rackhand.dev/bmc-fingerprint: {print}")), "{}", answer.stderr);
    assert!(bench.simulator.log().requests("node1").is_empty());

    let first = bench.rackhand(&["plan", "-f", &bench.site(), "--trust-on-first-use"]).await;
    assert_eq!(first.exit, Exit::Done, "{first:?}");
    let known = std::fs::read_to_string(bench.path("state/known-bmcs")).unwrap();
    assert!(known.contains(&print), "{known}");
}

#[tokio::test]
async fn errors_in_a_site_leave_the_other_nodes_to_go_on_unless_strict() {
    let bench = Bench::new(&["sushy"]).await;
    let broken = "apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: broken\nspec:\n  bmc:\n    address: ilo4://192.0.2.1\n";
    std::fs::write(bench.path("site").join("broken.yaml"), broken).unwrap();
    let strict = bench.apply(&["--strict"]).await;
    assert_eq!(strict.exit, Exit::Failed, "{strict:?}");
    assert!(bench.simulator.log().entries().is_empty());
    let answer = bench.apply(&[]).await;
    assert_eq!(answer.exit, Exit::SomeNodes, "{answer:?}");
    assert!(answer.stdout.contains("Booted") || answer.stdout.contains("Installed"), "{answer:?}");
}
