//! The directory of loaders: regular files directly in it, under their own names.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

/// Opens a file of the directory, with its size; otherwise says why not.
pub(crate) async fn open(directory: Option<PathBuf>, name: String) -> Result<(File, u64), String> {
    let Some(directory) = directory else {
        return Err("no such file is served, and there is no directory of loaders".to_owned());
    };
    let opened = tokio::task::spawn_blocking(move || open_blocking(directory, &name)).await;
    opened.unwrap_or_else(|error| Err(error.to_string()))
}

/// Why a host whose firmware is told to load `name` by TFTP would not get it; `None` where it would.
pub async fn missing_loader(directory: Option<&Path>, name: &str) -> Option<String> {
    open(directory.map(Path::to_owned), name.to_owned()).await.err()
}

fn open_blocking(directory: PathBuf, name: &str) -> Result<(File, u64), String> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err("that is no file's name".to_owned());
    }
    // NOFOLLOW: a link in the directory could lead anywhere. NONBLOCK: a named pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(CWD, directory.join(name), flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP => {
                "it is a symbolic link, which is not followed; put the file itself there".to_owned()
            }
            Errno::NOENT => "no such file in the directory of loaders".to_owned(),
            error => error.to_string(),
        })?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err("it is no regular file".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_directly_in_it_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        std::fs::write(place("ipxe.efi"), b"loader").unwrap();
        std::fs::create_dir(place("more")).unwrap();
        std::fs::write(place("more/x"), b"x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place("out")).unwrap();
        std::os::unix::fs::symlink("ipxe.efi", place("in")).unwrap();
        rustix::fs::mknodat(CWD, place("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        let open = |name: &str| open_blocking(directory.path().to_owned(), name);
        assert_eq!(open("ipxe.efi").unwrap().1, 6);
        for (name, reason) in [
            ("out", "symbolic link"),
            ("in", "symbolic link"),
            ("more", "no regular file"),
            ("pipe", "no regular file"),
            ("more/x", "no file's name"),
            ("..", "no file's name"),
            ("", "no file's name"),
            ("IPXE.EFI", "no such file"),
        ] {
            let error = open(name).unwrap_err();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
