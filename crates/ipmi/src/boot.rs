//! The boot override.

use rackhand_bmc::{
    Boot, BootMode, BootOption, BootOverride, BootSettings, Error, ErrorKind, Fut, Outcome, Result,
    SecureBootState,
};

use crate::{
    boot_options::{BootFlags, GetBootFlags, SetBootOption},
    line::Sent,
    link::Link,
    quirks::Seen,
};

/// The facet.
pub(crate) struct BootFlagsOverride {
    pub(crate) link: Link,
    pub(crate) seen: Seen,
}

impl BootFlagsOverride {
    fn lacks(&self, what: &str) -> Error {
        self.link.error(ErrorKind::Unsupported, format!("IPMI has no {what}"))
    }
}

impl Boot for BootFlagsOverride {
    fn override_names_mode(&self) -> bool {
        true
    }

    fn settings(&self) -> Fut<'_, BootSettings> {
        Box::pin(async move { Ok(self.seen.settings(self.link.read(GetBootFlags).await?)) })
    }

    fn set_override(&self, wanted: BootOverride) -> Fut<'_, Outcome> {
        Box::pin(async move {
            if BootFlags::wanted(&wanted.target, wanted.enabled, true).is_none() {
                let detail = format!("IPMI has no boot override for {}", wanted.target);
                let properties = vec!["BootSourceOverrideTarget".to_owned()];
                return Err(self.link.error(ErrorKind::RejectedValue { properties }, detail));
            }
            self.link.owned(move |link| set(link, wanted)).await
        })
    }

    fn secure_boot(&self) -> Fut<'_, SecureBootState> {
        Box::pin(async move { Err(self.lacks("secure boot")) })
    }

    fn set_secure_boot(&self, _enabled: bool) -> Fut<'_, Outcome> {
        Box::pin(async move { Err(self.lacks("secure boot")) })
    }

    fn set_mode(&self, _mode: BootMode) -> Fut<'_, Outcome> {
        Box::pin(async move {
            Err(self.lacks("boot mode that lasts; the override's own UEFI flag is set with the override"))
        })
    }

    fn order(&self) -> Fut<'_, Vec<BootOption>> {
        Box::pin(async move { Err(self.lacks("boot order")) })
    }

    fn set_order<'a>(&'a self, _order: &'a [String]) -> Fut<'a, Outcome> {
        Box::pin(async move { Err(self.lacks("boot order")) })
    }
}

/// Sets the flags, with what goes around them. Only the flags themselves must succeed: many BMCs lack the
/// rest.
async fn set(link: Link, wanted: BootOverride) -> Result<Outcome> {
    let uefi = match wanted.mode {
        Some(mode) => mode == BootMode::Uefi,
        None => shown(&link).await?.is_none_or(mode_left),
    };
    let Some(flags) = BootFlags::wanted(&wanted.target, wanted.enabled, uefi) else {
        return Ok(Outcome::Unchanged);
    };
    let begun = match aside(&link, SetBootOption::InProgress(true)).await? {
        Aside::Done => true,
        Aside::Refused => false,
        Aside::Lost(seen) => return Ok(Outcome::Unknown { seen }),
    };
    if flags.valid {
        for option in [SetBootOption::Unseen, SetBootOption::KeepFlags] {
            if let Aside::Lost(seen) = aside(&link, option).await? {
                return Ok(Outcome::Unknown { seen });
            }
        }
    }
    let outcome = link.outcome(SetBootOption::Flags(flags)).await;
    // After a lost answer nothing more is sent: what becomes of the flags is for a read to tell.
    if begun && !matches!(outcome, Ok(Outcome::Unknown { .. })) {
        aside(&link, SetBootOption::InProgress(false)).await?;
    }
    outcome
}

