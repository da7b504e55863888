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

/// Sets the flags, with what goes around them. Only the flags themselves must succeed: many BMCs lack the rest.
async fn set(link: Link, wanted: BootOverride) -> Result<Outcome> {
    let uefi = match wanted.mode {
        Some(mode) => mode == BootMode::Uefi,
        None => mode_left(link.read(GetBootFlags).await?),
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

/// The UEFI flag where nobody says what it shall be: as flags that are in force have it, and UEFI where none are. IPMI shows nothing
/// else of how a machine boots, and without the flag a UEFI machine may boot in its BIOS mode for once.
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
    use super::*;

    #[test]
    fn the_mode_is_left_where_it_shows() {
        let flags = |valid, uefi| BootFlags { valid, uefi, ..BootFlags::default() };
        assert!(mode_left(flags(true, true)));
        assert!(!mode_left(flags(true, false)), "an override in BIOS mode stays one");
        assert!(mode_left(flags(false, false)), "flags that are not in force say nothing");
    }
}
