//! The commands.

use std::time::Duration;

use super::script::Script;
use super::{End, Ipxe, Kernel, Loaded, Status, is_script};

/// So many initial file systems are loaded at most.
const INITRDS: usize = 16;
/// A script waits so long at most.
const LONGEST_SLEEP: u64 = 3600;

/// What a command came to.
pub(super) enum Came {
    /// It did well.
    Done,
    /// It failed, which ends the script unless `||` follows.
    Failed(String),
    /// The script goes on at that line.
    Goto(usize),
    /// The script ends.
    Leave(Status),
    /// Everything ends.
    End(End),
}

impl From<Status> for Came {
    fn from(status: Status) -> Self {
        status.map_or_else(Self::Failed, |()| Self::Done)
    }
}

fn when(holds: bool, otherwise: impl FnOnce() -> String) -> Came {
    if holds { Came::Done } else { Came::Failed(otherwise()) }
}

/// Options before the first word that is none: with a value, and without.
#[derive(Debug, Default)]
pub(super) struct Options {
    name: Option<String>,
    timeout: Option<u64>,
    replace: bool,
}

/// Reads options as `--name X`, `--name=X` or `-n X`; returns them with what follows.
fn options<'w>(command: &str, mut words: &'w [String]) -> Result<(Options, &'w [String]), String> {
    let mut found = Options::default();
    while let [first, rest @ ..] = words {
        if !first.starts_with('-') || first == "-" {
            break;
        }
        words = rest;
        let (option, mut value) = match first.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (first.as_str(), None),
        };
        let mut take = || {
            if value.is_none()
                && let [next, rest @ ..] = words
            {
                words = rest;
                value = Some(next.clone());
            }
            value.take().ok_or_else(|| format!("{command}: {option} wants a value"))
        };
        match option {
            "--name" | "-n" => found.name = Some(take()?),
            "--timeout" | "-t" => {
                let text = take()?;
                let number = text.parse().map_err(|_| format!("{command}: {text:?} is no number"))?;
                found.timeout = Some(number);
            }
            // What a key is, and which drive, makes no difference here.
            "--key" | "-k" | "--drive" | "-d" => drop(take()?),
            "--replace" | "-r" => found.replace = true,
            "--autofree" | "-a" | "--no-describe" | "--keep" | "-N" => {}
            _ => return Err(format!("{command}: there is no option {first}")),
        }
    }
    Ok((found, words))
}

/// An address in a script, relative to the script's own.
fn resolve(base: &str, address: &str) -> Result<String, String> {
    let url = url::Url::parse(base)
        .and_then(|base| base.join(address))
        .map_err(|why| format!("{address:?} is no URL: {why}"))?;
    if matches!(url.scheme(), "http" | "https" | "tftp") {
        Ok(url.into())
    } else {
        Err(format!("{url}: iPXE fetches by http, https and tftp here"))
    }
}

/// The name by which a file is known: the last part of its URL.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

