//! Recorded trees, when they are beside the project.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{Documents, Service};

/// The folder of recorded trees beside the project, when it is there.
#[must_use]
pub fn recordings() -> Option<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings");
    folder.is_dir().then_some(folder)
}

/// A service that answers as the machine recorded under `name` did, or `None` when there is no such recording.
///
/// # Panics
/// When a recorded file is not JSON.
#[must_use]
pub fn recording(name: &str) -> Option<Service> {
    let folder = recordings()?.join(name);
    let service = Service::default();
    // Whole: Supermicro serves its registries outside /redfish/v1.
    service.change(|documents| gather(&folder, "", documents));
    service.change(|documents| documents.get("/redfish/v1").is_some()).then_some(service)
}

fn gather(folder: &Path, path: &str, documents: &mut Documents) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).collect();
    // Where one resource was recorded in two spellings, which of them counts must not depend on the file system.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            gather(&entry.path(), &format!("{path}/{name}"), documents);
        } else if name == "index.json" {
            let text = fs::read(entry.path()).unwrap();
            let document: Value =
                serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            documents.put(path, document);
        }
    }
}
