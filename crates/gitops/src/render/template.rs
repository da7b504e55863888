//! The part of Go's `text/template` that extra manifests use.
//!
//! A file that ends in `.tmpl` in a directory of extra manifests is such a template; it is filled in once for each role, from
//! the cluster's fields. Understood are `if`, `else if`, `range`, `with`, variables, pipelines, and the functions for comparing and
//! choosing. What is not understood is refused by name: half a manifest is worse than none.

use std::cmp::Ordering;

use serde_json::Value;

mod parse;

use parse::{Call, Node, Pipe, Term};

/// Loops and conditions may be nested so deep.
const DEEPEST: usize = 64;
/// Longest output, in bytes: a loop in a loop can make much of little.
const LONGEST: usize = 8 << 20;
/// Most pieces that are looked at: loops in loops need not write anything to go on for ever.
const MOST_STEPS: usize = 1_000_000;

/// Fills in a template. `key` gives the name that a Go field has in the data.
pub(crate) fn fill(text: &str, data: &Value, key: fn(&str) -> String) -> Result<String, String> {
    let nodes = parse::parse(text)?;
    let mut filler = Filler { root: data, key, variables: Vec::new(), out: String::new(), steps: 0 };
    filler.nodes(&nodes, data)?;
    Ok(filler.out)
}

struct Filler<'d> {
    root: &'d Value,
    key: fn(&str) -> String,
    variables: Vec<(String, Value)>,
    out: String,
    steps: usize,
}

impl Filler<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        let before = self.variables.len();
        for node in nodes {
            self.steps += 1;
            if self.out.len() > LONGEST || self.steps > MOST_STEPS {
                return Err(format!(
                    "it makes more than {LONGEST} bytes, or takes more than {MOST_STEPS} steps"
                ));
            }
            self.node(node, dot)?;
        }
        self.variables.truncate(before);
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<(), String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Output(pipe) => {
                let value = self.pipe(pipe, dot)?;
                self.out.push_str(&printed(&value));
            }
            Node::Set(name, pipe, new) => {
                let value = self.pipe(pipe, dot)?;
                self.set(name, value, *new)?;
            }
            Node::If(pipe, then, otherwise) => {
                let branch = if is_true(&self.pipe(pipe, dot)?) { then } else { otherwise };
                self.nodes(branch, dot)?;
            }
            Node::With(pipe, then, otherwise) => {
                let value = self.pipe(pipe, dot)?;
                if is_true(&value) {
                    self.nodes(then, &value)?;
                } else {
                    self.nodes(otherwise, dot)?;
                }
            }
            Node::Range(names, pipe, body, otherwise) => {
                let items = items(self.pipe(pipe, dot)?)?;
                if items.is_empty() {
                    return self.nodes(otherwise, dot);
                }
                for (index, item) in items {
                    let before = self.variables.len();
                    match names.as_slice() {
                        [] => {}
                        [value] => self.variables.push((value.clone(), item.clone())),
                        [first, second, ..] => {
                            self.variables.push((first.clone(), index));
                            self.variables.push((second.clone(), item.clone()));
                        }
                    }
                    self.nodes(body, &item)?;
                    self.variables.truncate(before);
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value, new: bool) -> Result<(), String> {
        if new {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        known.map(|(_, place)| *place = value).ok_or_else(|| format!("there is no variable ${name}"))
    }

    fn pipe(&self, pipe: &Pipe, dot: &Value) -> Result<Value, String> {
        let mut carried = None;
        for call in &pipe.0 {
            carried = Some(self.call(call, carried, dot)?);
        }
        Ok(carried.unwrap_or(Value::Null))
    }

    fn call(&self, call: &Call, carried: Option<Value>, dot: &Value) -> Result<Value, String> {
        let Call { function, terms } = call;
        let mut values: Vec<Value> = Vec::new();
        for term in terms {
            values.push(self.term(term, dot)?);
        }
        values.extend(carried);
        match function {
            Some(name) => function_of(name, &values),
            None => match values.as_slice() {
                [value] => Ok(value.clone()),
                _ => Err("a value stands where a function is expected".to_owned()),
            },
        }
    }

    fn term(&self, term: &Term, dot: &Value) -> Result<Value, String> {
        match term {
            Term::Value(value) => Ok(value.clone()),
            Term::Pipe(pipe, fields) => Ok(self.fields(&self.pipe(pipe, dot)?, fields)),
            Term::Field(fields) => Ok(self.fields(dot, fields)),
            Term::Variable(name, fields) if name.is_empty() => Ok(self.fields(self.root, fields)),
            Term::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let (_, value) = known.ok_or_else(|| format!("there is no variable ${name}"))?;
                Ok(self.fields(value, fields))
            }
        }
    }

    /// A field that is not given is as empty as one that has its zero value.
    fn fields(&self, value: &Value, fields: &[String]) -> Value {
        let mut here = value;
        for field in fields {
            let exact = here.get(field);
            match exact.or_else(|| here.get((self.key)(field))) {
                Some(next) => here = next,
                None => return Value::Null,
            }
        }
        here.clone()
    }
}

