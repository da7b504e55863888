//! The way from async callers to the thread of a BMC.
//!
//! ipmi-rs blocks, so each connection has a thread, and what it does is handed over as a closure. A caller
//! who goes away changes nothing: what was handed over is carried out. A thread that does not come back in
//! time is left behind, and the next command gets another one.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use rackhand_bmc::{Error, ErrorKind, Fut, Outcome, RequestStats, Result, Session};
use tokio::{
    sync::{Mutex, oneshot},
    time::{Instant, timeout},
};

use crate::{
    command::Command,
    line::{Counted, Line, Sent},
};

/// How long a session is kept for the next command before it is given back: BMCs have few, and drop idle ones
/// after 60 s.
const IDLE: Duration = Duration::from_secs(30);

type Job = Box<dyn FnOnce(&mut Line) + Send>;

/// Makes the line anew, for a thread that was lost.
pub(crate) type MakeLine = dyn Fn() -> Line + Send + Sync;

/// The connection to one BMC, shared by its facets.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    bmc: String,
    within: Duration,
    counted: Arc<Counted>,
    make: Box<MakeLine>,
    /// The thread's inbox. Held while a command is under way, so that commands are serial.
    inbox: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
    /// Held while something is changed that takes several commands.
    changing: Arc<Mutex<()>>,
}

/// A thread did not answer, or is gone.
struct Hung(String);

impl Link {
    pub(crate) fn new(bmc: &str, within: Duration, counted: Arc<Counted>, make: Box<MakeLine>) -> Self {
        Self(Arc::new(Shared {
            bmc: bmc.to_owned(),
            within,
            counted,
            make,
            inbox: Arc::default(),
            changing: Arc::default(),
        }))
    }

    pub(crate) fn bmc(&self) -> &str {
        &self.0.bmc
    }

    /// An error of this BMC.
    pub(crate) fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, self.bmc(), detail)
    }

    /// Reads.
    pub(crate) async fn read<C>(&self, command: C) -> Result<C::Output>
    where
        C: Command + Clone + Send + 'static,
        C::Output: Send + 'static,
    {
        let name = command.name();
        let answer = self.call(move |line, until| line.read(&command, until)).await;
        answer.unwrap_or_else(|Hung(seen)| Err(self.error(ErrorKind::Lost, seen).with_request(name)))
    }

    /// Sends one command that changes something.
    pub(crate) async fn change<C>(&self, command: C) -> Result<Sent>
    where
        C: Command + Send + 'static,
    {
        let answer = self.call(move |line, until| line.change(&command, until)).await;
        answer.unwrap_or_else(|Hung(seen)| Ok(Sent::Lost(seen)))
    }

    /// Sends one command that changes something, and says how far it got.
    pub(crate) async fn outcome<C>(&self, command: C) -> Result<Outcome>
    where
        C: Command + Send + 'static,
    {
        Ok(match self.change(command).await? {
            Sent::Done => Outcome::Done,
            Sent::Lost(seen) => Outcome::Unknown { seen },
        })
    }

    /// Carries out what changes something to its end, whether or not the caller waits for it, and nothing
    /// else that changes something meanwhile.
    pub(crate) async fn owned<T, W>(&self, work: impl FnOnce(Self) -> W) -> Result<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
    {
        let changing = self.0.changing.clone();
        let work = work(self.clone());
        let task = tokio::spawn(async move {
            let _alone = changing.lock_owned().await;
            work.await
        });
        match task.await {
            Ok(done) => done,
            Err(_) => Err(self.error(ErrorKind::Lost, "what was under way ended with the process")),
        }
    }

    /// Forgets the session without a word.
    pub(crate) async fn hang_up(&self) {
        // A thread that does not come back has been left behind, and its session with it.
        let _ = self.call(|line, _| line.hang_up()).await;
    }

    /// Hands work to the thread and waits for what comes of it.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Line, Instant) -> T + Send + 'static,
    ) -> Result<T, Hung> {
        // On a task of its own: a caller who goes away must not let the next command overtake this one.
        let task = tokio::spawn(self.clone().carry_out(work));
        task.await.unwrap_or_else(|_| Err(Hung("what was under way ended with the process".to_owned())))
    }

    async fn carry_out<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Line, Instant) -> T + Send + 'static,
    ) -> Result<T, Hung> {
        let mut inbox = self.0.inbox.clone().lock_owned().await;
        let within = self.0.within;
        let until = Instant::now() + within;
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |line| {
            // Nobody waits any more when the time is up.
            drop(done.send(work(line, until)));
        });
        let sender = match inbox.take() {
            Some(sender) => sender,
            None => self.begin()?,
        };
        if sender.send(job).is_err() {
            return Err(Hung("the connection's thread ended".to_owned()));
        }
        match timeout(within, answer).await {
            Ok(Ok(value)) => {
                *inbox = Some(sender);
                Ok(value)
            }
            Ok(Err(_)) => Err(Hung("the connection's thread ended".to_owned())),
            Err(_) => Err(Hung(format!("no answer came within {within:?}"))),
        }
    }

    fn begin(&self) -> Result<mpsc::Sender<Job>, Hung> {
        let (sender, inbox) = mpsc::channel();
        let line = (self.0.make)();
        let name = format!("ipmi {}", self.bmc());
        match thread::Builder::new().name(name).spawn(move || serve(line, &inbox, IDLE)) {
            Ok(_) => Ok(sender),
            Err(error) => Err(Hung(format!("no thread could be started: {error}"))),
        }
    }
}

