use super::*;

fn update(from: Option<&str>, to: Option<&str>) -> FirmwareUpdate {
    FirmwareUpdate {
        component: "bios".to_owned(),
        target: rackhand_bmc::ComponentId("/bios".to_owned()),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        url: "http://192.0.2.1/bios.bin".to_owned(),
        sha256: "ab".to_owned(),
        verified: true,
    }
}

#[test]
fn a_version_is_found_among_what_vendors_write_around_it() {
    let is = [
        ("6.00.30.00", "6.00.30.00"),
        ("U46 v1.78 (07/07/2023)", "1.78"),
        ("2.78 Aug 15 2022", "2.78"),
        ("2.78 Aug 15 2022", "2.78 Aug 15 2022"),
        ("C220M5.4.1.2b.0.0708211224", "c220m5.4.1.2b.0.0708211224"),
    ];
    for (shown, named) in is {
        assert!(is_version(shown, named), "{shown} is {named}");
    }
    let is_not = [
        ("6.00.30.00", "6.00"),
        ("U46 v1.78 (07/07/2023)", "1.7"),
        ("U46 v11.78", "1.78"),
        ("2.10", "2.1"),
        ("2.1-4", "2.1"),
        ("1.0", ""),
    ];
    for (shown, named) in is_not {
        assert!(!is_version(shown, named), "{shown} is not {named}");
    }
}

#[test]
fn a_named_version_alone_proves_and_without_one_any_other() {
    assert!(proves(&update(Some("1"), Some("2")), Some("2")));
    assert!(!proves(&update(Some("1"), Some("2")), Some("3")));
    assert!(proves(&update(Some("1"), None), Some("3")));
    assert!(!proves(&update(Some("1"), None), Some("1")));
    assert!(!proves(&update(None, None), Some("1")), "what was there before is not known");
    assert!(!proves(&update(Some("1"), None), None));
}

#[test]
fn the_mark_of_an_accepted_update_names_its_job_to_the_next_process() {
    let job = JobRef { uri: "/jobs/1".to_owned(), id: "JID_1".to_owned() };
    let accepted = Accepted { job: Some(job) };
    assert_eq!(Accepted::of(&accepted.mark()), accepted);
    assert_eq!(Accepted::of(&Mark("?".to_owned())), Accepted::default());
}

#[test]
fn an_update_keeps_its_form_in_the_journal() {
    let act = Act::UpdateFirmware { update: update(Some("1"), None) };
    let text = serde_json::to_string(&act).unwrap();
    assert_eq!(
        text,
        r#"{"act":"updateFirmware","update":{"component":"bios","target":"/bios","from":"1","url":"http://192.0.2.1/bios.bin","sha256":"ab","verified":true}}"#
    );
    assert_eq!(serde_json::from_str::<Act>(&text).unwrap(), act);
}
