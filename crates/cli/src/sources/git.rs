//! A Git repository, pulled by commit with the machine's own `git`: its credentials, proxies and SSH settings are the
//! operator's, as for any other use of it.
//!
//! Each commit is put into a directory of its own, so that what is being read never changes. Nothing in a repository is run:
//! no hooks, no submodules, no filters of its configuration.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{process::Command, time::timeout};

/// How long one call may take.
const LONGEST: Duration = Duration::from_secs(300);
/// Trees of earlier commits that are kept: the newest is being read while another one is put beside it.
const KEPT: usize = 2;

/// A repository.
pub(crate) struct Git {
    url: String,
    reference: String,
    /// The directory within it.
    path: PathBuf,
    /// Where it is kept.
    dir: PathBuf,
    /// How often it is asked.
    pub(crate) every: Duration,
}

/// A commit, ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkout {
    pub(crate) commit: String,
    pub(crate) path: PathBuf,
}

impl Git {
    /// The repository at `url`, of which `reference` (a branch, a tag or a commit) counts, kept below `state`.
    pub(crate) fn new(
        url: String,
        reference: String,
        path: PathBuf,
        state: &Path,
        every: Duration,
    ) -> anyhow::Result<Self> {
        if url.starts_with('-') || reference.starts_with('-') || url.starts_with("ext::") {
            bail!("{} is no address of a repository, or {reference} no name in it", shown(&url));
        }
        if path.is_absolute() || path.components().any(|part| part.as_os_str() == "..") {
            bail!("--git-path {} leads out of the repository", path.display());
        }
        let name = rackhand_media::Sha256Digest::of(url.as_bytes()).to_string();
        let dir = state.join("git").join(name.get(..16).unwrap_or(&name));
        Ok(Self { url, reference, path, dir, every })
    }

    /// Its address without what may be a password.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", shown(&self.url), self.reference)
    }

    /// Fetches, and answers the commit that counts now.
    pub(crate) async fn pull(&mut self) -> anyhow::Result<Checkout> {
        let repository = self.dir.join("repository");
        if !repository.join("HEAD").exists() {
            std::fs::create_dir_all(&self.dir)
                .with_context(|| format!("cannot make {}", self.dir.display()))?;
            self.git(&["init", "--quiet", "--bare", &repository.to_string_lossy()]).await?;
        }
        let inside = format!("--git-dir={}", repository.display());
        let fetch = [
            &inside,
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--force",
            "--no-recurse-submodules",
            "origin",
            &self.reference,
        ];
        self.git(&fetch).await.with_context(|| format!("fetching {}", self.name()))?;
        let commit =
            self.git(&[&inside, "rev-parse", "--verify", "FETCH_HEAD^{commit}"]).await?.trim().to_owned();
        let tree = self.dir.join("trees").join(&commit);
        if !tree.exists() {
            self.put(&inside, &commit, &tree).await?;
        }
        let path = tree.join(&self.path);
        if !path.exists() {
            bail!("there is no {} in {} at {commit}", self.path.display(), self.name());
        }
        Ok(Checkout { commit, path })
    }

    /// Puts a commit's files in their place, whole or not at all.
    async fn put(&self, inside: &str, commit: &str, tree: &Path) -> anyhow::Result<()> {
        let trees = self.dir.join("trees");
        let draft = trees.join("draft");
        let clear = || match std::fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        clear()
            .and_then(|()| std::fs::create_dir_all(&draft))
            .with_context(|| format!("cannot make {}", draft.display()))?;
        let work = format!("--work-tree={}", draft.display());
        self.git(&[inside, &work, "read-tree", commit]).await?;
        self.git(&[inside, &work, "checkout-index", "--all", "--force"]).await?;
        std::fs::rename(&draft, tree).with_context(|| format!("cannot make {}", tree.display()))?;
        let mut old: Vec<(std::time::SystemTime, PathBuf)> = std::fs::read_dir(&trees)?
            .filter_map(Result::ok)
            .filter(|entry| entry.path() != *tree)
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        old.sort();
        for (_, path) in old.iter().rev().skip(KEPT - 1) {
            std::fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    async fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.symlinks=false",
                "-c",
                "protocol.ext.allow=never",
            ])
            .args(["-c", "core.fsmonitor=false", "-c", "core.autocrlf=false"])
            .args(arguments)
            // In the environment, where only this user sees it: it may hold a password.
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "remote.origin.url")
            .env("GIT_CONFIG_VALUE_0", &self.url)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(LONGEST, command.output())
            .await
            .map_err(|_| anyhow::anyhow!("git did not end within {LONGEST:?}"))?
            .context("git cannot be run; install it, or give a directory with -f")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("git says: {}", without_secrets(said.trim(), &self.url));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A text of git's without what of an address may be a secret, however git writes the address.
fn without_secrets(text: &str, url: &str) -> String {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let query = rest.split_once('?').map(|(_, query)| query);
    let user = rest.split('/').next().and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    let secrets = [query, user, password].into_iter().flatten().filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

/// An address without user, password and query.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, impl Fn(&[&str])) {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_owned();
        let git = move |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.current_dir(&at).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
            assert!(command.args(arguments).output().unwrap().status.success(), "{arguments:?}");
        };
        git(&["init", "-q", "-b", "main"]);
        (dir, git)
    }

    #[tokio::test]
    async fn each_commit_has_a_tree_of_its_own_and_old_ones_go() {
        let (dir, git) = repository();
        let state = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        let every = Duration::from_secs(60);
        let mut source =
            Git::new(url, "main".into(), PathBuf::from("siteconfigs"), state.path(), every).unwrap();
        let mut trees = Vec::new();
        for number in 0..4 {
            std::fs::create_dir_all(dir.path().join("siteconfigs")).unwrap();
            std::fs::write(dir.path().join("siteconfigs/site.yaml"), number.to_string()).unwrap();
            git(&["add", "-A"]);
            git(&["commit", "-q", "-m", "c"]);
            let checkout = source.pull().await.unwrap();
            let read = std::fs::read_to_string(checkout.path.join("site.yaml")).unwrap();
            assert_eq!(read, number.to_string());
            assert_eq!(source.pull().await.unwrap(), checkout, "nothing new");
            trees.push(checkout.path);
        }
        let there: Vec<bool> = trees.iter().map(|tree| tree.exists()).collect();
        assert_eq!(there, [false, false, true, true]);
    }

    #[tokio::test]
    async fn a_repository_that_is_not_there_is_named_without_its_password() {
        let state = tempfile::tempdir().unwrap();
        let url = "http://user:hunter2@127.0.0.1:1/r.git?t=s3cret".to_owned();
        let mut source =
            Git::new(url, "main".into(), PathBuf::new(), state.path(), Duration::from_secs(1)).unwrap();
        let error = format!("{:#}", source.pull().await.unwrap_err());
        assert!(error.contains("http://127.0.0.1:1/r.git"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let new = |url: &str, reference: &str, path: &str| {
            Git::new(url.into(), reference.into(), path.into(), Path::new("/s"), Duration::ZERO).is_err()
        };
        assert!(new("--upload-pack=x", "main", "") && new("ext::sh", "main", ""));
        assert!(
            new("https://h/r", "-x", "")
                && new("https://h/r", "main", "../x")
                && new("https://h/r", "main", "/x")
        );
        assert!(!new("https://h/r", "main", "sites"));
    }
}
