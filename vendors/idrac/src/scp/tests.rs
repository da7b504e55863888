use proptest::prelude::*;

use super::*;

const XML: &str = r#"<SystemConfiguration Model="PowerEdge R750" ServiceTag="TAG0001" TimeStamp="Mon Jan  5 10:00:00 2026">
<!--Export type is Normal,XML,Selective-->
<Component FQDD="iDRAC.Embedded.1">
    <Attribute Name="ServerBoot.1#BootOnce">Enabled</Attribute>
    <!-- <Attribute Name="Info.1#Version">6.10.30.00</Attribute> -->
    <Attribute Name="Users.2#Password">a &lt;secret&gt; &amp; so on</Attribute>
</Component>
<Component FQDD="RAID.SL.3-1">
 <Component FQDD="Disk.Virtual.0:RAID.SL.3-1"><Attribute Name="Name">boot</Attribute></Component>
</Component>
</SystemConfiguration>
"#;

#[test]
fn xml_is_read_and_written_without_whitespace() {
    let profile = Profile::parse(XML).unwrap();
    let idrac = profile.component("iDRAC.Embedded.1").unwrap();
    assert_eq!(idrac.value("Users.2#Password"), Some("a <secret> & so on"));
    assert!(!idrac.attributes.iter().find(|one| one.name == "Info.1#Version").unwrap().set_on_import);
    assert_eq!(profile.component("Disk.Virtual.0:RAID.SL.3-1").unwrap().value("Name"), Some("boot"));
    let compact = profile.to_xml();
    assert!(!compact.contains('\n') && !compact.contains("> <"), "{compact}");
    assert_eq!(Profile::parse(&compact).unwrap(), profile);
}

#[test]
fn both_forms_say_the_same() {
    let profile = Profile::parse(XML).unwrap();
    assert_eq!(Profile::parse(&profile.to_json()).unwrap(), profile);
}

#[test]
fn a_setting_is_changed_or_added_where_it_belongs() {
    let mut profile = Profile::parse(XML).unwrap();
    profile.set("iDRAC.Embedded.1", "ServerBoot.1#BootOnce", "Disabled");
    profile.set("Disk.Virtual.0:RAID.SL.3-1", "Name", "data");
    profile.set("BIOS.Setup.1-1", "SysProfile", "Custom");
    let value = |fqdd: &str, name: &str| profile.component(fqdd).unwrap().value(name).unwrap().to_owned();
    assert_eq!(value("iDRAC.Embedded.1", "ServerBoot.1#BootOnce"), "Disabled");
    assert_eq!(value("Disk.Virtual.0:RAID.SL.3-1", "Name"), "data");
    assert_eq!(value("BIOS.Setup.1-1", "SysProfile"), "Custom");
    assert_eq!(profile.components.len(), 3);
}

#[test]
fn no_value_shows_in_debug() {
    let shown = format!("{:?}", Profile::parse(XML).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("iDRAC.Embedded.1"), "{shown}");
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let said = |text: &str| Profile::parse(text).unwrap_err().to_string();
    assert_eq!(said("<SystemConfiguration>\n <Component>"), "line 2, column 2: a Component without an FQDD");
    assert_eq!(
        said("<SystemConfiguration><Component FQDD=\"a\">hunter2</Component></SystemConfiguration>"),
        "line 1, column 42: text that is no attribute's value"
    );
    assert!(said("<SystemConfiguration>").ends_with("the document ends before its SystemConfiguration does"));
    assert_eq!(said("{}"), "line 1, column 1: the document has no SystemConfiguration object");
    assert!(said("{\"a\": hunter2}").starts_with("line 1, column"), "{}", said("{\"a\": hunter2}"));
    let nameless = r#"{"SystemConfiguration": {"Components": [{"FQDD": "BIOS", "Attributes": [{"Value": "hunter2"}]}]}}"#;
    assert!(said(nameless).ends_with("an attribute of BIOS has no Name"));
    for text in [nameless, "{\"a\": hunter2}", "<a>hunter2</a>"] {
        assert!(!said(text).contains("hunter2"), "{}", said(text));
    }
}

fn settings() -> impl Strategy<Value = Vec<Setting>> {
    let one = ("[A-Za-z][A-Za-z0-9.#]{0,9}", "[ -~äß]{0,12}").prop_map(|(name, value)| Setting {
        name,
        value,
        set_on_import: true,
    });
    prop::collection::vec(one, 0..5)
}

fn component() -> impl Strategy<Value = Component> {
    let leaf = ("[A-Za-z][A-Za-z0-9.:-]{0,12}", settings()).prop_map(|(fqdd, attributes)| Component {
        fqdd,
        attributes,
        components: Vec::new(),
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        ("[A-Za-z]{1,8}", settings(), prop::collection::vec(inner, 0..3))
            .prop_map(|(fqdd, attributes, components)| Component { fqdd, attributes, components })
    })
}

proptest! {
    #[test]
    fn every_profile_survives_both_forms(components in prop::collection::vec(component(), 0..4)) {
        let profile = Profile { about: vec![("Model".to_owned(), "R\"7&50".to_owned())], components };
        prop_assert_eq!(&Profile::parse(&profile.to_xml()).unwrap(), &profile);
        prop_assert_eq!(&Profile::parse(&profile.to_json()).unwrap(), &profile);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[<>/A-Za-z&;\"={}\\[\\] :!-]{0,60}") {
        let _ = Profile::parse(&text);
        let _ = Profile::parse(&format!("<SystemConfiguration>{text}"));
    }
}
