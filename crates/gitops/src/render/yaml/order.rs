//! The order of keys.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Chars;

/// Upstream's order of keys: letters after everything else, and runs of digits by their value.
pub(super) fn key_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    let mut after_digit = false;
    loop {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x == y => {
                after_digit = x.is_ascii_digit();
                left.next();
                right.next();
            }
            (Some(x), Some(y)) => return differing(x, y, after_digit, left, right),
        }
    }
}

fn differing(
    x: char,
    y: char,
    after_digit: bool,
    mut left: Peekable<Chars<'_>>,
    mut right: Peekable<Chars<'_>>,
) -> Ordering {
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        // `a1b` stands before `a10`, but `ab` behind `a-b`.
        (true, false) => {
            if after_digit {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if after_digit {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let (one, other) = (digits(&mut left), digits(&mut right));
            let value = |run: &str| run.trim_start_matches('0').to_owned();
            let (a, b) = (value(&one), value(&other));
            (a.len(), &a, one.len()).cmp(&(b.len(), &b, other.len())).then(x.cmp(&y))
        }
    }
}

fn digits(chars: &mut Peekable<Chars<'_>>) -> String {
    std::iter::from_fn(|| chars.next_if(char::is_ascii_digit)).collect()
}
