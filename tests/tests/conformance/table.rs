//! The matrix as people read it.

use std::{collections::BTreeMap, fmt::Write as _};

use rackhand_bmc::Operation;

use crate::Verdict;

/// Personalities whose real counterpart was recorded, so that the driver's reads are held against its answers
/// (`tests/tests/recorded`).
const RECORDED: [&str; 8] = ["idrac9", "idrac9-7", "ilo5", "ilo6", "ilo7", "supermicro", "lenovo", "openbmc"];

/// What a recording can bear out.
const READS: [Operation; 8] = [
    Operation::PowerRead,
    Operation::BiosRead,
    Operation::BiosPendingRead,
    Operation::InventoryRead,
    Operation::StorageRead,
    Operation::FirmwareRead,
    Operation::LogsRead,
    Operation::SensorsRead,
];

/// What is done to PyPI's sushy-tools by the driver (`tests/peers/sushy_emulator.py`).
const BY_PEER: [Operation; 4] =
    [Operation::PowerRead, Operation::PowerOn, Operation::BootCdOnce, Operation::MediaInsertHttp];

/// The best ground that a `yes` stands on: a recorded machine, a third party's service, or our own simulator alone.
fn evidence(operation: Operation, personality: &str) -> char {
    match () {
        () if RECORDED.contains(&personality) && READS.contains(&operation) => 'r',
        () if personality == "sushy" && BY_PEER.contains(&operation) => 'p',
        () => 's',
    }
}

/// Operations down, personalities across, reasons below.
pub(crate) fn matrix(names: &[&str], cells: &BTreeMap<(Operation, &str), Verdict>) -> String {
    let mut text = format!("{:20}", "");
    for name in names {
        let _ = write!(text, " {name:>10}");
    }
    text.push('\n');
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for operation in Operation::ALL {
        let _ = write!(text, "{:20}", format!("{operation:?}"));
        for name in names {
            let (word, reason) = match &cells[&(operation, *name)] {
                Verdict::Works => (format!("yes {}", evidence(operation, name)), None),
                Verdict::No(why) => ("-".to_owned(), Some(format!("no: {why}"))),
                Verdict::Unverified(source) => ("?".to_owned(), Some(format!("unverified: {source}"))),
                Verdict::Fails(why) => ("FAILS".to_owned(), Some(format!("fails: {why}"))),
            };
            let note = reason.map(|reason| note(&mut reasons, reason, format!("{operation:?} on {name}")));
            let _ = write!(text, " {:>10}", note.map_or(word.clone(), |note| format!("{word}{note}")));
        }
        text.push('\n');
    }
    text.push('\n');
    for (number, (reason, _)) in (1..).zip(&reasons) {
        let _ = writeln!(text, "{number:>3}  {reason}");
    }
    text
}

/// The number of a reason; the same reason has one.
fn note(reasons: &mut Vec<(String, Vec<String>)>, reason: String, place: String) -> usize {
    if let Some(at) = reasons.iter().position(|(known, _)| *known == reason) {
        reasons[at].1.push(place);
        return at + 1;
    }
    reasons.push((reason, vec![place]));
    reasons.len()
}
