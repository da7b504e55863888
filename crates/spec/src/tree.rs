//! YAML text becomes a tree in which every key and value knows its line and column.
//!
//! All reading happens on this tree. It is built without recursion, and its size and depth are bounded, because a file is
//! input from outside: anchors and aliases can make a few hundred bytes into gigabytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag};

/// Most nodes in one file, aliases counted as often as they are used.
const MOST_NODES: usize = 500_000;
/// Deepest nesting in one document, aliases included.
const DEEPEST: usize = 128;

/// A place in a file: line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: granit_parser::Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// A value and where it starts.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
    size: usize,
    depth: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// A scalar as written, and what YAML 1.2 takes it for.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// Whether it stands without quotes.
    is_plain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Text,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) mark: Mark,
    merges: bool,
}

/// Something wrong with the YAML itself.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) mark: Mark,
    /// The field, where the fault is within a readable document.
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

/// The documents of a text, in order, and what is wrong with it. After a syntax error reading goes on with the next
/// document; one with a fault is not among the documents.
pub(crate) fn parse(text: &str) -> (Vec<Node>, Vec<Fault>) {
    let options = granit_parser::options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
    loop {
        match parser.next() {
            None => break,
            Some(Ok((event, span))) => builder.event(event, Mark::of(span.start)),
            Some(Err(error)) => {
                builder.syntax(&error, text);
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        builder.syntax(&error, text);
                        break;
                    }
                }
            }
        }
        if builder.exhausted {
            break;
        }
    }
    (builder.documents, builder.faults)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    faults: Vec<Fault>,
    /// Faults before the document that is being read.
    faults_before: usize,
    root: Option<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    exhausted: bool,
}

/// A collection whose end has not come.
struct Open {
    mark: Mark,
    anchor: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping(Pairs),
}

#[derive(Default)]
struct Pairs {
    pairs: Vec<(Key, Node)>,
    /// The key whose value comes next.
    key: Option<Key>,
    /// Keys so far, and their lines.
    seen: BTreeMap<String, usize>,
    /// What `<<` names.
    merges: Vec<Node>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, mark: Mark) {
        match event {
            Event::DocumentStart(..) => self.start_document(),
            Event::DocumentEnd => self.end_document(),
            Event::Scalar(text, style, anchor, tag) => {
                let kind = self.kind(&text, style, tag.as_deref(), mark);
                let is_plain = style == ScalarStyle::Plain;
                let scalar = Value::Scalar(Scalar { text: text.into_owned(), kind, is_plain });
                self.add(Node { mark, value: scalar, size: 1, depth: 1 }, anchor, 1);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_ref(), mark);
                self.open.push(Open { mark, anchor, items: Items::Sequence(Vec::new()) });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_ref(), mark);
                self.open.push(Open { mark, anchor, items: Items::Mapping(Pairs::default()) });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let copy = Node { mark, ..node.clone() };
                    let size = copy.size;
                    self.add(copy, 0, size);
                }
                // An alias within its own anchor: the anchor is known only once it is complete.
                None => {
                    self.fault(mark, "an alias that contains itself".to_owned(), None);
                    self.add(null(mark), 0, 1);
                }
            },
            _ => {}
        }
    }

    fn start_document(&mut self) {
        self.root = None;
        self.open.clear();
        self.anchors.clear();
        self.faults_before = self.faults.len();
    }

    fn end_document(&mut self) {
        let root = self.root.take();
        // A document with a fault is not read on: half of what it says may be missing.
        if self.faults.len() == self.faults_before {
            self.documents.extend(root);
        }
    }

    fn close(&mut self) {
        let Some(Open { mark, anchor, items }) = self.open.pop() else { return };
        let value = match items {
            Items::Sequence(items) => Value::Sequence(items),
            Items::Mapping(Pairs { mut pairs, mut seen, merges, .. }) => {
                for merged in merges {
                    self.merge(&mut pairs, &mut seen, merged);
                }
                Value::Mapping(pairs)
            }
        };
        let (size, depth) = match &value {
            Value::Scalar(_) => (1, 1),
            Value::Sequence(items) => extent(items.iter()),
            Value::Mapping(pairs) => extent(pairs.iter().map(|(_, node)| node)),
        };
        self.add(Node { mark, value, size, depth }, anchor, 1);
    }

    /// Puts a complete node where it belongs: a key, a value, an item or the document. `new` is how many values it adds to
    /// those that were counted before.
    fn add(&mut self, node: Node, anchor: usize, new: usize) {
        // What an anchor names is kept apart, so that it can be used again.
        self.nodes += if anchor == 0 { new } else { new + node.size };
        if self.nodes > MOST_NODES || self.open.len() + node.depth > DEEPEST {
            if !self.exhausted {
                let message =
                    format!("the file is larger than {MOST_NODES} values or deeper than {DEEPEST} levels");
                self.fault(node.mark, message, Some("aliases count as often as they are used"));
            }
            self.exhausted = true;
            return;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::Sequence(items)) => items.push(node),
            Some(Items::Mapping(mapping)) => match mapping.key.take() {
                None => self.add_key(node),
                Some(key) if key.merges => mapping.merges.push(node),
                Some(key) => mapping.pairs.push((key, node)),
            },
        }
    }

    /// A key, with what is wrong with it.
    fn add_key(&mut self, node: Node) {
        let mark = node.mark;
        let fault = match node.value {
            Value::Scalar(Scalar { text, is_plain, .. }) => {
                // Quoted it is a name like others.
                let merges = is_plain && text == "<<";
                self.open_key(Key { text, mark, merges })
            }
            _ => {
                self.open_key(Key { text: String::new(), mark, merges: false });
                // A template is the way in which such keys come about: `{{ x }}` is a mapping in a mapping.
                Some(("a list or a mapping stands in the place of a field's name".to_owned(), Some(TEMPLATE)))
            }
        };
        if let Some((message, help)) = fault {
            self.fault(mark, message, help);
        }
    }

    /// Notes the key whose value comes next, unless it was there before.
    fn open_key(&mut self, new: Key) -> Option<(String, Option<&'static str>)> {
        let Some(Open { items: Items::Mapping(mapping), .. }) = self.open.last_mut() else { return None };
        let first = mapping.seen.insert(new.text.clone(), new.mark.line);
        let message = first
            .map(|line| format!("`{}` stands twice in this mapping; the first is in line {line}", new.text));
        mapping.key = Some(new);
        Some((message?, None))
    }

    /// YAML 1.1's merge key: what a mapping does not say itself it takes from another, or from each of several.
    fn merge(&mut self, pairs: &mut Vec<(Key, Node)>, seen: &mut BTreeMap<String, usize>, merged: Node) {
        match merged.value {
            Value::Mapping(more) => {
                for (key, node) in more {
                    if !seen.contains_key(&key.text) {
                        seen.insert(key.text.clone(), key.mark.line);
                        pairs.push((key, node));
                    }
                }
            }
            Value::Sequence(items) if items.iter().all(|item| matches!(item.value, Value::Mapping(_))) => {
                items.into_iter().for_each(|item| self.merge(pairs, seen, item));
            }
            Value::Sequence(_) | Value::Scalar(_) => {
                self.fault(merged.mark, "`<<` merges a mapping, and this is none".to_owned(), None);
            }
        }
    }

    fn kind(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Kind {
        match tag {
            None if style == ScalarStyle::Plain => plain_kind(text),
            None => Kind::Text,
            Some(tag) => match tag.core_suffix() {
                Some("str") => Kind::Text,
                Some(_) => plain_kind(text),
                None if tag.handle() == "!" && tag.suffix().is_empty() => Kind::Text,
                None => {
                    self.fault(mark, format!("tag `{}` is not understood", tag.original()), None);
                    Kind::Text
                }
            },
        }
    }

    fn collection_tag(&mut self, tag: Option<&Cow<'_, Tag>>, mark: Mark) {
        if let Some(tag) = tag
            && tag.core_suffix().is_none()
        {
            self.fault(mark, format!("tag `{}` is not understood", tag.original()), None);
        }
    }

    fn fault(&mut self, mark: Mark, message: String, help: Option<&'static str>) {
        let path = self.path();
        self.faults.push(Fault { mark, path, message, help });
    }

    fn syntax(&mut self, error: &ScanError, text: &str) {
        let mark = Mark::of(*error.marker());
        let path = self.path();
        let message = format!("not readable as YAML: {}", error.info());
        self.faults.push(Fault { mark, path, message, help: advice(error.kind(), text, mark) });
        self.open.clear();
    }

    /// Where in the document the reader is.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match &open.items {
                Items::Sequence(items) => path.push_str(&format!("[{}]", items.len())),
                Items::Mapping(Pairs { key: Some(key), .. }) => path = join(&path, &key.text),
                Items::Mapping(_) => {}
            }
        }
        path
    }
}

