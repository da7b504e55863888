//! The drivers this build has: the one list.

use rackhand_bmc::{Claim, Driver, Error, ErrorKind, Result};
use rackhand_redfish::{Link, StandardDriver};

/// A driver of any vendor.
type AnyDriver = Box<dyn Driver<Link = Link>>;

/// Every driver in this build. Adding a vendor is its crate, a feature, and one line here. Of equal claims the first
/// counts, so the standard driver stays last.
#[must_use]
pub fn drivers() -> Vec<AnyDriver> {
    vec![Box::new(StandardDriver)]
}

/// The driver with this name, or the one that claims the BMC best.
pub(crate) fn choose(bmc: &str, link: &Link, name: Option<&str>) -> Result<AnyDriver> {
    let mut best: Option<(Claim, AnyDriver)> = None;
    let mut names = Vec::new();
    for driver in drivers() {
        names.push(driver.name());
        let claim = match name {
            Some(name) if driver.name() == name => Claim::Certain,
            Some(_) => Claim::No,
            None => driver.probe(link),
        };
        if claim > best.as_ref().map_or(Claim::No, |(claim, _)| *claim) {
            best = Some((claim, driver));
        }
    }
    best.map(|(_, driver)| driver).ok_or_else(|| {
        let detail = match name {
            Some(name) => format!("there is no driver {name:?} in this build; it has {}", names.join(", ")),
            None => format!("none of the drivers in this build ({}) knows this BMC", names.join(", ")),
        };
        Error::new(ErrorKind::Unsupported, bmc, detail)
    })
}
