//! What a schema asks of values.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::{Map, Value, json};

use crate::{
    schema::{ListType, Schema},
    status::Cause,
};

impl Schema {
    /// Says what of a value breaks the schema, each with its place.
    pub(crate) fn check(&self, value: &Value, at: &str, causes: &mut Vec<Cause>) {
        if value.is_null() && (self.nullable || (self.of.is_none() && !self.int_or_string)) {
            return;
        }
        if !self.type_fits(value) {
            let wanted = if self.int_or_string { "integer,string" } else { self.of.as_deref().unwrap_or("") };
            let why = format!("{at} in body must be of type {wanted}: \"{}\"", type_of(value));
            causes.push(Cause::invalid(at, &json!(type_of(value)), &why));
        }
        if !self.allowed.is_empty() && !self.allowed.contains(value) {
            causes.push(Cause::unsupported(at, value, &self.allowed));
        }
        if !self.type_fits(value) {
            return;
        }
        match value {
            Value::String(text) => self.check_text(text, at, causes),
            Value::Number(number) => {
                self.check_number(number.as_f64().unwrap_or(f64::NAN), value, at, causes)
            }
            Value::Array(items) => self.check_items(items, at, causes),
            Value::Object(members) => self.check_members(members, at, causes),
            Value::Null | Value::Bool(_) => {}
        }
        self.check_branches(value, at, causes);
    }

    fn type_fits(&self, value: &Value) -> bool {
        if self.int_or_string {
            return value.is_string() || is_integer(value);
        }
        match self.of.as_deref() {
            None => true,
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => is_integer(value),
            Some("number") => value.is_number(),
            Some(_) => false,
        }
    }

    fn check_text(&self, text: &str, at: &str, causes: &mut Vec<Cause>) {
        let value = json!(text);
        let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let (least, most) = self.bounds.length;
        if let Some(least) = least.filter(|least| length < *least) {
            let why = format!("{at} in body should be at least {least} chars long");
            causes.push(Cause::invalid(at, &value, &why));
        }
        if let Some(most) = most.filter(|most| length > *most) {
            let why = format!("{at} in body should be at most {most} chars long");
            causes.push(Cause::invalid(at, &value, &why));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let why = format!("{at} in body should match '{pattern}'");
            causes.push(Cause::invalid(at, &value, &why));
        }
        if let Some(format) = self.format.as_ref().filter(|format| !format_fits(format, text)) {
            let why = format!("{at} in body must be of type {format}: {value}");
            causes.push(Cause::invalid(at, &value, &why));
        }
    }

    fn check_number(&self, number: f64, value: &Value, at: &str, causes: &mut Vec<Cause>) {
        let bounds = &self.bounds;
        if let Some(least) = bounds.minimum
            && (number < least || (bounds.exclusive_minimum && number <= least))
        {
            let or_equal = if bounds.exclusive_minimum { "" } else { " or equal to" };
            let why = format!("{at} in body should be greater than{or_equal} {least}");
            causes.push(Cause::invalid(at, value, &why));
        }
        if let Some(most) = bounds.maximum
            && (number > most || (bounds.exclusive_maximum && number >= most))
        {
            let or_equal = if bounds.exclusive_maximum { "" } else { " or equal to" };
            let why = format!("{at} in body should be less than{or_equal} {most}");
            causes.push(Cause::invalid(at, value, &why));
        }
        if let Some(step) = bounds.multiple_of.filter(|step| (number / step).fract() != 0.0) {
            causes.push(Cause::invalid(at, value, &format!("{at} in body should be a multiple of {step}")));
        }
    }

    fn check_items(&self, items: &[Value], at: &str, causes: &mut Vec<Cause>) {
        let counted = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let (least, most) = self.bounds.items;
        if let Some(least) = least.filter(|least| counted < *least) {
            let why = format!("{at} in body should have at least {least} items");
            causes.push(Cause::invalid(at, &json!(counted), &why));
        }
        if let Some(most) = most.filter(|most| counted > *most) {
            let why = format!("{at} in body should have at most {most} items");
            causes.push(Cause::invalid(at, &json!(counted), &why));
        }
        if let Some(schema) = &self.items {
            // Servers before 1.21 do not say which item.
            for item in items {
                schema.check(item, at, causes);
            }
        }
        self.check_unique(items, at, causes);
    }

    /// Sets hold a value once, and lists that are maps hold a key once.
    fn check_unique(&self, items: &[Value], at: &str, causes: &mut Vec<Cause>) {
        let mut seen = BTreeSet::new();
        let mut told = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match &self.list {
                Some(ListType::Set) => item.clone(),
                Some(ListType::Map(keys)) => {
                    let of_keys = keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
                    Value::Object(of_keys.collect())
                }
                _ => return,
            };
            let text = identity.to_string();
            if !seen.insert(text.clone()) && told.insert(text) {
                causes.push(Cause::duplicate(format!("{at}[{index}]"), &identity));
            }
        }
    }

    fn check_members(&self, members: &Map<String, Value>, at: &str, causes: &mut Vec<Cause>) {
        let counted = u64::try_from(members.len()).unwrap_or(u64::MAX);
        let (least, most) = self.bounds.properties;
        if let Some(least) = least.filter(|least| counted < *least) {
            let why = format!("{at} in body should have at least {least} properties");
            causes.push(Cause::invalid(at, &json!(counted), &why));
        }
        if let Some(most) = most.filter(|most| counted > *most) {
            let why = format!("{at} in body should have at most {most} properties");
            causes.push(Cause::invalid(at, &json!(counted), &why));
        }
        for name in &self.required {
            if !members.contains_key(name) {
                causes.push(Cause::required(below(at, name)));
            }
        }
        for (name, member) in members {
            if let Some(schema) = self.member(name).0 {
                schema.check(member, &below(at, name), causes);
            }
        }
    }

    fn check_branches(&self, value: &Value, at: &str, causes: &mut Vec<Cause>) {
        let fits = |schema: &Schema| {
            let mut wrong = Vec::new();
            schema.check(value, at, &mut wrong);
            wrong.is_empty()
        };
        for schema in &self.all_of {
            schema.check(value, at, causes);
        }
        if !self.any_of.is_empty() && !self.any_of.iter().any(fits) {
            let why = format!("{at} in body must validate at least one schema (anyOf)");
            causes.push(Cause::invalid(at, value, &why));
        }
        if !self.one_of.is_empty() && self.one_of.iter().filter(|one| fits(one)).count() != 1 {
            let why = format!("{at} in body must validate one and only one schema (oneOf)");
            causes.push(Cause::invalid(at, value, &why));
        }
        if self.not.as_deref().is_some_and(fits) {
            causes.push(Cause::invalid(
                at,
                value,
                &format!("{at} in body must not validate the schema (not)"),
            ));
        }
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.into() } else { format!("{at}.{name}") }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The formats that rackhand's and the hub's definitions use; others are not looked at.
fn format_fits(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()),
        "ipv6" => text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()),
        _ => true,
    }
}
