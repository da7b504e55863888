//! The XML API: `POST /nuova`. What Redfish lacks on this firmware is said here, and what is done here shows there.
//!
//! A request is one element, a method; so is the answer. HTTP says 200 to all of it.

mod bios;
mod boot;
mod compute;
mod element;
mod media;
mod object;
mod refusal;
mod service;
mod session;
mod storage;

use http::StatusCode;

use crate::log::Class;
use crate::machine::{LoginProblem, Machine};
use crate::web::{Call, Problem, Reply, Table};
use element::Element;
use object::Object;
use refusal::Refusal;
pub(super) use session::is_cookie;

/// Where the API is.
pub(super) const PATH: &str = "/nuova";

/// Classes that a query may name though there is no such object at present.
const CLASSES: [&str; 8] = [
    "commVMediaMap",
    "storageController",
    "storageLocalDisk",
    "storageLocalDiskUsage",
    "storageVirtualDrive",
    "storageVirtualDriveCreatorUsingUnusedPhysicalDrive",
    "biosSettings",
    "firmwareRunning",
];

/// Adds the API.
pub(super) fn add(table: &mut Table) {
    table.upload(PATH, |call, machine| Ok(reply(&answer(call, machine))));
}

fn reply(element: &Element) -> Reply {
    Reply::text(StatusCode::OK, "text/xml; charset=utf-8", element.text())
}

/// How a login that is refused for whatever it says is answered.
pub(super) fn refused_login(problem: LoginProblem) -> Reply {
    reply(&Refusal::login(problem).answer("aaaLogin", ""))
}

fn answer(call: &Call, machine: &mut Machine) -> Element {
    call.class(Class::Query);
    let request = match element::parse(&call.body) {
        Ok(request) => request,
        Err(why) => return Refusal::schema(why).answer("error", ""),
    };
    let cookie = request.get("cookie").unwrap_or_default();
    let answer = match request.name.as_str() {
        "aaaLogin" | "aaaRefresh" | "aaaLogout" => {
            call.class(Class::Session);
            match request.name.as_str() {
                "aaaLogin" => session::log_in(call, machine, &request),
                "aaaRefresh" => session::refresh(call, machine, &request),
                _ => session::log_out(call, machine, &request),
            }
        }
        "configResolveDn" | "configResolveClass" | "configResolveChildren" | "configConfMo" => {
            session::admit(call, machine, cookie).and_then(|()| config(call, machine, &request))
        }
        other => Err(Refusal::schema(format!("no class named '{other}'"))),
    };
    answer.unwrap_or_else(|refusal| refusal.answer(&request.name, cookie))
}

/// A method on objects, by somebody who is logged in.
fn config(call: &Call, machine: &mut Machine, request: &Element) -> Result<Element, Refusal> {
    let named = |name: &str| {
        let missing =
            || Refusal::schema(format!("Element '{}': the attribute '{name}' is missing.", request.name));
        request.get(name).ok_or_else(missing)
    };
    let hierarchical = request.says_yes("inHierarchical");
    let answer = Element::new(&request.name)
        .with("cookie", request.get("cookie").unwrap_or_default())
        .with("response", "yes");
    match request.name.as_str() {
        "configResolveDn" => {
            let dn = named("dn")?;
            let tree = tree(call, machine);
            let found = tree.find(dn).map(|object| object.element(hierarchical));
            Ok(answer.with("dn", dn).holding([Element::new("outConfig").holding(found)]))
        }
        "configResolveClass" => {
            let class = named("classId")?;
            let tree = tree(call, machine);
            let found = of_class(&tree, class)?.into_iter().map(|object| object.element(hierarchical));
            Ok(answer.with("classId", class).holding([Element::new("outConfigs").holding(found)]))
        }
        "configResolveChildren" => {
            let (dn, class) = (named("inDn")?, request.get("classId").filter(|class| !class.is_empty()));
            let tree = tree(call, machine);
            let children = tree.find(dn).map_or(&[][..], |object| &object.children);
            let wanted = children.iter().filter(|child| class.is_none_or(|class| child.class == class));
            let found = wanted.map(|object| object.element(hierarchical));
            Ok(answer.with("inDn", dn).holding([Element::new("outConfigs").holding(found)]))
        }
        _ => {
            let dn = named("dn")?;
            let changed = configure(call, machine, request, dn)?;
            let changed = changed.with("status", "modified");
            Ok(answer.with("dn", dn).holding([Element::new("outConfig").holding([changed])]))
        }
    }
}

/// All objects.
fn tree(call: &Call, machine: &Machine) -> Object {
    service::top(call, machine, compute::object(call, machine))
}

/// The objects of a class. Whether a CIMC refuses the name of a class that there is not, is not known; here it does, as it
/// refuses an element of one.
fn of_class<'a>(tree: &'a Object, class: &str) -> Result<Vec<&'a Object>, Refusal> {
    let mut found = Vec::new();
    tree.of_class(class, &mut found);
    let known = !found.is_empty()
        || CLASSES.contains(&class)
        || super::precise::kind_of(class).is_some()
        || bios::is_token(class);
    if known { Ok(found) } else { Err(Refusal::schema(format!("no class named '{class}'"))) }
}

