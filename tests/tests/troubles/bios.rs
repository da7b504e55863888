//! BIOS settings that are refused, and machines that are not the one meant.

use rackhand_agent::engine::NodeResult;
use rackhand_simulator::faults::{Rejection, Rule, What};
use rackhand_tests::lab::{Lab, Node};

use crate::support::{assert_taken_back, bad, bad_after, effects, good, lab, story, told};

fn rejected(when: Rejection) -> Rule {
    Rule::new("rejected", What::BiosRejected { attribute: "SriovGlobalEnable".to_owned(), when })
}

#[tokio::test(start_paused = true)]
async fn a_value_that_post_refuses_is_named() {
    let lab = lab(vec![rejected(Rejection::Post)]);
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    BIOS: the firmware refused SriovGlobalEnable (job JID_700000023757 failed: The job ended with errors: not applied: SriovGlobalEnable.)
    Correct the setting in the spec or the profile, or look at the BMC's own log, then run the same apply again; it goes on where it can
    ");
    assert_taken_back(&lab);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_refused_when_it_is_written_is_named() {
    let lab = lab(vec![rejected(Rejection::Patch)]);
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    BIOS: BMC bad: the BMC answers 400 Bad Request (PATCH /redfish/v1/Systems/System.Embedded.1/Bios/Settings); IDRAC.2.8.SYS426: The value Enabled of SriovGlobalEnable is not among the accepted values.; Base.1.12.PropertyValueNotInList: The value Enabled of SriovGlobalEnable is not allowed.
    Correct the setting in the spec or the profile, or look at the BMC's own log, then run the same apply again; it goes on where it can
    ");
    assert_taken_back(&lab);
}

#[tokio::test(start_paused = true)]
async fn what_the_registry_does_not_know_or_allow_is_refused_before_any_change() {
    let wishes =
        [("SriovGlobalEnabel", "Enabled"), ("LogicalProc", "Sometimes"), ("SriovGlobalEnable", "Enabled")];
    let lab = Lab::new(&[Node::new("bad", "idrac9").bios(&wishes), good()], Vec::new());
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r#"
    check: BIOS attribute LogicalProc: "Sometimes" is none of its values: Enabled, Disabled; BIOS attribute SriovGlobalEnabel: this firmware has no such attribute; did you mean "SriovGlobalEnable"?
    Correct the spec or the profile, then run the same apply again; it goes on where it can
    "#);
    assert!(effects(&lab, "bad").is_empty(), "{:?}", effects(&lab, "bad"));
}

#[tokio::test(start_paused = true)]
async fn a_machine_with_another_boot_mac_is_refused_before_any_change() {
    let mut lab = Lab::new(&[bad(), good()], Vec::new());
    lab.jobs[0].wanted.boot_mac = Some("02:00:00:00:99:99".to_owned());
    let told = told(&bad_after(&lab).await);
    let shown = lab.sim.machine("bad").unwrap().with(|machine| machine.identity.macs.join(", "));
    insta::assert_snapshot!(told.replace(&shown, "<its own>"), @r"
    check: the boot MAC address 02:00:00:00:99:99 is not among those of this machine (<its own>): it may be the wrong one. If it is right: rackhand apply --install bad
    Correct the spec or the profile, then run the same apply again; it goes on where it can
    ");
    assert!(effects(&lab, "bad").is_empty(), "{:?}", effects(&lab, "bad"));

    // Its own is found among those that the BMC shows.
    let own = lab.sim.machine("bad").unwrap().with(|machine| machine.identity.macs[0].to_lowercase());
    lab.jobs[0].wanted.boot_mac = Some(own);
    assert_eq!(bad_after(&lab).await, NodeResult::Installed, "{}", story(&lab));
}
