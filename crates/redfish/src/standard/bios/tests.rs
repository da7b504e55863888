use proptest::prelude::*;
use rackhand_bmc::{AttributeKind, AttributeValue, Bmc};

use super::*;
use crate::{
    standard::{Dialect, Plain},
    testing::{Service, lost},
};

const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const SETTINGS: &str = "/redfish/v1/Systems/1/Bios/Settings";

fn enumeration(name: &str, values: &[&str], read_only: bool) -> Value {
    let values: Vec<Value> = values
        .iter()
        .map(|name| json!({"ValueName": name, "ValueDisplayName": format!("The {name}")}))
        .collect();
    json!({"AttributeName": name, "Type": "Enumeration", "Value": values, "ReadOnly": read_only, "DisplayName": format!("{name} (shown)")})
}

fn map(from: &[(&str, &str, &str, &str)], to: (&str, &str, Value)) -> Value {
    let from: Vec<Value> = from
        .iter()
        .map(|(term, name, is, value)| {
            json!({"MapTerms": term, "MapFromAttribute": name, "MapFromProperty": "CurrentValue", "MapFromCondition": is, "MapFromValue": value})
        })
        .collect();
    json!({"Type": "Map", "DependencyFor": to.0,
           "Dependency": {"MapFrom": from, "MapToAttribute": to.0, "MapToProperty": to.1, "MapToValue": to.2}})
}

/// A registry in the manner of two vendors: one whose registry marks follow the present state, one whose profile locks.
fn registry_document() -> Value {
    json!({"Id": "Reg", "RegistryEntries": {
        "Attributes": [
            enumeration("SysProfile", &["Performance", "Custom"], false),
            enumeration("ProcCStates", &["Enabled", "Disabled"], true),
            enumeration("Profile", &["General", "LowLatency"], false),
            enumeration("Sriov", &["Enabled", "Disabled"], false),
            enumeration("AssetTagLock", &["On", "Off"], true),
            {"AttributeName": "Delay", "Type": "Integer", "LowerBound": 60, "UpperBound": 600},
            {"AttributeName": "Label", "Type": "String", "MaxLength": 5},
            {"AttributeName": "Quiet", "Type": "Boolean"},
            {"AttributeName": "SetupPassword", "Type": "Password"},
            {"AttributeName": "Delay", "Type": "String"},
            {"Type": "Integer"}, 7, null],
        "Dependencies": [
            map(&[("", "SysProfile", "NEQ", "Custom")], ("ProcCStates", "ReadOnly", true.into())),
            map(&[("", "Profile", "EQU", "LowLatency"), ("OR", "SysProfile", "EQU", "Nothing")], ("Sriov", "ReadOnly", true.into())),
            map(&[("", "Profile", "EQU", "LowLatency")], ("Sriov", "CurrentValue", "Disabled".into())),
            map(&[("", "Profile", "EQU", "General")], ("Label", "CurrentValue", "gen".into())),
            map(&[("", "Profile", "EQU", "LowLatency")], ("Quiet", "Hidden", true.into())),
            {"Dependency": 3}]}})
}

fn registry() -> Registry {
    Registry::parse(&Document::new("/r", None, registry_document()))
}

fn set(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::from(*value))).collect()
}

fn current() -> Attributes {
    let mut current = set(&[
        ("SysProfile", "Performance"),
        ("ProcCStates", "Enabled"),
        ("Profile", "General"),
        ("Sriov", "Enabled"),
        ("AssetTagLock", "On"),
        ("Label", "x"),
    ]);
    current.insert("Delay".to_owned(), AttributeValue::Integer(60));
    current.insert("Quiet".to_owned(), AttributeValue::Boolean(false));
    current.insert("Unlisted".to_owned(), AttributeValue::Integer(1));
    current
}

fn planned(desired: &[(&str, &str)]) -> BiosPlan {
    plan::plan(&Plain, &set(desired), &current(), Some(&registry()))
}

fn problem(name: &str, value: &str) -> String {
    let plan = planned(&[(name, value)]);
    assert!(plan.stages.is_empty() && plan.problems.len() == 1, "{plan:?}");
    plan.problems[0].problem.clone()
}

