//! Power: an action soon after another is refused.

use http::StatusCode;
use serde_json::Value;

use super::facts::Generation;
use super::{SYSTEM, messages};
use crate::log::millis;
use crate::machine::{Machine, Power, PowerProblem};
use crate::personality::standard::system;
use crate::web::{Call, Problem, Reply, Table, call};

/// How long after a power action the next one is refused, in milliseconds.
const BUSY: u64 = 3_000;
/// Where the machine keeps when the last power action was.
const LAST: &str = "power-action-ms";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, generation: Generation) {
    table.post(&format!("{SYSTEM}/Actions/ComputerSystem.Reset"), reset);
    let facts = generation.facts();
    table.post(&facts.action(SYSTEM, "ComputerSystemExt.PowerButton"), power_button);
    table.post(&facts.action(SYSTEM, "ComputerSystemExt.SystemReset"), system_reset);
}

/// Runs `act` unless another power action was carried out a moment ago.
fn unless_busy(
    call: &Call,
    machine: &mut Machine,
    act: impl FnOnce(&mut Machine) -> Result<(), Problem>,
) -> Result<Reply, Problem> {
    let now = millis(machine.now());
    let last = machine.oem.get(LAST).and_then(Value::as_u64);
    let busy = last.is_some_and(|last| now.saturating_sub(last) < BUSY);
    if busy && call.cell.quirks.has("busy-after-power") {
        return Err(Problem::Power(PowerProblem::Busy));
    }
    act(machine)?;
    machine.oem.insert(LAST.into(), now.into());
    Ok(messages::success(call))
}

fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let kind = call::text(&call.object()?, "ResetType")?.unwrap_or_default();
    call.summary(format!("Reset {kind}"));
    unless_busy(call, machine, |machine| system::reset(call, machine).map(drop))
}

fn power_button(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "PushType";
    let kind = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("PowerButton {kind}"));
    let reset = match kind.as_str() {
        "Press" => "PushPowerButton",
        "PressAndHold" => "ForceOff",
        _ => return Err(Problem::ParameterValue(name.into(), kind.into())),
    };
    unless_busy(call, machine, |machine| machine.reset(reset).map_err(Problem::Power))
}

fn system_reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "ResetType";
    let kind = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("SystemReset {kind}"));
    match kind.as_str() {
        "ColdBoot" => {
            unless_busy(call, machine, |machine| machine.reset("ForceRestart").map_err(Problem::Power))
        }
        "AuxCycle" if Generation::of(call) == Generation::Four => {
            Err(Problem::ParameterValue(name.into(), kind.into()))
        }
        "AuxCycle" if machine.power() != Power::Off => {
            Ok(messages::done(call, messages::own(call, "SystemPowerOffRequired", &[]))
                .with_status(StatusCode::BAD_REQUEST))
        }
        "AuxCycle" => Ok(messages::done(call, messages::own(call, "ResetInProgress", &[]))),
        _ => Err(Problem::ParameterValue(name.into(), kind.into())),
    }
}
