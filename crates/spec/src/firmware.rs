//! BIOS settings from files and objects: `.profile` files, HostFirmwareSettings, HostFirmwareComponents.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use rackhand_bmc::{AttributeValue, Attributes};

use crate::common::Candidate;
use crate::cursor::{At, Cx, Fields, Place, Sink};
use crate::diagnostic::{Code, Severity};
use crate::node::{BiosSettings, FirmwareUpdate};
use crate::tree::{Kind, Mark, Scalar, parse};

/// The files that a site file may refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    /// Texts that are already read.
    pub(crate) texts: &'a [(PathBuf, String)],
    /// The directory below which files may be read from disk; `None`: from nowhere.
    pub(crate) root: Option<&'a Path>,
}

/// `biosConfigRef`: the settings in the file it names.
pub(crate) fn bios_config(at: &At<'_>, files: Files<'_>) -> Option<BiosSettings> {
    let fields = at.fields(&[])?;
    let reference = fields.required("filePath")?;
    let name = reference.word()?;
    let (path, text) = match files.find(reference.cx.file, &name) {
        Ok(found) => found,
        Err((message, help)) => {
            reference.error_help(Code::Unreadable, message, help);
            return None;
        }
    };
    let values = profile_file(&path, &text, reference.cx.sink)?;
    Some(BiosSettings { source: name, values })
}

