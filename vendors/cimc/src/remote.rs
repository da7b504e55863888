//! Where an image lies, as a URL and as the XML API splits it.

use crate::xml::Element;

/// The longest share and file name that the API takes (SDK), and the longest on an S3260's nodes.
const LONGEST_SHARE: usize = 1792;
const LONGEST_FILE: usize = 768;
/// What else than letters and digits the API takes in both (SDK).
const ALSO: &str = " !#$=%&()*+,-./:;?@[]_{|}~";

/// An image on a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// The way of mapping: `www`, `nfs`, `cifs`.
    pub(crate) map: &'static str,
    /// The directory, with its slash at the end.
    pub(crate) share: String,
    /// The file.
    pub(crate) file: String,
}

impl Remote {
    /// What a URL means.
    ///
    /// # Errors
    /// Why the API cannot map it.
    pub(crate) fn from_url(url: &str) -> Result<Self, String> {
        let split = url.split_once("://").and_then(|(scheme, rest)| {
            // What follows the question mark may hold slashes, and belongs to the file.
            let path = rest.split('?').next().unwrap_or(rest);
            let (dir, _) = path.rsplit_once('/')?;
            let (dir, file) = rest.split_at_checked(dir.len() + 1)?;
            Some((scheme.to_ascii_lowercase(), dir, file))
        });
        let Some((scheme, dir, file)) =
            split.filter(|(_, dir, file)| !dir.starts_with('/') && !file.is_empty())
        else {
            return Err(format!("{url} names no file on a host"));
        };
        let (map, share) = match scheme.as_str() {
            "http" | "https" => ("www", format!("{scheme}://{dir}")),
            "nfs" => ("nfs", dir.replacen('/', ":/", 1)),
            "cifs" | "smb" => ("cifs", format!("//{dir}")),
            other => return Err(format!("CIMC maps no {other} URL (http, https, nfs, cifs)")),
        };
        let odd = |c: char| !c.is_ascii_alphanumeric() && !ALSO.contains(c);
        for (what, text, longest) in
            [("directory", &share, LONGEST_SHARE), ("file name", &file.to_owned(), LONGEST_FILE)]
        {
            if text.len() > longest {
                return Err(format!("the {what} of {url} is longer than {longest} characters"));
            }
            if let Some(c) = text.chars().find(|c| odd(*c)) {
                return Err(format!("the {what} of {url} holds {c:?}, which CIMC refuses"));
            }
        }
        Ok(Self { map, share, file: file.to_owned() })
    }

    /// What a mapping holds, if it is complete.
    pub(crate) fn of(mapping: &Element) -> Option<Self> {
        let map = ["www", "nfs", "cifs"].into_iter().find(|map| mapping.says("map", map))?;
        let (share, file) = (mapping.get("remoteShare")?, mapping.get("remoteFile")?);
        let share = format!("{}/", share.trim_end_matches('/'));
        Some(Self { map, share, file: file.trim_start_matches('/').to_owned() })
    }

    /// The URL.
    pub(crate) fn url(&self) -> String {
        let (share, file) = (&self.share, &self.file);
        match self.map {
            "nfs" => format!("nfs://{}{file}", share.replacen(":/", "/", 1)),
            "cifs" => format!("cifs:{share}{file}"),
            _ => format!("{share}{file}"),
        }
    }

    /// The mount options that Cisco's documents give for it.
    pub(crate) fn options(&self) -> &'static str {
        match self.map {
            "nfs" => "nolock",
            "cifs" => "vers=3.0",
            _ => "noauto",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mapping(remote: &Remote) -> Element {
        Element::new("commVMediaMap")
            .with("map", remote.map)
            .with("remoteShare", remote.share.as_str())
            .with("remoteFile", remote.file.as_str())
    }

    #[test]
    fn urls_are_split_as_the_api_wants_them() {
        for (url, map, share, file) in [
            ("https://192.0.2.1:8443/t/a.iso", "www", "https://192.0.2.1:8443/t/", "a.iso"),
            ("http://h/a.iso?x=/b", "www", "http://h/", "a.iso?x=/b"),
            ("nfs://192.0.2.1/export/iso/a.iso", "nfs", "192.0.2.1:/export/iso/", "a.iso"),
            ("cifs://192.0.2.1/share/a.iso", "cifs", "//192.0.2.1/share/", "a.iso"),
        ] {
            let remote = Remote::from_url(url).unwrap();
            assert_eq!((remote.map, remote.share.as_str(), remote.file.as_str()), (map, share, file));
            assert_eq!(remote.url(), url);
            assert_eq!(Remote::of(&mapping(&remote)), Some(remote));
        }
        assert_eq!(
            Remote::from_url("smb://h/s/a.iso").map(|remote| remote.url()),
            Ok("cifs://h/s/a.iso".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_mapped_is_said_with_its_reason() {
        for (url, why) in [
            ("a.iso", "names no file"),
            ("http://host", "names no file"),
            ("http://host/dir/", "names no file"),
            ("nfs:///dir/a.iso", "names no file"),
            ("ftp://host/a.iso", "maps no ftp URL"),
            ("http://host/a\"b.iso", "holds '\"'"),
            ("http://host/ä/b.iso", "holds 'ä'"),
        ] {
            assert!(Remote::from_url(url).unwrap_err().contains(why), "{url}");
        }
        let long = format!("http://host/{}.iso", "a".repeat(800));
        assert!(Remote::from_url(&long).unwrap_err().contains("longer than 768"));
    }

    proptest! {
        #[test]
        fn a_url_that_is_accepted_is_shown_again(
            scheme in "(http|https|nfs|cifs)", host in "[a-z0-9.]{1,9}", dirs in "(/[a-z0-9._-]{1,5}){0,4}", file in "[a-z0-9?=&.]{1,9}"
        ) {
            let url = format!("{scheme}://{host}{dirs}/{file}");
            if let Ok(remote) = Remote::from_url(&url) {
                prop_assert_eq!(remote.url(), url);
                prop_assert_eq!(Remote::of(&mapping(&remote)), Some(remote));
            }
        }

        #[test]
        fn no_url_makes_it_panic(url in "\\PC{0,30}") {
            drop(Remote::from_url(&url));
        }
    }
}
