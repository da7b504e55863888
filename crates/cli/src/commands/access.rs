//! Reaching the BMC that was named on the command line.

use std::{io::Read as _, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use rackhand_agent::ledger::FileLedger;
use rackhand_bmc::{Bmc, Credentials, ErrorKind};
use rackhand_http::{Fingerprint, Tls};
use secrecy::SecretString;

use crate::{
    World,
    adapters::{
        connector::{Access, Line},
        trust::{TrustChoice, Where},
    },
    args::AccessArgs,
    exit::usage,
    options::{Common, pacing_of, read_ca},
};

/// Logs in.
pub(super) async fn connect(
    address: &str,
    args: &AccessArgs,
    common: &Common,
    world: &World,
) -> anyhow::Result<Bmc> {
    let address = address.parse().map_err(|error: rackhand::AddressError| usage(error.to_string()))?;
    let credentials = credentials(args, world)?;
    let trust = trust(args)?;
    let pacing = pacing_of(args.pace, common, world)?;
    let access = Access { address, trust, credentials: Ok(credentials) };
    let over_tls = access.address.origin().is_some_and(rackhand_http::Origin::is_tls);
    if matches!(access.trust, TrustChoice::Insecure(_)) && over_tls {
        world.stderr.line(format_args!(
            "warning: the certificate of BMC {} is not checked; the password goes to whoever answers",
            access.address.name()
        ))?;
    }
    let ledger = FileLedger::open(common.state.create()?, Arc::clone(&world.clock), pacing.login_window)?;
    let line = Line {
        tls: Tls::new(),
        ledger: Arc::new(ledger),
        clock: Arc::clone(&world.clock),
        pacing,
        state: common.state.clone(),
        hooks: world.hooks.clone(),
        place: Where::Bmc,
        fence: None,
        networks: None,
    };
    Ok(patiently(&line, &access).await?)
}

/// Gives the session back. A BMC that does not confirm it fails nothing that was done.
pub(super) async fn close(bmc: &Bmc, world: &World) -> anyhow::Result<()> {
    if let Err(error) = bmc.close().await {
        world
            .stderr
            .line(format_args!("warning: the BMC did not confirm that the session is given back: {error}"))?;
    }
    Ok(())
}

/// Refused credentials are tried once more (some iLOs refuse right ones now and then), and never a third time.
async fn patiently(line: &Line, access: &Access) -> rackhand_bmc::Result<Bmc> {
    const PAUSE: Duration = Duration::from_secs(2);
    match line.connect(&access.address.name(), access).await {
        Err(error) if matches!(error.kind(), ErrorKind::RefusedCredentials) => {
            tracing::info!(%error, "the credentials are tried once more");
            tokio::time::sleep(PAUSE).await;
            line.connect(&access.address.name(), access).await
        }
        answer => answer,
    }
}

fn trust(args: &AccessArgs) -> anyhow::Result<TrustChoice> {
    if let Some(fingerprint) = &args.fingerprint {
        let pin: Fingerprint = fingerprint
            .parse()
            .map_err(|error: rackhand_http::FingerprintError| usage(format!("--fingerprint: {error}")))?;
        return Ok(TrustChoice::Pin(pin));
    }
    if let Some(ca) = &args.ca {
        return Ok(TrustChoice::Ca(read_ca(ca)?));
    }
    if args.insecure {
        return Ok(TrustChoice::Insecure("--insecure".to_owned()));
    }
    Ok(if args.trust_on_first_use { TrustChoice::FirstUse } else { TrustChoice::System })
}

fn credentials(args: &AccessArgs, world: &World) -> anyhow::Result<Credentials> {
    let of_env = |name: &str| {
        let value = world.env(name)?;
        Some(value.to_str().map(str::to_owned).ok_or_else(|| usage(format!("{name} is not UTF-8"))))
    };
    let user = match (&args.user, of_env("RACKHAND_BMC_USER")) {
        (Some(user), _) => user.clone(),
        (None, Some(user)) => user?,
        (None, None) => return Err(usage("no user name; give --user, or set RACKHAND_BMC_USER")),
    };
    let password = match (&args.password_file, of_env("RACKHAND_BMC_PASSWORD")) {
        (Some(path), _) => password_file(path)?,
        (None, Some(password)) => SecretString::from(password?),
        (None, None) => return Err(usage("no password; give --password-file, or set RACKHAND_BMC_PASSWORD")),
    };
    Ok(Credentials::new(user, password))
}

/// The file's first line. What `echo` adds is no part of a password, and a BMC counts a wrong one.
fn password_file(path: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("cannot read the password from stdin")?;
    } else {
        text = std::fs::read_to_string(path)
            .with_context(|| format!("the password file {} cannot be read", path.display()))?;
    }
    let bare = text.trim_end_matches(['\r', '\n']);
    if bare.is_empty() || bare.contains('\n') {
        return Err(usage(format!("the password file {} does not hold exactly one line", path.display())));
    }
    Ok(SecretString::from(bare.to_owned()))
}
