//! Real DHCP servers on a network of their own: that they do with their hints what the hints say, and that our answerer beside one
//! adds to its answers. Needs root, network namespaces and the servers; prints "skipped" where something is missing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddrV4},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use common::{Answer, Request, TFTP, boot, copied, hints, installed, may, other, ours};
use rackhand_dhcp::{
    Allowed, ProxyDhcp, Settings,
    hints::{dnsmasq, isc, kea},
};
use socket2::{Domain, Protocol, Socket, Type};
use tempfile::TempDir;
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PROXY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
/// How long a server has to come up and answer.
const LONG: Duration = Duration::from_secs(30);
/// How long an answer is waited for before the client asks again, as clients do.
const AGAIN: Duration = Duration::from_millis(500);

/// Three interfaces on one bridge: the server's, the answerer's, the client's.
const NETWORK: &str = "
    set -e
    ip link set lo up
    ip link add br0 type bridge
    ip link set br0 up
    for name in server proxy client; do
        ip link add $name type veth peer name $name-port
        ip link set $name-port master br0 up
        ip link set $name up
    done
    ip addr add 192.0.2.1/24 dev server
    ip addr add 192.0.2.9/24 dev proxy
    # All three ends are in one namespace, so each gets packets from an address of this machine.
    for name in all server proxy client; do
        echo 0 > /proc/sys/net/ipv4/conf/$name/rp_filter
        echo 1 > /proc/sys/net/ipv4/conf/$name/accept_local
    done
";

fn works(command: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}

/// Runs the named test of this file in a namespace that has a network of its own.
fn in_namespace(test: &str, server: &str) {
    let network = works(&format!("unshare -n sh -c '{NETWORK}'"));
    if !installed(server) || !may(network, "no network of its own can be made here") {
        return;
    }
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", &format!("{NETWORK}\nexec \"$0\" --ignored --exact --nocapture {test}")])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn dnsmasq_does_what_its_hints_say() {
    in_namespace("inside::dnsmasq_with_hints", "dnsmasq");
}

#[test]
fn isc_dhcpd_does_what_its_hints_say() {
    in_namespace("inside::isc_with_hints", "dhcpd");
}

#[test]
fn kea_does_what_its_hints_say() {
    in_namespace("inside::kea_with_hints", "kea-dhcp4");
}

#[test]
fn both_answers_arrive_where_a_server_gives_addresses_only() {
    in_namespace("inside::proxy_beside_dnsmasq", "dnsmasq");
}

/// A server that ends with its test.
struct Server {
    child: Child,
    place: TempDir,
}

impl Server {
    fn start(configuration: &str, command: impl FnOnce(&TempDir) -> Command) -> Self {
        let place = TempDir::new().unwrap();
        fs::write(place.path().join("conf"), configuration).unwrap();
        fs::write(place.path().join("leases"), "").unwrap();
        let log = File::create(place.path().join("log")).unwrap();
        let mut command = command(&place);
        command.current_dir(&place).stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap(), place }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_dnsmasq(hints: &str) -> Server {
    let configuration = format!(
        "port=0\ninterface=server\nbind-interfaces\nno-ping\nuser=root\ndhcp-authoritative\nlog-dhcp\nlog-facility=-\n\
         dhcp-range=192.0.2.100,192.0.2.150\ndhcp-leasefile=leases\n{hints}"
    );
    Server::start(&configuration, |_| {
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=conf", "--pid-file="]);
        command
    })
}

fn start_isc(hints: &str) -> Server {
    let subnet = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.150; }";
    Server::start(&format!("authoritative;\n{subnet}\n{hints}"), |place| {
        let file = |name: &str| place.path().join(name);
        let mut command = Command::new(copied("dhcpd", place.path()));
        command.args(["-4", "-f", "-d", "-cf"]).arg(file("conf"));
        command.arg("-lf").arg(file("leases")).arg("-pf").arg(file("pid")).arg("server");
        command
    })
}

fn start_kea(hints: &str) -> Server {
    let json: String = hints.lines().filter(|line| !line.starts_with("//")).collect();
    let mut configuration: serde_json::Value = serde_json::from_str(&json).unwrap();
    let dhcp = configuration["Dhcp4"].as_object_mut().unwrap();
    dhcp.insert("interfaces-config".into(), serde_json::json!({ "interfaces": ["server"] }));
    dhcp.insert("lease-database".into(), serde_json::json!({ "type": "memfile", "persist": false }));
    let pool = serde_json::json!([{ "pool": "192.0.2.100 - 192.0.2.150" }]);
    dhcp.insert("subnet4".into(), serde_json::json!([{ "id": 1, "subnet": "192.0.2.0/24", "pools": pool }]));
    Server::start(&configuration.to_string(), |place| {
        let mut command = Command::new(copied("kea-dhcp4", place.path()));
        command.args(["-c", "conf"]).env("KEA_LOCKFILE_DIR", "none").env("KEA_PIDFILE_DIR", place.path());
        command
    })
}

/// A machine on its link, before it has an address.
struct Client(UdpSocket);

