//! From the text of a template to its nodes.

use serde_json::Value;

use super::DEEPEST;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Output(Pipe),
    /// A variable's name, its value, and whether it is a new one.
    Set(String, Pipe, bool),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Vec<String>, Pipe, Vec<Node>, Vec<Node>),
}

/// Calls, each of which gets what the one before it gave.
#[derive(Debug)]
pub(super) struct Pipe(pub(super) Vec<Call>);

#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Option<String>,
    pub(super) terms: Vec<Term>,
}

#[derive(Debug)]
pub(super) enum Term {
    Value(Value),
    /// A field of what is at hand; without names, that itself.
    Field(Vec<String>),
    /// A variable and a field of it; without a name, the root.
    Variable(String, Vec<String>),
    /// A pipeline in parentheses and a field of what it gives.
    Pipe(Pipe, Vec<String>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Value(Value),
    /// A closing parenthesis and the field that is asked of what it closes: `).Name`.
    Close(Vec<String>),
    Sign(&'static str),
}

/// What is between two pairs of braces, or outside of them.
enum Piece {
    Text(String),
    Action(Vec<Token>),
}

pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let pieces = pieces(text)?;
    let mut parser = Parser { pieces: pieces.into_iter() };
    match parser.nodes(0)? {
        (nodes, None) => Ok(nodes),
        (_, Some(stop)) => Err(format!("`{}` stands outside of a block", stop.word)),
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let (mut rest, mut trim) = (text, false);
    while let Some((before, action)) = rest.split_once("{{") {
        let (action, trims_before) = match action.strip_prefix("- ").or(action.strip_prefix("-\n")) {
            Some(action) => (action, true),
            None => (action, false),
        };
        let before = if trim { before.trim_start() } else { before };
        let before = if trims_before { before.trim_end() } else { before };
        out.push(Piece::Text(before.to_owned()));
        let (tokens, after) = action_tokens(action)?;
        trim = after.trims;
        rest = after.rest;
        if let Some(tokens) = tokens {
            out.push(Piece::Action(tokens));
        }
    }
    out.push(Piece::Text(if trim { rest.trim_start() } else { rest }.to_owned()));
    Ok(out)
}

/// What follows an action.
struct After<'t> {
    rest: &'t str,
    trims: bool,
}

fn action_tokens(text: &str) -> Result<(Option<Vec<Token>>, After<'_>), String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let blank_before = rest.len() != rest.trim_start().len();
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("/*") {
            let (_, after) = comment.split_once("*/").ok_or("a comment is not closed with `*/`")?;
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("}}") {
            let tokens = (!tokens.is_empty()).then_some(tokens);
            return Ok((tokens, After { rest: after, trims: false }));
        }
        if let (true, Some(after)) = (blank_before || tokens.is_empty(), rest.strip_prefix("-}}")) {
            let tokens = (!tokens.is_empty()).then_some(tokens);
            return Ok((tokens, After { rest: after, trims: true }));
        }
        if rest.is_empty() {
            return Err("`{{` is not closed with `}}`".to_owned());
        }
        let (token, after) = token(rest)?;
        tokens.push(token);
        rest = after;
    }
}

fn token(text: &str) -> Result<(Token, &str), String> {
    if let Some(rest) = text.strip_prefix(')') {
        let (fields, rest) = fields(rest);
        return Ok((Token::Close(fields), rest));
    }
    for sign in ["|", "(", ":=", "=", ","] {
        if let Some(rest) = text.strip_prefix(sign) {
            return Ok((Token::Sign(sign), rest));
        }
    }
    if text.starts_with('.') {
        let (fields, rest) = fields(text);
        return Ok((Token::Field(fields), rest));
    }
    if let Some(rest) = text.strip_prefix('$') {
        let (name, rest) = word(rest);
        let (fields, rest) = fields(rest);
        return Ok((Token::Variable(name.to_owned(), fields), rest));
    }
    if let Some(rest) = text.strip_prefix('`') {
        let (raw, rest) = rest.split_once('`').ok_or("a quote is opened and not closed")?;
        return Ok((Token::Value(raw.into()), rest));
    }
    if text.starts_with('"') {
        return quoted(text);
    }
    let (name, rest) = word(text);
    let value = match name {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "nil" => Value::Null,
        "" => return number(text),
        _ if name.starts_with(|c: char| c.is_ascii_digit()) => return number(text),
        _ => return Ok((Token::Word(name.to_owned()), rest)),
    };
    Ok((Token::Value(value), rest))
}

/// A quoted text is read as JSON reads it: Go's escapes that manifests use are the same.
fn quoted(text: &str) -> Result<(Token, &str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => {
            let end = values.byte_offset();
            Ok((Token::Value(value), text.get(end..).unwrap_or_default()))
        }
        _ => Err("a quote is opened and not closed, or holds an escape that is not understood".to_owned()),
    }
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let value: Option<Value> = serde_json::from_str(digits).ok();
    let shown: String = text.chars().take(10).collect();
    value.map(|value| (Token::Value(value), rest)).ok_or_else(|| format!("`{shown}` is not understood"))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn fields(text: &str) -> (Vec<String>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(after) = rest.strip_prefix('.') {
        let (name, after) = word(after);
        rest = after;
        if name.is_empty() {
            break;
        }
        found.push(name.to_owned());
    }
    (found, rest)
}

/// The word that ends a list of nodes, and what follows it.
struct Stop {
    word: String,
    rest: Vec<Token>,
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
}

impl Parser {
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Option<Stop>), String> {
        if depth > DEEPEST {
            return Err(format!("blocks are nested deeper than {DEEPEST}"));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let (first, rest) = match tokens.split_first() {
                Some((Token::Word(word), rest)) => (word.as_str(), rest),
                _ => ("", tokens.as_slice()),
            };
            match first {
                "end" | "else" => {
                    return Ok((nodes, Some(Stop { word: first.to_owned(), rest: rest.to_vec() })));
                }
                "if" | "with" | "range" => nodes.push(self.block(first, rest, depth)?),
                "template" | "define" | "block" | "break" | "continue" => {
                    return Err(format!("`{first}` is not understood"));
                }
                _ => nodes.push(statement(&tokens)?),
            }
        }
        Ok((nodes, None))
    }

