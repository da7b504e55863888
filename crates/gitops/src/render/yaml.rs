//! Values become YAML as the hub's generators write it.
//!
//! Manifests stand as texts in a ConfigMap, so their form is part of the output: upstream's emitter indents by four, sorts keys
//! with numbers in them by value, and quotes what YAML 1.1 would take for something else than a text.

use serde_json::{Map, Value};

mod order;
mod typed;

use order::key_order;
use typed::looks_typed;

/// In which order the keys of a mapping are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Sorted, as upstream writes them.
    Sorted,
    /// As they were put in, for a file that a person goes on with.
    AsGiven,
}

/// Several documents, each behind `---`.
pub(crate) fn documents<'v>(values: impl IntoIterator<Item = &'v Value>, keys: Keys) -> String {
    values.into_iter().map(|value| format!("---\n{}", document(value, keys))).collect()
}

/// One document.
pub(crate) fn document(value: &Value, keys: Keys) -> String {
    let mut emitter = Emitter { out: String::new(), keys };
    match value {
        Value::Object(map) if !map.is_empty() => emitter.map(map, 0, false),
        Value::Array(items) if !items.is_empty() => emitter.list(items, 0, false),
        leaf => {
            emitter.leaf(leaf, 0);
            emitter.out.push('\n');
        }
    }
    emitter.out
}

struct Emitter {
    out: String,
    keys: Keys,
}

impl Emitter {
    /// A block mapping; `inline`: its first key follows a dash on the same line.
    fn map(&mut self, map: &Map<String, Value>, indent: usize, inline: bool) {
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        if self.keys == Keys::Sorted {
            entries.sort_by(|(a, _), (b, _)| key_order(a, b));
        }
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 || !inline {
                self.blank(indent);
            }
            self.out.push_str(&scalar(key, true));
            self.out.push(':');
            self.value(value, next_stop(indent), indent);
        }
    }

    fn list(&mut self, items: &[Value], indent: usize, inline: bool) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 || !inline {
                self.blank(indent);
            }
            self.out.push('-');
            match item {
                Value::Object(map) if !map.is_empty() => {
                    self.out.push(' ');
                    self.map(map, indent + 2, true);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.out.push(' ');
                    self.list(items, indent + 2, true);
                }
                leaf => {
                    self.out.push(' ');
                    self.leaf(leaf, indent + 2);
                    self.out.push('\n');
                }
            }
        }
    }

    /// What follows a key's colon.
    fn value(&mut self, value: &Value, below: usize, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.out.push('\n');
                self.map(map, below, false);
            }
            Value::Array(items) if !items.is_empty() => {
                self.out.push('\n');
                self.list(items, below, false);
            }
            leaf => {
                self.out.push(' ');
                self.leaf(leaf, next_stop(indent));
                self.out.push('\n');
            }
        }
    }

    /// A scalar or an empty collection; the lines of a long text are put at `below`.
    fn leaf(&mut self, value: &Value, below: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number.to_string()),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
            Value::String(text) if text.contains('\n') && Form::of(text).block => self.literal(text, below),
            Value::String(text) => self.out.push_str(&scalar(text, false)),
        }
    }

    /// A text of several lines, as it is.
    fn literal(&mut self, text: &str, below: usize) {
        self.out.push('|');
        match text.strip_suffix('\n') {
            None => self.out.push('-'),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.out.push('+'),
            Some(_) => {}
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.out.push('\n');
            if !line.is_empty() {
                self.blank(below);
                self.out.push_str(line);
            }
        }
    }

    fn blank(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }
}

/// The next multiple of four: everything but the first level in a list item is aligned so.
fn next_stop(indent: usize) -> usize {
    4 * (indent / 4 + 1)
}

