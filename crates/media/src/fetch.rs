//! Fetching an image into the cache directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use reqwest::{
    Client, Response, StatusCode,
    header::{ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::{FetchSettings, ImageError, Sha256Digest, Source};

/// How the names of files begin that are being fetched into.
const FETCHING: &str = "fetching-";

/// What stands beside a fetched image: the validators to ask with whether it has changed.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    sha256: Sha256Digest,
    etag: Option<String>,
    last_modified: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    cache: PathBuf,
}

impl Fetcher {
    pub(crate) fn new(cache: PathBuf, settings: FetchSettings) -> Result<Self, ImageError> {
        let wrong = |error: reqwest::Error| ImageError::Url { reason: causes(&error) };
        let mut client = Client::builder()
            .tls_backend_preconfigured(settings.tls)
            .http1_only()
            .no_proxy()
            .user_agent(concat!("rackhand/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.stall)
            .read_timeout(settings.stall);
        if let Some(proxy) = settings.proxy {
            client = client.proxy(reqwest::Proxy::all(proxy).map_err(wrong)?);
        }
        let fetcher = Self { client: client.build().map_err(wrong)?, cache };
        fetcher.sweep();
        Ok(fetcher)
    }

    /// Deletes what fetches of killed processes have left. A fetch under way, in whatever process, holds a lock on its file.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.cache) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FETCHING));
            if is_ours
                && fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an abandoned fetch cannot be deleted");
            }
        }
    }

    /// The digest that was written down when the image at `place` was fetched.
    pub(crate) fn noted(&self, place: &Path) -> Option<Sha256Digest> {
        read_note(place).map(|note| note.sha256)
    }

    /// Has the image at `place` fetched anew next time, whatever its server says.
    pub(crate) fn forget(&self, place: &Path) -> Result<(), ImageError> {
        match fs::remove_file(note_place(place)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ImageError::cache(&self.cache, 0, None, &error))
            }
            _ => Ok(()),
        }
    }

    /// Where a URL's image is kept. The name tells nothing of the URL, which may hold a token.
    pub(crate) fn place(&self, url: &Url) -> PathBuf {
        let hash = Sha256Digest::of(named(url).as_str().as_bytes()).to_string();
        let (short, _) = hash.split_at_checked(32).unwrap_or((&hash, ""));
        self.cache.join(format!("{short}.iso"))
    }

    /// Makes the cached image the one the URL leads to now: kept if the server says it is the same, fetched otherwise.
    /// A failed fetch leaves what was there before. Answers with the digest of what was fetched, None if nothing was.
    pub(crate) async fn refresh(&self, url: &Url) -> Result<Option<Sha256Digest>, ImageError> {
        let place = self.place(url);
        let failed =
            |reason: String| ImageError::Fetch { source_name: Source::Url(url.clone()).to_string(), reason };
        let conditions = validators(&place);
        let request = self.client.get(url.clone()).headers(conditions.clone());
        let response = request.send().await.map_err(|error| failed(causes(&error.without_url())))?;
        match response.status() {
            StatusCode::NOT_MODIFIED if !conditions.is_empty() => Ok(None),
            StatusCode::OK => self.keep(response, &place, failed).await.map(Some),
            status => Err(failed(format!("its server answers {status}"))),
        }
    }

    async fn keep(
        &self,
        mut response: Response,
        place: &Path,
        failed: impl Fn(String) -> ImageError,
    ) -> Result<Sha256Digest, ImageError> {
        let total = response.content_length();
        let full =
            |written: u64, error: &std::io::Error| ImageError::cache(&self.cache, written, total, error);
        fs::create_dir_all(&self.cache).map_err(|error| full(0, &error))?;
        // Deleted when dropped, so a fetch that fails or is cancelled leaves nothing behind.
        let temporary = tempfile::Builder::new()
            .prefix(FETCHING)
            .tempfile_in(&self.cache)
            .map_err(|error| full(0, &error))?;
        temporary.as_file().lock().map_err(|error| full(0, &error))?;
        let mut file =
            tokio::fs::File::from_std(temporary.as_file().try_clone().map_err(|error| full(0, &error))?);
        let (mut hash, mut written) = (Sha256::new(), 0_u64);
        loop {
            let chunk = response.chunk().await.map_err(|error| {
                let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                failed(format!("it broke off after {written}{of} bytes: {}", causes(&error.without_url())))
            })?;
            let Some(chunk) = chunk else { break };
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(|error| full(written, &error))?;
            written += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
        file.flush().await.map_err(|error| full(written, &error))?;
        file.sync_all().await.map_err(|error| full(written, &error))?;
        if total.is_some_and(|total| total != written) {
            return Err(failed(format!("it has {written} bytes, its server announced {total:?}")));
        }
        let text =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let sha256 = Sha256Digest::finish(hash);
        let note = Note { sha256, etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        let note = serde_json::to_vec(&note).map_err(|error| failed(error.to_string()))?;
        // First the old note goes, then the image comes, then its note: at no time does a note stand beside another's image.
        self.forget(place)?;
        temporary.persist(place).map_err(|error| full(written, &error.error))?;
        fs::write(note_place(place), note).map_err(|error| full(written, &error))?;
        Ok(sha256)
    }
}

fn note_place(place: &Path) -> PathBuf {
    place.with_extension("json")
}

/// None if it is not there or not whole: then the image is fetched again.
fn read_note(place: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(note_place(place)).ok()?).ok()
}

/// The conditions under which the cached image need not be fetched again; none if it or its note is not whole.
fn validators(place: &Path) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(note) = read_note(place).filter(|_| place.is_file()) else { return headers };
    for (name, value) in [(IF_NONE_MATCH, note.etag), (IF_MODIFIED_SINCE, note.last_modified)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// What an image is known by: its URL, and where that ends in `#` and a name, the URL without its query. Such a query is a
/// token that is renewed while the image stays the same.
pub(crate) fn named(url: &Url) -> Url {
    let mut known = url.clone();
    if known.fragment().is_some() {
        known.set_query(None);
    }
    known
}
