//! A command, its answer, and what completion codes mean.

use rackhand_bmc::{Error, ErrorKind, Message};

/// The network functions in use.
pub(crate) mod netfn {
    pub(crate) const CHASSIS: u8 = 0x00;
    pub(crate) const SENSOR: u8 = 0x04;
    pub(crate) const APP: u8 = 0x06;
    pub(crate) const STORAGE: u8 = 0x0A;
}

/// One command: its bytes, and how its answer is read.
pub(crate) trait Command {
    /// What the answer says.
    type Output;

    /// The network function.
    const NETFN: u8;
    /// The command's number within it.
    const NUMBER: u8;

    /// The command as messages name it, with what it is asked for.
    fn name(&self) -> String;

    /// The request's data.
    fn data(&self) -> Vec<u8>;

    /// Reads the data of a successful answer; `None` when it is too short or makes no sense.
    fn parse(&self, data: &[u8]) -> Option<Self::Output>;

    /// What a completion code means that this command has for its own (0x80 to 0xBE), or uses in a sense of
    /// its own.
    fn own_code(_code: u8) -> Option<(ErrorKind, &'static str)> {
        None
    }
}

/// What a BMC answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The completion code.
    pub(crate) code: u8,
    /// What follows it.
    pub(crate) data: Vec<u8>,
}

/// Codes by which a BMC says that it cannot tell what became of the command.
pub(crate) fn says_nothing_of_the_outcome(code: u8) -> bool {
    matches!(code, 0xC3 | 0xCE)
}

/// What was seen of a completion code.
pub(crate) fn meaning(code: u8) -> &'static str {
    match code {
        0xC0 => "the BMC is busy",
        0xC1 => "the BMC does not know the command",
        0xC2 => "the BMC does not know the command on this unit",
        0xC3 => "the BMC ran out of time",
        0xC4 => "the BMC is out of space",
        0xC5 => "the reservation was cancelled",
        0xC6 => "the request was cut short",
        0xC7 => "the request has a length that the BMC does not take",
        0xC8 => "the request is longer than the BMC takes",
        0xC9 => "a value is out of range",
        0xCA => "the BMC cannot answer that many bytes",
        0xCB => "it is not there",
        0xCC => "a field of the request is invalid to the BMC",
        0xCD => "the command is not for this sensor or record",
        0xCE => "the BMC could not give its answer",
        0xCF => "the BMC took it for a duplicate",
        0xD0 => "the BMC updates its sensor records",
        0xD1 => "the BMC updates its firmware",
        0xD2 => "the BMC is starting",
        0xD3 => "the destination cannot be reached",
        0xD4 => "insufficient privilege",
        0xD5 => "not in the present state",
        0xD6 => "the function is disabled",
        0xFF => "unspecified error",
        _ => "a code of this BMC's own",
    }
}

/// What the caller can do about a completion code.
fn kind(code: u8) -> ErrorKind {
    match code {
        0xC0 | 0xC3 | 0xCE | 0xCF | 0xD0 | 0xD1 | 0xD2 => ErrorKind::Busy { retry_after: None },
        0xC1 | 0xC2 | 0xD6 => ErrorKind::Unsupported,
        0xC4 | 0xC5 | 0xD5 => ErrorKind::Conflict,
        0xC6..=0xCA | 0xCC | 0xCD => ErrorKind::RejectedValue { properties: Vec::new() },
        0xCB | 0xD3 => ErrorKind::NotFound,
        0xD4 => ErrorKind::Forbidden,
        _ => ErrorKind::Protocol,
    }
}

/// The error that a completion code other than success is.
pub(crate) fn refused<C: Command>(bmc: &str, command: &C, code: u8) -> Error {
    let (kind, text) = C::own_code(code).unwrap_or_else(|| (kind(code), meaning(code)));
    let message = Message { id: format!("0x{code:02X}"), text: text.to_owned() };
    Error::new(kind, bmc, "the BMC refused the command")
        .with_request(command.name())
        .with_messages(vec![message])
}

/// The error that an answer is which cannot be read.
pub(crate) fn nonsense<C: Command>(bmc: &str, command: &C, data: &[u8]) -> Error {
    let detail = format!("the answer of {} bytes cannot be understood", data.len());
    Error::new(ErrorKind::Protocol, bmc, detail).with_request(command.name())
}

/// Two bytes, the lower first.
pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    let bytes: [u8; 2] = data.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes))
}

/// Four bytes, the lowest first.
pub(crate) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    let bytes: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chassis::{ChassisControl, Control};

    #[test]
    fn a_refusal_names_the_command_the_code_and_what_it_means() {
        let error = refused("rack-1", &ChassisControl(Control::PowerUp), 0xD4);
        assert_eq!(*error.kind(), ErrorKind::Forbidden);
        assert_eq!(
            error.to_string(),
            "BMC rack-1: the BMC refused the command (IPMI Chassis Control (power up)); 0xD4: insufficient privilege"
        );
    }

    #[test]
    fn every_code_but_success_is_sorted() {
        assert!(kind(0xC0).is_transient());
        assert!(kind(0xD2).is_transient());
        assert_eq!(kind(0xC1), ErrorKind::Unsupported);
        assert_eq!(kind(0x9F), ErrorKind::Protocol);
        assert!((1..=u8::MAX).all(|code| !meaning(code).is_empty()));
    }
}
