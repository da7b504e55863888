//! The image store: from a source to an image whose digest is known.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use url::Url;

use crate::{
    Image, ImageError, Sha256Digest, Source,
    fetch::{Fetcher, named},
    image::{FileKey, content_name},
};

/// How images are fetched.
#[derive(Clone)]
pub struct FetchSettings {
    /// Trust in the servers that images come from.
    pub tls: rustls::ClientConfig,
    /// A proxy's URL for all fetches; None goes direct.
    pub proxy: Option<Url>,
    /// How long connecting may take, and how long a fetch may stand still before it is given up.
    pub stall: Duration,
    /// How long what was fetched is used without asking its server whether it has changed.
    /// Not asked at all when a digest is given and matches.
    pub fresh: Duration,
}

impl FetchSettings {
    /// No proxy; a minute without a byte ends a fetch; ten minutes of freshness, so that many nodes that start
    /// together share one fetch.
    #[must_use]
    pub fn new(tls: rustls::ClientConfig) -> Self {
        Self { tls, proxy: None, stall: Duration::from_secs(60), fresh: Duration::from_secs(600) }
    }
}

impl fmt::Debug for FetchSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchSettings")
            .field("stall", &self.stall)
            .field("fresh", &self.fresh)
            .finish_non_exhaustive()
    }
}

/// Turns sources into images. One per process: it remembers digests and fetches.
#[derive(Debug)]
pub struct ImageStore {
    fetcher: Fetcher,
    fresh: Duration,
    digests: Mutex<BTreeMap<(PathBuf, FileKey), Sha256Digest>>,
    /// Per URL, held during its fetch: many nodes that want the same image wait for one fetch.
    fetched: Mutex<BTreeMap<Url, Arc<tokio::sync::Mutex<Option<Instant>>>>>,
}

impl ImageStore {
    /// A store that keeps what it fetches in `cache`, which is made when it is first needed.
    ///
    /// # Errors
    /// When no HTTP client can be made of the settings.
    pub fn new(cache: PathBuf, settings: FetchSettings) -> Result<Self, ImageError> {
        let fresh = settings.fresh;
        Ok(Self {
            fetcher: Fetcher::new(cache, settings)?,
            fresh,
            digests: Mutex::default(),
            fetched: Mutex::default(),
        })
    }

    /// The image of `source`. With `expected` its digest is compared, otherwise taken.
    ///
    /// # Errors
    /// When it cannot be had, or its digest is another one than `expected`.
    pub async fn get(&self, source: &Source, expected: Option<Sha256Digest>) -> Result<Image, ImageError> {
        let image = match source {
            Source::Path(path) => self.open(path, content_name(path)).await?,
            Source::Url(url) => self.fetch(url, expected).await?,
        };
        match expected {
            Some(expected) if expected != image.sha256 => {
                Err(ImageError::Digest { source_name: source.to_string(), expected, found: image.sha256 })
            }
            _ => Ok(Image { verified: expected.is_some(), ..image }),
        }
    }

    async fn fetch(&self, url: &Url, expected: Option<Sha256Digest>) -> Result<Image, ImageError> {
        let turn = {
            let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            fetched.entry(named(url)).or_default().clone()
        };
        let mut last = turn.lock().await;
        let name = content_name(Path::new(url.path()));
        let cached = self.fetcher.place(url);
        if let Ok(image) = self.open(&cached, name.clone()).await {
            let is_fresh = last.is_some_and(|last| last.elapsed() < self.fresh);
            if expected == Some(image.sha256) || (is_fresh && expected.is_none()) {
                return Ok(image);
            }
            let whole = self.fetcher.noted(&cached) == Some(image.sha256);
            if url.fragment().is_some() && whole && expected.is_none() {
                // Another image would have another name, so its server need not be asked.
                return Ok(image);
            }
            if self.fetcher.noted(&cached) != Some(image.sha256) {
                // Damaged since it was fetched, so its server must not be asked whether it is still the same.
                self.fetcher.forget(&cached)?;
            }
        }
        if let Some(sha256) = self.fetcher.refresh(url).await? {
            let (_, key) = open_file(&cached)?;
            self.digests().insert((cached.clone(), key), sha256);
        }
        *last = Some(Instant::now());
        self.open(&cached, name).await
    }

    /// Opens a file and takes its digest, off the async threads because a gigabyte takes seconds.
    async fn open(&self, path: &Path, name: String) -> Result<Image, ImageError> {
        let owned = path.to_owned();
        let (file, key) = blocking(path, move || open_file(&owned)).await?;
        let known = self.digests().get(&(path.to_owned(), key)).copied();
        let sha256 = match known {
            Some(sha256) => sha256,
            None => {
                let (owned, reading) = (path.to_owned(), file.clone());
                let sha256 = blocking(path, move || digest_of(&owned, &reading, key)).await?;
                self.digests().insert((path.to_owned(), key), sha256);
                sha256
            }
        };
        Ok(Image { path: path.to_owned(), size: key.size, sha256, verified: false, name, file, key })
    }

    fn digests(&self) -> std::sync::MutexGuard<'_, BTreeMap<(PathBuf, FileKey), Sha256Digest>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ImageError::File { path: path.to_owned(), reason: error.to_string() }))
}

fn open_file(path: &Path) -> Result<(Arc<File>, FileKey), ImageError> {
    let no_image = |what| ImageError::NoImage { path: path.to_owned(), what };
    // Looked at before it is opened, because opening a named pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(|error| ImageError::file(path, &error))?;
    if metadata.is_dir() {
        return Err(no_image("a directory"));
    }
    if !metadata.is_file() {
        return Err(no_image("a device, socket or pipe"));
    }
    let file = File::open(path).map_err(|error| ImageError::file(path, &error))?;
    let key = FileKey::of(&file.metadata().map_err(|error| ImageError::file(path, &error))?);
    if key.size == 0 { Err(no_image("an empty file")) } else { Ok((Arc::new(file), key)) }
}

fn digest_of(path: &Path, file: &File, key: FileKey) -> Result<Sha256Digest, ImageError> {
    let (sha256, size) = Sha256Digest::of_reader(file).map_err(|error| ImageError::file(path, &error))?;
    let after = file.metadata().map_err(|error| ImageError::file(path, &error))?;
    if size != key.size || FileKey::of(&after) != key {
        let reason = "it changed while its digest was taken; try again when it is complete".to_owned();
        return Err(ImageError::File { path: path.to_owned(), reason });
    }
    Ok(sha256)
}