#[test]
fn values_are_typed_and_what_is_in_force_is_left_out() {
    let plan = planned(&[
        ("Delay", "120"),
        ("Quiet", "True"),
        ("Sriov", "Enabled"),
        ("Unlisted", "2"),
        ("Label", "ab"),
    ]);
    assert_eq!(plan.problems, []);
    assert_eq!(plan.satisfied, ["Sriov"]);
    let [stage] = plan.stages.as_slice() else { panic!("{plan:?}") };
    assert_eq!(stage.reason, "4 settings differ");
    let expected = json!({"Delay": 120, "Label": "ab", "Quiet": true, "Unlisted": 2});
    assert_eq!(json!(stage.attributes), expected);
    assert_eq!(planned(&[("Delay", "60"), ("Quiet", "false")]).stages, []);
}

#[test]
fn every_mistake_says_what_is_right() {
    assert_eq!(
        problem("Sriov", "enabled"),
        "\"enabled\" is none of its values: Enabled, Disabled; did you mean \"Enabled\"?"
    );
    assert_eq!(problem("Sriov", "Maybe"), "\"Maybe\" is none of its values: Enabled, Disabled");
    assert_eq!(problem("Delay", "long"), "\"long\" is no whole number");
    assert_eq!(problem("Delay", "7"), "7 is below the least value, 60");
    assert_eq!(problem("Delay", "601"), "601 is above the greatest value, 600");
    assert_eq!(problem("Label", "abcdef"), "6 characters are more than the most, 5");
    assert_eq!(problem("Quiet", "Enabled"), "\"Enabled\" is neither true nor false");
    assert_eq!(problem("SetupPassword", "x"), "it is a password; those are not set through profiles");
    assert_eq!(
        problem("ProcCState", "Disabled"),
        "this firmware has no such attribute; did you mean \"ProcCStates\"?"
    );
    assert_eq!(
        problem("Sriov (shown)", "Enabled"),
        "this firmware has no such attribute; \"Sriov (shown)\" is the display name of \"Sriov\""
    );
    assert_eq!(problem("Hyperspace", "On"), "this firmware has no such attribute");
    assert_eq!(problem("AssetTagLock", "Off"), "it is read-only");
    assert_eq!(problem("ProcCStates", "Disabled"), "it is read-only while SysProfile is not Custom");
}

#[test]
fn a_lock_that_another_wanted_value_opens_or_closes_is_seen() {
    let plan = planned(&[("SysProfile", "Custom"), ("ProcCStates", "Disabled")]);
    assert_eq!((plan.problems.len(), plan.stages.len()), (0, 1));
    // Sriov is as wanted, but the profile would turn it off and lock it.
    let plan = planned(&[("Profile", "LowLatency"), ("Sriov", "Enabled")]);
    assert_eq!(plan.problems.len(), 1);
    assert_eq!(plan.problems[0].attribute, "Sriov");
    assert_eq!(
        plan.problems[0].problem,
        "it is read-only while Profile is LowLatency or SysProfile is Nothing"
    );
    // What it turns off and locks as wanted comes along by itself, and is not written.
    let plan = planned(&[("Profile", "LowLatency"), ("Sriov", "Disabled")]);
    assert!(plan.problems.is_empty(), "{plan:?}");
    assert_eq!(
        plan.stages.iter().map(|stage| &stage.attributes).collect::<Vec<_>>(),
        [&set(&[("Profile", "LowLatency")])]
    );
    // A dependency that holds already, and is not in force, is not enforced.
    assert_eq!(planned(&[("Label", "x"), ("Delay", "61")]).satisfied, ["Label"]);
}

#[test]
fn without_a_machine_the_registry_alone_decides() {
    let problems = |pairs: &[(&str, &str)]| -> Vec<String> {
        let found = registry().check(&set(pairs));
        found.into_iter().map(|one| format!("{}: {}", one.attribute, one.problem)).collect()
    };
    let none: [&str; 0] = [];
    // The mark on ProcCStates speaks of the machine that the registry was read from.
    assert_eq!(problems(&[("ProcCStates", "Disabled")]), none);
    assert_eq!(problems(&[("SysProfile", "Custom"), ("ProcCStates", "The Disabled")]), none);
    assert_eq!(
        problems(&[("SysProfile", "Performance"), ("ProcCStates", "Disabled")]),
        ["ProcCStates: it is read-only while SysProfile is not Custom"]
    );
    assert_eq!(problems(&[("Profile", "LowLatency"), ("Sriov", "Disabled")]), none);
    assert_eq!(
        problems(&[("Profile", "LowLatency"), ("Sriov", "Enabled")]),
        ["Sriov: it is read-only and Disabled while Profile is LowLatency or SysProfile is Nothing"]
    );
    assert_eq!(
        problems(&[("AssetTagLock", "Off"), ("Delay", "7"), ("Srivo", "Enabled")]),
        [
            "Delay: 7 is below the least value, 60",
            "Srivo: this firmware has no such attribute; did you mean \"Sriov\"?",
            "AssetTagLock: it is read-only",
        ]
    );
}

