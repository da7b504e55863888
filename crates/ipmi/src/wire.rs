//! The session itself: ipmi-rs, held so that whatever it meets becomes an error here.
//!
//! Three of its ways are seen to in this file. It panics on packets that it does not expect, so each call
//! into it is caught. It does not compare sequence numbers, so after a lost answer the session is given up:
//! the answer may still come, and would pass for that of the next command. And it never says which session it
//! holds, which closing it takes.

use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use ipmi_rs::{
    connection::{IpmiConnection as _, LogicalUnit, Message, Request, RequestTargetAddress},
    rmcp::{
        ActivationError, RakpMessage2ErrorStatusCode, RakpMessage2ParseError, RakpMessage4ErrorStatusCode,
        RakpMessage4ParseError, Rmcp, RmcpIpmiError, RmcpIpmiReceiveError, V2_0ActivationError,
    },
};
use rackhand_bmc::ErrorKind;

use crate::{
    command::Answer,
    negotiation,
    probe::{SPOKEN, names},
};

/// A session with a BMC. Gone when its answer is an error.
pub(crate) trait Wire: Send {
    /// Sends a command and waits for its answer. An error says what was seen; the command may have arrived
    /// all the same.
    fn exchange(&mut self, netfn: u8, command: u8, data: &[u8]) -> Result<Answer, String>;

    /// The session's number at the BMC, where it is known.
    fn session(&self) -> Option<u32>;
}

/// Opens sessions.
pub(crate) trait Dial: Send {
    /// Logs in.
    fn dial(&mut self) -> Result<Box<dyn Wire>, Refusal>;
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Sessions of ipmi-rs.
pub(crate) struct Rakp {
    pub(crate) address: SocketAddr,
    pub(crate) username: String,
    pub(crate) password: secrecy::SecretString,
    /// How long each packet is waited for.
    pub(crate) wait: Duration,
}

impl Dial for Rakp {
    fn dial(&mut self) -> Result<Box<dyn Wire>, Refusal> {
        use secrecy::ExposeSecret as _;
        let mut rmcp = Rmcp::new(self.address, self.wait)
            .map_err(|error| Refusal::new(ErrorKind::Unreachable, error.to_string()))?;
        let password = self.password.expose_secret().as_bytes();
        let opened = caught(|| rmcp.activate(true, Some(&self.username), Some(password)));
        match opened {
            Ok(Ok(())) => {
                let session = session_in(&format!("{rmcp:?}"));
                Ok(Box::new(Established { rmcp, session }))
            }
            Ok(Err(error)) => Err(sorted(&error)),
            Err(panic) => Err(given_up(&panic)),
        }
    }
}

/// What it means that the library gave up in the middle of a login.
fn given_up(panic: &str) -> Refusal {
    // The words of its `todo!()`, which stand where it would go on with another suite.
    if panic.contains("not yet implemented") {
        let spoken = names(&[SPOKEN]);
        return Refusal::new(
            ErrorKind::Unsupported,
            format!(
                "the BMC was asked for cipher suite {spoken} and took another, which is not spoken: allow it in the BMC's IPMI settings"
            ),
        );
    }
    let detail = format!("the BMC answered the login with something that is not understood ({panic})");
    Refusal::new(ErrorKind::Protocol, detail)
}

struct Established {
    rmcp: Rmcp,
    session: Option<u32>,
}

impl Wire for Established {
    fn exchange(&mut self, netfn: u8, command: u8, data: &[u8]) -> Result<Answer, String> {
        let message = Message::new_raw(netfn, command, data.to_vec());
        let mut request = Request::new(message, RequestTargetAddress::Bmc(LogicalUnit::Zero));
        let response = caught(|| self.rmcp.send_recv(&mut request))?.map_err(|error| lost(&error))?;
        if response.netfn_raw() != netfn | 1 || response.cmd() != command {
            return Err(format!(
                "an answer to another command came (0x{:02X} of function 0x{:02X})",
                response.cmd(),
                response.netfn_raw()
            ));
        }
        Ok(Answer { code: response.cc(), data: response.data().to_vec() })
    }

    fn session(&self) -> Option<u32> {
        self.session
    }
}

/// Calls into the library, and makes of a panic what it said.
fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the library gave up").to_owned()
    })
}