/// A text on one line, plain where it can be.
fn scalar(text: &str, key: bool) -> String {
    let form = Form::of(text);
    let plain_means_text = !looks_typed(text);
    if plain_means_text && form.plain && !text.contains('\n') {
        return text.to_owned();
    }
    if plain_means_text && form.single && !text.contains('\n') && !(key && text.is_empty()) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double_quoted(text)
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if printable(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

fn printable(c: char) -> bool {
    !matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{feff}') && c != '\u{2028}' && c != '\u{2029}'
}

/// Which forms a text can be written in without being changed.
struct Form {
    plain: bool,
    single: bool,
    block: bool,
}

impl Form {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let at = |index: usize| chars.get(index).copied();
        let blank = |c: Option<char>| c.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let edge = |c: Option<&char>| c.is_some_and(|c| matches!(c, ' ' | '\n'));
        let indicator = text.starts_with("---")
            || text.starts_with("...")
            || chars.iter().enumerate().any(|(index, c)| match (index, c) {
                (0, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"') => true,
                (0, '%' | '@' | '`') => true,
                (0, '?' | '-') | (_, ':') => blank(at(index + 1)),
                (_, '#') => index == 0 || blank(at(index - 1)),
                _ => false,
            });
        let special = chars.iter().any(|c| !printable(*c) && *c != '\n' && *c != '\t');
        let tab = chars.contains(&'\t');
        let space_break = text.contains(" \n");
        let break_space = text.contains("\n ");
        let edges = edge(chars.first()) || edge(chars.last());
        let odd = space_break || break_space || special || tab;
        Self {
            plain: !text.is_empty() && !indicator && !edges && !odd,
            single: !odd,
            // One that starts with a blank would need an indentation indicator, which readers disagree about.
            block: !special && !space_break && chars.last() != Some(&' ') && !edge(chars.first()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_quoted_where_yaml_would_take_them_for_something_else() {
        let quoted = [
            ("", "\"\""),
            ("true", "\"true\""),
            ("yes", "\"yes\""),
            ("1", "\"1\""),
            ("1e3", "\"1e3\""),
            ("0x1f", "\"0x1f\""),
            ("2024-05-06", "\"2024-05-06\""),
            ("00:00:00:01:20:30", "\"00:00:00:01:20:30\""),
            ("{}", "'{}'"),
            ("key ", "'key '"),
            ("a: b", "'a: b'"),
            ("it's #1", "'it''s #1'"),
            ("a\tb", "\"a\\tb\""),
        ];
        for (text, expected) in quoted {
            assert_eq!(scalar(text, false), expected);
        }
    }

    #[test]
    fn texts_that_mean_themselves_are_plain() {
        for text in [
            "a",
            "a:b",
            "00:00:00:01:20:60",
            "0c:42:a1:55:aa:01",
            "10.0.0.0/8",
            "fd01::/48",
            "1.2.3",
            "a#b",
            "-x",
            "0x",
            "v1",
        ] {
            assert_eq!(scalar(text, false), text);
        }
    }

    #[test]
    fn lists_and_texts_are_indented_as_upstream_indents_them() {
        let value = json!({
            "b": [{"text": "one\n\ntwo\n", "deep": {"x": [1]}}, []],
            "a": {"open": "no end\nhere", "empty": {}},
        });
        insta::assert_snapshot!(document(&value, Keys::Sorted), @"
        a:
            empty: {}
            open: |-
                no end
                here
        b:
            - deep:
                x:
                    - 1
              text: |
                one

                two
            - []
        ");
    }

    #[test]
    fn keys_with_numbers_are_sorted_by_value() {
        let mut keys = ["a10", "a2", "b", "a-b", "ab", "a1b", "A", "a02", "apiVIPs", "apiVIP"];
        keys.sort_by(|a, b| key_order(a, b));
        assert_eq!(keys, ["A", "a-b", "a1b", "a2", "a02", "a10", "ab", "apiVIP", "apiVIPs", "b"]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(value in tree()) {
            let text = document(&value, Keys::Sorted);
            let (documents, faults) = rackhand_spec::Located::documents(std::path::Path::new("f"), &text);
            proptest::prop_assert!(faults.is_empty(), "{faults:?} in\n{text}");
            proptest::prop_assert_eq!(documents[0].json(), value, "{}", text);
        }
    }

    fn tree() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let text = prop_oneof!["[ -~]{0,12}", "[a-c:#' \n-]{0,10}", "[0-9:.x_-]{0,8}", "[ \n]{0,4}x?"];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[ -~]{0,8}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
        .prop_map(|value| json!({ "root": value }))
    }
}
