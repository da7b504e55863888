use insta::assert_snapshot;
use rackhand_cli::Exit;

use crate::bench::rackhand;

/// Every command, and those below it that take arguments of their own.
const COMMANDS: [&str; 26] = [
    "",
    "demo",
    "validate",
    "plan",
    "apply",
    "get",
    "describe",
    "logs",
    "cancel",
    "retry",
    "retry-login",
    "adopt",
    "bmc",
    "bmc power",
    "bmc boot",
    "bmc media",
    "bmc bios",
    "bmc storage",
    "bmc firmware",
    "bmc jobs",
    "bmc logs",
    "bmc configuration",
    "profile list",
    "profile verify",
    "profile diff",
    "profile capture",
];

#[tokio::test]
async fn help_of_every_command() {
    for command in COMMANDS {
        // `bmc` wants an address before what it does.
        let spelled = command.replace("bmc ", "bmc ADDRESS ");
        let mut args: Vec<&str> = spelled.split_whitespace().collect();
        args.push("--help");
        let answer = rackhand(&args).await;
        assert_eq!((answer.exit, answer.stderr.as_str()), (Exit::Done, ""), "{command}");
        let name = if command.is_empty() { "rackhand".to_owned() } else { command.replace(' ', "-") };
        assert_snapshot!(format!("help-{name}"), answer.stdout);
    }
}

#[tokio::test]
async fn mistakes_in_arguments_end_with_2() {
    for args in [
        &["aply"][..],
        &["apply"],
        &["get", "pods"],
        &["demo", "--fault", "fire"],
        &["plan", "-f", "x", "--pace", "0"],
    ] {
        let answer = rackhand(args).await;
        assert_eq!(answer.exit, Exit::Usage, "{args:?}: {answer:?}");
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn the_environment_and_the_configuration_file_are_named_when_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yaml");
    std::fs::write(&config, "concurency: 3\n").unwrap();
    let state = dir.path().join("state").display().to_string();
    let config = config.display().to_string();
    let answer = rackhand(&["get", "nodes", "--state-dir", &state, "--config", &config]).await;
    assert_eq!(answer.exit, Exit::Usage);
    assert!(answer.stderr.contains("config.yaml:1:1: "), "{}", answer.stderr);

    let env = [("RACKHAND_PACE", "fast"), ("RACKHAND_STATE_DIR", state.as_str())];
    let answer = crate::bench::rackhand_with(&["plan", "-f", "."], &env).await;
    assert_eq!(answer.exit, Exit::Usage);
    assert!(answer.stderr.contains("RACKHAND_PACE=fast"), "{}", answer.stderr);
}
