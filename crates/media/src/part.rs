//! A part of an image: a file that lies in an ISO, served out of the ISO's own open file.

use std::{fs::File, ops::Range, sync::Arc};

use sha2::{Digest, Sha256};

use crate::Image;

/// Bytes of an image that are served as a file of their own. Nothing is copied out of the image.
#[derive(Debug, Clone)]
pub struct Part {
    image: Image,
    range: Range<u64>,
}

impl Part {
    /// All of an image.
    #[must_use]
    pub fn whole(image: Image) -> Self {
        let range = 0..image.size;
        Self { image, range }
    }

    /// These bytes of an image; None when it has not got them, or there are none.
    pub(crate) fn of(image: &Image, range: Range<u64>) -> Option<Self> {
        let inside = range.start < range.end && range.end <= image.size;
        inside.then(|| Self { image: image.clone(), range })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// The image that it is a part of.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Where in the image's file it lies.
    pub(crate) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    pub(crate) fn file(&self) -> Arc<File> {
        self.image.file.clone()
    }

    /// Whether the image's file is still the one whose digest was taken.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.image.is_unchanged()
    }

    /// Whether `other` has the same bytes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.image.sha256 == other.image.sha256 && self.range == other.range
    }

    /// A strong validator. That of a part follows from the image's digest and the part's place, since its own digest
    /// would cost reading all of it.
    pub(crate) fn etag(&self) -> String {
        let digest = self.image.sha256.to_string();
        let text = if self.range == (0..self.image.size) {
            digest
        } else {
            let place = format!("{digest} {}-{}", self.range.start, self.range.end);
            Sha256::digest(place).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        format!("\"{}\"", text.get(..32).unwrap_or_default())
    }
}
