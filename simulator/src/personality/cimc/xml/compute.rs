//! The server: its power, its identity, its firmware.

use std::time::Duration;

use super::element::Element;
use super::object::Object;
use super::refusal::Refusal;
use super::{bios, boot, storage};
use crate::machine::{Machine, PowerProblem};
use crate::personality::cimc::serial;
use crate::personality::standard::system::power_state;
use crate::web::Call;

/// The server.
pub(super) const UNIT: &str = "sys/rack-unit-1";
/// How long the BMC is gone when it is reset.
const BMC_GONE: Duration = Duration::from_secs(90);

/// The server with everything in it.
pub(super) fn object(call: &Call, machine: &Machine) -> Object {
    let (hardware, identity) = (&machine.hardware, &machine.identity);
    // The words of biosPostState are this simulator's.
    let post = if machine.post() == crate::machine::Post::Done { "completed" } else { "not-completed" };
    let cores: u32 = hardware.inventory.processors.iter().map(|one| one.cores).sum();
    let memory = (u64::from(hardware.memory_gib) * 1024).to_string();
    Object::new("computeRackUnit", UNIT)
        .with("adminPower", "policy")
        .with("availableMemory", memory.as_str())
        .with("biosPostState", post)
        .with("model", hardware.model.as_str())
        .with("name", hardware.model.as_str())
        .with("numOfCores", cores.to_string())
        .with("numOfCpus", hardware.processors.to_string())
        .with("operPower", power_state(machine).to_ascii_lowercase())
        .with("originalUuid", identity.uuid.to_ascii_uppercase())
        .with("presence", "equipped")
        .with("serial", serial(identity))
        .with("serverId", "1")
        .with("totalMemory", memory)
        .with("usrLbl", label(machine))
        .with("uuid", identity.uuid.to_ascii_uppercase())
        .with("vendor", "Cisco Systems Inc")
        .holding([bios_unit(machine), board(call, machine), controller(machine)])
        .holding(boot::objects(machine))
}

fn label(machine: &Machine) -> &str {
    machine.oem.get("usrLbl").and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn running(dn: String, kind: &'static str, version: &str) -> Object {
    Object::new("firmwareRunning", dn)
        .with("deployment", "system")
        .with("type", kind)
        .with("version", version)
}

fn bios_unit(machine: &Machine) -> Object {
    let dn = format!("{UNIT}/bios");
    Object::new("biosUnit", dn.as_str())
        .with("model", machine.hardware.model.as_str())
        .with("vendor", "Cisco Systems, Inc.")
        .holding([running(format!("{dn}/fw-boot-loader"), "blade-bios", &machine.hardware.bios_version)])
        .holding(bios::objects(machine))
}

fn board(call: &Call, machine: &Machine) -> Object {
    let dn = format!("{UNIT}/board");
    Object::new("computeBoard", dn.as_str()).with("id", "1").holding(storage::objects(call, machine))
}

fn controller(machine: &Machine) -> Object {
    let dn = format!("{UNIT}/mgmt");
    Object::new("mgmtController", dn.as_str())
        .with("model", machine.hardware.bmc_model.as_str())
        .with("serial", serial(&machine.identity))
        .holding([running(format!("{dn}/fw-system"), "blade-controller", &machine.hardware.bmc_version)])
}

/// `computeRackUnit`: a power action, or a label.
///
/// # Errors
/// An action that there is not, or that is not possible now.
pub(super) fn configure(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    if let Some(label) = element.get("usrLbl") {
        machine.oem.insert("usrLbl".into(), label.into());
    }
    let Some(action) = element.get("adminPower") else { return Ok(()) };
    let reset = match action {
        "policy" => return Ok(()),
        "up" => "On",
        "down" => "ForceOff",
        "soft-shut-down" => "GracefulShutdown",
        "cycle-immediate" => "PowerCycle",
        "hard-reset-immediate" => "ForceRestart",
        "diagnostic-interrupt" => "Nmi",
        "cmos-reset-immediate" => {
            machine.reset_bios();
            return Ok(());
        }
        "bmc-reset-immediate" => {
            machine.restart_bmc(BMC_GONE);
            return Ok(());
        }
        "bmc-reset-default" => {
            // Everything that was set in the BMC; accounts and addresses stay, or nobody would find it again.
            machine.oem.clear();
            machine.restart_bmc(BMC_GONE);
            return Ok(());
        }
        _ => return Err(Refusal::value(element, "adminPower")),
    };
    machine.reset(reset).map_err(|problem| power(&problem))
}

/// A restart of the host, as `rebootOnUpdate` asks for one; a host that is off boots when it is switched on.
///
/// # Errors
/// When a power action is under way.
pub(super) fn reboot(machine: &mut Machine) -> Result<(), Refusal> {
    match machine.power() {
        crate::machine::Power::On => machine.reset("ForceRestart").map_err(|problem| power(&problem)),
        _ => Ok(()),
    }
}

fn power(problem: &PowerProblem) -> Refusal {
    match problem {
        PowerProblem::UnknownType => Refusal::operation("the server does not know this power action"),
        PowerProblem::Already(power) => {
            Refusal::operation(format!("the server's power is {} already", power.word()))
        }
        PowerProblem::Busy => Refusal::operation("another power action is under way"),
    }
}