/// `configConfMo`: all of it, or nothing.
fn configure(call: &Call, machine: &mut Machine, request: &Element, dn: &str) -> Result<Element, Refusal> {
    call.class(Class::Change);
    let config = request.child("inConfig").filter(|config| config.children.len() == 1);
    let wanted = config.and_then(|config| config.children.first());
    let wanted = wanted.ok_or_else(|| Refusal::schema("Element 'inConfig': one object is expected."))?;
    call.summary(format!("configConfMo {dn} {}", summary(wanted)));
    if wanted.get("dn").is_some_and(|own| own != dn) {
        return Err(Refusal::operation(format!("the object is not {dn}")));
    }
    let mut trial = machine.clone();
    apply(call, &mut trial, wanted, dn)?;
    if wanted.says_yes("rebootOnUpdate") {
        compute::reboot(&mut trial)?;
    }
    *machine = trial;
    let gone = || Element::new(&wanted.name).with("dn", dn);
    let after = tree(call, machine);
    Ok(after.find(dn).map_or_else(gone, |object| object.element(request.says_yes("inHierarchical"))))
}

/// What an object is to become, for the log: without secrets.
fn summary(element: &Element) -> String {
    let said = element
        .attributes
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "dn" | "rn" | "password" | "username"));
    let mut words: Vec<_> = said.map(|(name, value)| format!("{name}={value}")).collect();
    words.insert(0, element.name.clone());
    words.extend(element.children.iter().map(summary));
    words.join(" ")
}

/// Configures an object and then its children.
fn apply(call: &Call, machine: &mut Machine, element: &Element, dn: &str) -> Result<(), Refusal> {
    check_attributes(call, machine, element, dn)?;
    match element.name.as_str() {
        "computeRackUnit" if dn == compute::UNIT => compute::configure(machine, element)?,
        "lsbootDevPrecision" if dn == boot::PRECISE => boot::configure_order(machine, element)?,
        "oneTimePrecisionBootDevice" => boot::configure_one_time(machine, element)?,
        "lsbootBootSecurity" => boot::configure_security(machine, element)?,
        "lsbootDef" | "biosSettings" | "topSystem" | "commSvcEp" | "computeBoard" | "biosUnit" => {}
        "commVMedia" => media::configure_service(machine, element)?,
        "commVMediaMap" => media::configure_map(call, machine, element, dn)?,
        "commRedfish" => service::configure_redfish(machine, element)?,
        class if class.starts_with("storage") => storage::configure(machine, element, dn)?,
        class if super::precise::kind_of(class).is_some() => boot::configure_device(machine, element, dn)?,
        class if bios::is_token(class) => bios::configure(machine, element, dn)?,
        class => {
            return Err(Refusal::schema(format!("no class named '{class}' at '{dn}' can be configured")));
        }
    }
    element.children.iter().try_for_each(|child| {
        let nameless = || Refusal::schema(format!("Element '{}': neither dn nor rn.", child.name));
        let own = match (child.get("dn"), child.get("rn")) {
            (Some(own), _) => own.to_owned(),
            (None, Some(rn)) => format!("{dn}/{rn}"),
            (None, None) => format!("{dn}/{}", relative_name(child).ok_or_else(nameless)?),
        };
        if !own.starts_with(&format!("{dn}/")) {
            return Err(Refusal::operation(format!("{own} is not below {dn}")));
        }
        apply(call, machine, child, &own)
    })
}

fn relative_name(element: &Element) -> Option<String> {
    boot::relative_name(element)
        .or_else(|| media::relative_name(element))
        .or_else(|| bios::relative_name(element))
}

/// What can be written and is never shown.
const WRITTEN_ONLY: [&str; 16] = [
    "dn",
    "rn",
    "status",
    "childAction",
    "adminAction",
    "adminState",
    "lowPowerUsb",
    "driveGroup",
    "raidLevel",
    "size",
    "virtualDriveName",
    "accessPolicy",
    "readPolicy",
    "cachePolicy",
    "diskCachePolicy",
    "writePolicy",
];

/// An object that is there has the attributes that it shows, and some that are only written.
fn check_attributes(call: &Call, machine: &Machine, element: &Element, dn: &str) -> Result<(), Refusal> {
    let tree = tree(call, machine);
    let creatable = element.name == "commVMediaMap" || super::precise::kind_of(&element.name).is_some();
    let Some(object) = tree.find(dn) else {
        let missing = || Refusal::operation(format!("there is no object {dn}"));
        return if creatable { Ok(()) } else { Err(missing()) };
    };
    if object.class != element.name {
        return Err(Refusal::schema(format!("'{dn}' is no {}", element.name)));
    }
    let known = |name: &str| {
        object.shows(name)
            || WRITTEN_ONLY.contains(&name)
            || matches!(name, "stripSize" | "secureVd" | "vdInitType")
    };
    match element.attributes.iter().find(|(name, _)| !known(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let class = &element.name;
            Err(Refusal::schema(format!(
                "Element '{class}', attribute '{name}': The attribute is not allowed."
            )))
        }
    }
}

/// A login that was refused before the API saw it.
pub(super) fn problem(call: &Call, problem: &Problem) -> Option<Reply> {
    match problem {
        Problem::Login(why) if call.path.trim_end_matches('/') == PATH => Some(refused_login(*why)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
