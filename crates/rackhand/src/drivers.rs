//! The drivers this build has: the one list.

use rackhand_bmc::{Claim, Driver, Error, ErrorKind, Result};
use rackhand_redfish::{Link, StandardDriver};

/// A driver of any vendor.
type AnyDriver = Box<dyn Driver<Link = Link>>;

/// Every driver in this build. Adding a vendor is its crate, a feature, and one line here. Of equal claims the first
/// counts, so the standard driver stays last.
#[must_use]
pub fn drivers() -> Vec<AnyDriver> {
    Vec::from([
        #[cfg(feature = "idrac")]
        any(rackhand_idrac::Idrac),
        #[cfg(feature = "ilo")]
        any(rackhand_ilo::Ilo),
        #[cfg(feature = "cimc")]
        any(rackhand_cimc::Cimc),
        #[cfg(feature = "supermicro")]
        any(rackhand_supermicro::Supermicro),
        #[cfg(feature = "lenovo")]
        any(rackhand_lenovo::Lenovo),
        any(StandardDriver),
    ])
}

fn any(driver: impl Driver<Link = Link> + 'static) -> AnyDriver {
    Box::new(driver)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use rackhand_bmc::{Pacing, SystemClock};
    use rackhand_http::ServiceTransport;
    use serde_json::{Value, json};

    use super::*;

    async fn link(root: Value) -> Link {
        let service = move |_: http::Request<Bytes>| {
            let body = Bytes::from(root.to_string());
            async move { Ok(http::Response::new(body)) }
        };
        let transport = Arc::new(ServiceTransport::new("https://bmc.test".parse().unwrap(), service));
        rackhand_redfish::open(transport, "bmc.test", &Pacing::default(), &SystemClock).await.unwrap()
    }

    #[tokio::test]
    async fn a_service_of_no_vendor_gets_the_standard_driver() {
        let link = link(json!({"RedfishVersion": "1.5.0", "Name": "Redvirt Service"})).await;
        assert_eq!(choose("bmc.test", &link, None).unwrap().name(), "standard");
        assert_eq!(choose("bmc.test", &link, Some("standard")).unwrap().name(), "standard");
        let Err(error) = choose("bmc.test", &link, Some("drac")) else {
            panic!("there is no driver of this name")
        };
        assert!(error.to_string().contains("no driver \"drac\" in this build; it has"), "{error}");
    }

    #[cfg(all(
        feature = "idrac",
        feature = "ilo",
        feature = "cimc",
        feature = "supermicro",
        feature = "lenovo"
    ))]
    #[tokio::test]
    async fn each_vendor_gets_its_own() {
        for (root, name) in [
            (json!({"RedfishVersion": "1.13.1", "Vendor": "Dell", "Name": "Root Service"}), "idrac"),
            (json!({"RedfishVersion": "1.6.0", "Vendor": "HPE", "Name": "HPE RESTful Root Service"}), "ilo"),
            (json!({"RedfishVersion": "1.2.0", "Name": "Cisco RESTful Root Service"}), "cimc"),
            (
                json!({"RedfishVersion": "1.11.0", "Oem": {"Supermicro": {}}, "Name": "Root Service"}),
                "supermicro",
            ),
            (
                json!({"RedfishVersion": "1.15.0", "Vendor": "Supermicro", "Name": "Root Service"}),
                "supermicro",
            ),
            (json!({"RedfishVersion": "1.15.0", "Vendor": "Lenovo", "Name": "Root Service"}), "lenovo"),
            (json!({"RedfishVersion": "1.7.0", "Vendor": "AMI", "Oem": {"Lenovo": {}}}), "standard"),
        ] {
            assert_eq!(choose("bmc.test", &link(root).await, None).unwrap().name(), name);
        }
    }

    #[test]
    fn names_are_distinct_and_the_standard_driver_is_last() {
        let mut names: Vec<&str> = drivers().iter().map(|driver| driver.name()).collect();
        assert_eq!(names.last(), Some(&"standard"));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
