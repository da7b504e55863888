//! The text of a script: lines with labels, and commands within a line.

use super::{SCRIPT_LIMIT, is_script};

/// A script.
pub(super) struct Script {
    /// Where it came from: what its URLs are relative to.
    pub(super) url: String,
    pub(super) lines: Vec<Line>,
}

/// A line, with those that `\` joins to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) label: Option<String>,
    pub(super) words: Vec<String>,
}

impl Line {
    fn new(number: usize, text: &str) -> Self {
        let text = text.trim_start();
        let (label, rest) = match text.strip_prefix(':') {
            None => (None, text),
            Some(named) => {
                let (label, rest) = named.split_once(char::is_whitespace).unwrap_or((named, ""));
                (Some(label.to_owned()), rest)
            }
        };
        let words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
        Self { number, label, words: words.map(str::to_owned).collect() }
    }
}

impl Script {
    /// Reads a script that came from `url`.
    pub(super) fn parse(url: &str, content: &[u8]) -> Result<Self, String> {
        if !is_script(content) {
            return Err(format!("{url} is no iPXE script: it does not begin with #!ipxe"));
        }
        if content.len() > SCRIPT_LIMIT {
            return Err(format!("{url}: a script of more than {SCRIPT_LIMIT} bytes"));
        }
        let text = String::from_utf8_lossy(content);
        let mut lines = Vec::new();
        let mut begun: Option<(usize, String)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let (first, mut whole) = begun.take().unwrap_or((number, String::new()));
            if let Some(part) = line.strip_suffix('\\') {
                whole.push_str(part);
                begun = Some((first, whole));
            } else {
                whole.push_str(line);
                lines.push(Line::new(first, &whole));
            }
        }
        if let Some((first, whole)) = begun {
            lines.push(Line::new(first, &whole));
        }
        Ok(Self { url: url.to_owned(), lines })
    }

    /// The line with that label, by its place.
    pub(super) fn find(&self, label: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.label.as_deref() == Some(label))
    }
}

/// What follows a command in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Nothing.
    Last,
    /// A command for when this one fails.
    Or,
    /// A command for when this one does well.
    And,
    /// A command.
    Then,
}

/// The commands of a line, each with what joins it to the next.
pub(super) fn commands(words: &[String]) -> impl Iterator<Item = (&[String], Join)> {
    let mut rest = Some(words);
    std::iter::from_fn(move || {
        let words = rest?;
        let join = |word: &String| match word.as_str() {
            "||" => Some(Join::Or),
            "&&" => Some(Join::And),
            ";" => Some(Join::Then),
            _ => None,
        };
        let found = words.iter().enumerate().find_map(|(at, word)| Some((at, join(word)?)));
        let (command, how, after) = match found {
            Some((at, how)) => (words.get(..at)?, how, words.get(at + 1..)),
            None => (words, Join::Last, None),
        };
        rest = after;
        Some((command, how))
    })
}
