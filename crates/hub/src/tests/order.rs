//! The loop itself, on a paused clock: order, pauses, parking, ends.

use std::{collections::BTreeMap, sync::Mutex};

use futures_util::future::BoxFuture;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::*;

/// Answers from a script, and remembers what it was shown and when.
#[derive(Debug, Default)]
struct Scripted {
    concurrency: usize,
    /// For each sequence what its tries meet, in turn; then success.
    script: Mutex<BTreeMap<u64, Vec<Result<(), DeliveryError>>>>,
    /// How long each delivery takes.
    takes: BTreeMap<u64, Duration>,
    tries: Mutex<Vec<(u64, Instant)>>,
    delivered: Mutex<Vec<(u64, Option<String>)>>,
}

impl Reporter for Scripted {
    fn name(&self) -> &str {
        "script"
    }

    fn deliver<'a>(
        &'a self,
        _journal: &'a str,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.tries.lock().unwrap().push((record.seq, Instant::now()));
        Box::pin(async move {
            if let Some(takes) = self.takes.get(&record.seq) {
                sleep(*takes).await;
            }
            let answer = match self.script.lock().unwrap().get_mut(&record.seq) {
                Some(answers) if !answers.is_empty() => answers.remove(0),
                _ => Ok(()),
            };
            if answer.is_ok() {
                self.delivered.lock().unwrap().push(key(record));
            }
            answer
        })
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }
}

impl Scripted {
    fn new(
        concurrency: usize,
        script: impl IntoIterator<Item = (u64, Vec<Result<(), DeliveryError>>)>,
    ) -> Self {
        Self { concurrency, script: Mutex::new(script.into_iter().collect()), ..Self::default() }
    }

    fn delivered(&self) -> Vec<u64> {
        self.delivered.lock().unwrap().iter().map(|(seq, _)| *seq).collect()
    }

    /// Seconds from `start` at which this record was tried.
    fn tried(&self, wanted: u64, start: Instant) -> Vec<u64> {
        let tries = self.tries.lock().unwrap();
        tries.iter().filter(|(seq, _)| *seq == wanted).map(|(_, at)| (*at - start).as_secs()).collect()
    }
}

fn down() -> Result<(), DeliveryError> {
    Err(DeliveryError::unavailable("down"))
}

fn refused() -> Result<(), DeliveryError> {
    Err(DeliveryError::Refused { reason: "not this one".to_owned() })
}

