//! BIOS settings: names that end in a number of their BIOS, and a registry that names values by number.

use rackhand_bmc::Attributes;
use rackhand_redfish::{Document, standard::bios::Registry};
use serde_json::Value;

/// An attribute's name without the number of its BIOS: `SR_IOVSupport` of `SR_IOVSupport_0047`, `TXTSupport` of
/// `TXTSupport#0062`, `Hyper_Threading_ALL` of `Hyper_Threading_ALL__F27F`.
fn clean(name: &str) -> &str {
    let is_number =
        |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c));
    let bare = match name.rsplit_once(['_', '#']) {
        Some((before, number)) if is_number(number) => before,
        _ => name,
    };
    bare.trim_end_matches(['_', '#'])
}

/// What this BIOS calls the attribute that is wanted: by its own name, else by the name without its number. A name
/// without one means every attribute of that name; a name with the number of another BIOS means one of them, and of
/// several nobody knows which.
pub(crate) fn names(wanted: &str, current: &Attributes, registry: Option<&Registry>) -> Vec<String> {
    let own = vec![wanted.to_owned()];
    if current.contains_key(wanted) || registry.is_some_and(|all| all.get(wanted).is_some()) {
        return own;
    }
    let bare = clean(wanted);
    let alike = |name: &&String| clean(name) == bare;
    let mut found: Vec<String> = current.keys().filter(alike).cloned().collect();
    // The registry also lists what this machine does not show; it counts where nothing else is known.
    if found.is_empty() {
        let listed = registry.into_iter().flat_map(|all| all.catalogue.attributes.keys());
        found = listed.filter(alike).cloned().collect();
    }
    let numbered = bare.len() < wanted.trim_end_matches('_').len();
    match found.len() {
        0 => own,
        1 => found,
        _ if numbered => own,
        _ => found,
    }
}

/// The registry with values named as the attributes are read and written: by the words people see, wherever those and not
/// the numbers are what the attribute has or defaults to.
pub(crate) fn in_words(registry: &Document) -> Document {
    let mut value = registry.view().value().clone();
    let attributes = value.pointer_mut("/RegistryEntries/Attributes").and_then(Value::as_array_mut);
    for attribute in attributes.into_iter().flatten() {
        if !goes_by_words(attribute) {
            continue;
        }
        let values = attribute.get_mut("Value").and_then(Value::as_array_mut);
        for one in values.into_iter().flatten() {
            if let Some(shown) = one.get("ValueDisplayName").cloned().filter(Value::is_string)
                && let Some(one) = one.as_object_mut()
            {
                one.insert("ValueName".to_owned(), shown);
            }
        }
    }
    Document::new(registry.uri(), registry.etag().map(str::to_owned), value)
}

/// Whether the value that an attribute has or defaults to is among the words and not among the names of its values.
/// Without such a value, numbers for names speak for it.
fn goes_by_words(attribute: &Value) -> bool {
    let texts = |of: &'static str| {
        let values = attribute.get("Value").and_then(Value::as_array).into_iter().flatten();
        values.filter_map(move |one| one.get(of)?.as_str())
    };
    let has = ["CurrentValue", "DefaultValue"].into_iter().find_map(|of| attribute.get(of)?.as_str());
    let are_numbers = || texts("ValueName").all(|name| name.parse::<u64>().is_ok());
    match has {
        Some(has) if texts("ValueDisplayName").any(|shown| shown == has) => true,
        Some(has) if texts("ValueName").any(|name| name == has) => false,
        _ => are_numbers(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_known_without_their_number() {
        assert_eq!(clean("SR_IOVSupport_0047"), "SR_IOVSupport");
        assert_eq!(clean("TXTSupport#00F7"), "TXTSupport");
        assert_eq!(clean("Hyper_Threading_ALL__F27F"), "Hyper_Threading_ALL");
        assert_eq!(clean("Hyper_Threading_ALL_"), "Hyper_Threading_ALL");
        assert_eq!(clean("Plain"), "Plain");
        assert_eq!(clean("Mode_fast"), "Mode_fast");
    }

    #[test]
    fn a_number_of_another_bios_is_not_guessed_at_among_several() {
        let names_of = |wanted: &str| {
            let have = ["TXTSupport#0062", "TXTSupport#0072", "SNC_F300", "Exact_0001", "Exact_0002"];
            let current = have.into_iter().map(|name| (name.to_owned(), "x".into())).collect();
            names(wanted, &current, None)
        };
        assert_eq!(names_of("TXTSupport"), ["TXTSupport#0062", "TXTSupport#0072"]);
        assert_eq!(names_of("TXTSupport#0099"), ["TXTSupport#0099"]);
        assert_eq!(names_of("SNC_A000"), ["SNC_F300"]);
        assert_eq!(names_of("Exact_0002"), ["Exact_0002"]);
        assert_eq!(names_of("Unheard"), ["Unheard"]);
    }

    #[test]
    fn words_stand_for_numbers_where_the_attribute_goes_by_them() {
        let value = |name: &str, shown: &str| json!({"ValueName": name, "ValueDisplayName": shown});
        let attribute = |default: Value, values: Vec<Value>| json!({"AttributeName": "A", "Type": "Enumeration", "DefaultValue": default, "Value": values});
        let names_of = |attribute: Value| -> Vec<String> {
            let registry = json!({"RegistryEntries": {"Attributes": [attribute]}});
            let words = in_words(&Document::new("/r", None, registry));
            words
                .view()
                .list("RegistryEntries/Attributes/0/Value")
                .iter()
                .filter_map(|one| one.str("ValueName"))
                .map(str::to_owned)
                .collect()
        };
        let numbers = || vec![value("0", "Disable"), value("1", "Enable")];
        assert_eq!(names_of(attribute("Enable".into(), numbers())), ["Disable", "Enable"]);
        assert_eq!(names_of(attribute("1".into(), numbers())), ["0", "1"]);
        assert_eq!(names_of(attribute(Value::Null, numbers())), ["Disable", "Enable"]);
        // The words can be numbers themselves, others than those that name them.
        assert_eq!(names_of(attribute("10".into(), vec![value("0", "1"), value("1", "10")])), ["1", "10"]);
        let named = vec![value("Off", "Switched off"), value("On", "Switched on")];
        assert_eq!(names_of(attribute(Value::Null, named)), ["Off", "On"]);
    }
}