    fn block(&mut self, kind: &str, head: &[Token], depth: usize) -> Result<Node, String> {
        let (names, head) = names(kind, head);
        let pipe = pipe(head)?;
        let (then, stop) = self.nodes(depth + 1)?;
        let otherwise = match stop {
            None => return Err(format!("`{kind}` has no `end`")),
            Some(Stop { word, .. }) if word == "end" => Vec::new(),
            Some(Stop { rest, .. }) => match rest.split_first() {
                // `else if` is an `if` in the `else`, and both have one `end`.
                Some((Token::Word(word), head)) if word == "if" || word == "with" => {
                    vec![self.block(word, head, depth + 1)?]
                }
                Some(_) => return Err("`else` is followed by something that is not understood".to_owned()),
                None => match self.nodes(depth + 1)? {
                    (nodes, Some(Stop { word, .. })) if word == "end" => nodes,
                    _ => return Err(format!("`{kind}` has no `end`")),
                },
            },
        };
        Ok(match kind {
            "if" => Node::If(pipe, then, otherwise),
            "with" => Node::With(pipe, then, otherwise),
            _ => Node::Range(names, pipe, then, otherwise),
        })
    }
}

/// The variables of a `range`.
fn names<'t>(kind: &str, head: &'t [Token]) -> (Vec<String>, &'t [Token]) {
    match head {
        [Token::Variable(one, _), Token::Sign(":="), rest @ ..] if kind == "range" => {
            (vec![one.clone()], rest)
        }
        [
            Token::Variable(one, _),
            Token::Sign(","),
            Token::Variable(two, _),
            Token::Sign(":="),
            rest @ ..,
        ] if kind == "range" => (vec![one.clone(), two.clone()], rest),
        _ => (Vec::new(), head),
    }
}

fn statement(tokens: &[Token]) -> Result<Node, String> {
    match tokens {
        [Token::Variable(name, _), Token::Sign(sign @ (":=" | "=")), rest @ ..] => {
            Ok(Node::Set(name.clone(), pipe(rest)?, *sign == ":="))
        }
        _ => Ok(Node::Output(pipe(tokens)?)),
    }
}

fn pipe(tokens: &[Token]) -> Result<Pipe, String> {
    let mut reader = Reader { tokens, at: 0 };
    let pipe = reader.pipe(0)?;
    match reader.peek() {
        None => Ok(pipe),
        Some(token) => Err(format!("{token:?} stands where nothing is expected")),
    }
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'t Token> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn pipe(&mut self, depth: usize) -> Result<Pipe, String> {
        if depth > DEEPEST {
            return Err(format!("parentheses are nested deeper than {DEEPEST}"));
        }
        let mut calls = vec![self.call(depth)?];
        while self.peek() == Some(&Token::Sign("|")) {
            self.next();
            calls.push(self.call(depth)?);
        }
        Ok(Pipe(calls))
    }

    fn call(&mut self, depth: usize) -> Result<Call, String> {
        let mut function = None;
        if let Some(Token::Word(name)) = self.peek() {
            function = Some(name.clone());
            self.next();
        }
        let mut terms = Vec::new();
        loop {
            let term = match self.peek() {
                Some(Token::Value(value)) => Term::Value(value.clone()),
                Some(Token::Field(fields)) => Term::Field(fields.clone()),
                Some(Token::Variable(name, fields)) => Term::Variable(name.clone(), fields.clone()),
                Some(Token::Sign("(")) => {
                    self.next();
                    let inner = self.pipe(depth + 1)?;
                    let Some(Token::Close(fields)) = self.peek() else {
                        return Err("a parenthesis is not closed".to_owned());
                    };
                    Term::Pipe(inner, fields.clone())
                }
                _ => break,
            };
            self.next();
            terms.push(term);
        }
        if terms.is_empty() && function.is_none() {
            return Err("a value is missing".to_owned());
        }
        Ok(Call { function, terms })
    }
}
