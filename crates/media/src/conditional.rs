//! Conditions on a GET or HEAD (RFC 9110, section 13). There is one validator, a strong ETag made of the image's digest.

use http::{
    HeaderMap,
    header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE},
};

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// `304`.
    NotModified,
    /// `412`.
    Failed,
}

pub(crate) fn verdict(headers: &HeaderMap, etag: &str) -> Verdict {
    if let Some(listed) = listed(headers, &IF_MATCH, |tag| tag == etag) {
        return if listed { Verdict::Proceed } else { Verdict::Failed };
    }
    match listed(headers, &IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag) == etag) {
        Some(true) => Verdict::NotModified,
        _ => Verdict::Proceed,
    }
}

/// Whether a `Range` counts: not if the part the client already has is of something else.
/// A date is never ours, since no `Last-Modified` is sent.
pub(crate) fn range_counts(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(IF_RANGE).is_none_or(|tag| tag.as_bytes().trim_ascii() == etag.as_bytes())
}

fn listed(headers: &HeaderMap, name: &http::HeaderName, is_ours: impl Fn(&str) -> bool) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut tags =
        values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
    Some(tags.any(|tag| tag == "*" || is_ours(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn the_conditions_of_the_standard() {
        let ours = "\"ab\"";
        let cases = [
            ("if-match", "\"ab\"", Verdict::Proceed),
            ("if-match", "\"x\", \"ab\"", Verdict::Proceed),
            ("if-match", "*", Verdict::Proceed),
            ("if-match", "\"x\"", Verdict::Failed),
            ("if-match", "W/\"ab\"", Verdict::Failed),
            ("if-none-match", "W/\"ab\"", Verdict::NotModified),
            ("if-none-match", "*", Verdict::NotModified),
            ("if-none-match", "\"x\"", Verdict::Proceed),
            ("accept", "*/*", Verdict::Proceed),
        ];
        for (name, value, want) in cases {
            assert_eq!(verdict(&headers(name, value), ours), want, "{name}: {value}");
        }
    }

    #[test]
    fn a_range_counts_only_for_the_same_strong_tag() {
        assert!(range_counts(&HeaderMap::new(), "\"ab\""));
        assert!(range_counts(&headers("if-range", "\"ab\""), "\"ab\""));
        assert!(!range_counts(&headers("if-range", "\"x\""), "\"ab\""));
        assert!(!range_counts(&headers("if-range", "W/\"ab\""), "\"ab\""));
        assert!(!range_counts(&headers("if-range", "Sat, 29 Oct 1994 19:43:31 GMT"), "\"ab\""));
    }
}
