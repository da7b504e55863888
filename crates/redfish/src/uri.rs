//! URIs of resources: compared loosely, followed on their own host only.

use http::Uri;
use rackhand_http::Origin;

/// Whether two URIs name the same resource: without regard to case and a trailing slash, which BMCs mix freely
/// (iLO links `/redfish/v1/systems/1/bios/settings/` from `/redfish/v1/Systems/1`).
#[must_use]
pub fn same_resource(a: &str, b: &str) -> bool {
    bare(a).eq_ignore_ascii_case(bare(b))
}

/// Path without query, fragment and trailing slash.
pub(crate) fn bare(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or(uri).trim_end_matches('/')
}

/// The last segment of a path, which is what people call the resource.
#[must_use]
pub fn last_segment(uri: &str) -> &str {
    bare(uri).rsplit('/').next().unwrap_or(uri)
}

/// Path and query of a link, as they are sent to `origin`.
///
/// # Errors
/// When the link leads to another host, or is no URI: credentials go to the BMC they belong to and nowhere else.
pub(crate) fn on_origin(origin: &Origin, link: &str) -> Result<String, String> {
    let link = link.split('#').next().unwrap_or(link).trim();
    let foreign = || format!("the link {link:?} leads to another host than {origin}; it is not followed");
    if link.starts_with("//") {
        return Err(foreign());
    }
    let uri =
        if link.starts_with('/') || link.contains("://") { link.to_owned() } else { format!("/{link}") };
    let uri: Uri = uri.parse().map_err(|_| format!("the link {link:?} is no URI"))?;
    if uri.authority().is_some() && !origin.covers(&uri) {
        return Err(foreign());
    }
    match uri.path_and_query() {
        Some(path) => Ok(path.as_str().to_owned()),
        None => Err(format!("the link {link:?} has no path")),
    }
}

/// The path of a URI whatever its host. Only for a session that the BMC itself just named: behind address translation
/// BMCs write their inner address into `Location`, and the request goes to the known BMC in any case.
pub(crate) fn path_of(link: &str) -> Option<String> {
    let uri: Uri = link.trim().parse().ok()?;
    uri.path_and_query().map(|path| path.as_str().to_owned()).filter(|path| path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_compare_without_case_slash_query_and_fragment() {
        assert!(same_resource("/redfish/v1/Systems/1", "/redfish/v1/systems/1/"));
        assert!(same_resource("/redfish/v1/Systems/1?$expand=.", "/redfish/v1/Systems/1#/Boot"));
        assert!(!same_resource("/redfish/v1/Systems/1", "/redfish/v1/Systems/11"));
        assert_eq!(last_segment("/redfish/v1/Systems/1/"), "1");
    }

    #[test]
    fn only_links_to_the_own_host_are_followed() {
        let origin: Origin = "https://bmc.test".parse().unwrap();
        assert_eq!(on_origin(&origin, "/a/b?x=1#/c").unwrap(), "/a/b?x=1");
        assert_eq!(on_origin(&origin, "https://BMC.test:443/a").unwrap(), "/a");
        assert_eq!(on_origin(&origin, "redfish/v1/a").unwrap(), "/redfish/v1/a");
        for foreign in ["https://evil.test/a", "//evil.test/a", "http://bmc.test/a"] {
            assert!(on_origin(&origin, foreign).unwrap_err().contains("another host"), "{foreign}");
        }
        assert!(on_origin(&origin, "/a b").unwrap_err().contains("no URI"));
    }
}
