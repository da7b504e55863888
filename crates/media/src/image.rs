//! An image: a file on this machine with a known size and digest.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use url::Url;

use crate::Sha256Digest;

/// Where an image comes from.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file on this machine.
    Path(PathBuf),
    /// An `http` or `https` URL. It may hold a token, so its query never appears in a message. One that ends in `#` and a name is
    /// known by that name: fetched once, though its token changes, and anew under another name.
    Url(Url),
}

impl FromStr for Source {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        if !text.starts_with("http://") && !text.starts_with("https://") {
            if let Some((scheme, _)) = text.split_once("://") {
                return Err(ImageError::Scheme { scheme: scheme.to_owned() });
            }
            return Ok(Self::Path(PathBuf::from(text)));
        }
        Url::parse(text).map(Self::Url).map_err(|error| ImageError::Url { reason: error.to_string() })
    }
}

/// A path as it is; a URL without query, user and password.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{}{}", url.origin().ascii_serialization(), url.path()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

/// An image that can be served. It keeps its file open, so that replacing the file does not change what is served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Image {
    /// Where the file is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Whether a digest was given and this is it; otherwise it was taken and is only recorded.
    pub verified: bool,
    /// Its content's name: the file name of path or URL without `.iso`.
    pub name: String,
    pub(crate) file: Arc<File>,
    pub(crate) key: FileKey,
}

impl Image {
    /// Whether the file has the mark of an ISO 9660 file system. A log-in page that was fetched instead has not.
    #[must_use]
    pub fn is_iso9660(&self) -> bool {
        let mut mark = [0; 5];
        self.file.read_exact_at(&mut mark, 0x8001).is_ok() && &mark == b"CD001"
    }

    /// Whether the open file is still the one whose digest was taken.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| FileKey::of(&metadata) == self.key)
    }
}

/// What tells that a file's content has changed, short of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileKey {
    device: u64,
    inode: u64,
    pub(crate) size: u64,
    modified: (i64, i64),
}

impl FileKey {
    pub(crate) fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The last part of a path without `.iso`, in any case.
pub(crate) fn content_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    match stem {
        Some((stem, end)) if end.eq_ignore_ascii_case(".iso") && !stem.is_empty() => stem.to_owned(),
        _ => name,
    }
}

/// Why there is no image. No message holds a URL's query, which may be a token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A scheme that is not fetched.
    #[error("an image cannot be fetched over \"{scheme}\"; give a path, or an http:// or https:// URL")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A text that is no URL.
    #[error("the image's URL cannot be read: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be opened or read.
    #[error("image {path}: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// The file is empty, or no file.
    #[error("image {path}: {what}, not an image")]
    NoImage {
        /// Which file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The digest is not the one given.
    #[error(
        "image {source_name}: its SHA-256 is {found}, but {expected} was given; it is damaged or another image, and is not served"
    )]
    Digest {
        /// Path or URL.
        source_name: String,
        /// The digest given.
        expected: Sha256Digest,
        /// The digest of what is there.
        found: Sha256Digest,
    },
    /// The URL did not give the image.
    #[error("image {source_name}: not fetched: {reason}")]
    Fetch {
        /// The URL without its query.
        source_name: String,
        /// What was seen.
        reason: String,
    },
    /// Nowhere to put it.
    #[error("image cache {path}: {reason}")]
    Cache {
        /// The cache directory.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
}

impl ImageError {
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.to_owned(), reason: error.to_string() }
    }

    /// A write that failed after `written` bytes. A full disk is the usual one and says what to do.
    pub(crate) fn cache(path: &Path, written: u64, total: Option<u64>, error: &io::Error) -> Self {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        let reason = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                format!(
                    "no room left after {written}{of} bytes ({error}); free some space or choose another cache directory"
                )
            }
            _ => format!("writing failed after {written}{of} bytes: {error}"),
        };
        Self::Cache { path: path.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_path_or_a_url_and_shows_no_token() {
        let url: Source = "https://user:pass@images.test/a/disc.iso?api_key=s3cret".parse().unwrap();
        assert_eq!(url.to_string(), "https://images.test/a/disc.iso");
        assert!(!format!("{url:?}").contains("s3cret"));
        assert_eq!("/srv/disc.iso".parse::<Source>().unwrap(), Source::Path("/srv/disc.iso".into()));
        let error = "nfs://host/disc.iso".parse::<Source>().unwrap_err().to_string();
        assert_eq!(
            error,
            "an image cannot be fetched over \"nfs\"; give a path, or an http:// or https:// URL"
        );
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = ImageError::cache(Path::new("/cache"), 7, Some(9), &io::ErrorKind::StorageFull.into())
            .to_string();
        assert!(error.starts_with("image cache /cache: no room left after 7 of 9 bytes"), "{error}");
        assert!(error.ends_with("free some space or choose another cache directory"), "{error}");
    }

    #[test]
    fn the_content_name_is_without_iso() {
        for (path, name) in
            [("/a/Disc.ISO", "Disc"), ("b.img", "b.img"), (".iso", ".iso"), ("é.iso", "é"), ("/", "")]
        {
            assert_eq!(content_name(Path::new(path)), name);
        }
    }
}
