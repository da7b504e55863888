//! Arguments of `bmc … storage`.

use clap::{Subcommand, ValueEnum};

/// What `bmc … storage` does.
#[derive(Debug, Clone, Subcommand)]
pub enum StorageCommand {
    /// List controllers, drives and volumes.
    List,
    /// Make a volume of drives that are free.
    Create {
        /// Its name: what it is found again by; 15 characters at most.
        name: String,
        /// RAID0, RAID1, RAID5, RAID6, RAID10, RAID50 or RAID60.
        #[arg(long, value_name = "LEVEL")]
        raid: String,
        /// A drive that it is made of; give one for each.
        #[arg(long = "drive", value_name = "DRIVE", required = true)]
        drives: Vec<String>,
        /// Its size in GiB; all the room there is by default.
        #[arg(long, value_name = "GIB")]
        size: Option<u64>,
    },
    /// Delete a volume, with all that is on it.
    Delete {
        /// Its name.
        volume: String,
        /// Its name again, to say that this one is meant.
        #[arg(long, value_name = "VOLUME")]
        yes_delete: Option<String>,
    },
    /// Initialise a volume; what is on it is lost.
    Init {
        /// Its name.
        volume: String,
        /// All of it, not the first and last blocks alone.
        #[arg(long)]
        slow: bool,
        /// Its name again, to say that this one is meant.
        #[arg(long, value_name = "VOLUME")]
        yes_init: Option<String>,
    },
    /// Make drives usable in volumes, or hand them to the host as they are; what is on them may be lost.
    Convert {
        /// The drives.
        #[arg(required = true)]
        drives: Vec<String>,
        /// raid or non-raid.
        #[arg(long, value_enum, hide_possible_values = true)]
        to: DriveTarget,
        /// A drive's name again, to say that it is meant; give one for each.
        #[arg(long, value_name = "DRIVE")]
        yes_convert: Vec<String>,
    },
    /// Make a free drive a spare.
    Spare {
        /// The drive.
        drive: String,
        /// The volume it is for; every volume by default.
        #[arg(long, value_name = "VOLUME")]
        volume: Option<String>,
    },
    /// Erase a drive beyond recovery.
    Erase {
        /// The drive.
        drive: String,
        /// Its name again, to say that this one is meant.
        #[arg(long, value_name = "DRIVE")]
        yes_erase: Option<String>,
    },
}

/// What drives are converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DriveTarget {
    /// Usable in volumes.
    Raid,
    /// Handed to the host as they are.
    NonRaid,
}
