//! `demo`: the whole way, with simulated servers.
//!
//! Nothing here is special to the demo but what stands around it: the simulator behind real HTTPS sockets, and a site
//! that the simulator wrote. From the site on it is the way that `apply` goes.

mod faults;
mod rack;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use rackhand_agent::engine::NodeResult;
use rackhand_bmc::Pacing;
use rackhand_spec::NodeSpec;

use crate::{
    Exit, World,
    args::DemoArgs,
    fleet::{Ended, Finished, Fleet},
    options::{ApplyOptions, Common, SiteOptions},
    render::{
        Paint, Style, Table, node,
        progress::{Progress, Shown},
    },
    site::{Site, Tell},
    state::StateDir,
};
use rack::Rack;

pub(crate) async fn run(args: DemoArgs, common: Common, world: &World) -> anyhow::Result<Exit> {
    let place = tempfile::Builder::new()
        .prefix("rackhand-demo-")
        .tempdir()
        .context("cannot make a directory for the demo")?;
    let log = args.simulator_log.clone().unwrap_or_else(|| place.path().join("simulator.log"));
    let rack = Rack::start(place.path(), &log, args.fault).await?;
    let options = options(&rack, args.fault.is_some());
    let site = Site::load(&options.site, world)?;
    if site.complain(world, Tell::Serious)? > 0 {
        return Err(anyhow!("the example site has errors; this is a fault in rackhand"));
    }
    let nodes: Vec<NodeSpec> = site.loaded.nodes.clone();
    let state = StateDir::new(place.path().join("state"));
    let fleet = Fleet::open(site, nodes, &options, &state, world).await?;
    header(&rack, &fleet, &args, common.style, world)?;
    let names = fleet.nodes();
    let live = world.stdout.is_terminal && world.stderr.is_terminal;
    let mut progress =
        Progress::new(world, world.stdout.clone(), common.style, &names, Shown { timeline: true, live });
    let finished = fleet.run(None, &mut progress, world).await?;
    drop(progress);
    rack.shut_down().await;
    world.stdout.line("")?;
    node::reports(world, common.style, &finished)?;
    // Kept only now: whatever ends the demo earlier leaves nothing behind.
    let kept = args.keep.then(|| place.keep());
    closing(&finished, kept.as_deref(), &log, &args, common.style, world)?;
    Ok(exit(&finished))
}

/// Everything installed, or some not: the demo knows nothing between.
fn exit(finished: &Finished) -> Exit {
    let installed = finished.reports.iter().all(|report| report.result == NodeResult::Installed);
    if installed && finished.ended == Ended::Complete { Exit::Done } else { Exit::SomeNodes }
}

/// What an operator would have given `apply`, at the simulation's pace.
fn options(rack: &Rack, trouble: bool) -> ApplyOptions {
    let mut pacing: Pacing = Pacing::default().scaled(1.0 / rack::PACE);
    if trouble {
        // A newcomer need not see how long rackhand waits for a BMC that is down.
        pacing.step_deadline /= 3;
        pacing.bios_apply /= 3;
    }
    ApplyOptions {
        site: SiteOptions { file: rack.site.clone(), profiles: None, secrets: None },
        media_listen: Some(([127, 0, 0, 1], 0).into()),
        pacing,
        ..ApplyOptions::default()
    }
}

fn header(rack: &Rack, fleet: &Fleet, args: &DemoArgs, style: Style, world: &World) -> anyhow::Result<()> {
    let out = &world.stdout;
    out.line(
        style.paint(
            Paint::Bold,
            "Three simulated servers are provisioned from a SiteConfig, over real HTTPS.",
        ),
    )?;
    out.line("Everything runs in this process, on loopback addresses; nothing else is contacted.\n")?;
    let mut table = Table::new(&["NODE", "BMC", "SIMULATES"]);
    for machine in &rack.machines {
        table.row([machine.node.clone(), machine.url.clone(), machine.what.clone()]);
    }
    out.text(&table.render(style))?;
    out.line(format_args!("\nsite    {}", rack.site.display()))?;
    out.line(format_args!("images  {}", fleet.listening()))?;
    out.line(format_args!("time    {:.0} simulated seconds pass in one", rack::SCALE))?;
    if let Some(fault) = args.fault {
        out.line(format_args!("fault   {}", style.paint(Paint::Warn, faults::told(fault))))?;
    }
    Ok(out.line("")?)
}

fn closing(
    finished: &Finished,
    kept: Option<&Path>,
    log: &Path,
    args: &DemoArgs,
    style: Style,
    world: &World,
) -> anyhow::Result<()> {
    let out = &world.stdout;
    if let Some(kept) = kept {
        let (site, state): (PathBuf, PathBuf) = (kept.join("site"), kept.join("state"));
        out.line(format_args!("\nKept:\n  site           {}", site.display()))?;
        out.line(format_args!("  journal        {}", state.display()))?;
        out.line(format_args!("  simulator log  {}", log.display()))?;
        out.line(format_args!("\nLook at it:\n  rackhand get jobs --state-dir {}", state.display()))?;
        if let Some(report) = finished.reports.first() {
            out.line(format_args!(
                "  rackhand describe node {} --state-dir {}",
                report.node,
                state.display()
            ))?;
        }
    }
    out.line(format_args!("\n{}", style.paint(Paint::Bold, "What to try next")))?;
    let mut next = Table::new(&[]);
    if args.fault.is_none() {
        next.row(["  rackhand demo --fault unreachable-iso", "what trouble looks like"]);
    }
    if kept.is_none() {
        next.row(["  rackhand demo --keep", "keeps the site, the journal and the simulator's log"]);
    }
    next.row(["  rackhand validate -f YOUR-SITE.yaml", "checks your own site files; contacts nothing"]);
    next.row(["  rackhand plan -f YOUR-SITE.yaml", "shows what would be done; only reads"]);
    Ok(out.text(&next.render(style))?)
}
