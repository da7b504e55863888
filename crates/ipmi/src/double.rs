//! A BMC that does as a test tells it, in place of a session of ipmi-rs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use rackhand_bmc::MemoryLedger;

use crate::{
    command::{Answer, netfn},
    line::{Line, Setup},
    options::{Fence, Privilege},
    wire::{Dial, Refusal, Wire},
};

/// What it does with a command.
#[derive(Clone)]
pub(crate) enum Does {
    Answer(u8, Vec<u8>),
    Nothing,
}

/// Decides by the command: function, number, data.
type Decide = dyn FnMut(u8, u8, &[u8]) -> Option<Does> + Send;

/// What it does, and what came to it.
#[derive(Default)]
struct Script {
    logins: VecDeque<Refusal>,
    decide: Option<Box<Decide>>,
    commands: VecDeque<Does>,
    heard: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Double(Arc<Mutex<Script>>);

impl Double {
    /// One that decides by the command; what it does not decide goes as usual.
    pub(crate) fn deciding(decide: impl FnMut(u8, u8, &[u8]) -> Option<Does> + Send + 'static) -> Self {
        let double = Self::default();
        double.0.lock().unwrap().decide = Some(Box::new(decide));
        double
    }

    /// What it does with the next commands that are not as usual.
    pub(crate) fn does(&self, what: impl IntoIterator<Item = Does>) {
        self.0.lock().unwrap().commands.extend(what);
    }

    /// How it refuses the next logins.
    pub(crate) fn refuses(&self, logins: Vec<Refusal>) {
        self.0.lock().unwrap().logins.extend(logins);
    }

    /// What came since it was last asked.
    pub(crate) fn heard(&self) -> String {
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
        script.heard.push(name(netfn, command, data));
        let decided = script.decide.as_mut().and_then(|decide| decide(netfn, command, data));
        // Raising, closing and the sign of life go well unless the script is about them.
        let usual = || match (netfn, command) {
            (netfn::APP, 0x3B) => Some(Does::Answer(0, data.to_vec())),
            (netfn::APP, 0x3C) => Some(Does::Answer(0, Vec::new())),
            (netfn::APP, 0x01) => Some(Does::Answer(0, vec![0x20, 1, 2, 0, 2, 0xBF, 0, 0, 0, 0, 0])),
            _ => None,
        };
        match decided.or_else(usual).or_else(|| script.commands.pop_front()) {
            Some(Does::Answer(code, data)) => Ok(Answer { code, data }),
            Some(Does::Nothing) | None => Err("no answer came".to_owned()),
        }
    }

    fn session(&self) -> Option<u32> {
        Some(0x0102_0304)
    }
}

/// A command in a word; boot options with their bytes.
fn name(netfn: u8, command: u8, data: &[u8]) -> String {
    match (netfn, command) {
        (netfn::APP, 0x3B) => "raise".to_owned(),
        (netfn::APP, 0x3C) => "close".to_owned(),
        (netfn::APP, 0x01) => "id".to_owned(),
        (netfn::CHASSIS, 0x01) => "status".to_owned(),
        (netfn::CHASSIS, 0x02) => "control".to_owned(),
        (netfn::CHASSIS, 0x08) => {
            let bytes: Vec<String> = data.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("set:{}", bytes.join("-"))
        }
        (netfn::CHASSIS, 0x09) => "flags".to_owned(),
        (function, number) => format!("{function:02x}/{number:02x}"),
    }
}

/// A line to it.
pub(crate) fn line(double: &Double, fence: Option<Arc<Fence>>) -> Line {
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

/// A link to it, whose commands may take a minute.
pub(crate) fn link(double: &Double) -> crate::link::Link {
    let double = double.clone();
    let make = move || line(&double, None);
    crate::link::Link::new("rack-1", std::time::Duration::from_secs(60), Arc::default(), Box::new(make))
}