/// A vendor that needs the profile first, and the rest once another profile frees it.
struct Staged;
impl Dialect for Staged {
    fn bios_split_stages(
        &self,
        desired: &Attributes,
        differing: &Attributes,
        _: &Attributes,
        _: Option<&Registry>,
    ) -> Vec<BiosStage> {
        let mut rest = desired.clone();
        rest.insert("Profile".to_owned(), "General".into());
        let first = differing
            .iter()
            .filter(|(name, _)| *name == "Profile")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        [first, rest].map(|attributes| BiosStage { attributes, reason: String::new() }).into()
    }
}

#[test]
fn stages_of_a_dialect_are_checked_one_after_the_other() {
    let plan = plan::plan(
        &Staged,
        &set(&[("Profile", "LowLatency"), ("Sriov", "Enabled")]),
        &current(),
        Some(&registry()),
    );
    assert!(
        plan.problems.iter().any(|problem| problem.attribute == "Profile"
            && problem.problem == "another wanted setting makes it General; wanted is LowLatency"),
        "{plan:?}"
    );
    assert!(!plan.problems.iter().any(|problem| problem.attribute == "Sriov"), "{plan:?}");
}

#[test]
fn a_registry_without_anything_writable_is_a_lockdown() {
    let mut document = registry_document();
    let attributes = document["RegistryEntries"]["Attributes"].as_array_mut().unwrap();
    attributes.iter_mut().filter(|entry| entry.is_object()).for_each(|entry| entry["ReadOnly"] = true.into());
    let locked = Registry::parse(&Document::new("/r", None, document));
    assert!(locked.read_only("Delay", &current(), &current()).unwrap().contains("lockdown"));
}

#[test]
fn registries_are_found_by_name_with_or_without_version() {
    let uris = |names: &[&str]| {
        names.iter().map(|name| format!("/redfish/v1/Registries/{name}")).collect::<Vec<_>>()
    };
    let found =
        |names: &[&str], id| best_match(&uris(names), id, false).map(|uri| last_segment(uri).to_owned());
    let dell = ["Messages", "BiosAttributeRegistry.v1_0_0", "NetworkAttributesRegistry_NIC.Slot.5-1"];
    assert_eq!(
        found(&dell, Some("BiosAttributeRegistry.v1_0_3")).as_deref(),
        Some("BiosAttributeRegistry.v1_0_0")
    );
    let hpe = ["BiosAttributeRegistryU46.v1_2_34", "BiosAttributeRegistryU58.v1_2_44"];
    assert_eq!(
        found(&hpe, Some("biosattributeregistryu58.v1_2_44")).as_deref(),
        Some("BiosAttributeRegistryU58.v1_2_44")
    );
    assert_eq!(found(&hpe, Some("BiosAttributeRegistryU99.v1_0_0")), None);
    assert_eq!(found(&["Base.1.0", "BiosAttributeRegistry"], None).as_deref(), Some("BiosAttributeRegistry"));
    assert_eq!(
        found(&["Supermicro.json", "BiosAttributeRegistry.1.0.0.json"], Some("BiosAttributeRegistry.1.0.0"))
            .as_deref(),
        Some("BiosAttributeRegistry.1.0.0.json")
    );
}

fn bios_document(settings: Value) -> Value {
    json!({"Id": "Bios", "AttributeRegistry": "Reg.v1_0_3", "Attributes": current(), "@Redfish.Settings": settings})
}

async fn serve(service: &Service) -> Bmc {
    let link = |uri: &str| json!({"@odata.id": uri});
    let settings = json!({"SettingsObject": link(SETTINGS), "ETag": "e1", "Time": "t1", "SupportedApplyTimes": ["OnReset"]});
    service.put(BIOS, bios_document(settings));
    service.put(SETTINGS, json!({"@odata.etag": "\"s\"", "Attributes": {}}));
    service.put("/redfish/v1/Registries", json!({"Members": [link("/redfish/v1/Registries/Base.1.0"), link("/redfish/v1/Registries/Reg.v1_0_0")]}));
    service.put(
        "/redfish/v1/Registries/Reg.v1_0_0",
        json!({"Location": [
        {"Language": "de", "Uri": "/nowhere"}, {"Language": "en-US", "Uri": "/registries/reg.json"}]}),
    );
    service.put("/registries/reg.json", registry_document());
    service.bmc(Plain).await
}

