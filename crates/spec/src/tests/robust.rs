//! No input is a panic, an endless loop or a flood.

use proptest::prelude::*;

use super::{complaints, read_one, site, testdata};

#[test]
fn aliases_cannot_make_a_small_file_large() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let loaded = read_one(&bomb);
    insta::assert_snapshot!(complaints(&loaded), @r"
    f.yaml:6:35: error: a5[5]: the file is larger than 500000 values or deeper than 128 levels
        help: aliases count as often as they are used
    ");
}

#[test]
fn nesting_is_bounded_whatever_makes_it() {
    let brackets = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    insta::assert_snapshot!(complaints(&read_one(&brackets)), @"f.yaml:1:132: error: a[0]: not readable as YAML: recursion limit exceeded");
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..5000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    insta::assert_snapshot!(complaints(&read_one(&chain)), @r"
    f.yaml:127:14: error: a126[0]: the file is larger than 500000 values or deeper than 128 levels
        help: aliases count as often as they are used
    ");
}

/// A thousand nodes in one file are many for a site, and no reason to refuse it.
#[test]
fn a_large_site_is_no_bomb() {
    let nodes: Vec<String> = (0..1000)
        .map(|n| {
            let mac = format!("0c:42:a1:55:{:02x}:{:02x}", n / 256, n % 256);
            let config: String = (0..8).map(|i| format!("    - {{name: e{i}, ipv4: {{enabled: true, dhcp: true}}}}\n")).collect();
            format!("hostName: n{n}\nbmcAddress: redfish://bmc{n}\nbmcCredentialsName: {{name: a}}\nbootMACAddress: {mac}\nnodeNetwork:\n  config:\n    interfaces:\n{config}")
        })
        .collect();
    let loaded = read_one(&site("", &nodes.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!((loaded.nodes.len(), complaints(&loaded).as_str()), (1000, ""));
}

/// An anchor at each level would keep a copy of all below it.
#[test]
fn anchors_count_what_they_keep() {
    let leaf = vec!["x"; 20_000].join(", ");
    let nested: String = (0..100).map(|level| format!("&a{level} [")).collect();
    let text = format!("a: {nested}{leaf}{}\n", "]".repeat(100));
    assert!(complaints(&read_one(&text)).contains("larger than"));
}

/// Every prefix of a sample is a half-written file.
#[test]
fn half_written_files_are_no_panic() {
    let text = testdata("site.yaml");
    for end in (0..text.len()).step_by(7).filter(|end| text.is_char_boundary(*end)) {
        let loaded = read_one(text.get(..end).unwrap());
        assert!(loaded.diagnostics.iter().all(|one| one.line >= 1 && one.column >= 1));
    }
}

/// A piece of a sample put where it does not belong.
fn mangled() -> impl Strategy<Value = String> {
    let files = ["site.yaml", "instance.yaml", "host.yaml", "mistakes.yaml"].map(testdata);
    (
        0..files.len(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        "[ \\-:\\[\\]{}&*!|>'\"%@#,\t\na-z0-9]{0,12}",
    )
        .prop_map(move |(file, from, to, insert)| {
            let lines: Vec<&str> = files[file].split_inclusive('\n').collect();
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            let mut out: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let moved = out.remove(from);
            let middle = moved.chars().count() / 2;
            let (head, tail): (String, String) =
                (moved.chars().take(middle).collect(), moved.chars().skip(middle).collect());
            out.insert(to.min(out.len()), format!("{head}{insert}{tail}"));
            out.concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,200}") {
        read_one(&text);
    }

    #[test]
    fn no_yaml_like_text_is_a_panic(text in "[ \\-:\\[\\]{}&*!|>'\"%@#,?\t\na-c0-2]{0,120}") {
        read_one(&text);
    }

    #[test]
    fn no_mangled_sample_is_a_panic(text in mangled()) {
        let loaded = read_one(&text);
        for one in &loaded.diagnostics {
            prop_assert!(one.line >= 1 && one.line <= text.lines().count() + 1, "{one}");
        }
    }
}
