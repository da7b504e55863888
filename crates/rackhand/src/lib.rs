//! One type over iDRAC, iLO, CIMC, Supermicro, XCC, standard Redfish and IPMI.
//!
//! [`connect`] finds out what stands at an address, logs in and hands back a [`Bmc`]: a struct of facets with the same
//! operations for every vendor, each of which observes, acts and proves.
//!
//! ```no_run
//! use rackhand::{Credentials, MediaImage, Options, PowerOffPolicy, Trust};
//!
//! # async fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
//! let address = "redfish-virtualmedia://192.0.2.10/redfish/v1/Systems/System.Embedded.1".parse()?;
//! let mut options = Options::new(Credentials::new("root", password));
//! options.trust = Trust::Pin("0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0".parse()?);
//!
//! let bmc = rackhand::connect(&address, options).await?;
//! println!("{} {:?}, serial {:?}", bmc.identity.generation, bmc.identity.model, bmc.identity.serial);
//!
//! let image = MediaImage { url: "https://192.0.2.1/discovery.iso".to_owned(), credentials: None };
//! let installed = async {
//!     bmc.power_off(PowerOffPolicy::GracefulThenForce).await?;
//!     bmc.boot_image_once(&image).await
//! }
//! .await;
//! bmc.close().await?; // Gives the session back, also after an error.
//! println!("boots from slot {}", installed?.id);
//! # Ok(())
//! # }
//! ```
//!
//! Each vendor is a feature of this crate (`idrac`, `ilo`, `cimc`, `supermicro`, `lenovo`), and `ipmi` for BMCs without Redfish; all are on
//! by default. Without any, every sound
//! Redfish service is still spoken to by the standard driver.

mod address;
mod drivers;
#[cfg(feature = "ipmi")]
mod ipmi;

use std::{collections::BTreeSet, sync::Arc};

pub use rackhand_bmc::*;
pub use rackhand_http::{
    Connections, Fingerprint, FirstUse, HttpTransport, Origin, ServerCertificate, Tls, Transport, Trust,
    TrustError,
};
pub use rackhand_redfish::Link;

#[cfg(feature = "ipmi")]
pub use crate::ipmi::{Fence, connect_ipmi};
pub use crate::{
    address::{AddressError, BmcAddress, IpmiAddress, IpmiPrivilege},
    drivers::drivers,
};

/// How to connect to a BMC. Make one with [`Options::new`] and change what should differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Who to log in as.
    pub credentials: Credentials,
    /// How the BMC's certificate is judged; by the system's CAs unless said otherwise.
    pub trust: Trust,
    /// What TLS connections of the process share. Give every BMC a clone of one: parsing the system's CAs for each of
    /// a thousand takes seconds.
    pub tls: Tls,
    /// How connections are made and kept.
    pub connections: Connections,
    /// What outlives the process. By default it does not: nothing is known of earlier logins and sessions.
    pub ledger: Arc<dyn Ledger>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Every interval and deadline.
    pub pacing: Pacing,
    /// The driver to use, by name, instead of the one that knows the BMC best.
    pub driver: Option<String>,
    /// Quirks whose cures are not used, by name.
    pub quirks_off: BTreeSet<String>,
    /// What earlier connections of this process learned. Share one between all of them, and the second connection to a
    /// BMC saves the requests that find out where things are; by default every connection finds out anew.
    pub memory: Option<Arc<Memory>>,
}

impl Options {
    /// Options with the defaults that suit one command against real hardware.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            trust: Trust::default(),
            tls: Tls::new(),
            connections: Connections::default(),
            ledger: Arc::new(MemoryLedger::default()),
            clock: Arc::new(SystemClock),
            pacing: Pacing::default(),
            driver: None,
            quirks_off: BTreeSet::new(),
            memory: None,
        }
    }
}

/// Finds out what stands at `address`, logs in, and hands back the machine.
///
/// # Errors
/// Whatever the connection met, sorted by [`ErrorKind`]. On any error nothing is left behind on the BMC.
pub async fn connect(address: &BmcAddress, options: Options) -> Result<Bmc> {
    let origin = match address {
        #[cfg(feature = "ipmi")]
        BmcAddress::Ipmi(address) => return connect_ipmi(address, options, None).await,
        #[cfg(not(feature = "ipmi"))]
        BmcAddress::Ipmi(_) => return Err(not_over_http(address)),
        BmcAddress::Redfish { origin, .. } => origin,
    };
    let made =
        HttpTransport::new(origin.clone(), options.trust.clone(), &options.tls, options.connections.clone());
    let transport =
        made.map_err(|error| Error::new(ErrorKind::TlsUnsupported, address.name(), error.to_string()))?;
    connect_over(Arc::new(transport), address, options).await
}

/// The same over a transport of the caller's: one that counts, records, or calls a simulator in process. `trust`,
/// `tls` and `connections` of the options are the transport's own affair then.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over(
    transport: Arc<dyn Transport>,
    address: &BmcAddress,
    options: Options,
) -> Result<Bmc> {
    let Options { credentials, ledger, clock, pacing, driver, quirks_off, memory, .. } = options;
    if address.origin().is_none() {
        return Err(not_over_http(address));
    }
    let bmc = address.name();
    let off = quirks_off.clone();
    let target = Target {
        bmc,
        system: address.system().map(str::to_owned),
        credentials,
        ledger,
        clock,
        pacing,
        quirks_off,
        memory,
    };
    let link = rackhand_redfish::link(transport, &target).await?;
    let driver = drivers::choose(&target.bmc, &link, driver.as_deref())?;
    tracing::debug!(bmc = %target.bmc, driver = driver.name(), "connects");
    let mut bmc = driver.connect(link, target).await?;
    bmc.quirks = Quirks::new(driver.quirks(), &off);
    Ok(bmc)
}

fn not_over_http(address: &BmcAddress) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        address.name(),
        "the address names no Redfish service that this way leads to",
    )
}