fn items(value: Value) -> Result<Vec<(Value, Value)>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            Ok(items.into_iter().enumerate().map(|(index, item)| (Value::from(index), item)).collect())
        }
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = map.into_iter().collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok(pairs.into_iter().map(|(key, item)| (Value::from(key), item)).collect())
        }
        _ => Err("`range` is over something that is neither a list nor a mapping".to_owned()),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(printed).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", printed(value))).collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

fn function_of(name: &str, values: &[Value]) -> Result<Value, String> {
    let two = || match values {
        [a, b] => Ok((a, b)),
        _ => Err(format!("`{name}` takes two values")),
    };
    let order = || two().and_then(|(a, b)| compared(a, b).ok_or(format!("`{name}` cannot compare these")));
    let chosen = |wanted: bool| {
        let found = values.iter().find(|value| is_true(value) == wanted).or(values.last());
        found.cloned().ok_or_else(|| format!("`{name}` takes at least one value"))
    };
    match name {
        "eq" => match values {
            [first, rest @ ..] if !rest.is_empty() => Ok(rest.iter().any(|one| same(first, one)).into()),
            _ => Err("`eq` takes at least two values".to_owned()),
        },
        "ne" => two().map(|(a, b)| (!same(a, b)).into()),
        "lt" => order().map(|order| order.is_lt().into()),
        "le" => order().map(|order| order.is_le().into()),
        "gt" => order().map(|order| order.is_gt().into()),
        "ge" => order().map(|order| order.is_ge().into()),
        "and" => chosen(false),
        "or" => chosen(true),
        "not" => values.first().map(|value| (!is_true(value)).into()).ok_or("`not` takes a value".to_owned()),
        "len" => match values {
            [Value::String(text)] => Ok(text.len().into()),
            [Value::Array(items)] => Ok(items.len().into()),
            [Value::Object(map)] => Ok(map.len().into()),
            [Value::Null] => Ok(0.into()),
            _ => Err("`len` takes a text, a list or a mapping".to_owned()),
        },
        "index" => indexed(values),
        "print" => Ok(values.iter().map(printed).collect::<String>().into()),
        "printf" => formatted(values).map(Value::from),
        _ => Err(format!("the function `{name}` is not understood")),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    // A field that is not given has the zero value of its type.
    let zero = |one: &Value, other: &Value| one.is_null() && !is_true(other);
    a == b || zero(a, b) || zero(b, a)
}

fn compared(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Null, Value::Number(b)) => 0.0.partial_cmp(&b.as_f64()?),
        (Value::Number(a), Value::Null) => a.as_f64()?.partial_cmp(&0.0),
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        _ => None,
    }
}

