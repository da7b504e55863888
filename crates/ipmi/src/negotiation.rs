//! What a login is negotiated with, and what is said where that does not work.

use ipmi_rs::rmcp::ParseSessionResponseError;
use rackhand_bmc::ErrorKind;

use crate::{
    probe::{Greeting, SPOKEN, names},
    wire::Refusal,
};

/// What a BMC has to offer before a login is begun.
///
/// # Errors
/// When it lacks what ipmi-rs speaks, with what can be done about it. Nothing of the credentials was sent.
pub(crate) fn acceptable(greeting: &Greeting) -> Result<(), Refusal> {
    let unsupported = |detail: String| Err(Refusal::new(ErrorKind::Unsupported, detail));
    if !greeting.speaks.rmcp_plus {
        return unsupported(
            "the BMC offers the sessions of IPMI 1.5 only; those of IPMI 2.0 (RMCP+) are spoken, because the older ones send \
             everything in clear text: update the BMC's firmware"
                .to_owned(),
        );
    }
    match &greeting.suites {
        Some(offered) if !offered.contains(&SPOKEN) => unsupported(format!(
            "the BMC offers the cipher suites {}, and {} is what is spoken: allow it in the BMC's IPMI settings",
            names(offered),
            names(&[SPOKEN])
        )),
        _ => Ok(()),
    }
}

/// The refusal of a session before anybody has named a user. Which status it was can only be learned from
/// what ipmi-rs shows of it for debugging.
pub(crate) fn refusal(error: &ParseSessionResponseError) -> Refusal {
    use ParseSessionResponseError as E;
    let spoken = names(&[SPOKEN]);
    let shown = format!("{error:?}");
    match error {
        E::HaveErrorCode(_) if shown.contains("InsufficientResources") => crate::wire::common(0x01),
        E::HaveErrorCode(_) if shown.contains("InvalidRole") => Refusal::new(
            ErrorKind::Forbidden,
            "the BMC lets nobody in as administrator over LAN: raise the privilege limit of its LAN channel",
        ),
        E::HaveErrorCode(_) if ["Matching", "Algorithm"].iter().any(|word| shown.contains(word)) => {
            Refusal::new(
                ErrorKind::Unsupported,
                format!(
                    "the BMC does not take cipher suite {spoken}, the only one that is spoken ({shown}): allow it in the BMC's IPMI settings"
                ),
            )
        }
        E::HaveErrorCode(_) => {
            Refusal::new(ErrorKind::Protocol, format!("the BMC refused a session ({shown})"))
        }
        other => Refusal::new(
            ErrorKind::Protocol,
            format!("a session was offered in words not understood ({other:?})"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Speaks;

    fn judged(speaks: Speaks, suites: Option<Vec<u8>>) -> Result<(), String> {
        acceptable(&Greeting { speaks, suites }).map_err(|refusal| {
            assert_eq!(refusal.kind, ErrorKind::Unsupported);
            refusal.detail
        })
    }

    #[test]
    fn a_bmc_without_our_suite_is_told_what_to_allow() {
        let speaks = Speaks { rmcp_plus: true };
        assert_eq!(judged(speaks, Some(vec![0, 3, 17])), Ok(()));
        assert_eq!(judged(speaks, None), Ok(()), "one that does not say is tried");
        assert_eq!(
            judged(speaks, Some(vec![0, 17])).unwrap_err(),
            "the BMC offers the cipher suites 0 (no authentication), 17 (SHA256, AES), and 3 (SHA1, AES) is what is spoken: \
             allow it in the BMC's IPMI settings"
        );
    }

    #[test]
    fn older_sessions_are_not_tried() {
        let old = judged(Speaks { rmcp_plus: false }, None).unwrap_err();
        assert!(old.contains("IPMI 1.5 only"), "{old}");
    }
}