impl Files<'_> {
    /// The file's path and text, or what is wrong and what to do.
    fn find(&self, site: &Path, name: &str) -> Result<(PathBuf, String), (String, String)> {
        let reference = Path::new(name);
        if reference.is_absolute() || reference.has_root() {
            let help = "write the path relative to this file; the settings belong into the same repository";
            return Err((
                format!("`{name}` is an absolute path, which means another file on each machine"),
                help.to_owned(),
            ));
        }
        let path = tidy(&site.parent().unwrap_or(Path::new("")).join(reference));
        if let Some((path, text)) = self.texts.iter().find(|(known, _)| tidy(known) == path) {
            return Ok((path.clone(), text.clone()));
        }
        let Some(root) = self.root else {
            return Err((
                format!("no file `{}` is given", path.display()),
                "it is looked for beside this file".to_owned(),
            ));
        };
        match inside(root, &path) {
            Ok(true) => {}
            Ok(false) => {
                let help = format!("keep it below {}", root.display());
                return Err((format!("`{name}` leads out of the directory that was loaded"), help));
            }
            Err(error) => return Err(unreadable(&path, &error)),
        }
        std::fs::read_to_string(&path)
            .map(|text| (path.clone(), text))
            .map_err(|error| unreadable(&path, &error))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> (String, String) {
    let help = "the path is relative to the file that names it";
    (format!("{} cannot be read: {error}", path.display()), help.to_owned())
}

/// Whether the file, all links followed, lies below the root.
fn inside(root: &Path, path: &Path) -> io::Result<bool> {
    Ok(path.canonicalize()?.starts_with(root.canonicalize()?))
}

/// A path without `.` and, where that can be done, without `..`.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// A `.profile` file: one flat mapping.
fn profile_file(path: &Path, text: &str, sink: &Sink) -> Option<Attributes> {
    let cx = Cx { file: path, sink };
    let (documents, faults) = parse(text);
    for fault in &faults {
        let place = Place { file: path.to_owned(), mark: fault.mark, path: fault.path.clone() };
        let mut diagnostic = place.say(Severity::Error, Code::Unreadable, fault.message.clone());
        diagnostic.help = fault.help.map(ToOwned::to_owned);
        sink.push(diagnostic);
    }
    if !faults.is_empty() {
        return None;
    }
    match documents.as_slice() {
        [one] => Some(attributes(&At::root(cx, one))),
        other => {
            let place = Place { file: path.to_owned(), mark: Mark::START, path: String::new() };
            let message = format!(
                "one mapping of BIOS attributes is expected in this file, not {} documents",
                other.len()
            );
            sink.push(place.say(Severity::Error, Code::WrongType, message));
            None
        }
    }
}

/// A flat mapping of attributes.
pub(crate) fn attributes(at: &At<'_>) -> Attributes {
    at.entries().into_iter().filter_map(|(key, at)| Some((key.text.clone(), value(&at)?))).collect()
}

fn value(at: &At<'_>) -> Option<AttributeValue> {
    match at.scalar() {
        Some(Scalar { kind: Kind::Bool, text, .. }) => {
            Some(AttributeValue::Boolean(text.eq_ignore_ascii_case("true")))
        }
        Some(Scalar { kind: Kind::Int, text, .. }) => {
            Some(text.parse().map_or_else(|_| AttributeValue::String(text.clone()), AttributeValue::Integer))
        }
        Some(Scalar { kind: Kind::Text | Kind::Float, text, .. }) => {
            Some(AttributeValue::String(text.clone()))
        }
        Some(Scalar { kind: Kind::Null, .. }) => {
            at.error_help(
                Code::WrongType,
                "this attribute has no value",
                "write a value, or remove the line",
            );
            None
        }
        None => {
            at.error(Code::WrongType, "a BIOS attribute's value is a text, a whole number, true or false");
            None
        }
    }
}

/// What HostFirmwareSettings and HostFirmwareComponents say of one host.
#[derive(Debug, Default)]
pub(crate) struct HostFirmware {
    settings: Option<(Attributes, Place)>,
    updates: Option<(Vec<FirmwareUpdate>, Place)>,
    /// False: there was an error in one of them.
    broken: bool,
}

/// By namespace and name of the BareMetalHost.
pub(crate) type HostFirmwares = BTreeMap<(String, String), HostFirmware>;

/// Reads a HostFirmwareSettings.
pub(crate) fn host_firmware_settings(root: &Fields<'_>, entry: &mut HostFirmware) {
    if let Some((_, first)) = &entry.settings {
        root.at.error(
            Code::Conflict,
            format!("this host has HostFirmwareSettings already, at {}", first.short()),
        );
    }
    let before = root.at.cx.sink.errors();
    if let Some(spec) = root.required("spec").and_then(|at| at.fields(&[])) {
        entry.settings = spec.required("settings").map(|at| (attributes(&at), root.at.place()));
    }
    entry.broken |= entry.settings.is_none() || root.at.cx.sink.errors() > before;
}

/// Reads a HostFirmwareComponents.
pub(crate) fn host_firmware_components(root: &Fields<'_>, entry: &mut HostFirmware) {
    if let Some((_, first)) = &entry.updates {
        root.at.error(
            Code::Conflict,
            format!("this host has HostFirmwareComponents already, at {}", first.short()),
        );
    }
    let before = root.at.cx.sink.errors();
    if let Some(spec) = root.required("spec").and_then(|at| at.fields(&[])) {
        entry.updates = spec.required("updates").map(|at| (updates(&at), root.at.place()));
    }
    entry.broken |= entry.updates.is_none() || root.at.cx.sink.errors() > before;
}

pub(crate) fn updates(at: &At<'_>) -> Vec<FirmwareUpdate> {
    let read = |item: &At<'_>| {
        let fields = item.fields(&[])?;
        let component = fields.required("component").and_then(|at| at.word());
        let url = fields.required("url").and_then(|at| at.word());
        Some(FirmwareUpdate { component: component?, url: url? })
    };
    at.items().iter().filter_map(read).collect()
}

/// Gives each host its firmware objects, and says which belong to none.
pub(crate) fn attach(firmware: HostFirmwares, candidates: &mut [Candidate], sink: &Sink) {
    for (key, one) in firmware {
        let host =
            candidates.iter_mut().find(|one| one.spec.namespace == key.0 && one.spec.bmh_name == key.1);
        let Some(candidate) = host else {
            for place in
                one.settings.iter().map(|(_, place)| place).chain(one.updates.iter().map(|(_, place)| place))
            {
                let message =
                    format!("not used by rackhand: no node has a BareMetalHost {}/{}", key.0, key.1);
                sink.push(place.say(Severity::Warning, Code::NotUsed, message));
            }
            continue;
        };
        candidate.refused |= one.broken;
        if let Some((values, place)) = one.settings {
            match &candidate.spec.bios_settings {
                Some(known) => {
                    let message =
                        format!("it does not count: the node's biosConfigRef {} goes before", known.source);
                    sink.push(place.say(Severity::Warning, Code::Shadowed, message));
                }
                None => {
                    let source = format!("HostFirmwareSettings {}/{}", key.0, key.1);
                    candidate.spec.bios_settings = Some(BiosSettings { source, values });
                }
            }
        }
        if let Some((updates, _)) = one.updates {
            candidate.spec.firmware = updates;
        }
    }
}