/// The flags; `None` where a BMC does not show them.
pub(crate) async fn shown(link: &Link) -> Result<Option<BootFlags>> {
    match link.read(GetBootFlags).await {
        Ok(flags) => Ok(Some(flags)),
        Err(error) if !error.messages().is_empty() && !error.kind().is_transient() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The UEFI flag where nobody says what it shall be: as flags that are in force have it, and UEFI where none
/// are. IPMI shows nothing else of how a machine boots, and without the flag a UEFI machine may boot in its
/// BIOS mode for once.
fn mode_left(seen: BootFlags) -> bool {
    !seen.valid || seen.uefi
}

/// What became of an option that goes along.
enum Aside {
    Done,
    Refused,
    Lost(String),
}

async fn aside(link: &Link, option: SetBootOption) -> Result<Aside> {
    match link.change(option).await {
        Ok(Sent::Done) => Ok(Aside::Done),
        Ok(Sent::Lost(seen)) => Ok(Aside::Lost(seen)),
        // An answer of the BMC, as opposed to a fence or a login that says no.
        Err(error) if !error.messages().is_empty() => {
            tracing::debug!(bmc = %link.bmc(), %error, "a boot option that goes along was refused");
            Ok(Aside::Refused)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use rackhand_bmc::{BootTarget, OverrideEnabled};

    use super::*;
    use crate::double::{Does, Double, link};

    /// Sets an override on a BMC that answers each boot option as `answers` says, and has no flags in force.
    async fn set_on(
        wanted: BootOverride,
        answers: impl Fn(u8) -> Does + Send + 'static,
    ) -> (Result<Outcome>, String) {
        let double = Double::deciding(move |_, command, data| match command {
            0x08 => Some(answers(data[0])),
            0x09 => Some(Does::Answer(0, vec![1, 5, 0, 0, 0, 0, 0])),
            _ => None,
        });
        let link = link(&double);
        let outcome = BootFlagsOverride { link, seen: Seen::plain() }.set_override(wanted).await;
        let heard = double.heard();
        let sets: Vec<&str> = heard.split(' ').filter_map(|word| word.strip_prefix("set:")).collect();
        (outcome, sets.join(" "))
    }

    fn pxe(mode: Option<BootMode>) -> BootOverride {
        BootOverride { mode, ..BootOverride::once(BootTarget::Pxe) }
    }

    fn done(_: u8) -> Does {
        Does::Answer(0, Vec::new())
    }

    #[tokio::test]
    async fn the_flags_are_set_with_what_goes_around_them() {
        let (outcome, sent) = set_on(pxe(Some(BootMode::Uefi)), done).await;
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert_eq!(sent, "00-01 04-01-01 03-08 05-a0-04-00-00-00 00-00");
        let (_, sent) = set_on(pxe(Some(BootMode::Legacy)), done).await;
        assert!(sent.contains("05-80-04-00-00-00"), "{sent}");
        let (_, sent) = set_on(pxe(None), done).await;
        assert!(sent.contains("05-a0-04-00-00-00"), "UEFI where nothing shows: {sent}");
        let none =
            BootOverride { enabled: OverrideEnabled::Disabled, ..BootOverride::once(BootTarget::None) };
        let (_, sent) = set_on(none, done).await;
        assert_eq!(sent, "00-01 05-00-00-00-00-00 00-00");
    }

    #[tokio::test]
    async fn only_the_flags_must_be_taken() {
        let flags_alone = |parameter| if parameter == 5 { done(5) } else { Does::Answer(0xCC, Vec::new()) };
        let (outcome, sent) = set_on(pxe(None), flags_alone).await;
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert_eq!(sent, "00-01 04-01-01 03-08 05-a0-04-00-00-00", "nothing was begun that must be ended");
        let all_else =
            |parameter| if parameter == 5 { Does::Answer(0x82, Vec::new()) } else { done(parameter) };
        let (outcome, sent) = set_on(pxe(None), all_else).await;
        let error = outcome.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("0x82: this boot option can only be read"), "{error}");
        assert!(sent.ends_with(" 00-00"), "what was begun is ended: {sent}");
    }

    #[tokio::test]
    async fn after_a_lost_answer_nothing_more_is_sent() {
        for lost in [0, 4, 5] {
            let answers = move |parameter| if parameter == lost { Does::Nothing } else { done(parameter) };
            let (outcome, sent) = set_on(pxe(None), answers).await;
            assert_eq!(outcome.unwrap(), Outcome::Unknown { seen: "no answer came".to_owned() });
            let last = sent.split(' ').next_back().unwrap();
            assert!(last.starts_with(&format!("{lost:02x}")), "{sent}");
        }
    }

    #[test]
    fn the_mode_is_left_where_it_shows() {
        let flags = |valid, uefi| BootFlags { valid, uefi, ..BootFlags::default() };
        assert!(mode_left(flags(true, true)));
        assert!(!mode_left(flags(true, false)), "an override in BIOS mode stays one");
        assert!(mode_left(flags(false, false)), "flags that are not in force say nothing");
    }
}
