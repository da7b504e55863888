//! Programs as processes: a simulator of its own, `rackhand` beside it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use crate::effects::Effects;

/// A simulator in a process of its own, with a site written for it. Killed when dropped.
#[derive(Debug)]
pub struct Apart {
    child: Child,
    directory: PathBuf,
}

impl Apart {
    /// Starts one of `personality` that listens on `address`, and waits until it is ready. `program` is
    /// `env!("CARGO_BIN_EXE_simulator-apart")`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &str, personality: &str, address: &str, directory: &Path) -> std::io::Result<Self> {
        Self::start_with(program, personality, address, directory, &[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(
        program: &str,
        personality: &str,
        address: &str,
        directory: &Path,
        more: &[&str],
    ) -> std::io::Result<Self> {
        let mut child = Command::new(program)
            .args([
                "--personality",
                personality,
                "-i",
                address,
                "-p",
                "8443",
                "--time-scale",
                "200",
                "--iso-mib",
                "1",
            ])
            .args(more)
            .arg("--write-site")
            .arg(directory.join("site"))
            .arg("--log")
            .arg(directory.join("simulator.jsonl"))
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take();
        let apart = Self { child, directory: directory.to_owned() };
        let lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines());
        for line in lines {
            if line? == "ready" {
                return Ok(apart);
            }
        }
        Err(std::io::Error::other(format!("the simulator of {personality} did not get ready")))
    }

    /// The site that was written for it.
    #[must_use]
    pub fn site(&self) -> PathBuf {
        self.directory.join("site")
    }

    /// How often each state-changing request took effect, by what it asks for.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn effects(&self) -> std::io::Result<Effects> {
        let mut effects = Effects::new();
        for line in fs::read_to_string(self.directory.join("simulator.jsonl"))?.lines() {
            let entry: serde_json::Value = serde_json::from_str(line)?;
            let text = |field: &str| {
                entry.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
            };
            let applied = entry.get("applied").and_then(serde_json::Value::as_bool).unwrap_or(true);
            if text("kind") == "request" && text("class") == "change" && applied {
                // The image's URL is another one in each run.
                let words: Vec<_> = text("summary")
                    .split(' ')
                    .filter(|w| !w.starts_with("http"))
                    .map(str::to_owned)
                    .collect();
                let effect = format!("{} {} {}", text("method"), text("path"), words.join(" "));
                *effects.entry(effect).or_insert(0) += 1;
            }
        }
        Ok(effects)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `rackhand apply` on a site at the pace of the simulator's time.
///
/// # Errors
/// When it cannot be started.
pub fn apply(
    program: &str,
    site: &Path,
    state: &Path,
    environment: &[(&str, &str)],
) -> std::io::Result<Output> {
    Command::new(program)
        .arg("apply")
        .arg("-f")
        .arg(site)
        .arg("--state-dir")
        .arg(state)
        .args(["--pace", "0.01", "--timeout", "2m"])
        .envs(environment.iter().copied())
        .output()
}
