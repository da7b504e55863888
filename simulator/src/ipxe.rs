//! What iPXE does with a script: a part of its language, enough for what boots servers.
//!
//! Understood are comments, labels, `\` at the end of a line, `||`, `&&` and `;`, settings (see [`Settings`]) and
//!
//! - `set`, `clear`, `isset`, `iseq`, `goto`, `exit`, `echo`, `sleep`;
//! - `dhcp`, `ifopen`, `ifclose`, `ifconf`, `ifstat`, `imgstat`: done already, so they do nothing;
//! - `kernel` (`imgselect`, `imgload`), `initrd` (`imgfetch`, `module`), `imgargs`, `imgfree`;
//! - `chain`, `boot` (`imgexec`): another script, or the kernel;
//! - `sanboot` without a target: the local disk;
//! - `prompt` with a timeout, at whose end no key was pressed. Without one, and at `shell`, iPXE waits for somebody for good.
//!
//! A command that fails ends its script unless `||` takes it up. One that is not among these ends the boot with its name,
//! whatever follows: what the real one would do is not known here.

mod command;
mod script;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use crate::fetch::Fut;
use command::{Came, Options};
use script::{Join, Script};
pub(crate) use settings::Settings;

/// Scripts are small.
pub(crate) const SCRIPT_LIMIT: usize = 64 * 1024;
/// A script that has not come to an end by then never does.
const COMMANDS: u32 = 2000;
/// Scripts within scripts.
const DEPTH: u32 = 8;

/// What iPXE reaches the world through.
pub(crate) trait Surroundings: Send + Sync {
    /// Reads the whole of a URL; the error is its reason.
    fn fetch<'a>(&'a self, url: &'a str) -> Fut<'a, Result<Bytes, String>>;

    /// Waits in simulated time.
    fn sleep(&self, time: Duration) -> Fut<'_, ()>;

    /// Tells the log of something that matters.
    fn note(&self, what: String);

    /// Whether the boot still goes on.
    fn alive(&self) -> bool;
}

/// A file that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The name that later commands know it by.
    pub(crate) name: String,
    /// Where it came from.
    pub(crate) url: String,
    /// All of it.
    pub(crate) content: Bytes,
}

/// A kernel that is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// The kernel.
    pub(crate) kernel: Loaded,
    /// Its initial file systems, in order.
    pub(crate) initrds: Vec<Loaded>,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
}

impl Kernel {
    /// The value of the argument `NAME=VALUE`.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What became of a boot by iPXE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// A kernel is started.
    Kernel(Box<Kernel>),
    /// The local disk is booted.
    Disk,
    /// iPXE hands back to firmware, which goes on with its next device.
    Exit,
    /// It did not boot, for the reason given; firmware goes on.
    Failed(String),
    /// It waits for somebody at the keyboard.
    Waits(String),
}

/// iPXE at work.
pub(crate) struct Ipxe<'a> {
    world: &'a dyn Surroundings,
    settings: Settings,
    kernel: Option<Loaded>,
    arguments: Vec<String>,
    initrds: Vec<Loaded>,
    left: u32,
    depth: u32,
}

/// Whether what was fetched is a script.
pub(crate) fn is_script(content: &[u8]) -> bool {
    let rest = content.strip_prefix(b"#!ipxe");
    rest.is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// How a script ended: well, or with a reason.
type Status = Result<(), String>;

impl<'a> Ipxe<'a> {
    pub(crate) fn new(world: &'a dyn Surroundings, settings: Settings) -> Self {
        Self {
            world,
            settings,
            kernel: None,
            arguments: Vec::new(),
            initrds: Vec::new(),
            left: COMMANDS,
            depth: 0,
        }
    }

    /// Boots what DHCP told of: `url`, in which settings may stand.
    pub(crate) async fn boot_url(mut self, url: &str) -> End {
        let url = match self.settings.expand(url) {
            Ok(url) => url,
            Err(why) => return End::Failed(why),
        };
        match self.chain(&url, Options::default(), Vec::new()).await {
            Came::End(end) => end,
            Came::Failed(why) => End::Failed(why),
            Came::Done | Came::Goto(_) | Came::Leave(_) => End::Exit,
        }
    }

    /// Runs a script that came from `url`.
    pub(crate) async fn boot_script(mut self, url: &str, content: &[u8]) -> End {
        match self.run(url, content).await {
            Ok(Ok(())) => End::Exit,
            Ok(Err(why)) => End::Failed(why),
            Err(end) => end,
        }
    }

    /// Runs a script to its end; an error is the end of all.
    fn run<'s>(&'s mut self, url: &'s str, content: &'s [u8]) -> Fut<'s, Result<Status, End>> {
        Box::pin(async move {
            if self.depth == DEPTH {
                return Err(End::Failed(format!("{url}: more than {DEPTH} scripts within each other")));
            }
            let script = Script::parse(url, content).map_err(End::Failed)?;
            self.depth += 1;
            let before = self.settings.clone();
            self.settings.stand_at(url);
            let status = self.lines(&script).await;
            self.settings.stand_as(&before);
            self.depth -= 1;
            status
        })
    }

    async fn lines(&mut self, script: &Script) -> Result<Status, End> {
        let mut at = 0;
        while let Some(line) = script.lines.get(at) {
            at += 1;
            let located = |why: String| format!("{} line {}: {why}", script.url, line.number);
            match self.line(script, &line.words).await {
                Came::Done => {}
                Came::Failed(why) => return Ok(Err(located(why))),
                Came::Goto(target) => at = target,
                Came::Leave(status) => return Ok(status),
                Came::End(End::Failed(why)) => return Err(End::Failed(located(why))),
                Came::End(end) => return Err(end),
            }
        }
        Ok(Ok(()))
    }

    /// Commands joined by `||`, `&&` and `;`; what the last one that ran came to.
    async fn line(&mut self, script: &Script, words: &[String]) -> Came {
        let mut came = Came::Done;
        let mut runs = true;
        for (command, join) in script::commands(words) {
            if runs {
                came = self.one(script, command).await;
                if !matches!(came, Came::Done | Came::Failed(_)) {
                    return came;
                }
            }
            let well = matches!(came, Came::Done);
            runs = match join {
                Join::Last => break,
                Join::Or => !well,
                Join::And => well,
                Join::Then => true,
            };
        }
        came
    }

    async fn one(&mut self, script: &Script, words: &[String]) -> Came {
        if words.is_empty() {
            return Came::Done;
        }
        if !self.world.alive() {
            return Came::End(End::Failed("the host was reset".into()));
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Came::End(End::Failed(format!("no end after {COMMANDS} commands")));
        };
        self.left = left;
        let words: Result<Vec<_>, _> = words.iter().map(|word| self.settings.expand(word)).collect();
        match words.as_deref() {
            Ok([name, arguments @ ..]) => self.command(script, name, arguments).await,
            Ok([]) => Came::Done,
            Err(why) => Came::End(End::Failed(why.clone())),
        }
    }
}
