//! Sessions and retries, on a BMC that does as it is told.

use super::*;
use crate::{
    chassis::{ChassisControl, Control, GetChassisStatus},
    double::{Does, Double, line},
    wire::Refusal,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn on() -> Does {
    Does::Answer(0, vec![1, 0, 0])
}

const UP: ChassisControl = ChassisControl(Control::PowerUp);

#[test]
fn a_read_without_an_answer_is_tried_on_a_new_session() {
    let double = Double::default();
    double.does([Does::Nothing, on()]);
    assert!(line(&double, None).read(&GetChassisStatus, soon()).unwrap().on);
    assert_eq!(double.heard(), "login raise status login raise status");
}

#[test]
fn a_read_gives_up_after_three_tries_and_at_once_past_its_deadline() {
    let double = Double::default();
    let error = line(&double, None).read(&GetChassisStatus, soon()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Lost);
    assert_eq!(error.to_string(), "BMC rack-1: no answer came (IPMI Get Chassis Status)");
    assert_eq!(double.heard().matches("status").count(), 3);
    let error = line(&double, None).read(&GetChassisStatus, Instant::now()).unwrap_err();
    assert_eq!((error.kind(), double.heard().matches("status").count()), (&ErrorKind::Lost, 1));
}

#[test]
fn a_change_is_sent_once_and_its_lost_answer_is_not_known() {
    let double = Double::default();
    double.does([Does::Nothing, on()]);
    let mut line = line(&double, None);
    assert_eq!(line.change(&UP, soon()).unwrap(), Sent::Lost("no answer came".to_owned()));
    assert_eq!(double.heard(), "login raise id control");
    assert!(line.read(&GetChassisStatus, soon()).unwrap().on, "and all goes on");
    assert_eq!(double.heard(), "login raise status");
}

#[test]
fn a_change_on_a_session_that_just_answered_needs_no_sign_of_life() {
    let double = Double::default();
    double.does([on(), Does::Answer(0, vec![])]);
    let mut line = line(&double, None);
    line.read(&GetChassisStatus, soon()).unwrap();
    assert_eq!(line.change(&UP, soon()).unwrap(), Sent::Done);
    assert_eq!(double.heard(), "login raise status control");
}

#[test]
fn codes_that_say_nothing_of_the_outcome_leave_it_unknown() {
    for code in [0xC3, 0xCE] {
        let double = Double::default();
        double.does([Does::Answer(code, vec![])]);
        let sent = line(&double, None).change(&UP, soon()).unwrap();
        assert!(matches!(sent, Sent::Lost(_)), "0x{code:02X}: {sent:?}");
    }
    let double = Double::default();
    double.does([Does::Answer(0xD5, vec![])]);
    let error = line(&double, None).change(&UP, soon()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
}

#[test]
fn a_fence_holds_back_changes_and_no_reads() {
    let double = Double::default();
    double.does([on()]);
    let fence: Arc<Fence> = Arc::new(|| Err("the lease of this host is another agent's".to_owned()));
    let mut line = line(&double, Some(fence));
    line.read(&GetChassisStatus, soon()).unwrap();
    let error = line.change(&UP, soon()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "BMC rack-1: not sent: the lease of this host is another agent's (IPMI Chassis Control (power up))"
    );
    assert_eq!(double.heard(), "login raise status");
}

#[test]
fn refused_credentials_are_sent_twice_at_most() {
    let double = Double::default();
    let refusal = Refusal::new(ErrorKind::RefusedCredentials, "user name or password refused");
    double.refuses(vec![refusal; 5]);
    let mut line = line(&double, None);
    let kinds: Vec<ErrorKind> =
        (0..4).map(|_| line.read(&GetChassisStatus, soon()).unwrap_err().kind().clone()).collect();
    let locked = ErrorKind::Locked { retry_after: None };
    let refused = ErrorKind::RefusedCredentials;
    assert_eq!(kinds, [refused.clone(), refused, locked.clone(), locked]);
    assert_eq!(double.heard(), "login login");
}

#[test]
fn a_lost_login_is_tried_again_and_counts_as_no_refusal() {
    let double = Double::default();
    let lost = Refusal::new(ErrorKind::Unreachable, "the login was not answered");
    double.refuses(vec![lost; 2]);
    double.does([on()]);
    assert!(line(&double, None).read(&GetChassisStatus, soon()).is_ok());
    assert_eq!(double.heard(), "login login login raise status");
}

#[test]
fn a_session_is_given_back_once() {
    let double = Double::default();
    double.does([on()]);
    let mut line = line(&double, None);
    line.close().unwrap();
    assert_eq!(double.heard(), "", "none was open");
    line.read(&GetChassisStatus, soon()).unwrap();
    line.close().unwrap();
    line.close().unwrap();
    assert_eq!(double.heard(), "login raise status close");
}