impl Ipxe<'_> {
    pub(super) async fn command(&mut self, script: &Script, name: &str, words: &[String]) -> Came {
        match name {
            "echo" | "dhcp" | "ifopen" | "ifclose" | "ifconf" | "ifstat" | "imgstat" => Came::Done,
            "set" | "clear" => self.set(name, words),
            "isset" => when(words.first().is_some_and(|word| !word.is_empty()), || "it is not set".into()),
            "iseq" => match words {
                [one, other] => when(one == other, || format!("{one:?} is not {other:?}")),
                _ => Came::Failed("iseq wants two values".into()),
            },
            "goto" => match words.first().and_then(|label| script.find(label)) {
                Some(at) => Came::Goto(at),
                None => Came::Failed(format!("there is no label {:?}", words.first().map_or("", |one| one))),
            },
            "exit" => self.exit(words),
            "sleep" => match words.first().and_then(|word| word.parse().ok()) {
                Some(seconds) => self.sleep(Duration::from_secs(seconds)).await,
                None => Came::Failed("sleep wants a number of seconds".into()),
            },
            "prompt" => self.prompt(words).await,
            "shell" => Came::End(End::Waits("iPXE is at its shell".into())),
            "sanboot" => self.sanboot(words),
            "kernel" | "imgselect" | "imgload" => self.kernel(name, script, words).await.into(),
            "initrd" | "imgfetch" | "module" => self.initrd(name, script, words).await.into(),
            "imgargs" => self.imgargs(words).into(),
            "imgfree" => {
                (self.kernel, self.arguments, self.initrds) = (None, Vec::new(), Vec::new());
                Came::Done
            }
            "chain" | "boot" | "imgexec" => self.start(name, script, words).await,
            unknown => Came::End(End::Failed(format!("the command {unknown:?} is not known"))),
        }
    }

    fn set(&mut self, command: &str, words: &[String]) -> Came {
        match words {
            [name, value @ ..] if command == "set" => self.settings.set(name, value.join(" ")),
            [name] => self.settings.set(name, String::new()),
            _ => return Came::Failed(format!("{command} wants a name")),
        }
        Came::Done
    }

    fn exit(&self, words: &[String]) -> Came {
        let status = words.first().map_or("0", String::as_str);
        self.world.note(format!("exit {status}"));
        match status.parse::<u32>() {
            Ok(0) => Came::Leave(Ok(())),
            Ok(code) => Came::Leave(Err(format!("exit {code}"))),
            Err(_) => Came::Failed(format!("exit: {status:?} is no number")),
        }
    }

    async fn sleep(&self, time: Duration) -> Came {
        self.world.sleep(time.min(Duration::from_secs(LONGEST_SLEEP))).await;
        Came::Done
    }

    async fn prompt(&self, words: &[String]) -> Came {
        match options("prompt", words) {
            Ok((Options { timeout: Some(timeout), .. }, _)) => {
                self.sleep(Duration::from_millis(timeout)).await;
                Came::Failed("no key was pressed".into())
            }
            Ok(_) => Came::End(End::Waits("iPXE waits for a key".into())),
            Err(why) => Came::Failed(why),
        }
    }

    fn sanboot(&self, words: &[String]) -> Came {
        match options("sanboot", words) {
            Ok((_, [])) => {
                self.world.note("sanboot: the local disk".into());
                Came::End(End::Disk)
            }
            Ok((_, [target, ..])) => Came::Failed(format!("sanboot: there is no {target}")),
            Err(why) => Came::Failed(why),
        }
    }

    async fn load(&self, command: &str, url: String, name: Option<String>) -> Result<Loaded, String> {
        match self.world.fetch(&url).await {
            Ok(content) => {
                self.world.note(format!("{command} {url}: {} bytes", content.len()));
                Ok(Loaded { name: name.unwrap_or_else(|| file_name(&url)), url, content })
            }
            Err(why) => {
                self.world.note(format!("{command} {url}: failed: {why}"));
                Err(format!("{command} {url}: {why}"))
            }
        }
    }

    async fn kernel(&mut self, command: &str, script: &Script, words: &[String]) -> Status {
        let (options, words) = options(command, words)?;
        let [address, arguments @ ..] = words else { return Err(format!("{command} wants a URL")) };
        let loaded = self.load(command, resolve(&script.url, address)?, options.name).await?;
        self.kernel = Some(loaded);
        self.arguments = arguments.to_vec();
        Ok(())
    }

    async fn initrd(&mut self, command: &str, script: &Script, words: &[String]) -> Status {
        let (options, words) = options(command, words)?;
        let [address, ..] = words else { return Err(format!("{command} wants a URL")) };
        if self.initrds.len() == INITRDS {
            return Err(format!("more than {INITRDS} initial file systems"));
        }
        let loaded = self.load(command, resolve(&script.url, address)?, options.name).await?;
        self.initrds.push(loaded);
        Ok(())
    }

    fn imgargs(&mut self, words: &[String]) -> Status {
        let [name, arguments @ ..] = words else { return Err("imgargs wants a name".into()) };
        if self.kernel.as_ref().is_none_or(|kernel| kernel.name != *name) {
            return Err(format!("imgargs: no kernel of the name {name:?} is loaded"));
        }
        self.arguments = arguments.to_vec();
        Ok(())
    }

    /// `chain` and `boot`: the loaded kernel, or what a URL names.
    async fn start(&mut self, command: &str, script: &Script, words: &[String]) -> Came {
        let (options, words) = match options(command, words) {
            Ok(found) => found,
            Err(why) => return Came::Failed(why),
        };
        let [wanted, arguments @ ..] = words else {
            return match self.kernel.clone() {
                Some(kernel) => self.hand_over(kernel, self.arguments.clone()),
                None => Came::Failed(format!("{command}: no kernel is loaded")),
            };
        };
        if let Some(kernel) = self.kernel.clone().filter(|kernel| kernel.name == *wanted) {
            let arguments = if arguments.is_empty() { self.arguments.clone() } else { arguments.to_vec() };
            return self.hand_over(kernel, arguments);
        }
        match resolve(&script.url, wanted) {
            Ok(url) => self.chain(&url, options, arguments.to_vec()).await,
            Err(why) => Came::Failed(why),
        }
    }

    /// Fetches and starts what a URL names: a script, or a kernel.
    pub(super) async fn chain(&mut self, url: &str, options: Options, arguments: Vec<String>) -> Came {
        let loaded = match self.load("chain", url.to_owned(), options.name).await {
            Ok(loaded) => loaded,
            Err(why) => return Came::Failed(why),
        };
        if !is_script(&loaded.content) {
            return self.hand_over(loaded, arguments);
        }
        match self.run(&loaded.url, &loaded.content).await {
            // It was put in the place of the script that names it.
            Ok(status) if options.replace => Came::Leave(status),
            Ok(status) => status.into(),
            Err(end) => Came::End(end),
        }
    }

    fn hand_over(&self, kernel: Loaded, arguments: Vec<String>) -> Came {
        if kernel.content.is_empty() {
            return Came::Failed(format!("{} is empty", kernel.url));
        }
        self.world.note(format!("boot {} {}", kernel.name, arguments.join(" ")));
        Came::End(End::Kernel(Box::new(Kernel { kernel, initrds: self.initrds.clone(), arguments })))
    }
}