fn indexed(values: &[Value]) -> Result<Value, String> {
    let [first, rest @ ..] = values else { return Err("`index` takes a list or a mapping".to_owned()) };
    let mut here = first;
    for index in rest {
        let next = match index {
            Value::String(key) => here.get(key),
            Value::Number(number) => {
                number.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| here.get(at))
            }
            _ => None,
        };
        here = next.ok_or_else(|| format!("`index` finds nothing at {}", printed(index)))?;
    }
    Ok(here.clone())
}

fn formatted(values: &[Value]) -> Result<String, String> {
    let [Value::String(format), values @ ..] = values else {
        return Err("`printf` takes a format".to_owned());
    };
    let (mut out, mut values) = (String::new(), values.iter());
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some('s' | 'd' | 'v') => out.push_str(&values.next().map(printed).unwrap_or_default()),
            Some('q') => {
                out.push_str(&Value::from(values.next().map(printed).unwrap_or_default()).to_string());
            }
            other => return Err(format!("`%{}` in a format is not understood", other.unwrap_or(' '))),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(text: &str) -> Result<String, String> {
        let data = json!({
            "role": "master",
            "data": {"name": "c1", "zones": [{"name": "a", "size": 2}, {"name": "b", "size": 0}], "tags": {"y": 1, "x": 2}},
        });
        fill(text, &data, str::to_lowercase)
    }

    #[test]
    fn fields_and_the_root_are_found() {
        assert_eq!(filled("{{ .Role }}/{{ $.Data.Name }}/{{ .Data.None }}.").unwrap(), "master/c1/.");
    }

    #[test]
    fn blanks_are_trimmed_where_a_dash_says_so() {
        assert_eq!(filled("a \n{{- \" # x\" }}\n  {{- /* no */ -}}  b").unwrap(), "a # xb");
    }

    #[test]
    fn loops_and_conditions_are_followed() {
        let text = "{{ range .Data.Zones }}{{ if .Size }}{{ .Name }}={{ .Size }} on {{ $.Role }};{{ else }}-{{ end }}{{ end }}";
        assert_eq!(filled(text).unwrap(), "a=2 on master;-");
        let text = "{{ range $k, $v := .Data.Tags }}{{ $k }}{{ $v }}{{ else }}none{{ end }}";
        assert_eq!(filled(text).unwrap(), "x2y1");
        assert_eq!(filled("{{ range .Data.None }}x{{ else }}none{{ end }}").unwrap(), "none");
        let text = "{{ with .Data }}{{ if eq .Name \"c2\" }}two{{ else if and .Zones (ne .Name \"c3\") }}one{{ end }}{{ end }}";
        assert_eq!(filled(text).unwrap(), "one");
    }

    #[test]
    fn variables_and_pipelines_work() {
        let text =
            "{{ $n := len .Data.Zones }}{{ if gt $n 1 }}{{ $n = 5 }}{{ end }}{{ $n | printf \"%d-%q\" 7 }}";
        assert_eq!(filled(text).unwrap(), "7-\"5\"");
        assert_eq!(filled("{{ (index .Data.Zones 1).Name }}").unwrap(), "b");
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (text, part) in [
            ("{{ template \"x\" }}", "template"),
            ("{{ .Data | toYaml }}", "toYaml"),
            ("{{ if .Role }}", "end"),
            ("{{ end }}", "end"),
            ("{{ .Role ", "}}"),
            ("{{ $x }}", "$x"),
            ("{{ \"open }}", "quote"),
        ] {
            let error = filled(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(filled(&"{{ if .Role }}".repeat(10_000)).is_err());
    }

    #[test]
    fn a_template_that_goes_on_for_ever_is_ended() {
        let deep = 40;
        let text = format!("{}{}", "{{ range $.Data.Zones }}".repeat(deep), "{{ end }}".repeat(deep));
        assert!(filled(&text).unwrap_err().contains("steps"));
    }
}
