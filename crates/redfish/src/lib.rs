//! The Redfish protocol and the standard driver.
