//! The JSON form.

use serde_json::{Map, Value, json};

use super::{Component, Profile, ProfileError, Setting};

const ROOT: &str = "SystemConfiguration";

pub(super) fn parse(text: &str) -> Result<Profile, ProfileError> {
    let document: Value = serde_json::from_str(text).map_err(|error| ProfileError {
        line: error.line(),
        column: error.column(),
        what: format!("this is no JSON ({:?} error)", error.classify()),
    })?;
    let Some(root) = document.get(ROOT).and_then(Value::as_object) else {
        return Err(ProfileError::at(text, 0, format!("the document has no {ROOT} object")));
    };
    let plain = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    let about = root.iter().filter(|(name, _)| *name != "Components").filter_map(plain).collect();
    let components =
        components(root.get("Components"), ROOT).map_err(|what| ProfileError::at(text, 0, what))?;
    Ok(Profile { about, components })
}

fn components(list: Option<&Value>, within: &str) -> Result<Vec<Component>, String> {
    let list = match list {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(format!("Components of {within} is no list")),
    };
    list.iter().map(|value| component(value, within)).collect()
}

fn component(value: &Value, within: &str) -> Result<Component, String> {
    let Some(fqdd) = value.get("FQDD").and_then(Value::as_str) else {
        return Err(format!("a component of {within} has no FQDD"));
    };
    let none = Vec::new();
    let attributes = value.get("Attributes").and_then(Value::as_array).unwrap_or(&none);
    let attributes =
        attributes.iter().map(|value| setting(value, fqdd)).collect::<Result<Vec<_>, String>>()?;
    let components = components(value.get("Components"), fqdd)?;
    Ok(Component { fqdd: fqdd.to_owned(), attributes, components })
}

fn setting(value: &Value, fqdd: &str) -> Result<Setting, String> {
    let Some(name) = value.get("Name").and_then(Value::as_str) else {
        return Err(format!("an attribute of {fqdd} has no Name"));
    };
    let written = match value.get("Value") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(Value::Array(_) | Value::Object(_)) => {
            return Err(format!("the Value of {name} in {fqdd} is no text"));
        }
        Some(other) => other.to_string(),
    };
    let set_on_import = value.get("Set On Import").and_then(Value::as_str) != Some("False");
    Ok(Setting { name: name.to_owned(), value: written, set_on_import })
}

pub(super) fn write(profile: &Profile) -> String {
    let mut root: Map<String, Value> =
        profile.about.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    root.insert("Components".to_owned(), profile.components.iter().map(tree).collect());
    json!({ROOT: root}).to_string()
}

fn tree(component: &Component) -> Value {
    let flag = |set: bool| if set { "True" } else { "False" };
    let settings: Vec<Value> = component
        .attributes
        .iter()
        .map(|one| json!({"Name": one.name, "Value": one.value, "Set On Import": flag(one.set_on_import)}))
        .collect();
    let mut tree = json!({"FQDD": component.fqdd, "Attributes": settings});
    if let (Value::Object(map), false) = (&mut tree, component.components.is_empty()) {
        map.insert("Components".to_owned(), component.components.iter().map(self::tree).collect());
    }
    tree
}
