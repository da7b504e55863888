//! Quirks: a vendor's differences as a table of named rows.
//!
//! A driver keeps one table. A row says on which machines something was seen, what was seen, and who says so; the code
//! that cures it asks [`Quirks::on`] by the row's name. So every difference can be listed, cited and switched off by
//! name, which is how the tests show that each cure is needed.

use std::{cmp::Ordering, collections::BTreeSet, fmt};

/// One difference of a vendor's BMCs from the standard, or from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirk {
    /// Its name, lower case with hyphens.
    pub name: &'static str,
    /// Which machines it is found on.
    pub when: When,
    /// What was seen.
    pub seen: &'static str,
    /// Who says so: the fact's source.
    pub source: &'static str,
}

/// Which machines a quirk is found on. Everything given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The generations, as [`Identity::generation`](crate::Identity) begins; empty for all.
    pub generations: &'static [&'static str],
    /// The first firmware that has it.
    pub from: Option<&'static str>,
    /// The first firmware that no longer has it.
    pub before: Option<&'static str>,
    /// Beginnings of the model's name; empty for all.
    pub models: &'static [&'static str],
}

impl When {
    /// Every machine of the vendor.
    pub const ALWAYS: Self = Self { generations: &[], from: None, before: None, models: &[] };

    /// Every machine of these generations.
    #[must_use]
    pub const fn generations(generations: &'static [&'static str]) -> Self {
        Self { generations, ..Self::ALWAYS }
    }

    /// The same, on firmware before `version` alone.
    #[must_use]
    pub const fn before(self, version: &'static str) -> Self {
        Self { before: Some(version), ..self }
    }

    /// The same, on firmware from `version` on.
    #[must_use]
    pub const fn from(self, version: &'static str) -> Self {
        Self { from: Some(version), ..self }
    }

    /// Whether it holds for a machine. A firmware bound never holds for a machine whose firmware is not known.
    #[must_use]
    pub fn holds(&self, generation: &str, firmware: Option<&str>, model: Option<&str>) -> bool {
        let of_generation =
            self.generations.is_empty() || self.generations.iter().any(|known| generation.starts_with(known));
        let of_model = self.models.is_empty()
            || model.is_some_and(|model| self.models.iter().any(|known| model.starts_with(known)));
        let since = self
            .from
            .is_none_or(|from| firmware.is_some_and(|seen| compare_versions(seen, from) != Ordering::Less));
        let until = self.before.is_none_or(|before| {
            firmware.is_some_and(|seen| compare_versions(seen, before) == Ordering::Less)
        });
        of_generation && of_model && since && until
    }
}

/// Compares firmware versions by their numbers: `4.1(3d)` < `4.2(2a)`, `6.00.30.00` < `7.10`. Text between numbers
/// counts only where all numbers before it are equal. Never compare across generations: iDRAC10 began at 1 again.
#[must_use]
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    fn parts(version: &str) -> Vec<(u64, String)> {
        let mut parts = Vec::new();
        let mut rest = version;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (_, from) = rest.split_at(start);
            let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
            let (digits, after) = from.split_at(end);
            let letters: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
            parts.push((digits.parse().unwrap_or(u64::MAX), letters.to_ascii_lowercase()));
            rest = after;
        }
        parts
    }
    parts(a).cmp(&parts(b))
}

/// A vendor's table, and what of it is switched off for this connection.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    table: &'static [Quirk],
    off: BTreeSet<String>,
}

impl Quirks {
    /// The rows of `table` but those named in `off`.
    #[must_use]
    pub fn new(table: &'static [Quirk], off: &BTreeSet<String>) -> Self {
        Self { table, off: off.clone() }
    }

    /// Whether the cure of that name is to be used at all, on whatever machine.
    #[must_use]
    pub fn cures(&self, name: &str) -> bool {
        !self.off.contains(name) && self.table.iter().any(|quirk| quirk.name == name)
    }

    /// Whether the quirk of that name is found on a machine and its cure is to be used.
    #[must_use]
    pub fn on(&self, name: &str, generation: &str, firmware: Option<&str>, model: Option<&str>) -> bool {
        self.cures(name)
            && self
                .table
                .iter()
                .any(|quirk| quirk.name == name && quirk.when.holds(generation, firmware, model))
    }

    /// The rows that hold for a machine and are not switched off.
    pub fn rows_on(
        &self,
        generation: &str,
        firmware: Option<&str>,
        model: Option<&str>,
    ) -> impl Iterator<Item = &'static Quirk> {
        let holds = move |quirk: &&'static Quirk| quirk.when.holds(generation, firmware, model);
        self.table.iter().filter(holds).filter(|quirk| !self.off.contains(quirk.name))
    }

    /// The whole table.
    #[must_use]
    pub fn table(&self) -> &'static [Quirk] {
        self.table
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name, self.seen, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        for (less, more) in [
            ("6.00.30.00", "7.10.30.00"),
            ("4.1(2g)", "4.1(3d)"),
            ("4.1(3d)", "4.2(2a)"),
            ("2.9", "2.10"),
            ("6.00", "6.00.02"),
        ] {
            assert_eq!(compare_versions(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare_versions(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(compare_versions("iLO 5 v2.72", "iLO 5 v2.72"), Ordering::Equal);
    }

    #[test]
    fn a_bound_needs_a_firmware_that_is_known() {
        let old = When::generations(&["iDRAC9"]).before("6.00");
        assert!(old.holds("iDRAC9", Some("5.10.50.00"), None));
        assert!(!old.holds("iDRAC9", Some("6.00.30.00"), None));
        assert!(!old.holds("iDRAC9", None, None));
        assert!(!old.holds("iDRAC10", Some("1.10"), None));
    }

    #[test]
    fn a_row_is_switched_off_by_its_name() {
        static TABLE: [Quirk; 1] =
            [Quirk { name: "odd", when: When::ALWAYS, seen: "it is odd", source: "a test" }];
        assert!(Quirks::new(&TABLE, &BTreeSet::new()).on("odd", "", None, None));
        assert!(!Quirks::new(&TABLE, &BTreeSet::from(["odd".to_owned()])).on("odd", "", None, None));
        assert!(!Quirks::new(&TABLE, &BTreeSet::new()).on("unheard-of", "", None, None));
        assert_eq!(Quirks::new(&TABLE, &BTreeSet::new()).rows_on("", None, None).count(), 1);
        assert_eq!(
            Quirks::new(&TABLE, &BTreeSet::from(["odd".to_owned()])).rows_on("", None, None).count(),
            0
        );
    }
}