#[tokio::test(start_paused = true)]
async fn settings_go_from_plan_to_pending_to_applied_or_rejected() {
    let service = Service::new();
    let bmc = serve(&service).await;
    let bios = bmc.bios().unwrap();
    let plan = bios.plan(&set(&[("Delay", "120"), ("Sriov", "Disabled")])).await.unwrap();
    let stage = &plan.stages[0];
    let Outcome::Pending(pending) = bios.stage(stage).await.unwrap() else { panic!() };
    assert!(pending.needs_reset && pending.can_discard && pending.desired == stage.attributes);
    let written = service.state().documents[SETTINGS].clone();
    assert_eq!(written["@Redfish.SettingsApplyTime"]["ApplyTime"], "OnReset");
    assert_eq!(written["Attributes"], json!({"Delay": 120, "Sriov": "Disabled"}));
    let state = bios.state().await.unwrap();
    assert_eq!(state.pending, PendingSettings::Values(stage.attributes.clone()));

    let fates =
        async |mark| bios.verify(stage, mark).await.unwrap().attributes.into_values().collect::<Vec<_>>();
    assert_eq!(fates(Some(&pending.mark)).await, [AttributeVerdict::NotYet, AttributeVerdict::NotYet]);
    // POST takes them up: one is in force, one was refused. The message of an earlier write means nothing.
    let refused = json!([{"MessageId": "Base.1.0.Success", "RelatedProperties": ["#/Delay"]},
        {"MessageId": "Base.1.0.PropertyUnknown", "Message": "unknown", "RelatedProperties": ["#/Sriov"]}]);
    service.set(BIOS, "/Attributes/Delay", 120.into());
    service.state().documents.get_mut(BIOS).unwrap()["@Redfish.Settings"]["Messages"] = refused;
    assert_eq!(fates(Some(&pending.mark)).await, [AttributeVerdict::Applied, AttributeVerdict::NotYet]);
    service.set(BIOS, "/@Redfish.Settings/Time", "t2".into());
    let rejected = AttributeVerdict::Rejected { reason: "Base.1.0.PropertyUnknown: unknown".to_owned() };
    assert_eq!(fates(Some(&pending.mark)).await, [AttributeVerdict::Applied, rejected]);
    assert_eq!(fates(None).await, [AttributeVerdict::Applied, AttributeVerdict::NotYet]);
}

#[tokio::test(start_paused = true)]
async fn pending_settings_are_dropped_by_writing_the_current_ones() {
    let service = Service::new();
    let bmc = serve(&service).await;
    let bios = bmc.bios().unwrap();
    assert_eq!(bios.discard().await.unwrap(), Outcome::Unchanged);
    service.put(SETTINGS, json!({"Attributes": {"Sriov": "Disabled", "Delay": 60, "Foreign": 1}}));
    assert_eq!(bios.discard().await.unwrap(), Outcome::Done);
    assert_eq!(service.state().documents[SETTINGS]["Attributes"]["Sriov"], "Enabled");
}

