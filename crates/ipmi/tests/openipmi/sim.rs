//! OpenIPMI's `ipmi_sim`, as a process of the test's own, and ipmitool beside it.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rackhand_bmc::{Bmc, Credentials, Ledger, MemoryLedger, Pacing, Result, SystemClock, Target};
use rackhand_ipmi::{Address, Options, connect};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

/// Who may log in.
pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "opensesame";

/// Whether both programs are there. A missing one is a failure where the environment asks for peers.
#[allow(clippy::disallowed_methods, reason = "whether peers must be there is for the environment to say")]
pub(crate) fn there() -> bool {
    let runs = |program: &str| Command::new(program).arg("-V").stdin(Stdio::null()).output().is_ok();
    let missing: Vec<&str> = ["ipmi_sim", "ipmitool"].into_iter().filter(|program| !runs(program)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var("RACKHAND_PEERS").as_deref() != Ok("1"), "not installed: {}", missing.join(", "));
    println!("skipped: not installed: {}", missing.join(", "));
    false
}

/// A process with everything that it started; ended with its value.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

impl Group {
    fn end(&mut self) {
        let group = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// A simulated BMC. Its chassis is a script that keeps each setting in a file, and a line of each call.
pub(crate) struct Sim {
    process: Group,
    directory: TempDir,
    pub(crate) port: u16,
}

impl Sim {
    /// Starts one and waits until it answers pings.
    pub(crate) async fn start() -> Self {
        for _ in 0..5 {
            let sim = Self::spawn();
            if sim.answers().await {
                return sim;
            }
            // Somebody else took its port in between.
        }
        panic!("ipmi_sim did not start");
    }

    fn spawn() -> Self {
        Self::at(free_port())
    }

    /// Ends it, and starts another one at its port that knows nothing of its sessions.
    pub(crate) async fn forgets(&mut self) {
        let port = self.port;
        // Only once the old one is gone is its port free.
        self.process.end();
        *self = Self::at(port);
        assert!(self.answers().await, "ipmi_sim did not start again");
    }

    fn at(port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let script = path("chassis");
        fs::write(&script, chassis_script(&directory.path().display().to_string())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(path("lan.conf"), lan(port, &script.display().to_string())).unwrap();
        fs::write(path("sim.emu"), emulation()).unwrap();
        let output = fs::File::create(path("output")).unwrap();
        let process = Command::new("ipmi_sim")
            .arg("-n")
            .args(["-c".as_ref(), path("lan.conf").as_os_str()])
            .args(["-f".as_ref(), path("sim.emu").as_os_str()])
            .args(["-s".as_ref(), path("state").as_os_str()])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap();
        Self { process: Group(process), directory, port }
    }

    /// Whether it answers a ping before it ends.
    async fn answers(&self) -> bool {
        const PING: [u8; 12] = [6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 1, 0, 0];
        let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end && self.lives() {
            let _ = socket.send_to(&PING, self.socket()).await;
            let mut pong = [0u8; 64];
            if timeout(Duration::from_millis(100), socket.recv_from(&mut pong))
                .await
                .is_ok_and(|got| got.is_ok())
            {
                return true;
            }
        }
        false
    }

    fn lives(&self) -> bool {
        let id = i32::try_from(self.process.0.id()).unwrap();
        let path = format!("/proc/{id}/stat");
        fs::read_to_string(path).is_ok_and(|stat| !stat.contains(") Z"))
    }

    pub(crate) fn socket(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What the chassis was set to.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.directory.path().join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    /// What the chassis was told, each call a line.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(self.directory.path().join("calls")).unwrap_or_default()
    }

    /// A file beside the others.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What ipmitool says when it is asked.
    pub(crate) async fn ipmitool(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let output = tokio::process::Command::new("ipmitool")
            .args(["-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", &port, "-U", USER, "-P", PASSWORD])
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// How many sessions there are, besides the one that asks.
    pub(crate) async fn sessions(&self) -> usize {
        let answer = self.ipmitool(&["raw", "6", "0x3d", "0"]).await;
        let active = answer.split_whitespace().nth(2).unwrap();
        usize::from_str_radix(active, 16).unwrap() - 1
    }

    /// Logs in at it.
    pub(crate) async fn connect(&self) -> Bmc {
        connect_to(self.port, target(PASSWORD), Options::default()).await.unwrap()
    }
}

/// Logs in at a port of this machine.
pub(crate) async fn connect_to(port: u16, target: Target, options: Options) -> Result<Bmc> {
    connect(&Address::new("127.0.0.1", Some(port)), target, options).await
}

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < end, "in 30 s never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn target(password: &str) -> Target {
    target_with(password, Arc::new(MemoryLedger::default()))
}

pub(crate) fn target_with(password: &str, ledger: Arc<dyn Ledger>) -> Target {
    let mut pacing = Pacing::default();
    // Six seconds for a packet: fifty simulators may share two processors.
    pacing.request_timeout = Duration::from_secs(60);
    pacing.poll = Duration::from_millis(50);
    pacing.boot_override = Duration::from_millis(500);
    Target {
        bmc: "rack-1".to_owned(),
        system: None,
        credentials: Credentials::new(USER, password.to_owned()),
        ledger,
        clock: Arc::new(SystemClock),
        pacing,
        quirks_off: std::collections::BTreeSet::new(),
        memory: None,
    }
}

/// With little patience, for BMCs that are not to answer.
pub(crate) fn hasty(mut target: Target) -> Target {
    target.pacing.request_timeout = Duration::from_secs(10);
    target
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn chassis_script(directory: &str) -> String {
    format!(
        r#"#!/bin/sh
cd '{directory}' || exit 1
echo "$@" >> calls
what=$2
shift 2
case $what in
get) for name in "$@"; do
       case $name in power) none=0 ;; *) none=none ;; esac
       if [ -f "$name" ]; then value=$(cat "$name"); else value=$none; fi
       echo "$name:$value"
     done ;;
set) while [ $# -gt 1 ]; do echo "$2" > "$1.new" && mv "$1.new" "$1"; shift 2; done ;;
esac
"#
    )
}

fn lan(port: u16, chassis: &str) -> String {
    let auths: String =
        ["callback", "user", "operator", "admin"].iter().fold(String::new(), |mut all, level| {
            let _ = writeln!(all, "    allowed_auths_{level} none md2 md5 straight");
            all
        });
    format!(
        r#"name "rack-1"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
{auths}    guid 00112233445546778899aabbccddeeff
  endlan
  chassis_control "{chassis} 0x20"
  user 2 true "{USER}" "{PASSWORD}" admin 10 none md2 md5 straight
  user 3 true "oper" "{PASSWORD}" operator 10 none md2 md5 straight
"#
    )
}

/// A controller by the numbers of OpenIPMI's own example, with an event log, an inventory and one sensor.
fn emulation() -> String {
    let inventory: Vec<String> = inventory().iter().map(|byte| format!("0x{byte:02x}")).collect();
    format!(
        "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
         sel_enable 0x20 1000 0x0a\n\
         mc_add_fru_data 0x20 0 {} data {}\n{}mc_enable 0x20\n",
        inventory.len(),
        inventory.join(" "),
        super::sensors::emulation(),
    )
}

/// An inventory with the area of a product alone.
fn inventory() -> Vec<u8> {
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    let mut product = vec![1, 0, 25];
    for field in ["Rack maker", "Model 7", "P-7", "10", "SN-0007"] {
        product.push(0xC0 | u8::try_from(field.len()).unwrap());
        product.extend(field.bytes());
    }
    product.push(0xC1);
    while product.len() % 8 != 7 {
        product.push(0);
    }
    product[1] = u8::try_from(product.len().div_ceil(8)).unwrap();
    product.push(sum(&product));
    let mut header = vec![1, 0, 0, 0, 1, 0, 0];
    header.push(sum(&header));
    [header, product].concat()
}
