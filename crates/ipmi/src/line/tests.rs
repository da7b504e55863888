//! Sessions and retries, on a BMC that does as it is told.

use std::{collections::VecDeque, sync::Mutex};

use rackhand_bmc::MemoryLedger;

use super::*;
use crate::{
    chassis::{ChassisControl, Control, GetChassisStatus},
    command::netfn,
};

/// What the BMC does with a command.
#[derive(Clone)]
enum Does {
    Answer(u8, Vec<u8>),
    Nothing,
}

/// What the BMC does, and what came to it.
#[derive(Default)]
struct Script {
    logins: VecDeque<Refusal>,
    commands: VecDeque<Does>,
    heard: Vec<String>,
}

#[derive(Clone, Default)]
struct Double(Arc<Mutex<Script>>);

impl Double {
    fn does(&self, what: impl IntoIterator<Item = Does>) {
        self.0.lock().unwrap().commands.extend(what);
    }

    fn heard(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap().heard).join(" ")
    }
}

impl Dial for Double {
    fn dial(&mut self) -> Result<Box<dyn Wire>, Refusal> {
        let mut script = self.0.lock().unwrap();
        script.heard.push("login".to_owned());
        match script.logins.pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(Box::new(self.clone())),
        }
    }
}

impl Wire for Double {
    fn exchange(&mut self, netfn: u8, command: u8, data: &[u8]) -> Result<Answer, String> {
        let mut script = self.0.lock().unwrap();
        let name = match (netfn, command) {
            (netfn::APP, 0x3B) => "raise",
            (netfn::APP, 0x3C) => "close",
            (netfn::APP, 0x01) => "id",
            (netfn::CHASSIS, 0x01) => "status",
            (netfn::CHASSIS, 0x02) => "control",
            _ => "other",
        };
        script.heard.push(name.to_owned());
        // Raising, closing and the sign of life go well unless the script is about them.
        let usual = match name {
            "raise" => Some(data.to_vec()),
            "close" => Some(Vec::new()),
            "id" => Some(vec![0x20, 1, 2, 0, 2, 0xBF, 0, 0, 0, 0, 0]),
            _ => None,
        };
        match usual.map(|data| Does::Answer(0, data)).or_else(|| script.commands.pop_front()) {
            Some(Does::Answer(code, data)) => Ok(Answer { code, data }),
            Some(Does::Nothing) | None => Err("no answer came".to_owned()),
        }
    }

    fn session(&self) -> Option<u32> {
        Some(0x0102_0304)
    }
}

fn line(double: &Double, fence: Option<Arc<Fence>>) -> Line {
    let setup = Setup {
        bmc: "rack-1".to_owned(),
        username: "admin".to_owned(),
        ledger: Arc::new(MemoryLedger::default()),
        privilege: Privilege::Administrator,
        fence,
        counted: Arc::default(),
    };
    Line::new(setup, Box::new(double.clone()))
}

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
    double.0.lock().unwrap().logins.extend(vec![refusal; 5]);
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
    double.0.lock().unwrap().logins.extend(vec![lost; 2]);
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
