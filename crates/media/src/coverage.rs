//! Which bytes of an image were sent at least once.

use std::{collections::BTreeMap, ops::Range};

/// A set of byte positions as disjoint intervals that do not touch, by start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage {
    intervals: BTreeMap<u64, u64>,
    bytes: u64,
}

/// A reader that picks single bytes could ask for a table of any size; beyond this many intervals only growing ones count.
const MOST: usize = 65_536;

impl Coverage {
    /// How many distinct bytes are in the set.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an interval.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        if range.start >= range.end {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let touching: Vec<(u64, u64)> = self
            .intervals
            .range(..=end)
            .rev()
            .map(|(s, e)| (*s, *e))
            .take_while(|(_, e)| *e >= start)
            .collect();
        if touching.is_empty() && self.intervals.len() >= MOST {
            return;
        }
        for (s, e) in touching {
            self.intervals.remove(&s);
            self.bytes -= e - s;
            start = start.min(s);
            end = end.max(e);
        }
        self.intervals.insert(start, end);
        self.bytes += end - start;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_what_a_set_of_positions_would(ranges in prop::collection::vec((0_u64..200, 0_u64..40), 0..60)) {
            let (mut coverage, mut model) = (Coverage::default(), BTreeSet::new());
            for (start, len) in ranges {
                coverage.add(start..start + len);
                model.extend(start..start + len);
                prop_assert_eq!(coverage.bytes(), model.len() as u64);
                let mut last = None;
                for (start, end) in &coverage.intervals {
                    prop_assert!(start < end && last.is_none_or(|last| last < *start));
                    last = Some(*end);
                }
            }
        }
    }

    #[test]
    fn stays_small_whatever_is_asked_for() {
        let mut coverage = Coverage::default();
        for at in 0..200_000 {
            coverage.add(at * 2..at * 2 + 1);
        }
        assert_eq!(coverage.bytes(), MOST as u64);
        coverage.add(0..400_000);
        assert_eq!(coverage.bytes(), 400_000);
    }
}