#[tokio::test(start_paused = true)]
async fn without_a_settings_object_pending_is_not_visible_and_writes_go_straight() {
    let service = Service::new();
    let bmc = serve(&service).await;
    service.put(BIOS, bios_document(Value::Null));
    let bios = bmc.bios().unwrap();
    let state = bios.state().await.unwrap();
    assert_eq!((state.pending, state.mark), (PendingSettings::NotVisible, Mark::default()));
    let stage = BiosStage { attributes: set(&[("Sriov", "Disabled")]), reason: String::new() };
    let Outcome::Pending(pending) = bios.stage(&stage).await.unwrap() else { panic!() };
    assert!(!pending.can_discard);
    assert_eq!(service.state().documents[BIOS]["Attributes"]["Sriov"], "Disabled");
    assert!(service.state().documents[BIOS].get("@Redfish.SettingsApplyTime").is_none());
    assert_eq!(*bios.discard().await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_lost_write_is_unknown_and_a_registry_is_read_once() {
    let service =
        Service::with(|request, _| (*request.method() == http::Method::PATCH).then(|| lost(request)));
    let bmc = serve(&service).await;
    let bios = bmc.bios().unwrap();
    let stage = BiosStage { attributes: set(&[("Sriov", "Disabled")]), reason: String::new() };
    assert!(matches!(bios.stage(&stage).await.unwrap(), Outcome::Unknown { .. }));
    assert_eq!(service.count("PATCH"), 1);
    for _ in 0..3 {
        assert_eq!(bios.registry().await.unwrap().unwrap().attributes.len(), 9);
    }
    assert_eq!(service.count("GET /registries/reg.json"), 1);
}

fn any_attribute() -> impl Strategy<Value = Value> {
    let name = "[A-D]";
    let bounds = (prop::option::of(-5i64..5), prop::option::of(-5i64..5));
    prop_oneof![
        (name, prop::collection::vec("[a-c]{1,2}|[0-3]", 0..4), any::<bool>()).prop_map(|(name, values, read_only)| {
            let values: Vec<Value> = values.iter().map(|value| json!({"ValueName": value})).collect();
            json!({"AttributeName": name, "Type": "Enumeration", "Value": values, "ReadOnly": read_only})
        }),
        (name, bounds).prop_map(|(name, (low, high))| json!({"AttributeName": name, "Type": "Integer", "LowerBound": low, "UpperBound": high})),
        (name, prop::option::of(0u64..3), prop::option::of(0u64..3))
            .prop_map(|(name, least, most)| json!({"AttributeName": name, "Type": "String", "MinLength": least, "MaxLength": most})),
        name.prop_map(|name| json!({"AttributeName": name, "Type": "Boolean"})),
    ]
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        any::<bool>().prop_map(AttributeValue::Boolean),
        (-6i64..6).prop_map(AttributeValue::Integer),
        "[a-c]{0,3}|[0-4]|true|False".prop_map(AttributeValue::String),
    ]
}

fn any_dependency() -> impl Strategy<Value = Value> {
    let to = prop_oneof![
        Just(("ReadOnly", Value::Bool(true))),
        Just(("CurrentValue", Value::from("a"))),
        Just(("ReadOnly", Value::Bool(false)))
    ];
    ("[A-D]", "EQU|NEQ|GTR|odd", "[a-c]|[0-3]", "[A-D]", to).prop_map(
        |(from, is, value, name, (property, to))| map(&[("AND", &from, &is, &value)], (&name, property, to)),
    )
}

fn is_allowed(value: &AttributeValue, kind: &AttributeKind) -> bool {
    match (value, kind) {
        (AttributeValue::String(text), AttributeKind::Enumeration(values)) => {
            values.is_empty() || values.contains(text)
        }
        (AttributeValue::Integer(number), AttributeKind::Integer { lower, upper }) => {
            lower.is_none_or(|lower| *number >= lower) && upper.is_none_or(|upper| *number <= upper)
        }
        (AttributeValue::String(text), AttributeKind::String { min_length, max_length }) => {
            let length = text.chars().count() as u64;
            min_length.is_none_or(|least| length >= least)
                && max_length.is_none_or(|most| most == 0 || length <= most)
        }
        (AttributeValue::Boolean(_), AttributeKind::Boolean) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_planned_is_always_allowed(
        entries in prop::collection::vec(any_attribute(), 0..6),
        dependencies in prop::collection::vec(any_dependency(), 0..6),
        current in prop::collection::btree_map("[A-D]", any_value(), 0..5),
        desired in prop::collection::btree_map("[A-E]", any_value(), 0..5),
    ) {
        let document = json!({"RegistryEntries": {"Attributes": entries, "Dependencies": dependencies}});
        let registry = Registry::parse(&Document::new("/r", None, document));
        let plan = plan::plan(&Plain, &desired, &current, Some(&registry));
        prop_assert!(plan.problems.is_empty() || plan.stages.is_empty());
        let mut written = std::collections::BTreeSet::new();
        for (name, value) in plan.stages.iter().flat_map(|stage| &stage.attributes) {
            prop_assert!(desired.contains_key(name) && desired[name].to_string().trim().eq_ignore_ascii_case(value.to_string().trim()));
            if let Some(attribute) = registry.get(name) {
                prop_assert!(is_allowed(value, &attribute.kind), "{} = {:?}", name, value);
            }
            written.insert(name.clone());
        }
        let mut after = current.clone();
        for stage in &plan.stages {
            after = plan::state_after(&after, &stage.attributes, &registry);
        }
        // Every wanted attribute is written, in force, comes along with another, or is said to be a problem.
        for (name, value) in &desired {
            let said = plan.problems.iter().any(|problem| problem.attribute == *name);
            let held_back = !plan.problems.is_empty();
            let follows = || after.get(name).is_some_and(|end| end.to_string() == value.to_string().trim());
            prop_assert!(said || held_back || written.contains(name) || plan.satisfied.contains(name) || follows(), "{}", name);
        }
        // Planning from the wanted state finds nothing left to do.
        if plan.problems.is_empty() {
            prop_assert!(plan::plan(&Plain, &desired, &after, Some(&registry)).stages.is_empty());
        }
    }
}
