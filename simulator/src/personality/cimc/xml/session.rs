//! Sessions of the XML API: cookies in the machine's own session table.
//!
//! A cookie begins with the second at which it was given out. It is good for the refresh period; a refresh gives out
//! another and ends the old one.

use rand::RngCore as _;

use super::element::Element;
use super::refusal::Refusal;
use crate::chance;
use crate::machine::Machine;
use crate::web::Call;

/// `outRefreshPeriod` in seconds.
pub(super) const PERIOD: i64 = 600;

/// Whether a token is a cookie of this API, and not of Redfish.
pub(in crate::personality::cimc) fn is_cookie(token: &str) -> bool {
    token.contains('/')
}

fn second(call: &Call, machine: &Machine) -> i64 {
    call.cell.world.clock.date(machine.now()).as_second()
}

fn fresh_cookie(call: &Call, machine: &mut Machine) -> String {
    let purpose = format!("cookie {} of {}", machine.next_number(), machine.name);
    let mut bytes = [0; 16];
    chance::rng(call.cell.world.seed, &purpose).fill_bytes(&mut bytes);
    format!("{}/{}", second(call, machine), crate::tls::hex(&bytes))
}

fn required<'a>(request: &'a Element, name: &str) -> Result<&'a str, Refusal> {
    let missing = || {
        let method = &request.name;
        Refusal::schema(format!("Element '{method}': the attribute '{name}' is required but missing."))
    };
    request.get(name).ok_or_else(missing)
}

/// `Id` of the session that a cookie is of; it counts as used. One that was not refreshed in time ends here.
fn session_of(call: &Call, machine: &mut Machine, cookie: &str) -> Option<String> {
    let id = machine.sessions.iter().find(|one| is_cookie(cookie) && one.token == cookie)?.id.clone();
    let given: Option<i64> = cookie.split('/').next().and_then(|second| second.parse().ok());
    let age = given.map_or(i64::MAX, |given| second(call, machine) - given);
    if age >= PERIOD && call.cell.quirks.has("cookie-needs-refresh") {
        machine.close_session(&id);
        return None;
    }
    machine.use_session(cookie)?;
    Some(id)
}

/// Who asks with this cookie has to be logged in.
///
/// # Errors
/// When nobody is.
pub(super) fn admit(call: &Call, machine: &mut Machine, cookie: &str) -> Result<(), Refusal> {
    session_of(call, machine, cookie).map(|_| ()).ok_or_else(Refusal::no_session)
}

fn welcome(method: &str, machine: &Machine, cookie: &str, id: &str) -> Element {
    Element::new(method)
        .with("cookie", "")
        .with("response", "yes")
        .with("outCookie", cookie)
        .with("outRefreshPeriod", PERIOD.to_string())
        .with("outPriv", "admin,read-only,user")
        .with("outSessionId", id)
        .with("outVersion", machine.hardware.bmc_version.as_str())
}

/// `aaaLogin`.
///
/// # Errors
/// A refused login, a full session table.
pub(super) fn log_in(call: &Call, machine: &mut Machine, request: &Element) -> Result<Element, Refusal> {
    let (user, password) = (required(request, "inName")?, required(request, "inPassword")?);
    let cookie = fresh_cookie(call, machine);
    let session = machine.open_session(user, password, cookie).map_err(Refusal::login)?;
    Ok(welcome("aaaLogin", machine, &session.token, &session.id))
}

/// `aaaRefresh`: another cookie for the same session.
///
/// # Errors
/// A cookie of no session, wrong credentials.
pub(super) fn refresh(call: &Call, machine: &mut Machine, request: &Element) -> Result<Element, Refusal> {
    let before = required(request, "inCookie")?;
    let (user, password) = (required(request, "inName")?, required(request, "inPassword")?);
    let id = session_of(call, machine, before).ok_or_else(Refusal::no_session)?;
    machine.check_login(user, password).map_err(Refusal::login)?;
    let cookie = fresh_cookie(call, machine);
    if let Some(session) = machine.sessions.iter_mut().find(|one| one.id == id) {
        session.token.clone_from(&cookie);
    }
    Ok(welcome("aaaRefresh", machine, &cookie, &id))
}

/// `aaaLogout`.
///
/// # Errors
/// A cookie of no session.
pub(super) fn log_out(call: &Call, machine: &mut Machine, request: &Element) -> Result<Element, Refusal> {
    let cookie = required(request, "inCookie")?;
    let id = session_of(call, machine, cookie).ok_or_else(Refusal::nothing_to_end)?;
    machine.close_session(&id);
    Ok(Element::new("aaaLogout").with("cookie", "").with("response", "yes").with("outStatus", "success"))
}
