//! From arguments to an exit code.

use std::{ffi::OsString, process::ExitCode};

use clap::{ColorChoice, CommandFactory, FromArgMatches};
use tracing_subscriber::EnvFilter;

use crate::{
    Exit, World,
    args::{Args, Command, NetbootCommand, NetbootCommandArgs},
    commands,
    exit::{exit_of, usage},
    options::Common,
};

/// How wide help is where no terminal says.
const WIDTH: usize = 100;

/// Runs a command and answers its exit code. Never panics and never writes a secret.
///
/// The rustls provider is given explicitly wherever TLS is set up, so nothing here is global but the log's subscriber,
/// which the first call of a process installs.
pub async fn run(args: Vec<OsString>, world: World) -> ExitCode {
    run_to_exit(args, world).await.into()
}

/// As [`run`], with an answer that can be compared.
pub async fn run_to_exit(args: Vec<OsString>, world: World) -> Exit {
    let parsed = match parse(args, &world) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    match commanded(parsed, &world).await {
        Ok(exit) => exit,
        Err(error) => {
            // Nobody is left to be told that stderr cannot be written.
            let _ = world.stderr.line(format_args!("error: {error:#}"));
            exit_of(&error)
        }
    }
}

/// Parses; `--help` and `--version` are answered here, and so are mistakes.
fn parse(args: Vec<OsString>, world: &World) -> Result<Args, Exit> {
    let colour = if world.env("NO_COLOR").is_some() { ColorChoice::Never } else { ColorChoice::Auto };
    let mut command = Args::command().color(colour);
    if !world.stdout.is_terminal {
        command = command.term_width(WIDTH);
    }
    let matches = command.try_get_matches_from(args);
    let error = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => error,
    };
    let stream = if error.use_stderr() { &world.stderr } else { &world.stdout };
    let text = error.render();
    let styled = stream.is_terminal && colour != ColorChoice::Never;
    let written = if styled { stream.text(&text.ansi().to_string()) } else { stream.text(&text.to_string()) };
    Err(match (error.exit_code(), written) {
        (0, Ok(())) => Exit::Done,
        (0, Err(_)) => Exit::Failed,
        _ => Exit::Usage,
    })
}

async fn commanded(args: Args, world: &World) -> anyhow::Result<Exit> {
    start_log(&args, world)?;
    let common = Common::resolve(&args.global, world)?;
    match args.command {
        Command::Demo(_) if args.global.state_dir.is_some() => Err(usage(
            "the demo keeps its journal in a directory of its own; give --keep to look at it afterwards",
        )),
        Command::Demo(demo) => commands::demo::run(demo, common, world).await,
        Command::Validate(validate) => commands::validate::run(&validate, &common, world),
        Command::Plan(plan) => commands::plan::run(plan, common, world).await,
        Command::Apply(apply) => commands::apply::run(*apply, common, world).await,
        Command::Serve(serve) => commands::serve::run(*serve, common, world).await,
        Command::Status(status) => commands::serve::status(&status, &common, world).await,
        Command::Reload(reload) => commands::serve::reload(&reload, &common, world).await,
        Command::Crd(crd) => commands::serve::crd(&crd, world),
        Command::Render(render) => commands::gitops::render(render, world),
        Command::Convert(convert) => commands::gitops::convert(&convert, world),
        Command::Lint(lint) => commands::gitops::lint(lint, &common, world).await,
        Command::Get(get) => commands::get::run(&get, &common, world).await,
        Command::Describe(describe) => commands::describe::run(&describe, &common, world).await,
        Command::Logs(logs) => commands::logs::run(&logs, &common, world).await,
        Command::Cancel(cancel) => commands::decide::cancel(&cancel, &common, world).await,
        Command::Retry(retry) => commands::decide::retry(&retry, &common, world).await,
        Command::RetryLogin(retry) => commands::logins::retry(&retry, &common, world),
        Command::Adopt(adopt) => commands::decide::adopt(&adopt, &common, world).await,
        Command::Netboot(NetbootCommandArgs { command: NetbootCommand::Hints(hints) }) => {
            commands::netboot::hints(hints, &common, world)
        }
        Command::Bmc(bmc) => commands::bmc::run(*bmc, common, world).await,
        Command::Profile(profile) => commands::profile::run(*profile, &common, world).await,
    }
}

/// Warnings by default; `-v` adds what is done, `-vv` every request.
fn start_log(args: &Args, world: &World) -> anyhow::Result<()> {
    let by_count = match args.global.verbose {
        0 => "warn",
        1 => {
            "warn,rackhand=info,rackhand_agent=info,rackhand_media=info,rackhand_redfish=info,rackhand_cli=info"
        }
        2 => {
            "info,rackhand=debug,rackhand_agent=debug,rackhand_media=debug,rackhand_redfish=debug,rackhand_cli=debug"
        }
        _ => "debug",
    };
    let of_env = world.env("RACKHAND_LOG").and_then(|value| value.to_str());
    let directives = args.global.log.as_deref().or(of_env).unwrap_or(by_count);
    let filter =
        EnvFilter::try_new(directives).map_err(|error| usage(format!("--log {directives}: {error}")))?;
    let stderr = world.stderr.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr.is_terminal && world.env("NO_COLOR").is_none())
        .with_writer(move || stderr.clone())
        .finish();
    // A second run in one process, as tests do, keeps the first one's subscriber.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}
