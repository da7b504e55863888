//! Which features were paid for.

use rackhand_bmc::{Error, ErrorKind};

use crate::quirks::{self, Xcc};

/// The upgrades that images by URL take, by the word in their name.
const UPGRADES: [&str; 2] = ["Enterprise", "Platinum"];

/// The error of a refused insert, after a look at the licences: an XCC that lacks one refuses without saying so. Where they
/// cannot be read, the error stands as it is.
pub(crate) async fn looked_at(xcc: &Xcc, error: Error) -> Error {
    let may_lack = matches!(
        error.kind(),
        ErrorKind::Forbidden | ErrorKind::Unsupported | ErrorKind::RejectedValue { .. }
    );
    if !may_lack || !xcc.on(quirks::MEDIA_LICENCE) {
        return error;
    }
    match names(xcc).await {
        Ok(Some(names)) if !names.iter().any(|name| UPGRADES.iter().any(|word| name.contains(word))) => {
            let licence = "XClarity Controller Enterprise or Platinum Upgrade".to_owned();
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let detail = format!(
                "{}; images by URL take a licence that is missing (there are: {has})",
                error.detail()
            );
            let mut lacks = Error::new(ErrorKind::NeedsLicence { licence }, error.bmc(), detail);
            if let Some(request) = error.request() {
                lacks = lacks.with_request(request);
            }
            lacks.with_messages(error.messages().to_vec())
        }
        Ok(_) => error,
        Err(unread) => {
            tracing::debug!(bmc = xcc.client.bmc(), %unread, "the licences cannot be read");
            error
        }
    }
}

/// The names of what is licensed: the activation keys, or on newer ones the LicenseService. `None` where there is neither.
async fn names(xcc: &Xcc) -> rackhand_bmc::Result<Option<Vec<String>>> {
    let keys = match xcc.manager().await?.and_then(|manager| manager.link("Oem/Lenovo/FoD")) {
        Some(service) => xcc.client.get(service).await?.link("Keys").map(str::to_owned),
        None => None,
    };
    let collection = match (keys, xcc.machine.root.link("LicenseService")) {
        (Some(keys), _) => Some(keys),
        (None, Some(service)) => xcc.client.get(service).await?.link("Licenses").map(str::to_owned),
        (None, None) => None,
    };
    let Some(collection) = collection else { return Ok(None) };
    let found = xcc.client.collection(&collection).await?;
    // What could not be read may be the one.
    if !found.skipped.is_empty() {
        return Ok(None);
    }
    let valid = |status: Option<&str>| status.is_none_or(|status| status == "Valid");
    let names = found.documents.iter().filter(|key| valid(key.str("Status")));
    let both = |key: &rackhand_redfish::Document| {
        let texts = [key.str("Name"), key.str("Description")];
        texts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    Ok(Some(names.map(both).collect()))
}
