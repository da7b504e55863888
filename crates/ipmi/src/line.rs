//! What happens on the thread of one BMC: one session, one command at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rackhand_bmc::{Error, ErrorKind, Ledger, Result};
use tokio::time::Instant;

use crate::{
    command::{Answer, Command, nonsense, refused, says_nothing_of_the_outcome},
    device::{CloseSession, GetDeviceId, SetPrivilege},
    options::{Fence, Privilege},
    wire::{Dial, Refusal, Wire},
};

/// How often a read is tried. Each further try takes a session of its own: the old one may still bring the
/// lost answer.
const TRIES: u8 = 3;
/// How long a session may be idle and count as alive. BMCs give idle sessions up after about 60 s.
const FRESH: Duration = Duration::from_secs(5);

/// Who is spoken to and on whose behalf.
pub(crate) struct Setup {
    pub(crate) bmc: String,
    pub(crate) username: String,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) privilege: Privilege,
    pub(crate) fence: Option<Arc<Fence>>,
    pub(crate) counted: Arc<Counted>,
}

/// What was sent so far.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) commands: AtomicU64,
    pub(crate) sessions: AtomicU64,
}

/// What became of a command that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The BMC says that it was done.
    Done,
    /// It left, and whether it arrived is not known; what was seen instead.
    Lost(String),
}

/// The line to one BMC.
pub(crate) struct Line {
    setup: Setup,
    dial: Box<dyn Dial>,
    live: Option<Live>,
}

struct Live {
    wire: Box<dyn Wire>,
    used: Instant,
}

impl Line {
    pub(crate) fn new(setup: Setup, dial: Box<dyn Dial>) -> Self {
        Self { setup, dial, live: None }
    }

    /// Reads, again if need be, on a new session each time, until `until`.
    pub(crate) fn read<C: Command>(&mut self, command: &C, until: Instant) -> Result<C::Output> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.try_once(command) {
                Ok(answer) => return self.understood(command, answer),
                Err(error) => error,
            };
            let again =
                matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Lost | ErrorKind::Protocol);
            if !again || tries >= TRIES || Instant::now() >= until {
                return Err(error);
            }
            tracing::debug!(bmc = %self.setup.bmc, %error, "reading again on a new session");
        }
    }

    /// Sends a command that changes something, once. The session is known to be alive before it leaves, so
    /// that one that the BMC gave up long ago does not leave it unknown.
    pub(crate) fn change<C: Command>(&mut self, command: &C, until: Instant) -> Result<Sent> {
        let fresh = self.live.as_ref().is_some_and(|live| live.used.elapsed() < FRESH);
        if !fresh {
            self.read(&GetDeviceId, until)?;
        }
        if let Some(reason) = self.setup.fence.as_ref().and_then(|ask| ask().err()) {
            return Err(Error::new(ErrorKind::Conflict, &self.setup.bmc, format!("not sent: {reason}"))
                .with_request(command.name()));
        }
        if Instant::now() >= until {
            let late = "nothing was sent: the time for it was over before the BMC's turn came";
            return Err(
                Error::new(ErrorKind::Unreachable, &self.setup.bmc, late).with_request(command.name())
            );
        }
        match self.exchange(C::NETFN, C::NUMBER, &command.data()) {
            Err(seen) => Ok(Sent::Lost(seen)),
            Ok(answer) if answer.code == 0 => Ok(Sent::Done),
            Ok(answer) if says_nothing_of_the_outcome(answer.code) => {
                let meaning = crate::command::meaning(answer.code);
                Ok(Sent::Lost(format!("the BMC answered 0x{:02X}: {meaning}", answer.code)))
            }
            Ok(answer) => Err(refused(&self.setup.bmc, command, answer.code)),
        }
    }

    /// Gives the session back; one that is gone already is no error.
    pub(crate) fn close(&mut self) -> Result<()> {
        let Some(session) = self.live.as_ref().and_then(|live| live.wire.session()) else {
            self.live = None;
            return Ok(());
        };
        let command = CloseSession(session);
        let answer = self.exchange(CloseSession::NETFN, CloseSession::NUMBER, &command.data());
        self.live = None;
        match answer {
            // 0x87: it does not know the session (any more).
            Ok(Answer { code: 0 | 0x87, .. }) => Ok(()),
            Ok(answer) => Err(refused(&self.setup.bmc, &command, answer.code)),
            Err(seen) => Err(self.lost(seen).with_request(command.name())),
        }
    }

    /// Forgets the session without a word, because the BMC has: it restarts.
    pub(crate) fn hang_up(&mut self) {
        self.live = None;
    }

    fn try_once<C: Command>(&mut self, command: &C) -> Result<Answer> {
        self.open()?;
        self.exchange(C::NETFN, C::NUMBER, &command.data())
            .map_err(|seen| self.lost(seen).with_request(command.name()))
    }

    fn understood<C: Command>(&self, command: &C, answer: Answer) -> Result<C::Output> {
        match answer {
            Answer { code: 0, data } => {
                command.parse(&data).ok_or_else(|| nonsense(&self.setup.bmc, command, &data))
            }
            Answer { code, .. } => Err(refused(&self.setup.bmc, command, code)),
        }
    }

    fn lost(&self, seen: String) -> Error {
        Error::new(ErrorKind::Lost, &self.setup.bmc, seen)
    }

    fn exchange(&mut self, netfn: u8, command: u8, data: &[u8]) -> Result<Answer, String> {
        let Some(mut live) = self.live.take() else { return Err("there is no session".to_owned()) };
        self.setup.counted.commands.fetch_add(1, Ordering::Relaxed);
        let answer = live.wire.exchange(netfn, command, data)?;
        live.used = Instant::now();
        self.live = Some(live);
        Ok(answer)
    }

    /// Logs in and raises the privilege, unless a session stands.
    fn open(&mut self) -> Result<()> {
        if self.live.is_some() {
            return Ok(());
        }
        let setup = &self.setup;
        setup.ledger.permit_login(&setup.bmc, &setup.username)?;
        let wire = self.dial.dial().map_err(|refusal| self.not_opened(refusal))?;
        self.setup.counted.sessions.fetch_add(1, Ordering::Relaxed);
        self.live = Some(Live { wire, used: Instant::now() });
        if let Err(error) = setup.ledger.login_accepted(&setup.bmc, &setup.username) {
            // The login counts as under way for a while longer, and that is all.
            tracing::warn!(bmc = %setup.bmc, %error, "that the BMC let us in could not be written down");
        }
        let privilege = SetPrivilege(self.setup.privilege);
        let raised = self
            .exchange(SetPrivilege::NETFN, SetPrivilege::NUMBER, &privilege.data())
            .map_err(|seen| self.lost(seen).with_request(privilege.name()))?;
        if raised.code == 0 {
            return Ok(());
        }
        let error = refused(&self.setup.bmc, &privilege, raised.code);
        if let Err(left) = self.close() {
            tracing::debug!(bmc = %self.setup.bmc, error = %left, "a session was left to time out");
        }
        Err(error)
    }

    fn not_opened(&self, refusal: Refusal) -> Error {
        let setup = &self.setup;
        if refusal.kind == ErrorKind::RefusedCredentials
            && let Err(error) = setup.ledger.login_refused(&setup.bmc, &setup.username)
        {
            return error;
        }
        Error::new(refusal.kind, &setup.bmc, refusal.detail).with_request("IPMI login (RAKP)")
    }
}

#[cfg(test)]
mod tests;
