//! BIOS settings: the settings object is called SD, and the registry is not where the tree says.

use serde_json::{Value, json};

use super::{SYSTEM, registry};
use crate::machine::Machine;
use crate::personality::standard::{asked, bios, collection, drop_property, link, service};
use crate::personality::{Quirks, pieces};
use crate::web::{Call, Problem, Table};

const REGISTRIES: &str = "/redfish/v1/Registries";
/// The registry's document where its file says.
const DOCUMENT: &str = "/registries/BiosAttributeRegistry.1.0.0.json";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend(&format!("{SYSTEM}/Bios"), |call, _, body| {
        body["@Redfish.Settings"]["SettingsObject"] = link(format!("{}/SD", bios::path(call)));
    });
    let pending = pieces::rename_bios_settings(table, "SD");
    if quirks.has("pending-without-attributes") {
        table.amend(&pending, |_, machine, body| {
            if machine.bios.pending.is_empty() {
                drop_property(body, "Attributes");
            }
        });
    }
    let mut document = format!("{REGISTRIES}/{{registry}}/Document");
    if quirks.has("registry-outside-the-tree") {
        table.remove(&format!("{REGISTRIES}/{{registry}}"));
        table.get(REGISTRIES, files).get(&format!("{REGISTRIES}/BiosAttributeRegistry"), file);
        document = DOCUMENT.to_owned();
        table.get(&document, |_, machine| {
            let mut body = service::render_registry(machine);
            body["Id"] = "BiosAttributeRegistry.1_0_0".into();
            Ok(body)
        });
    }
    if quirks.has("registry-values-are-numbers") {
        table.amend(&document, number_values);
    }
    if quirks.has("locks-are-gray-out") {
        table.amend(&document, pieces::gray_out);
    }
}

fn files(_: &Call, _: &Machine) -> Result<Value, Problem> {
    let members = vec![format!("{REGISTRIES}/BiosAttributeRegistry")];
    Ok(collection("MessageRegistryFileCollection", REGISTRIES, "Registry File Collection", members))
}

fn file(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#MessageRegistryFile.v1_1_3.MessageRegistryFile",
        "Id": "BiosAttributeRegistry",
        "Name": "BIOS Attribute Registry File",
        "Registry": "BiosAttributeRegistry.1.0.0",
        "Languages": ["en"],
        "Location": [{"Language": "en", "Uri": DOCUMENT}],
    }))
}

/// The values of enumerations by number; the words in force are only their display names.
fn number_values(_: &Call, _: &Machine, body: &mut Value) {
    for attribute in body["RegistryEntries"]["Attributes"].as_array_mut().into_iter().flatten() {
        let name = attribute["AttributeName"].as_str().unwrap_or("").to_owned();
        for value in attribute["Value"].as_array_mut().into_iter().flatten() {
            let code = value["ValueDisplayName"].as_str().and_then(|word| registry::number(&name, word));
            if let Some(code) = code {
                value["ValueName"] = code.into();
            }
        }
    }
}
