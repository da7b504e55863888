use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{complaints, read_one};
use crate::secrets::CredentialSources;

const PASSWORD: &str = "s3cr3t-calvin";

fn secret(namespace: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: bmc{namespace}}}\ntype: Opaque\n{data}\n")
}

fn sources(text: &str) -> CredentialSources {
    CredentialSources { documents: read_one(text).secrets, ..CredentialSources::default() }
}

fn found(sources: &CredentialSources) -> (String, String) {
    let credentials = sources.resolve("ns", "bmc").unwrap();
    (credentials.username.clone(), credentials.password.expose_secret().to_owned())
}

fn refusal(sources: &CredentialSources) -> String {
    let error = sources.resolve("ns", "bmc").unwrap_err().to_string();
    assert!(!error.contains(PASSWORD), "{error}");
    error
}

fn pair(user: &str, password: &str) -> (String, String) {
    (user.to_owned(), password.to_owned())
}

#[test]
fn secrets_are_read_in_both_forms() {
    // "cm9vdA==" is root; the password is encoded with the line's end that echo adds.
    let data = "data: {username: cm9vdA==, password: czNjcjN0LWNhbHZpbgo=}";
    let text = secret(", namespace: ns", data);
    assert_eq!(found(&sources(&text)), pair("root", PASSWORD));
    insta::assert_snapshot!(complaints(&read_one(&text)), @r"
    f.yaml:5:38: warning: data.password: the value ends with a line's end, which is left out
        help: encode it with `printf %s … | base64`
    ");
    assert_eq!(
        found(&sources(&secret("", "stringData: {username: root, password: 1234}"))),
        pair("root", "1234")
    );
    let both = "data: {username: cm9vdA==, password: eA==}\nstringData: {password: y}";
    assert_eq!(found(&sources(&secret("", both))), pair("root", "y"), "stringData goes before data");
}

#[test]
fn another_namespaces_secret_is_not_used() {
    let other = secret(", namespace: other", "stringData: {username: root, password: s3cr3t-calvin}");
    insta::assert_snapshot!(refusal(&sources(&other)), @"no credentials for Secret ns/bmc; searched: environment RACKHAND_BMC_USERNAME_BMC and RACKHAND_BMC_PASSWORD_BMC; no directory of Secrets is given; the loaded files (they hold 1 Secrets); environment RACKHAND_BMC_USERNAME and RACKHAND_BMC_PASSWORD. f.yaml has a Secret of that name in namespace other, which is not the node's and is not used");
    let anywhere = secret("", "stringData: {username: any, password: x}");
    let own = secret(", namespace: ns", "stringData: {username: own, password: x}");
    assert_eq!(found(&sources(&format!("{anywhere}---\n{own}"))).0, "own");
}

#[test]
fn unusable_secrets_are_named_and_never_shown() {
    insta::assert_snapshot!(refusal(&sources(&secret("", "data: {}"))), @"credentials for Secret ns/bmc: the Secret in f.yaml holds no username and password");
    let not_base64 = secret("", "data: {username: cm9vdA==, password: s3cr3t-calvin}");
    let said = complaints(&read_one(&not_base64));
    assert!(!said.contains(PASSWORD));
    insta::assert_snapshot!(said, @r"
    f.yaml:5:38: error: data.password: the value is not base64
        help: encode it, or write it below stringData
    ");
    insta::assert_snapshot!(complaints(&read_one(&secret("", "stringData: {username: root}"))), @"f.yaml:1:1: warning: the Secret holds only one of username and password");
    insta::assert_snapshot!(complaints(&read_one(&secret("", "stringData: {username: root, password: ''}"))), @"f.yaml:5:40: error: stringData.password: the value is empty or no text");
    let loaded = read_one(&secret("", "stringData: {username: root, password: s3cr3t-calvin}"));
    let shown = format!(
        "{loaded:?} {:?}",
        sources(&secret("", "stringData: {username: root, password: s3cr3t-calvin}"))
    );
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[test]
fn the_environment_goes_first_for_one_and_last_for_all() {
    let variables = |pairs: &[(&str, &str)]| -> BTreeMap<String, SecretString> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect()
    };
    let mut sources = sources(&secret("", "stringData: {username: document, password: x}"));
    sources.environment = variables(&[("RACKHAND_BMC_USERNAME", "all"), ("RACKHAND_BMC_PASSWORD", "x")]);
    assert_eq!(found(&sources).0, "document");
    sources
        .environment
        .extend(variables(&[("RACKHAND_BMC_USERNAME_BMC", "own"), ("RACKHAND_BMC_PASSWORD_BMC", PASSWORD)]));
    assert_eq!(found(&sources), pair("own", PASSWORD));
    assert!(!format!("{sources:?}").contains(PASSWORD));
    sources.documents.clear();
    sources.environment = variables(&[("RACKHAND_BMC_USERNAME", "all"), ("RACKHAND_BMC_PASSWORD", "x")]);
    assert_eq!(found(&sources).0, "all");
    sources.environment.remove("RACKHAND_BMC_PASSWORD");
    insta::assert_snapshot!(refusal(&sources), @"credentials for Secret ns/bmc: RACKHAND_BMC_USERNAME is set and RACKHAND_BMC_PASSWORD is not");
}

#[test]
fn a_directory_holds_secrets_in_two_forms() {
    let dir = tempfile::tempdir().unwrap();
    let sources =
        CredentialSources { directory: Some(dir.path().to_owned()), ..CredentialSources::default() };
    let refusal =
        |sources: &CredentialSources| refusal(sources).replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(refusal(&sources), @"no credentials for Secret ns/bmc; searched: environment RACKHAND_BMC_USERNAME_BMC and RACKHAND_BMC_PASSWORD_BMC; directory DIR; the loaded files (they hold 0 Secrets); environment RACKHAND_BMC_USERNAME and RACKHAND_BMC_PASSWORD");
    let yaml = dir.path().join("bmc.yaml");
    std::fs::write(&yaml, secret(", namespace: ns", "stringData: {username: yaml, password: s3cr3t-calvin}"))
        .unwrap();
    assert_eq!(found(&sources), pair("yaml", PASSWORD));
    std::fs::write(
        &yaml,
        secret(", namespace: other", "stringData: {username: yaml, password: s3cr3t-calvin}"),
    )
    .unwrap();
    insta::assert_snapshot!(refusal(&sources), @"credentials for Secret ns/bmc: DIR/bmc.yaml holds no Secret ns/bmc");
    std::fs::write(&yaml, "a: [s3cr3t-calvin\n").unwrap();
    insta::assert_snapshot!(refusal(&sources), @"credentials for Secret ns/bmc: DIR/bmc.yaml:1:4: not readable as YAML: unclosed bracket '['");
    std::fs::create_dir(dir.path().join("bmc")).unwrap();
    std::fs::write(dir.path().join("bmc/username"), "mounted\n").unwrap();
    insta::assert_snapshot!(refusal(&sources), @"credentials for Secret ns/bmc: DIR/bmc/password cannot be read: No such file or directory (os error 2)");
    std::fs::write(dir.path().join("bmc/password"), "s3cr3t-calvin\r\n").unwrap();
    assert_eq!(found(&sources), pair("mounted", PASSWORD));
    assert!(sources.resolve("ns", "../bmc").is_err());
}
