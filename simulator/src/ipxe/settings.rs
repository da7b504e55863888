//! Settings: what `${name}` stands for.

use std::collections::BTreeMap;

use crate::machine::Machine;

/// A value is no longer than this.
const LONGEST: usize = 4096;
/// So often a text is expanded at most.
const EXPANSIONS: u32 = 64;

/// iPXE's settings: those of the machine and of its network, and those that a script sets.
///
/// Known from the start are `mac` (also `net0/mac`, `net1/mac` …; `netX` is the port that boots, the first), `uuid`,
/// `serial`, `manufacturer`, `product`, `platform`, `buildarch`, `cwuri` and `cwduri` (where the script is from), and what DHCP
/// told: `next-server`, `filename`. A type may follow: `${mac:hexhyp}` has hyphens, `${mac:hexraw}` nothing between the digits. What is not set is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The settings of a machine.
    pub(crate) fn of(machine: &Machine) -> Self {
        let identity = &machine.identity;
        let mut all = Self::default();
        for (port, mac) in identity.macs.iter().enumerate() {
            all.0.insert(format!("net{port}/mac"), mac.to_ascii_lowercase());
        }
        for (name, value) in [
            ("mac", identity.macs.first().map_or("", String::as_str)),
            ("uuid", &identity.uuid),
            ("serial", &identity.serial),
            ("manufacturer", &machine.hardware.manufacturer),
            ("product", &machine.hardware.model),
            ("platform", "efi"),
            ("buildarch", "x86_64"),
        ] {
            all.0.insert(name.to_owned(), value.to_owned());
        }
        all
    }

    /// With the value of a setting.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a value; an empty one is none.
    pub(super) fn set(&mut self, name: &str, value: String) {
        let name = plain(name);
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// A script from `url` runs.
    pub(super) fn stand_at(&mut self, url: &str) {
        let directory = url.rfind('/').and_then(|at| url.get(..=at)).unwrap_or(url);
        self.set("cwuri", url.to_owned());
        self.set("cwduri", directory.to_owned());
    }

    /// The script that ran with the settings `before` goes on.
    pub(super) fn stand_as(&mut self, before: &Self) {
        for name in ["cwuri", "cwduri"] {
            self.set(name, before.get(name));
        }
    }

    fn get(&self, wanted: &str) -> String {
        let (_, kind) = wanted.split_once(':').unwrap_or((wanted, ""));
        let value = self.0.get(plain(wanted)).map_or("", String::as_str);
        match kind {
            "hexhyp" => value.replace(':', "-"),
            "hexraw" => value.replace(':', ""),
            _ => value.to_owned(),
        }
    }

    /// A text with the values of its settings, the innermost first.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut text = text.to_owned();
        for _ in 0..EXPANSIONS {
            let Some((before, name, after)) = innermost(&text) else { return Ok(text) };
            let expanded = format!("{before}{}{after}", self.get(name));
            if expanded.len() > LONGEST {
                return Err(format!("a text of more than {LONGEST} characters"));
            }
            text = expanded;
        }
        Err(format!("more than {EXPANSIONS} settings in one text"))
    }
}

/// The name without its type, and without the port that boots before it.
fn plain(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    match name.split_once('/') {
        // The ports are told apart by their addresses, which are settings of their own.
        Some(("netX", rest)) => rest,
        Some(("net0", rest)) if rest != "mac" => rest,
        _ => name,
    }
}

/// A `${name}` in which there is no other, with what is before and after it.
fn innermost(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let end = from + text.get(from..)?.find('}')?;
        let before = text.get(..end)?;
        if let Some(begin) = before.rfind("${") {
            return Some((text.get(..begin)?, text.get(begin + 2..end)?, text.get(end + 1..)?));
        }
        from = end + 1;
    }
}