/// The number of the session within what ipmi-rs shows of itself for debugging, the only place where it does.
fn session_in(shown: &str) -> Option<u32> {
    let (_, active) = shown.split_once("V2_0(")?;
    let (_, number) = active.split_once("session_id: ")?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|number| *number != 0)
}

fn lost(error: &RmcpIpmiError) -> String {
    match error {
        RmcpIpmiError::Receive(RmcpIpmiReceiveError::Io(error)) => no_packet(error),
        RmcpIpmiError::Receive(RmcpIpmiReceiveError::Session(error)) => {
            format!("a packet came that is none of this session ({error:?})")
        }
        other => format!("an answer came that is not understood ({other:?})"),
    }
}

fn no_packet(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer came".to_owned(),
        io::ErrorKind::ConnectionRefused => "nothing listens on this port".to_owned(),
        _ => error.to_string(),
    }
}

/// What the caller can do about a login that failed.
///
/// The BMC proves that it knows the password before ours is sent for checking, so a wrong one shows on our
/// side: as an answer whose signature does not fit. A packet that is lost is never taken for it.
fn sorted(error: &ActivationError) -> Refusal {
    use ActivationError as A;
    let unreachable = |detail: String| Refusal::new(ErrorKind::Unreachable, detail);
    match error {
        A::BindSocket(error) | A::PingSend(error) => unreachable(format!("no packet could be sent: {error}")),
        A::PongReceive(error) => unreachable(format!(
            "no answer to the RMCP ping: {}; a BMC that speaks IPMI but does not answer pings cannot be connected to",
            no_packet(error)
        )),
        A::PongRead => Refusal::new(ErrorKind::Protocol, "the answer to the RMCP ping is not understood"),
        A::IpmiNotSupported => {
            Refusal::new(ErrorKind::Unsupported, "the BMC answers pings, but does not speak IPMI")
        }
        A::NoSupportedIpmiLANVersions | A::V1_5(_) => {
            Refusal::new(ErrorKind::Unsupported, "the BMC offers no sessions of IPMI 2.0 (RMCP+)")
        }
        A::GetChannelAuthenticationCapabilities(_) | A::RmcpError(_) => {
            unreachable("the BMC did not say how it lets anybody in".to_owned())
        }
        A::V2_0(error) => rakp(error),
    }
}

fn rakp(error: &V2_0ActivationError) -> Refusal {
    use V2_0ActivationError as E;
    let refused = |seen: &str| {
        let detail = format!("user name or password refused: {seen}");
        Refusal::new(ErrorKind::RefusedCredentials, detail)
    };
    match error {
        E::ServerAuthenticationFailed => refused(
            "the BMC does not know this password for the user, or not as an administrator, whose session the login always asks for",
        ),
        E::RakpMessage2Parse(RakpMessage2ParseError::ErrorStatusCode(code)) => rakp_2(*code),
        E::RakpMessage4Parse(RakpMessage4ParseError::ErrorStatusCode(
            RakpMessage4ErrorStatusCode::InvalidIntegrityCheckValue,
        )) => refused("the BMC did not take the proof of the password"),
        E::RakpMessage4Parse(RakpMessage4ParseError::ErrorStatusCode(
            RakpMessage4ErrorStatusCode::Common(code),
        )) => common(u8::from(*code)),
        E::RakpMessage4InvalidIntegrityCheckValue => Refusal::new(
            ErrorKind::Unsupported,
            "the password is right, but the BMC signs with a key of its own (K_G); take it out of the BMC's IPMI settings",
        ),
        E::OpenSessionResponseParse(error) => negotiation::refusal(error),
        E::OpenSessionResponseReceive(RmcpIpmiReceiveError::Io(error)) => {
            Refusal::new(ErrorKind::Unreachable, format!("no session was offered: {}", no_packet(error)))
        }
        E::RakpMessage2Receive(RmcpIpmiReceiveError::Io(error)) => Refusal::new(
            ErrorKind::Unreachable,
            format!(
                "a session was offered, but the user name was not answered: {}; some BMCs are silent about users that they do not know",
                no_packet(error)
            ),
        ),
        E::RakpMessage4Receive(RmcpIpmiReceiveError::Io(error)) => {
            Refusal::new(ErrorKind::Unreachable, format!("the login was not answered: {}", no_packet(error)))
        }
        other => {
            Refusal::new(ErrorKind::Protocol, format!("the login was answered with nonsense ({other:?})"))
        }
    }
}

