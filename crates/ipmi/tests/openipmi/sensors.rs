//! Sensors.

/// Commands that give a controller sensors.
pub(crate) fn emulation() -> String {
    String::new()
}
