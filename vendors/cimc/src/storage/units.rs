//! How the XML API and Cisco's Redfish write sizes, levels and states.

use rackhand_bmc::{DriveState, RaidLevel};

/// Bytes of a size as the API writes it: `952720 MB`, binary units (SDK).
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) =
        text.split_at_checked(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))?;
    let shift = match unit.trim().to_ascii_uppercase().as_str() {
        "B" => 0,
        "KB" => 10,
        "MB" | "" => 20,
        "GB" => 30,
        "TB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Mebibytes of a number of bytes, as the API wants a size.
pub(crate) fn megabytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// A level as the API shows it (`RAID 1`).
pub(crate) fn level(text: &str) -> RaidLevel {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    RaidLevel::parse(&squeezed)
}

/// A level as the API wants it.
pub(crate) fn level_name(level: &RaidLevel) -> Option<&str> {
    level.as_str().strip_prefix("RAID").filter(|_| !matches!(level, RaidLevel::Other(_)))
}

/// What a drive is used for, as `Oem.Cisco.DriveState` (`UnConfiguredGood`) and `pdStatus` (`Unconfigured Good`) say it.
/// The volumes of one that is online are filled in by the caller.
pub(crate) fn state(text: Option<&str>) -> DriveState {
    let squeezed = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let Some(text) = text.map(squeezed) else { return DriveState::Unknown };
    match text.as_str() {
        "unconfiguredgood" | "ready" => DriveState::Ready,
        "online" | "optimal" | "rebuild" | "rebuilding" | "copyback" => DriveState::InVolume(Vec::new()),
        "jbod" => DriveState::NonRaid,
        "failed" | "offline" | "unconfiguredbad" | "predictivefailure" | "missing" => DriveState::Failed,
        other if other.contains("foreign") => DriveState::Foreign,
        other if other.contains("hotspare") => DriveState::Spare,
        _ => DriveState::Unknown,
    }
}

/// How a level's drives are divided: the number of spans, and the drives of each that hold no data of their own. `None`
/// when that many drives do not make the level.
pub(crate) fn layout(level: &RaidLevel, drives: usize) -> Option<(usize, usize)> {
    let divisible = |spans: usize, least: usize| drives.is_multiple_of(spans) && drives / spans >= least;
    Some(match level {
        RaidLevel::Raid0 if drives >= 1 => (1, 0),
        RaidLevel::Raid1 if drives >= 2 && drives.is_multiple_of(2) => (1, drives / 2),
        RaidLevel::Raid5 if drives >= 3 => (1, 1),
        RaidLevel::Raid6 if drives >= 3 => (1, 2),
        RaidLevel::Raid10 if drives >= 4 && drives.is_multiple_of(2) => (drives / 2, 1),
        RaidLevel::Raid50 if divisible(2, 3) => (2, 1),
        RaidLevel::Raid60 if divisible(2, 3) => (2, 2),
        _ => return None,
    })
}

/// The drives of a volume as the API wants them: `[1,2][3,4]`, a bracket for each span.
pub(crate) fn group(drives: &[u32], spans: usize) -> String {
    let each = (drives.len() / spans.max(1)).max(1);
    let span = |drives: &[u32]| {
        let numbers: Vec<String> = drives.iter().map(u32::to_string).collect();
        format!("[{}]", numbers.join(","))
    };
    drives.chunks(each).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        assert_eq!(bytes("952720 MB"), Some(952_720 << 20));
        assert_eq!(bytes("1 TB"), Some(1 << 40));
        assert_eq!(bytes("12"), Some(12 << 20));
        assert_eq!(bytes("18446744073709551615 MB"), None);
        assert_eq!(bytes("Unknown"), None);
        assert_eq!(megabytes(952_720 << 20), 952_720);
    }

    #[test]
    fn states_are_known_in_both_spellings() {
        for (text, expected) in [
            ("UnConfiguredGood", DriveState::Ready),
            ("Unconfigured Good", DriveState::Ready),
            ("Online", DriveState::InVolume(Vec::new())),
            ("Jbod", DriveState::NonRaid),
            ("Foreign Configuration", DriveState::Foreign),
            ("Dedicated Hot Spare", DriveState::Spare),
            ("Unconfigured Bad", DriveState::Failed),
            ("Sleeping", DriveState::Unknown),
        ] {
            assert_eq!(state(Some(text)), expected, "{text}");
        }
        assert_eq!(state(None), DriveState::Unknown);
    }

    #[test]
    fn drives_are_divided_into_spans() {
        let drives = [1, 2, 3, 4, 5, 6];
        let shown = |level: RaidLevel, count: usize| {
            layout(&level, count).map(|(spans, lost)| (group(&drives[..count], spans), lost))
        };
        assert_eq!(shown(RaidLevel::Raid1, 2), Some(("[1,2]".to_owned(), 1)));
        assert_eq!(shown(RaidLevel::Raid10, 4), Some(("[1,2][3,4]".to_owned(), 1)));
        assert_eq!(shown(RaidLevel::Raid50, 6), Some(("[1,2,3][4,5,6]".to_owned(), 1)));
        assert_eq!(shown(RaidLevel::Raid1, 3), None);
        assert_eq!(shown(RaidLevel::Raid10, 2), None);
        assert_eq!(shown(RaidLevel::Other("RAID3".to_owned()), 3), None);
    }

    #[test]
    fn levels_are_read_and_written() {
        assert_eq!(level("RAID 10"), RaidLevel::Raid10);
        assert_eq!(level_name(&RaidLevel::Raid60), Some("60"));
        assert_eq!(level_name(&RaidLevel::Other("RAID3".to_owned())), None);
    }
}
