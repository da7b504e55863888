//! Several agents on one hub: who may act on a pool node, second by second.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rackhand_apiserver::{ApiServer, Options};
use rackhand_bmc::{Clock, SimClock};
use rackhand_hub::kubernetes::{HubSource, LeaseKeeper, LeaseTimes, SourceParts, Standing, Tenure, Who};
use rackhand_tests::hub::{client, hub, provision, seen};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::wire::wired;

/// Runs only while it is not stopped, like a process after SIGSTOP.
struct Stoppable<F> {
    inner: Pin<Box<F>>,
    stopped: tokio::sync::watch::Receiver<bool>,
}

impl<F: Future<Output = ()>> Stoppable<F> {
    async fn run(mut self) {
        loop {
            if *self.stopped.borrow_and_update() {
                if self.stopped.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let stopped = self.stopped.clone();
            let mut changed = stopped;
            tokio::select! {
                biased;
                result = changed.changed() => if result.is_err() { return },
                () = self.inner.as_mut() => return,
            }
        }
    }
}

struct Agent {
    tenure: Tenure,
    standing: tokio::sync::watch::Receiver<Standing>,
    cut: Arc<AtomicBool>,
    stop: tokio::sync::watch::Sender<bool>,
    tasks: JoinSet<()>,
}

fn agent(server: &ApiServer, name: &str, clock: &Arc<dyn Clock>) -> Agent {
    let cut = Arc::new(AtomicBool::new(false));
    let cable = Arc::clone(&cut);
    let client = wired(server, move |_, answer| {
        if cable.load(Ordering::Relaxed) {
            return Box::pin(async { Err(std::io::Error::other("the cable is cut")) });
        }
        answer
    });
    let times = LeaseTimes::default();
    let keeper =
        LeaseKeeper::new(client.clone(), "rackhand", name, format!("{name}_1"), Arc::clone(clock), times);
    let standing = keeper.standing();
    let tenure = Tenure::new(keeper.standing(), times);
    let source = HubSource::new(SourceParts {
        client,
        who: Who { agent: name.to_owned(), pool: Some("east".to_owned()) },
        namespace: "rackhand".to_owned(),
        clock: Arc::clone(clock),
        tenure: tenure.clone(),
        times,
        again: tokio::sync::watch::Sender::new(0).subscribe(),
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut tasks = JoinSet::new();
    let both = async move {
        tokio::join!(keeper.run(), source.run());
    };
    tasks.spawn(Stoppable { inner: Box::pin(both), stopped }.run());
    Agent { tenure, standing, cut, stop, tasks }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    Killed,
    CutOff,
    /// SIGSTOP, and SIGCONT after so many seconds.
    Stopped(u64),
}

/// Two agents, one harmed after a minute. Answers for how many seconds both could act, and after how many the other could.
async fn rivals(harm: Harm) -> (u64, Option<u64>) {
    let server = hub(Options::default(), &["rackhand", "site1"]);
    for number in 0..5 {
        let spec = json!({ "agentRef": { "pool": "east" } });
        server.create(&provision("site1", &format!("n{number}"), &spec)).unwrap();
    }
    let clock: Arc<dyn Clock> = Arc::new(SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()));
    let mut first = agent(&server, "a", &clock);
    sleep(Duration::from_secs(30)).await;
    let second = agent(&server, "b", &clock);
    sleep(Duration::from_secs(30)).await;
    assert!((0..5).all(|number| first.tenure.may_act(&format!("site1/n{number}")).is_ok()));
    assert!(second.tenure.may_act("site1/n0").is_err());
    match harm {
        Harm::Killed => first.tasks.abort_all(),
        Harm::CutOff => first.cut.store(true, Ordering::Relaxed),
        Harm::Stopped(_) => drop(first.stop.send_replace(true)),
    }
    let began = Instant::now();
    let (mut both, mut taken) = (0, None);
    for second_number in 0..1200 {
        sleep(Duration::from_secs(1)).await;
        if harm == Harm::Stopped(second_number) {
            first.stop.send_replace(false);
        }
        // What a process that is stopped would send is sent when it goes on, after it has looked again.
        let of_first = harm != Harm::Killed && !*first.stop.borrow();
        let a = of_first && first.tenure.may_act("site1/n0").is_ok();
        let b = second.tenure.may_act("site1/n0").is_ok();
        both += u64::from(a && b);
        if b && taken.is_none() {
            taken = Some(began.elapsed().as_secs());
        }
        if harm == Harm::CutOff {
            assert!(first.tenure.may_act_on_own().is_ok(), "its own nodes go on without the hub");
        }
    }
    assert!(matches!(*second.standing.borrow(), Standing::Held { .. }));
    let holder = seen(&server, "site1", "n0")["status"]["agent"].clone();
    assert_eq!(holder, if taken.is_some() { "b" } else { "a" });
    drop(first.standing);
    (both, taken)
}

#[tokio::test(start_paused = true)]
async fn a_pool_node_is_taken_over_from_a_dead_agent_and_never_acted_on_by_two() {
    let times = LeaseTimes::default();
    for harm in [Harm::Killed, Harm::CutOff, Harm::Stopped(900), Harm::Stopped(400)] {
        let (both, taken) = rivals(harm).await;
        assert_eq!(both, 0, "{harm:?}");
        let taken = taken.unwrap_or_else(|| panic!("{harm:?}: never taken over"));
        println!("{harm:?}: taken over after {taken} s, with 0 s in which both could act");
        // Counted from the last renewal, which was at most one interval before the harm.
        let since = taken + times.renew.as_secs();
        assert!(
            since >= times.dead_after().as_secs(),
            "{harm:?}: {taken} s after, a request could be under way"
        );
    }
    // A short stop is none of anybody's business.
    let (both, taken) = rivals(Harm::Stopped(60)).await;
    assert_eq!((both, taken), (0, None));
}

#[tokio::test(start_paused = true)]
async fn two_processes_of_one_name_do_not_both_act() {
    let server = hub(Options::default(), &["rackhand"]);
    let clock: Arc<dyn Clock> = Arc::new(SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()));
    let keeper = |identity: &str| {
        let times = LeaseTimes::default();
        LeaseKeeper::new(client(&server), "rackhand", "rack7", identity.to_owned(), Arc::clone(&clock), times)
    };
    let (one, other) = (keeper("x"), keeper("y"));
    let tenures = [&one, &other].map(|keeper| Tenure::new(keeper.standing(), LeaseTimes::default()));
    let mut tasks = JoinSet::new();
    tasks.spawn(one.run());
    sleep(Duration::from_secs(5)).await;
    tasks.spawn(other.run());
    sleep(Duration::from_secs(600)).await;
    assert!(tenures[0].may_act_on_own().is_ok());
    let why = tenures[1].may_act_on_own().unwrap_err();
    assert!(why.contains("another process goes by this agent's name (x)"), "{why}");
}