fn rakp_2(code: RakpMessage2ErrorStatusCode) -> Refusal {
    use RakpMessage2ErrorStatusCode as C;
    match code {
        C::UnauthorizedName | C::InvalidNameLength => Refusal::new(
            ErrorKind::RefusedCredentials,
            "user name or password refused: the BMC does not know the user, or not over LAN",
        ),
        C::InvalidRole | C::UnauthorizedRoleOrPrivilegeLevelRequested => Refusal::new(
            ErrorKind::Forbidden,
            "the user may not log in as administrator, which the login always asks for: raise its privilege limit on the BMC's LAN channel",
        ),
        C::InsufficientResourcesToCreateSessionAtRequestedRole => {
            Refusal::new(ErrorKind::Busy { retry_after: None }, "the BMC has no free session")
        }
        C::InactiveSessionId => {
            Refusal::new(ErrorKind::Protocol, "the BMC gave the session up while logging in")
        }
        C::Common(code) => common(u8::from(code)),
    }
}

/// The codes that every step of a login shares.
pub(crate) fn common(code: u8) -> Refusal {
    match code {
        0x01 => Refusal::new(ErrorKind::Busy { retry_after: None }, "the BMC has no free session"),
        0x02 => Refusal::new(ErrorKind::Protocol, "the BMC gave the session up while logging in"),
        code => {
            Refusal::new(ErrorKind::Protocol, format!("the BMC refused the login with status 0x{code:02X}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(error: V2_0ActivationError) -> ErrorKind {
        sorted(&ActivationError::V2_0(error)).kind
    }

    fn silence() -> io::Error {
        io::Error::from(io::ErrorKind::WouldBlock)
    }

    #[test]
    fn refused_credentials_are_told_from_lost_packets() {
        use V2_0ActivationError as E;
        let name = RakpMessage2ParseError::ErrorStatusCode(RakpMessage2ErrorStatusCode::UnauthorizedName);
        let proof =
            RakpMessage4ParseError::ErrorStatusCode(RakpMessage4ErrorStatusCode::InvalidIntegrityCheckValue);
        assert_eq!(kind(E::ServerAuthenticationFailed), ErrorKind::RefusedCredentials);
        assert_eq!(kind(E::RakpMessage2Parse(name)), ErrorKind::RefusedCredentials);
        assert_eq!(kind(E::RakpMessage4Parse(proof)), ErrorKind::RefusedCredentials);
        let lost = || RmcpIpmiReceiveError::Io(silence());
        for error in [
            E::OpenSessionResponseReceive(lost()),
            E::RakpMessage2Receive(lost()),
            E::RakpMessage4Receive(lost()),
        ] {
            assert_eq!(kind(error), ErrorKind::Unreachable);
        }
        assert_eq!(kind(E::RakpMessage2Parse(RakpMessage2ParseError::NotEnoughData)), ErrorKind::Protocol);
        assert_eq!(kind(E::RakpMessage4InvalidIntegrityCheckValue), ErrorKind::Unsupported);
        let level = RakpMessage2ErrorStatusCode::UnauthorizedRoleOrPrivilegeLevelRequested;
        let level = RakpMessage2ParseError::ErrorStatusCode(level);
        assert_eq!(kind(E::RakpMessage2Parse(level)), ErrorKind::Forbidden);
    }

    #[test]
    fn what_the_library_gives_up_over_is_an_error() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| -> u8 { panic!("not yet {}", "done") }), Err("not yet done".to_owned()));
        assert_eq!(caught(|| -> u8 { panic!("never") }), Err("never".to_owned()));
    }

    #[test]
    fn the_session_is_found_in_what_the_library_shows() {
        let shown = "Rmcp { unbound_state: X, active_state: Some(RmcpWithState(V2_0(State { session_id: 4711, x: 1 })))";
        assert_eq!(session_in(shown), Some(4711));
        assert_eq!(session_in("Rmcp { active_state: None }"), None);
        assert_eq!(session_in("V2_0(State { session_id: 0 }"), None);
    }
}
