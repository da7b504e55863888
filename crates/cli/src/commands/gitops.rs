//! `render`, `convert`, `lint`: what a repository means, before it gets to the hub.

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::Context as _;
use rackhand_gitops::{
    convert::{ConvertOptions, convert as converted},
    lint::{LintOptions, LintReport, NetworkProbe, Repository, Rule, lint as linted, lint_live},
    render::{AgentRef, RenderOptions, render as rendered},
};
use rackhand_spec::LoadOptions;

use crate::{
    Exit, World,
    args::{ConvertArgs, LintArgs, Plain, RenderArgs},
    exit::usage,
    options::{Common, SiteOptions},
    site::{Tell, complain, profiles},
};

/// How long one question to the network may take.
const LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn render(args: RenderArgs, world: &World) -> anyhow::Result<Exit> {
    let options = RenderOptions {
        with_agent: args.with_agent.map(|name| AgentRef { name }),
        predefined_manifests: args.predefined_manifests,
        ..RenderOptions::default()
    };
    let all = rendered(&args.file, &options);
    let errors = complain(&all.findings, world, Tell::All)?;
    world.stdout.text(&all.to_yaml())?;
    exit(errors, &args.file, world)
}

pub(crate) fn convert(args: &ConvertArgs, world: &World) -> anyhow::Result<Exit> {
    let all = converted(&args.file, &ConvertOptions::default());
    let errors = complain(&all.findings, world, Tell::All)?;
    world.stdout.text(&all.to_yaml())?;
    exit(errors, &args.file, world)
}

fn exit(errors: usize, file: &Path, world: &World) -> anyhow::Result<Exit> {
    if errors == 0 {
        return Ok(Exit::Done);
    }
    world.stderr.line(format_args!(
        "{errors} errors in {}: of a document with an error nothing is printed",
        file.display()
    ))?;
    Ok(Exit::Failed)
}

pub(crate) async fn lint(args: LintArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    if args.rules {
        for rule in Rule::ALL {
            world.stdout.line(format_args!("{}\n  {}\n  {}", rule.name(), rule.about(), rule.remedy()))?;
        }
        return Ok(Exit::Done);
    }
    let allow = args.allow.iter().map(|text| text.parse::<Rule>());
    let allow: BTreeSet<Rule> =
        allow.collect::<Result<_, _>>().map_err(|error| usage(format!("--allow: {error}")))?;
    let own = SiteOptions { profiles: args.profiles.or_else(|| common.profiles()), ..SiteOptions::default() };
    let options = LintOptions { profiles: profiles(&own)?, allow };
    let repository = Repository::open(&args.paths, &LoadOptions::default());
    let report = if args.live {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::adapters::images::client_tls()?)
            .no_proxy()
            .timeout(LIMIT)
            .build()
            .context("no HTTP client can be made")?;
        lint_live(&repository, &options, &NetworkProbe::new(client, LIMIT)).await
    } else {
        linted(&repository, &options)
    };
    show(&report, args.output, world)?;
    Ok(if report.has_errors() { Exit::Failed } else { Exit::Done })
}

fn show(report: &LintReport, output: Plain, world: &World) -> anyhow::Result<()> {
    match output {
        Plain::Table => world.stdout.text(&report.to_string())?,
        Plain::Json => world.stdout.line(serde_json::to_string_pretty(report)?)?,
        Plain::Yaml => world.stdout.text(&serde_saphyr::to_string(report)?)?,
    }
    Ok(())
}
