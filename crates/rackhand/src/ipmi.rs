//! BMCs that are spoken to by IPMI.

use std::sync::Arc;

use rackhand_bmc::{Bmc, Result, Target};
use rackhand_http::Connections;
use rackhand_ipmi::{Address, Options as Line, Privilege};

use crate::{IpmiAddress, IpmiPrivilege, Options};

/// Asked right before each command that changes something; a sentence says why not, and nothing of it is sent then.
pub type Fence = Arc<dyn Fn() -> std::result::Result<(), String> + Send + Sync>;

/// As [`connect`](crate::connect), to a BMC by IPMI, with a fence before each command that changes something.
///
/// # Errors
/// Whatever the connection met, sorted by [`ErrorKind`](crate::ErrorKind). On any error nothing is left behind on the BMC.
pub async fn connect_ipmi(address: &IpmiAddress, options: Options, fence: Option<Fence>) -> Result<Bmc> {
    let Options { credentials, connections, ledger, clock, pacing, quirks_off, memory, .. } = options;
    let bmc = address.name();
    let target = Target { bmc, system: None, credentials, ledger, clock, pacing, quirks_off, memory };
    let privilege = match address.privilege {
        IpmiPrivilege::Administrator => Privilege::Administrator,
        IpmiPrivilege::Operator => Privilege::Operator,
    };
    let line = Line { privilege, networks: within(&connections), fence };
    rackhand_ipmi::connect(&Address::new(&address.host, Some(address.port)), target, line).await
}

/// The networks that may be sent to, as a question.
fn within(connections: &Connections) -> Option<Arc<rackhand_ipmi::Networks>> {
    let networks = connections.networks.clone()?;
    Some(Arc::new(move |address| networks.iter().any(|network| network.contains(&address))))
}
