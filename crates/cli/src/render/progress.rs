//! Progress while jobs run: lines of a timeline, and on a terminal one live line per node below them.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rackhand_agent::{
    event::{Event, StepId},
    journal::{Journal, JournalError, Record},
};
use tokio::time::Instant;

use super::{Paint, Style, words};
use crate::{World, world::Stream};

/// Shows what the journal says, as it says it.
pub(crate) struct Progress {
    out: Stream,
    style: Style,
    began: Instant,
    width: usize,
    live: Option<Live>,
    /// The act that each node is at, so that its proof need not say it again.
    acts: BTreeMap<String, String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The timeline's lines; without them only the live lines tell.
    pub(crate) timeline: bool,
    /// One live line per node.
    pub(crate) live: bool,
}

/// A live line per node.
struct Live {
    bars: MultiProgress,
    of: BTreeMap<String, ProgressBar>,
    timeline: bool,
    /// What is written to these goes above the live lines.
    around: [Stream; 2],
}

impl Progress {
    /// Progress of these nodes, on `out`.
    pub(crate) fn new(world: &World, out: Stream, style: Style, nodes: &[String], shown: Shown) -> Self {
        let width = nodes.iter().map(|node| node.chars().count()).max().unwrap_or(0);
        let live = shown.live.then(|| Live::new(world, nodes, width, shown.timeline));
        Self { out, style, began: Instant::now(), width, live, acts: BTreeMap::new() }
    }

    /// Shows every record after `after`; answers the last one's sequence.
    pub(crate) async fn catch_up(
        &mut self,
        journal: &dyn Journal,
        mut after: u64,
    ) -> Result<u64, JournalError> {
        loop {
            let records = journal.read(after, 1000).await?;
            let Some(last) = records.last().map(|record| record.seq) else { return Ok(after) };
            for record in &records {
                self.show(record);
            }
            after = last;
        }
    }

    fn show(&mut self, record: &Record) {
        let Some(node) = &record.node else { return };
        if let Some(live) = &self.live {
            live.tell(node, &record.event);
            if !live.timeline {
                return;
            }
        }
        if let Some(line) = self.line(node, &record.event) {
            // A timeline that nobody can read any more stops nothing.
            let _ = self.out.line(line);
        }
    }

    fn line(&mut self, node: &str, event: &Event) -> Option<String> {
        if let Event::Intent { act, .. } = event {
            self.acts.insert(node.to_owned(), act.to_string());
        }
        let mut said = words::of(event)?;
        if let (Event::StepFinished { detail, .. }, Some(act)) = (event, self.acts.get(node))
            && detail.strip_prefix("proven: ") == Some(act.as_str())
        {
            said.what = "done: proven by a read".to_owned();
        }
        let at = format!("{:>7.1}s", self.began.elapsed().as_secs_f64());
        let what = match said.paint {
            Paint::Dim => self.style.paint(Paint::Dim, &format!("{:<9}  {}", said.step, said.what)),
            paint => format!("{:<9}  {}", said.step, self.style.paint(paint, &said.what)),
        };
        Some(format!("{}  {node:<width$}  {what}", self.style.paint(Paint::Dim, &at), width = self.width))
    }

    /// Says what a node has come to, once its task has ended.
    pub(crate) fn ended(&self, node: &str, what: &str) {
        if let Some(bar) = self.live.as_ref().and_then(|live| live.of.get(node)) {
            bar.abandon_with_message(what.to_owned());
        }
    }

    /// Takes the live lines away; what the tables say stays.
    pub(crate) fn close(&mut self) {
        if let Some(live) = self.live.take() {
            live.around.iter().for_each(|stream| stream.draw_around(None));
            let _ = live.bars.clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.close();
    }
}

impl Live {
    fn new(world: &World, nodes: &[String], width: usize, timeline: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let template = format!("{{spinner}} {{prefix:<{width}}}  [{{bar:12}}]  {{elapsed:>4}}  {{wide_msg}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.progress_chars("=> ");
        let steps = StepId::ALL.len() as u64;
        let mut of = BTreeMap::new();
        for node in nodes {
            let bar = bars.add(ProgressBar::new(steps).with_style(style.clone()).with_prefix(node.clone()));
            bar.set_message("waiting");
            bar.enable_steady_tick(Duration::from_millis(200));
            of.insert(node.clone(), bar);
        }
        let around = [world.stdout.clone(), world.stderr.clone()];
        around.iter().for_each(|stream| stream.draw_around(Some(bars.clone())));
        Self { bars, of, timeline, around }
    }

    fn tell(&self, node: &str, event: &Event) {
        let Some(bar) = self.of.get(node) else { return };
        match event {
            Event::StepStarted { step, detail, .. } => {
                bar.set_position(place(*step));
                bar.set_message(format!("{step}: {detail}"));
            }
            Event::StepFinished { step, .. } => bar.set_position(place(*step) + 1),
            Event::JobFinished { result, .. } => {
                bar.set_message(words::ended(result).0);
            }
            Event::Intent { .. }
            | Event::Sighted { .. }
            | Event::StepRetried { .. }
            | Event::NotConnected { .. }
            | Event::AnswersAgain
            | Event::NeedsDecision { .. } => {
                if let Some(said) = words::of(event) {
                    bar.set_message(format!("{}: {}", said.step, said.what));
                }
            }
            _ => {}
        }
    }
}

fn place(step: StepId) -> u64 {
    StepId::ALL.iter().take_while(|known| **known < step).count() as u64
}
