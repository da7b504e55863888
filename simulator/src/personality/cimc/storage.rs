//! Storage as a CIMC shows it.

use crate::machine::inventory::Volume;
use crate::machine::{Machine, Power};
use crate::web::Call;

/// Whether drives are not known yet, because the host is off.
pub(super) fn is_partial(call: &Call, machine: &Machine) -> bool {
    machine.power() == Power::Off && call.cell.quirks.has("partial-inventory-when-off")
}

/// The number of a drive or volume, which on M4 is `PD-1` or `VD-0` for Redfish.
pub(super) fn number(id: &str) -> &str {
    id.strip_prefix("PD-").or_else(|| id.strip_prefix("VD-")).unwrap_or(id)
}

/// The drives of a volume, span by span.
pub(super) fn spans(volume: &Volume) -> Vec<Vec<String>> {
    let count = volume.drives.len().max(1);
    let wide = match volume.raid {
        "RAID10" => 2,
        "RAID50" | "RAID60" => count.div_ceil(2),
        _ => count,
    };
    volume.drives.chunks(wide).map(<[String]>::to_vec).collect()
}
