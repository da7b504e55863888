//! How a BMC fetches the image of an update: through the same seam as its virtual media.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::cell::Cell;
use crate::fetch::{self, FetchError};
use crate::machine::Medium;
use crate::machine::firmware::UpdateProblem;

/// How much is read at once.
const CHUNK: u64 = 1024 * 1024;
/// A BMC takes no larger image.
const LARGEST: u64 = 512 * 1024 * 1024;

/// Fetches the image of the update whose job is named, and hands it to the machine.
pub async fn fetch_image(cell: Arc<Cell>, job: String) {
    let Some(source) = cell.with(|machine| machine.update_source(&job)) else { return };
    let medium = Medium { source, verify: false, generation: 0 };
    let image = read_whole(&cell, &medium).await;
    let image = image.map_err(|why| UpdateProblem::Fetch(cell.personality.firmware_error(&why)));
    cell.with(|machine| machine.image_arrived(&job, image.as_deref().map_err(Clone::clone)));
}

async fn read_whole(cell: &Cell, medium: &Medium) -> Result<Bytes, FetchError> {
    let net = cell.net();
    let size = fetch::size(net.as_ref(), medium).await?;
    if size > LARGEST {
        return Err(FetchError::Cut(format!("{size} bytes are more than this BMC takes")));
    }
    let mut image = BytesMut::new();
    let mut offset = 0;
    while offset < size {
        let length = CHUNK.min(size - offset);
        image.extend_from_slice(&fetch::read(net.as_ref(), medium, offset, length).await?);
        offset += length;
    }
    Ok(image.freeze())
}