/// The thread: does what comes, gives the session back when nothing does for a while, and when nobody is
/// left.
fn serve(mut line: Line, inbox: &mpsc::Receiver<Job>, idle: Duration) {
    let left_behind = |error: Error| tracing::debug!(%error, "a session was left to time out");
    loop {
        match inbox.recv_timeout(idle) {
            Ok(job) => job(&mut line),
            Err(RecvTimeoutError::Timeout) => line.close().unwrap_or_else(left_behind),
            Err(RecvTimeoutError::Disconnected) => return line.close().unwrap_or_else(left_behind),
        }
    }
}

impl Session for Link {
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            if self.0.inbox.lock().await.is_none() {
                return Ok(());
            }
            let closed = self.call(|line, _| line.close()).await;
            closed.unwrap_or_else(|Hung(seen)| Err(self.error(ErrorKind::Lost, seen)))
        })
    }

    fn stats(&self) -> RequestStats {
        let counted = &self.0.counted;
        RequestStats {
            requests: counted.commands.load(Ordering::Relaxed),
            connections: counted.sessions.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::{
        chassis::{ChassisControl, Control, GetChassisStatus},
        double::{Does, Double, line},
    };

    fn on() -> Does {
        Does::Answer(0, vec![1, 0, 0])
    }

    #[test]
    fn an_idle_session_is_given_back_and_the_next_command_opens_another() {
        let double = Double::deciding(|_, command, _| (command == 1).then(on));
        let (sender, inbox) = mpsc::channel::<Job>();
        let line = line(&double, None);
        let thread = thread::spawn(move || serve(line, &inbox, Duration::from_millis(1)));
        let mut heard = Vec::new();
        for _ in 0..2 {
            let read = |line: &mut Line| drop(line.read(&GetChassisStatus, Instant::now()));
            sender.send(Box::new(read)).unwrap();
            while heard.last().is_none_or(|last: &String| !last.ends_with("close")) {
                heard.extend(Some(double.heard()).filter(|words| !words.is_empty()));
                thread::yield_now();
            }
            let words = std::mem::take(&mut heard).join(" ");
            assert_eq!(words, "login raise status close");
        }
        drop(sender);
        thread.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_does_not_come_back_is_left_behind() {
        // The first command never ends; those of the next thread do.
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Mutex::new(Some(held));
        let double = Double::deciding(|_, command, _| (command == 1).then(on));
        let makes = Arc::new(AtomicUsize::new(0));
        let made = makes.clone();
        let make = move || {
            made.fetch_add(1, Ordering::SeqCst);
            line(&double, None)
        };
        let link = Link::new("rack-1", Duration::from_secs(10), Arc::default(), Box::new(make));
        let held = held.lock().unwrap().take().unwrap();
        let stuck = link.call(move |_, _| held.recv().is_ok()).await;
        assert!(matches!(stuck, Err(Hung(seen)) if seen == "no answer came within 10s"));
        assert_eq!(link.bmc(), "rack-1");
        drop(release);
        tokio::time::resume();
        assert!(link.read(GetChassisStatus).await.unwrap().on);
        assert_eq!(makes.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_thread_that_ends_leaves_a_change_unknown() {
        let double = Double::deciding(|_, command, _| {
            assert!(command != 2, "a mistake of ours");
            (command == 1).then(|| Does::Answer(0, vec![0x20, 1, 2, 0, 2, 0xBF, 0, 0, 0, 0, 0]))
        });
        let outcome = crate::double::link(&double).outcome(ChassisControl(Control::PowerUp)).await.unwrap();
        assert_eq!(outcome, Outcome::Unknown { seen: "the connection's thread ended".to_owned() });
    }
}
