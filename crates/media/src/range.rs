//! The `Range` header (RFC 9110, section 14): one range of bytes, or the whole.

use std::ops::Range;

/// What of an image a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it, as `200`: no range asked for, one in a form or unit not known here, or several at once.
    Whole,
    /// These bytes, as `206`.
    Part(Range<u64>),
    /// `416`: the range begins behind the end.
    Unsatisfiable,
}

/// Reads a `Range` header's value against an image of `size` bytes.
///
/// A value that breaks the grammar is ignored, as section 14.2 allows; several ranges are answered with the whole, likewise.
pub(crate) fn select(value: &str, size: u64) -> Selection {
    let Some((unit, set)) = value.split_once('=') else { return Selection::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    // Empty list elements are allowed and mean nothing.
    let mut ranges =
        set.split(',').map(str::trim).filter(|range| !range.is_empty()).map(|range| one(range, size));
    match (ranges.next(), ranges.next()) {
        (Some(Some(selection)), None) => selection,
        _ => Selection::Whole,
    }
}

fn one(range: &str, size: u64) -> Option<Selection> {
    let (first, last) = range.split_once('-')?;
    let part = match (position(first)?, position(last)?) {
        (Some(first), None) => first..size,
        (Some(first), Some(last)) if first <= last => first..size.min(last.saturating_add(1)),
        (None, Some(suffix)) => size.saturating_sub(suffix)..size,
        _ => return None,
    };
    Some(if part.start < part.end { Selection::Part(part) } else { Selection::Unsatisfiable })
}

/// A position, `Some(None)` for an empty one, None for what is no number. A number too large for us is merely large.
fn position(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.chars().all(|c| c.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_the_standard() {
        let part = |range: Range<u64>| Selection::Part(range);
        let cases = [
            ("bytes=0-499", part(0..499 + 1)),
            ("bytes=500-", part(500..1000)),
            ("bytes=-1", part(999..1000)),
            ("bytes=-5000", part(0..1000)),
            ("bytes=999-999999999999999999999999", part(999..1000)),
            ("Bytes = 0-0 , ", part(0..1)),
            ("bytes=1000-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=0-1,5-6", Selection::Whole),
            ("bytes=5-1", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=a-b", Selection::Whole),
            ("bytes=", Selection::Whole),
            ("bytes", Selection::Whole),
            ("lines=1-2", Selection::Whole),
        ];
        for (value, want) in cases {
            assert_eq!(select(value, 1000), want, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_outside(value in "(bytes=)?[0-9,-]{0,12}", size in 1_u64..2000) {
            if let Selection::Part(part) = select(&value, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }

        #[test]
        fn a_pair_selects_what_a_slice_would(first: u16, last: u16, size in 1_u64..70_000) {
            let all: Vec<u64> = (0..size).collect();
            let (first, last) = (u64::from(first.min(last)), u64::from(first.max(last)));
            let want: Vec<u64> = all.into_iter().filter(|at| (first..=last).contains(at)).collect();
            let got = match select(&format!("bytes={first}-{last}"), size) {
                Selection::Part(part) => part.collect(),
                Selection::Unsatisfiable => Vec::new(),
                Selection::Whole => return Err(TestCaseError::fail("a plain pair was ignored")),
            };
            prop_assert_eq!(got, want);
        }
    }
}