/// A path and one key more. Keys that are not plain words are quoted, as in `annotations["rackhand.dev/iso"]`.
pub(crate) fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[\"{}\"]", key.escape_debug()),
    }
}

fn null(mark: Mark) -> Node {
    Node {
        mark,
        value: Value::Scalar(Scalar { text: String::new(), kind: Kind::Null, is_plain: true }),
        size: 1,
        depth: 1,
    }
}

fn extent<'a>(nodes: impl Iterator<Item = &'a Node>) -> (usize, usize) {
    nodes.fold((1, 1), |(size, depth), node| (size + node.size, depth.max(node.depth + 1)))
}

/// What YAML 1.2's core schema takes a plain scalar for. `yes`, `on` and `off` are text: they are values of BIOS attributes.
fn plain_kind(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        _ => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                Kind::Int
            } else if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
                && text.parse::<f64>().is_ok()
            {
                Kind::Float
            } else {
                Kind::Text
            }
        }
    }
}

const TEMPLATE: &str = "`{{ … }}` is a template: render it first, or put the value in quotes";

/// What usually lies behind a syntax error.
fn advice(kind: &ErrorKind, text: &str, mark: Mark) -> Option<&'static str> {
    let near = |needle: &str| {
        text.lines().skip(mark.line.saturating_sub(2)).take(2).any(|line| line.contains(needle))
    };
    if near("{{") {
        return Some(TEMPLATE);
    }
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar => Some("YAML is indented with blanks; replace the tab"),
        _ if near("\t") => Some("YAML is indented with blanks; replace the tab"),
        ErrorKind::UnclosedQuotedScalar => Some("a quote is opened here and closed nowhere"),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => Some("the file ends too early, or a bracket is not closed"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            Some("a colon is missing after a field's name, or a text with `: ` in it lacks quotes")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            Some("this line is indented differently from its neighbours")
        }
        _ => None,
    }
}