impl Client {
    fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.bind_device(Some(b"client")).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into()).unwrap();
        Self(UdpSocket::from_std(socket.into()).unwrap())
    }

    /// Asks again and again until each of these servers has answered.
    async fn ask(
        &self,
        request: &Request,
        transaction: u8,
        servers: &[Ipv4Addr],
    ) -> BTreeMap<Ipv4Addr, Vec<u8>> {
        let mut request = request.clone();
        request.head[7] = transaction;
        // It has no address and hears a broadcast only.
        request.head[10] = 0x80;
        let mut answers = BTreeMap::new();
        let deadline = Instant::now() + LONG;
        while !servers.iter().all(|server| answers.contains_key(server)) {
            assert!(Instant::now() < deadline, "only {:?} answered", answers.keys());
            self.0.send_to(&request.bytes(), (Ipv4Addr::BROADCAST, 67)).await.unwrap();
            let mut buffer = vec![0; 2048];
            while let Ok(received) = timeout(AGAIN, self.0.recv_from(&mut buffer)).await {
                let (length, _) = received.unwrap();
                let answer = Answer(&buffer[..length]);
                let server = answer.option(54).unwrap();
                let server = Ipv4Addr::new(server[0], server[1], server[2], server[3]);
                if answer.0[4..8] == request.head[4..8] {
                    answers.insert(server, buffer[..length].to_vec());
                }
                if servers.iter().all(|server| answers.contains_key(server)) {
                    break;
                }
            }
        }
        answers
    }
}

/// What a server tells each kind of client to load.
async fn holds(server: &Server) {
    let client = Client::new();
    let loaders = boot().loaders;
    let http = loaders.http_x64.unwrap();
    let script = boot().script_url;
    let firmware = |class, arch| Request::firmware(ours(), class, arch);
    let cases = [
        (firmware("PXEClient", 0), loaders.bios),
        (firmware("PXEClient", 7), loaders.uefi_x64.clone()),
        (firmware("PXEClient", 9), loaders.uefi_x64),
        (firmware("PXEClient", 11), loaders.uefi_arm64.unwrap()),
        (firmware("HTTPClient", 16), http),
        (firmware("PXEClient", 7).with(77, b"iPXE"), script.clone()),
        (firmware("PXEClient", 0).with(77, b"iPXE"), script),
        (Request::firmware(other(), "PXEClient", 7), String::new()),
    ];
    for (n, (request, file)) in (1_u8..).zip(cases) {
        let asking = timeout(LONG, client.ask(&request, n, &[SERVER]));
        let answers = asking.await.unwrap_or_else(|_| panic!("case {n}: {}", server.log()));
        let offer = Answer(&answers[&SERVER]);
        let option =
            offer.option(67).map(|name| String::from_utf8_lossy(name).trim_end_matches('\0').to_owned());
        let told = option.unwrap_or_else(|| offer.file().to_owned());
        assert_eq!(told, file, "case {n}: {}", server.log());
        if !file.is_empty() {
            assert_eq!(offer.siaddr(), TFTP, "case {n}");
        }
        if file.starts_with("http") && !file.ends_with(".ipxe") {
            assert_eq!(offer.option(60).unwrap(), b"HTTPClient", "case {n}: {}", server.log());
        }
    }
}

/// Fails outside of the network that is made for it: no DHCP server is started on anybody's real one.
fn only_here() {
    let output = Command::new("ip").args(["-brief", "link"]).output().unwrap();
    let links = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<&str> = links.lines().filter_map(|line| line.split(['@', ' ']).next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["br0", "client", "client-port", "lo", "proxy", "proxy-port", "server", "server-port"]);
}

/// Each runs in the namespace that a test above makes, and nowhere else.
mod inside {
    use super::*;

    #[tokio::test]
    #[ignore = "started in a namespace by dnsmasq_does_what_its_hints_say"]
    async fn dnsmasq_with_hints() {
        only_here();
        holds(&start_dnsmasq(&dnsmasq(&hints()))).await;
    }

    #[tokio::test]
    #[ignore = "started in a namespace by isc_dhcpd_does_what_its_hints_say"]
    async fn isc_with_hints() {
        only_here();
        holds(&start_isc(&isc(&hints()))).await;
    }

    #[tokio::test]
    #[ignore = "started in a namespace by kea_does_what_its_hints_say"]
    async fn kea_with_hints() {
        only_here();
        holds(&start_kea(&kea(&hints()))).await;
    }

    #[tokio::test]
    #[ignore = "started in a namespace by both_answers_arrive_where_a_server_gives_addresses_only"]
    async fn proxy_beside_dnsmasq() {
        only_here();
        let server = start_dnsmasq("");
        let client = Client::new();
        // The server is up before the answerer is, as on a site; it holds port 67 of its own interface.
        client.ask(&Request::firmware(other(), "PXEClient", 7), 1, &[SERVER]).await;
        let allowed: Allowed = Arc::new(|mac| *mac == ours());
        let (proxy, mut events) = ProxyDhcp::start(Settings::new("proxy", PROXY, boot(), allowed)).unwrap();

        let answers = client.ask(&Request::firmware(ours(), "PXEClient", 7), 2, &[SERVER, PROXY]).await;
        let (theirs, ours) = (Answer(&answers[&SERVER]), Answer(&answers[&PROXY]));
        assert!(!theirs.yiaddr().is_unspecified(), "{}", server.log());
        assert_eq!((theirs.file(), theirs.option(67)), ("", None));
        assert_eq!((ours.yiaddr(), ours.file()), (Ipv4Addr::UNSPECIFIED, "ipxe.efi"));
        assert_eq!(ours.option(60).unwrap(), b"PXEClient");
        timeout(LONG, events.recv()).await.unwrap().unwrap();
        proxy.shutdown().await;
    }
}