/// Delivers what the journal holds, and ends.
async fn drain(journal: &Arc<MemoryJournal>, reporter: &Arc<Scripted>) -> Status {
    let (reporting, finish) =
        Reporting::new(Arc::clone(journal) as _, Arc::clone(reporter) as _, "test", Retries::default());
    let mut status = reporting.status();
    let last = *journal.watch().borrow();
    let until_done = async {
        status.wait_for(|status| status.cursor == last || status.gone).await.unwrap();
        finish.within(PLENTY);
    };
    let (outcome, ()) = tokio::join!(reporting.run(), until_done);
    outcome.unwrap()
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_a_bound_and_begin_anew_after_a_success() {
    let journal = memory();
    fill(&*journal, &["a", "a"]).await;
    let reporter = Arc::new(Scripted::new(1, [(1, vec![down(); 9]), (2, vec![down()])]));
    let start = Instant::now();
    let status = drain(&journal, &reporter).await;
    assert_eq!(reporter.tried(1, start), [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    assert_eq!(reporter.tried(2, start), [243, 244]);
    assert_eq!(status, Status { cursor: 2, delivered: 2, ..Status::default() });
}

#[tokio::test(start_paused = true)]
async fn a_place_may_ask_for_a_pause_up_to_a_bound() {
    let journal = memory();
    fill(&*journal, &["a"]).await;
    let busy = |seconds| {
        let retry_after = Some(Duration::from_secs(seconds));
        Err(DeliveryError::Unavailable { reason: "busy".to_owned(), retry_after })
    };
    let reporter = Arc::new(Scripted::new(1, [(1, vec![busy(90), busy(0), busy(100_000)])]));
    let start = Instant::now();
    drain(&journal, &reporter).await;
    assert_eq!(reporter.tried(1, start), [0, 90, 91, 691]);
}

#[tokio::test(start_paused = true)]
async fn through_an_outage_one_delivery_at_a_time_probes() {
    let journal = memory();
    fill(&*journal, &["a", "b", "c", "d"]).await;
    let all_down = (1..=4).map(|seq| (seq, vec![down(), down()]));
    let reporter = Arc::new(Scripted::new(8, all_down));
    let start = Instant::now();
    drain(&journal, &reporter).await;
    // The four that were under way are one failure; then the first probes until it is through.
    assert_eq!(reporter.tried(1, start), [0, 1, 3]);
    let tries =
        reporter.tries.lock().unwrap().iter().filter(|(_, at)| *at - start < Duration::from_secs(3)).count();
    assert_eq!(tries, 5);
}

#[tokio::test(start_paused = true)]
async fn a_slow_node_holds_up_itself_alone() {
    let journal = memory();
    fill(&*journal, &["slow", "slow", "quick", "quick", "quick"]).await;
    let mut reporter = Scripted::new(2, []);
    reporter.takes.insert(1, Duration::from_secs(100));
    let reporter = Arc::new(reporter);
    let start = Instant::now();
    drain(&journal, &reporter).await;
    assert_eq!(reporter.delivered(), [3, 4, 5, 1, 2]);
    assert_eq!(reporter.tried(5, start), [0]);
    assert_eq!(reporter.tried(2, start), [100]);
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_means_the_order_of_the_journal() {
    let journal = memory();
    fill(&*journal, &["a", "b", "a", "c"]).await;
    let mut reporter = Scripted::new(1, [(1, vec![refused()]), (2, vec![down()])]);
    reporter.takes.insert(3, Duration::from_secs(5));
    let reporter = Arc::new(reporter);
    drain(&journal, &reporter).await;
    assert_eq!(reporter.delivered(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_refused_for_good_is_parked_and_holds_up_its_node_until_then() {
    let journal = memory();
    fill(&*journal, &["a", "a", "b"]).await;
    let reporter = Arc::new(Scripted::new(4, [(1, vec![refused(); 99])]));
    let start = Instant::now();
    let status = drain(&journal, &reporter).await;
    assert_eq!(reporter.tried(1, start), [0, 1, 3, 7, 15]);
    assert_eq!(reporter.tried(2, start), [15]);
    assert_eq!(reporter.tried(3, start), [0]);
    assert_eq!(status, Status { cursor: 3, delivered: 2, parked: vec![1], ..Status::default() });
}

#[tokio::test(start_paused = true)]
async fn a_place_that_wants_nothing_more_ends_it_and_nothing_is_skipped() {
    let journal = memory();
    fill(&*journal, &["a", "a", "a"]).await;
    let gone = Err(DeliveryError::Gone { reason: "retired".to_owned() });
    let reporter = Arc::new(Scripted::new(1, [(2, vec![gone])]));
    let status = drain(&journal, &reporter).await;
    assert!(status.gone);
    assert_eq!(status.cursor, 1);
    assert_eq!(journal.cursor("test").await.unwrap(), 1);
    drain(&journal, &reporter).await;
    assert_eq!(reporter.delivered(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn finishing_ends_pauses_and_is_bounded() {
    let journal = memory();
    fill(&*journal, &["a", "a"]).await;
    let reporter = Arc::new(Scripted::new(1, [(1, vec![down(); 7]), (2, vec![down(); 99])]));
    let (reporting, finish) =
        Reporting::new(Arc::clone(&journal) as _, Arc::clone(&reporter) as _, "test", Retries::default());
    let start = Instant::now();
    let told = async {
        // In the middle of the pause between the seventh try and the eighth.
        sleep(Duration::from_secs(70)).await;
        finish.within(Duration::from_secs(20));
    };
    let (status, ()) = tokio::join!(reporting.run(), told);
    assert_eq!(reporter.tried(1, start), [0, 1, 3, 7, 15, 31, 63, 70]);
    assert_eq!(reporter.tried(2, start), [70, 71, 73, 77, 85]);
    assert_eq!((Instant::now() - start).as_secs(), 90);
    let status = status.unwrap();
    assert_eq!((status.cursor, status.trouble.as_deref()), (1, Some("down")));
}

#[tokio::test(start_paused = true)]
async fn finishing_takes_along_what_is_appended_meanwhile() {
    let journal = memory();
    fill(&*journal, &["a"]).await;
    let mut reporter = Scripted::new(1, []);
    reporter.takes.insert(1, Duration::from_secs(5));
    let reporter = Arc::new(reporter);
    let (reporting, finish) =
        Reporting::new(Arc::clone(&journal) as _, Arc::clone(&reporter) as _, "test", Retries::default());
    finish.within(PLENTY);
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        fill(&*journal, &["a", "b"]).await;
    };
    let (status, ()) = tokio::join!(reporting.run(), meanwhile);
    assert_eq!(status.unwrap().cursor, 3);
    assert_eq!(reporter.delivered(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_records_and_a_dropped_finish_tells_nothing() {
    let journal = memory();
    let reporter = Arc::new(Scripted::new(4, []));
    let (reporting, finish) =
        Reporting::new(Arc::clone(&journal) as _, Arc::clone(&reporter) as _, "test", Retries::default());
    drop(finish);
    let mut status = reporting.status();
    let appending = async {
        for n in 1..=600 {
            fill(&*journal, &["a"]).await;
            if n % 100 == 0 {
                status.wait_for(|status| status.cursor == n).await.unwrap();
            }
        }
    };
    tokio::select! {
        biased;
        () = appending => {}
        ended = reporting.run() => panic!("{ended:?}"),
    }
    assert_eq!(reporter.delivered(), (1..=600).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails, and wherever the process is killed: nothing is lost, nodes keep their order within a life, and
    /// only what was above the cursor at a kill is repeated.
    #[test]
    fn nothing_is_lost_whatever_fails(
        nodes in prop::collection::vec(prop::option::of("[a-d]"), 1..80),
        failures in prop::collection::btree_map(1_u64..80, 0_usize..4, 0..30),
        slow in prop::collection::btree_map(1_u64..80, 0_u64..20, 0..30),
        kill in prop::option::of(0_u64..60),
        concurrency in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let journal = memory();
            for node in &nodes {
                let Entry { event, .. } = entry("");
                journal.append(Entry { node: node.clone(), event }).await.unwrap();
            }
            let answers = |(seq, kind): (&u64, &usize)| {
                (*seq, (0..=*kind).map(|n| if (n + *kind) % 3 == 0 { refused() } else { down() }).collect())
            };
            let mut reporter = Scripted::new(concurrency, failures.iter().map(answers));
            reporter.takes = slow.iter().map(|(seq, takes)| (*seq, Duration::from_secs(*takes))).collect();
            let reporter = Arc::new(reporter);

            let mut repeatable = 0;
            if let Some(kill) = kill {
                let (reporting, _finish) =
                    Reporting::new(Arc::clone(&journal) as _, Arc::clone(&reporter) as _, "test", Retries::default());
                let killed = tokio::time::timeout(Duration::from_secs(kill), reporting.run()).await;
                assert!(killed.is_err(), "it runs until it is killed");
                repeatable = journal.cursor("test").await.unwrap();
                assert!(in_order_per_node(&reporter.delivered.lock().unwrap()));
            }
            let before = reporter.delivered.lock().unwrap().len();
            let status = drain(&journal, &reporter).await;
            assert_eq!(status.cursor, nodes.len() as u64);
            assert_eq!(status.parked, Vec::<u64>::new());

            let delivered = reporter.delivered.lock().unwrap();
            assert!(in_order_per_node(&delivered[before..]));
            if concurrency == 1 {
                assert!(delivered[before..].is_sorted_by_key(|(seq, _)| *seq));
            }
            assert!(delivered[before..].iter().all(|(seq, _)| *seq > repeatable));
            let mut seen: Vec<u64> = delivered.iter().map(|(seq, _)| *seq).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, (1..=nodes.len() as u64).collect::<Vec<_>>());
        });
    }
}
