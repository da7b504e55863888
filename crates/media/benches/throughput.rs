//! How fast one file is served by TFTP and by HTTP, beside Debian's tftpd-hpa and nginx where they are installed: on loopback,
//! fetched by the same curl, one after the other. `cargo bench -p rackhand-media --bench throughput`.

use std::{
    error::Error,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rackhand_media::{Advertise, FetchSettings, ImageStore, Listen, MediaServer, Source, TftpOptions, Token};
use tokio::{
    process::{Child, Command},
    time::Instant,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SIZE: usize = 256 << 20;

/// Each is measured so often, and the best is shown: what else the machine does only makes it slower.
const RUNS: usize = 3;

const NAME: &str = "file.img";

/// What a frame of 1500 bytes holds, and firmware asks for.
const BLOCK: &str = "1468";

#[tokio::main]
async fn main() -> Result<()> {
    let place = tempfile::tempdir()?;
    let files = place.path().join("files");
    std::fs::create_dir(&files)?;
    write_file(&files.join(NAME))?;
    let (server, mut events) = MediaServer::start(vec![Listen::http(loopback(0))], Advertise::by_route())?;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let http = server.bound().first().ok_or("the server listens nowhere")?.address;
    let base = format!("http://{http}");
    let tftp = server
        .start_tftp(TftpOptions { listen: loopback(0), base: base.clone(), loaders: Some(files.clone()) })
        .await?;
    let image = store(place.path())?.get(&Source::Path(files.join(NAME)), None).await?;
    let publication = server.publish_file("node-1", &image, &Token::random())?;

    println!("one file of {} MiB on loopback, best of {RUNS}:", SIZE >> 20);
    measure("TFTP, rackhand", &format!("tftp://{tftp}/{NAME}")).await?;
    if let Some((_running, url)) = tftpd_hpa(&files).await? {
        measure("TFTP, tftpd-hpa", &url).await?;
    }
    measure("HTTP, rackhand", &format!("{base}{}", publication.path)).await?;
    if let Some((_running, url)) = nginx(place.path(), &files).await? {
        measure("HTTP, nginx", &url).await?;
    }
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

fn write_file(path: &Path) -> Result<()> {
    let piece: Vec<u8> = (0..1_u32 << 20).map(|at| (at % 251) as u8).collect();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for _ in 0..SIZE / piece.len() {
        file.write_all(&piece)?;
    }
    Ok(file.flush()?)
}

fn store(place: &Path) -> Result<ImageStore> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(ImageStore::new(place.join("cache"), FetchSettings::new(tls))?)
}

/// Fetches the file some times and shows the best.
async fn measure(what: &str, url: &str) -> Result<()> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let out = curl(url).output().await?;
        best = best.min(start.elapsed());
        let size = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        if !out.status.success() || size != SIZE.to_string() {
            return Err(format!("{what}: {size} bytes; {}", String::from_utf8_lossy(&out.stderr)).into());
        }
    }
    println!("  {what:<16} {:>8.1} MB/s", SIZE as f64 / 1e6 / best.as_secs_f64());
    Ok(())
}

fn curl(url: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-f", "--tftp-blksize", BLOCK, "-o", "/dev/null", "-w", "%{size_download}", url]);
    curl
}

/// Starts a server, and waits until it answers. None, with the reason shown, where it is not installed or does not serve.
async fn started(name: &str, arguments: &[String], url: String) -> Result<Option<(Child, String)>> {
    let program = PathBuf::from("/usr/sbin").join(name);
    if !program.is_file() {
        return skipped(&format!("{name} is not installed"));
    }
    let mut command = Command::new(program);
    let running = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut running = running.spawn()?;
    let limit = Instant::now() + Duration::from_secs(10);
    while Instant::now() < limit && running.try_wait()?.is_none() {
        let whole = curl(&url).output().await?;
        if whole.status.success() {
            return Ok(Some((running, url)));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    skipped(&format!("{name} does not serve here"))
}

/// Says so, or fails where the peer suite says that everything must be there.
#[allow(clippy::disallowed_methods, reason = "the peer suite says so that every part must be there")]
fn skipped<T>(why: &str) -> Result<Option<T>> {
    if std::env::var("RACKHAND_PEERS").is_ok_and(|value| value == "1") {
        return Err(format!("{why}, and RACKHAND_PEERS=1 says that everything must be there").into());
    }
    println!("  skipped: {why}");
    Ok(None)
}

async fn tftpd_hpa(files: &Path) -> Result<Option<(Child, String)>> {
    let address = UdpSocket::bind(loopback(0))?.local_addr()?;
    let arguments = ["-L", "-u", "root", "-a", &address.to_string(), "-s", &files.display().to_string()];
    started("in.tftpd", &arguments.map(str::to_owned), format!("tftp://{address}/{NAME}")).await
}

async fn nginx(place: &Path, files: &Path) -> Result<Option<(Child, String)>> {
    let address = TcpListener::bind(loopback(0))?.local_addr()?;
    let (own, files) = (place.join("nginx"), files.display());
    std::fs::create_dir(&own)?;
    let shown = own.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {shown}/{kind};"))
        .concat();
    let text = format!(
        "daemon off; user root; worker_processes 1; pid {shown}/pid; error_log {shown}/log; events {{}} \
         http {{ access_log off; sendfile on; {temporary} server {{ listen {address}; root {files}; }} }}"
    );
    let config = own.join("nginx.conf");
    std::fs::write(&config, text)?;
    let arguments = ["-p".to_owned(), shown.to_string(), "-c".to_owned(), config.display().to_string()];
    started("nginx", &arguments, format!("http://{address}/{NAME}")).await
}
