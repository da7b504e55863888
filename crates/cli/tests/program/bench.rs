//! What the tests run the program in.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use rackhand_bmc::SystemClock;
use rackhand_cli::{Exit, Hooks, Stream, World, run_to_exit};
use rackhand_simulator::{
    MachineSpec, Simulator,
    log::Class,
    personality,
    serve::Endpoint,
    site::{self, SiteOptions},
};

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program with nothing around it but what is given.
pub(crate) async fn rackhand_with(args: &[&str], env: &[(&str, &str)]) -> Answer {
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let env: BTreeMap<String, OsString> =
        env.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    let world = World {
        stdout: Stream::new(stdout.clone(), false),
        stderr: Stream::new(stderr.clone(), false),
        env: Arc::new(env),
        clock: Arc::new(SystemClock),
        hooks: Hooks::default(),
    };
    let args = std::iter::once("rackhand").chain(args.iter().copied()).map(OsString::from).collect();
    let exit = run_to_exit(args, world).await;
    Answer { exit, stdout: stdout.text(), stderr: stderr.text() }
}

/// Runs the program in an empty environment.
pub(crate) async fn rackhand(args: &[&str]) -> Answer {
    rackhand_with(args, &[]).await
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A simulated rack with its site and an empty state directory.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) dir: tempfile::TempDir,
}

/// The machines' password: found nowhere in any output.
pub(crate) const PASSWORD: &str = "s3cret-of-the-bench";

/// Real seconds per simulated one are few; deadlines are shortened less, so that a busy machine is no failure.
const SCALE: f64 = 300.0;
pub(crate) const PACE: &str = "0.02";

impl Bench {
    /// Machines `node1` … of these personalities, off and new.
    pub(crate) async fn new(personalities: &[&str]) -> Self {
        Self::made(personalities, SCALE, |machine| machine).await
    }

    /// At another pace.
    pub(crate) async fn at(personalities: &[&str], scale: f64) -> Self {
        Self::made(personalities, scale, |machine| machine).await
    }

    /// With machines that are changed.
    pub(crate) async fn with(personalities: &[&str], change: impl Fn(MachineSpec) -> MachineSpec) -> Self {
        Self::made(personalities, SCALE, change).await
    }

    async fn made(personalities: &[&str], scale: f64, change: impl Fn(MachineSpec) -> MachineSpec) -> Self {
        // Each bench has addresses of its own, so that a stray request to another would be seen.
        static BENCHES: AtomicU8 = AtomicU8::new(1);
        let number = BENCHES.fetch_add(1, Ordering::Relaxed);
        let mut builder = Simulator::builder().time_scale(scale);
        for (name, wanted) in (1..).zip(personalities) {
            let known = personality::all().into_iter().find(|one| one.name() == *wanted).unwrap();
            builder = builder
                .machine(change(MachineSpec::new(&format!("node{name}"), known).login("admin", PASSWORD)));
        }
        let simulator = builder.build().unwrap();
        let first = SocketAddr::from(([127, 9, number, 1], 0));
        let endpoints = simulator.serve(first, true).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        site::write(&simulator, &endpoints, &site, &SiteOptions::default()).unwrap();
        Self { simulator, endpoints, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn site(&self) -> String {
        self.path("site").display().to_string()
    }

    /// Changes a file of the site.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path("site").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {file}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs the program with the bench's state directory.
    pub(crate) async fn rackhand(&self, args: &[&str]) -> Answer {
        self.rackhand_in("state", args).await
    }

    /// Runs the program with another state directory.
    pub(crate) async fn rackhand_in(&self, state: &str, args: &[&str]) -> Answer {
        let state = self.path(state).display().to_string();
        let mut all = args.to_vec();
        all.extend(["--state-dir", &state]);
        let answer = rackhand_with(&all, &[("USER", "tester")]).await;
        assert!(!format!("{answer:?}").contains(PASSWORD), "the password is shown: {answer:?}");
        answer
    }

    /// `bmc` of the bench's first machine.
    pub(crate) async fn bmc(&self, args: &[&str]) -> Answer {
        let (url, access) = (self.endpoints[0].url.clone(), self.access());
        let mut all = vec!["bmc", &url];
        all.extend(access.iter().map(String::as_str));
        all.extend(args);
        self.rackhand(&all).await
    }

    /// `profile` with the bench's first machine: `--bmc` and what it is reached with stand at the end.
    pub(crate) async fn profile(&self, args: &[&str]) -> Answer {
        let (url, access) = (self.endpoints[0].url.clone(), self.access());
        let mut all = vec!["profile"];
        all.extend(args);
        all.extend(["--bmc", &url]);
        all.extend(access.iter().map(String::as_str));
        self.rackhand(&all).await
    }

    /// How the first machine's BMC is reached.
    fn access(&self) -> Vec<String> {
        let file = self.path("password");
        std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
        let print = self.endpoints[0].fingerprint.clone().unwrap();
        let file = file.display().to_string();
        ["--user", "admin", "--password-file", &file, "--fingerprint", &print, "--pace", PACE]
            .map(str::to_owned)
            .into()
    }

    /// The first machine itself, whatever its BMC says.
    pub(crate) fn machine<T>(&self, look: impl FnOnce(&mut rackhand_simulator::machine::Machine) -> T) -> T {
        let name = &self.endpoints[0].machine;
        self.simulator.machine(name).unwrap().with(look)
    }

    /// `apply` of the bench's site.
    pub(crate) async fn apply(&self, more: &[&str]) -> Answer {
        self.apply_in("state", more).await
    }

    /// `apply` with another state directory.
    pub(crate) async fn apply_in(&self, state: &str, more: &[&str]) -> Answer {
        let site = self.site();
        let mut all = vec!["apply", "-f", &site, "--pace", PACE, "--media-listen", "127.0.0.1:0"];
        all.extend(more);
        self.rackhand_in(state, &all).await
    }

    /// State-changing requests that the BMCs have seen.
    pub(crate) fn changes(&self) -> usize {
        self.simulator.log().count(Class::Change)
    }

    /// A text without what differs from run to run.
    pub(crate) fn steady(&self, text: &str) -> String {
        let mut text = text.replace(&self.dir.path().display().to_string(), "DIR");
        for endpoint in &self.endpoints {
            text = text.replace(&endpoint.address.to_string(), &format!("{}-BMC", endpoint.machine));
            if let Some(fingerprint) = &endpoint.fingerprint {
                text = text.replace(fingerprint, "FINGERPRINT");
            }
        }
        text
    }
}
