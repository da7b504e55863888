//! Virtual media: the slots of a BMC and what is in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Credentials, Fut, Outcome};

/// Virtual media of one System or Manager.
///
/// ```
/// # use rackhand_bmc::{Bmc, MediaImage, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let image = MediaImage { url: "https://192.0.2.1/image.iso".to_owned(), credentials: None };
/// let (slot, _) = bmc.mount(&image).await?; // Chooses a slot, clears it, inserts, and waits until it is attached.
/// println!("in {}", slot.name);
/// bmc.clear_slot(&slot.id).await?;
/// # Ok(())
/// # }
/// ```
pub trait VirtualMedia: Send + Sync {
    /// Reads every slot, best for booting an optical image first. A slot that cannot boot an ISO on this vendor and
    /// generation comes last, or has `can_insert` false.
    fn slots(&self) -> Fut<'_, Vec<MediaSlot>>;

    /// The slot that an earlier connection chose, if one is remembered. Sends nothing.
    fn remembered(&self) -> Option<RememberedSlot> {
        None
    }

    /// Reads one slot. One request.
    fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, MediaSlot>;

    /// Inserts an image. The answer is no proof: some BMCs accept at once and attach later, or never (CIMC, iLO).
    fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome>;

    /// Ejects. Of a slot that is empty already it makes no error, whether the BMC accepts that or refuses it.
    fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome>;
}

/// A slot's name within its BMC: the resource's URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlotId(pub String);

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A slot that an earlier connection chose for an ISO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedSlot {
    /// Its name within the BMC.
    pub id: SlotId,
    /// Whether this BMC is known to refuse an insert into a slot that holds something, so that nothing can be pushed
    /// out by inserting without looking.
    pub refuses_when_full: bool,
}

/// What a slot can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MediaType {
    /// Compact disc.
    Cd,
    /// DVD. Some BMCs name only this one.
    Dvd,
    /// Floppy.
    Floppy,
    /// USB stick.
    UsbStick,
    /// Anything else, as the BMC spells it.
    Other(String),
}

impl MediaType {
    /// The type that Redfish spells so, without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "cd" => Self::Cd,
            "dvd" => Self::Dvd,
            "floppy" => Self::Floppy,
            "usbstick" => Self::UsbStick,
            _ => Self::Other(name.to_owned()),
        }
    }
}

/// A slot as observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaSlot {
    /// Its name within the BMC.
    pub id: SlotId,
    /// The name people see.
    pub name: String,
    /// What it can hold. Empty when the BMC does not say.
    pub media_types: Vec<MediaType>,
    /// What the BMC says of `Inserted`. Stale after an eject on several BMCs, so never believed alone.
    pub inserted: Option<bool>,
    /// The image's URL. Absent, null and empty all mean none.
    pub image: Option<String>,
    /// Whether the BMC shows it as connected (`ConnectedVia`). `None` when it does not say.
    pub connected: Option<bool>,
    /// Whether an image can be inserted by URL here.
    pub can_insert: bool,
    /// What the BMC says is wrong with the slot or its last mapping, if anything.
    pub problem: Option<String>,
}

impl MediaSlot {
    /// Whether the slot is empty: nothing names an image and it is not said to be inserted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.image.is_none() && self.inserted != Some(true)
    }

    /// Whether `url` is in the slot and attached, as far as the BMC shows it.
    #[must_use]
    pub fn holds(&self, url: &str) -> bool {
        self.inserted == Some(true) && self.connected != Some(false) && self.image.as_deref() == Some(url)
    }

    /// Whether an ISO image fits: a CD or DVD slot, or one that does not say what it takes.
    #[must_use]
    pub fn is_optical(&self) -> bool {
        self.media_types.is_empty()
            || self.media_types.iter().any(|t| matches!(t, MediaType::Cd | MediaType::Dvd))
    }
}

/// An image to insert.
#[derive(Debug, Clone)]
pub struct MediaImage {
    /// Its URL as the BMC must see it.
    pub url: String,
    /// Credentials for the share, where it needs them.
    pub credentials: Option<Credentials>,
}
