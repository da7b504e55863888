//! BMCs that are spoken to by IPMI over LAN: RMCP+ sessions of IPMI 2.0, cipher suite 3, on ipmi-rs.
//!
//! A driver like any other, with what IPMI has: power, the boot override with its UEFI and once flags, who
//! the machine is, the system event log, sensors. What it has not (virtual media, BIOS settings, storage,
//! firmware) is in the capabilities, each with a sentence.
//!
//! - [`connect`] first asks what the BMC speaks, without credentials, and refuses what ipmi-rs does not
//!   implement with the cipher suites that are offered. Then it logs in, within the limits of the ledger.
//! - A thread per BMC holds the session (`link`, `line`). Commands to one BMC are serial. A read that gets no
//!   answer is tried on a new session; a command that changes something is sent once, and a lost answer is
//!   [`Outcome::Unknown`](rackhand_bmc::Outcome).
//! - A session that is idle for half a minute is given back, and the next command opens another: BMCs have
//!   few.
//!
//! ```no_run
//! use rackhand_bmc::{BootTarget, Result, Target};
//! use rackhand_ipmi::{Address, Options, Privilege, connect};
//!
//! # async fn example(target: Target) -> Result<()> {
//! let options = Options { privilege: Privilege::Operator, ..Options::default() };
//! let bmc = connect(&Address::new("10.0.0.7", None), target, options).await?;
//! bmc.boot_once(&BootTarget::Pxe).await?;
//! bmc.power_on().await?;
//! bmc.close().await
//! # }
//! ```
//!
//! Sessions are not in the ledger: a BMC drops those of a killed process by itself within about a minute.

#![deny(clippy::indexing_slicing)]

mod address;
mod boot;
mod boot_options;
mod capabilities;
mod chassis;
mod command;
mod device;
#[cfg(test)]
mod double;
mod fru;
mod inventory;
mod line;
mod link;
mod logs;
mod manager;
mod negotiation;
mod options;
mod power;
mod probe;
mod quirks;
mod sdr;
mod sel;
mod sensors;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rackhand_bmc::{Bmc, Error, ErrorKind, Pacing, Quirks, Result, Session, Target};
use secrecy::ExposeSecret as _;

pub use crate::{
    address::Address,
    options::{Fence, Networks, Options, Privilege},
    quirks::quirks,
};
use crate::{
    device::{DeviceId, GetDeviceId},
    line::{Counted, Line, Setup},
    link::Link,
    quirks::Seen,
    wire::Rakp,
};

/// Logs in, learns who the machine is and what it can do, and assembles the facets.
///
/// # Errors
/// [`ErrorKind::Unreachable`] when nothing answers or the address is outside the networks;
/// [`ErrorKind::Unsupported`] when the BMC offers no cipher suite that is spoken;
/// [`ErrorKind::RefusedCredentials`] and [`ErrorKind::Locked`] as for any driver; [`ErrorKind::Forbidden`]
/// when the user may not have the privilege. Whatever it is, the session is given back.
pub async fn connect(address: &Address, target: Target, options: Options) -> Result<Bmc> {
    credentials_fit(&target)?;
    let within = target.pacing.request_timeout;
    let found = address.resolve(&target.bmc, within, options.networks.as_deref()).await?;
    let wait = packet_wait(&target.pacing);
    let greeting = probe::greet(found, options.privilege.level(), wait).await;
    let greeting = greeting.map_err(|seen| {
        Error::new(ErrorKind::Unreachable, &target.bmc, seen)
            .with_request("IPMI to UDP port ".to_owned() + &found.port().to_string())
    })?;
    negotiation::acceptable(&greeting)
        .map_err(|refusal| Error::new(refusal.kind, &target.bmc, refusal.detail))?;
    let link = link(found, wait, &target, &options);
    match assemble(&link, &target, options.privilege).await {
        Ok(bmc) => Ok(bmc),
        Err(error) => {
            if let Err(left) = link.close().await {
                tracing::debug!(bmc = %target.bmc, error = %left, "a session was left to time out");
            }
            Err(error)
        }
    }
}

/// How long one packet is waited for. A lost one costs so much, and a slow BMC must have answered by then.
fn packet_wait(pacing: &Pacing) -> Duration {
    (pacing.request_timeout / 10).clamp(Duration::from_millis(500), Duration::from_secs(6))
}

/// Refuses credentials that IPMI has no room for, because ipmi-rs would log in as somebody else with them.
fn credentials_fit(target: &Target) -> Result<()> {
    let rejected = |what: &str, why: &str| {
        let kind = ErrorKind::RejectedValue { properties: vec![what.to_owned()] };
        Err(Error::new(
            kind,
            &target.bmc,
            format!("the {what} cannot be used over IPMI: {why}; nothing was sent"),
        ))
    };
    let name = &target.credentials.username;
    if name.len() > 16 {
        return rejected("user name", "it has more than 16 characters");
    }
    if !name.is_ascii() || name.contains('\0') {
        return rejected("user name", "it has other characters than ASCII");
    }
    if target.credentials.password.expose_secret().len() > 20 {
        return rejected("password", "it has more than 20 bytes");
    }
    Ok(())
}

fn link(address: SocketAddr, wait: Duration, target: &Target, options: &Options) -> Link {
    let counted = Arc::new(Counted::default());
    let (target, options, in_line) = (target.clone(), options.clone(), counted.clone());
    let (bmc, within) = (target.bmc.clone(), target.pacing.request_timeout);
    let make = move || {
        let credentials = target.credentials.clone();
        let setup = Setup {
            bmc: target.bmc.clone(),
            username: credentials.username.clone(),
            ledger: target.ledger.clone(),
            privilege: options.privilege,
            fence: options.fence.clone(),
            counted: in_line.clone(),
        };
        let dial = Rakp { address, username: credentials.username, password: credentials.password, wait };
        Line::new(setup, Box::new(dial))
    };
    Link::new(&bmc, within, counted, Box::new(make))
}

async fn assemble(link: &Link, target: &Target, privilege: Privilege) -> Result<Bmc> {
    let device: DeviceId = link.read(GetDeviceId).await?;
    let identity = inventory::identity(link, &device).await?;
    let quirks = Quirks::new(quirks::quirks(), &target.quirks_off);
    let seen = Seen::of(&identity, &quirks);
    let mut bmc = Bmc::new(&target.bmc, identity, target.pacing.clone(), Arc::new(link.clone()));
    bmc.cures = Quirks::new(rackhand_bmc::common_quirks(), &target.quirks_off);
    bmc.quirks = quirks;
    bmc.capabilities = capabilities::of(&device, privilege);
    bmc.power = Some(Arc::new(power::ChassisPower { link: link.clone(), seen }));
    bmc.boot = Some(Arc::new(boot::BootFlagsOverride { link: link.clone(), seen }));
    bmc.inventory = Some(Arc::new(inventory::NoHardware { link: link.clone() }));
    bmc.manager = Some(Arc::new(manager::Controller { link: link.clone() }));
    if device.support.sensor_records {
        bmc.sensors = Some(Arc::new(sensors::Records { link: link.clone() }));
    }
    if device.support.event_log {
        bmc.logs = Some(Arc::new(logs::EventLog { link: link.clone() }));
    }
    Ok(bmc)
}
