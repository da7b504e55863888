//! What an iPXE script starts: kernel, initial file systems and root file system, fetched one by one.
//!
//! Such is the script among an InfraEnv's boot artifacts. Only its `kernel` and `initrd` lines are read; whatever else it does
//! (menus, conditions, settings) is not done.

use std::{os::unix::fs::FileExt, path::Path};

use url::Url;

use crate::{
    Image, ImageStore, NetbootError, NetbootFiles, Source,
    netboot::{MOST_INITRDS, ROOTFS_URL},
};

/// How much of a script is read.
const LARGEST_SCRIPT: u64 = 64 << 10;

/// What an iPXE script names, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Script {
    kernel: String,
    initrds: Vec<String>,
    arguments: Vec<String>,
}

impl NetbootFiles {
    /// Fetches what the iPXE script at `source` starts. Names that are no URLs are meant beside the script. A name behind `#` in the
    /// script's URL counts for all that it leads to, see [`Source::Url`].
    ///
    /// # Errors
    /// When the script, or something that it names, cannot be had, or it starts no kernel.
    pub async fn from_script(store: &ImageStore, source: &Source) -> Result<Self, NetbootError> {
        let unread = |reason: String| NetbootError::Script { script: source.to_string(), reason };
        let image = store.get(source, None).await.map_err(|error| unread(error.to_string()))?;
        let script = Script::parse(&text(&image).map_err(unread)?).map_err(unread)?;
        let rootfs =
            script.arguments.iter().find_map(|word| word.strip_prefix(ROOTFS_URL)?.strip_prefix('='));
        let get = async |role: &str, name: &str| -> Result<Image, NetbootError> {
            let beside = beside(source, role, name).map_err(unread)?;
            store.get(&beside, None).await.map_err(|error| unread(format!("{beside}: {error}")))
        };
        let kernel = get("kernel", &script.kernel).await?;
        let mut initrds = Vec::new();
        for (at, name) in script.initrds.iter().enumerate() {
            initrds.push(get(&format!("initrd{at}"), name).await?);
        }
        let rootfs = match rootfs {
            Some(name) => Some(get("rootfs", name).await?),
            None => None,
        };
        Ok(Self::of_artifacts(kernel, initrds, rootfs, &script.arguments))
    }
}

/// The script in a file.
fn text(image: &Image) -> Result<String, String> {
    if image.size > LARGEST_SCRIPT {
        return Err(format!("it has {} bytes, and no script has more than {LARGEST_SCRIPT}", image.size));
    }
    let mut bytes = vec![0; usize::try_from(image.size).map_err(|error| error.to_string())?];
    image.file.read_exact_at(&mut bytes, 0).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    // A log-in page that was fetched instead has not.
    if text.starts_with("#!ipxe") { Ok(text) } else { Err("it does not begin with #!ipxe".to_owned()) }
}

/// Where a name leads. What is known by the script's name is known by its role besides: its path may be that of all.
fn beside(script: &Source, role: &str, name: &str) -> Result<Source, String> {
    match script {
        Source::Url(script) => {
            let mut url =
                script.join(name).map_err(|error| format!("a URL in it cannot be read: {error}"))?;
            if let (Some(known), None) = (script.fragment(), url.fragment()) {
                url.set_fragment(Some(&format!("{known}/{role}")));
            }
            Ok(Source::Url(url))
        }
        Source::Path(script) if Url::parse(name).is_err() => {
            Ok(Source::Path(script.parent().unwrap_or(Path::new("")).join(name)))
        }
        Source::Path(_) => name.parse().map_err(|error: crate::ImageError| error.to_string()),
    }
}

impl Script {
    fn parse(text: &str) -> Result<Self, String> {
        let mut kernel = None;
        let mut initrds = Vec::new();
        for line in text.lines() {
            let mut words =
                line.split_whitespace().take_while(|word| !matches!(*word, "||" | "&&" | ";")).peekable();
            let command = words.next().unwrap_or_default();
            if !matches!(command, "kernel" | "initrd") {
                continue;
            }
            // Options stand before the URL, some with a value of their own.
            while let Some(option) = words.next_if(|word| word.starts_with('-')) {
                if matches!(option, "-n" | "--name" | "-t" | "--timeout") {
                    words.next();
                }
            }
            let Some(url) = words.next() else { return Err(format!("its line \"{command}\" names nothing")) };
            if url.contains("${") {
                return Err(format!("its {command} depends on what iPXE puts in place of \"${{…}}\""));
            }
            if command == "initrd" {
                initrds.push(url.to_owned());
            } else if kernel.is_none() {
                // `initrd=` names a file by the script's own names.
                let own = words.filter(|word| !word.starts_with("initrd=")).map(str::to_owned);
                kernel = Some((url.to_owned(), own.collect()));
            } else {
                return Err("it names several kernels; give one that names the one to boot".to_owned());
            }
        }
        let (kernel, arguments) = kernel.ok_or("it has no line that names a kernel")?;
        if initrds.len() > MOST_INITRDS {
            let count = initrds.len();
            return Err(format!("it names {count} initial file systems; at most {MOST_INITRDS} are served"));
        }
        Ok(Self { kernel, initrds, arguments })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_infra_env_s_script_is_taken_apart() {
        let script = Script::parse(
            "#!ipxe\ninitrd --name initrd http://h/pxe-initrd?arch=x86_64&image_token=t\n\
             kernel http://h/kernel?arch=x86_64 initrd=initrd coreos.live.rootfs_url=http://h/rootfs \
             coreos.inst.persistent-kargs=\"console=tty1 console=ttyS1\" || goto failed\nboot\n",
        );
        let script = script.unwrap();
        assert_eq!(script.kernel, "http://h/kernel?arch=x86_64");
        assert_eq!(script.initrds, ["http://h/pxe-initrd?arch=x86_64&image_token=t"]);
        assert_eq!(
            script.arguments.join(" "),
            "coreos.live.rootfs_url=http://h/rootfs coreos.inst.persistent-kargs=\"console=tty1 console=ttyS1\""
        );
    }

    #[test]
    fn a_script_that_starts_no_one_kernel_says_so() {
        for (script, why) in [
            ("#!ipxe\nboot\n", "no line that names a kernel"),
            ("#!ipxe\nkernel\n", "names nothing"),
            ("#!ipxe\nkernel --name k\n", "names nothing"),
            ("#!ipxe\nkernel ${base}/k\n", "depends on what iPXE puts in place"),
            ("#!ipxe\nkernel a\nkernel b\n", "several kernels"),
        ] {
            let said = Script::parse(script).unwrap_err();
            assert!(said.contains(why), "{script}: {said}");
        }
    }

    #[test]
    fn names_lead_where_the_script_is_and_its_identity_counts_for_them() {
        let of = |script: &str, name: &str| beside(&script.parse().unwrap(), "kernel", name).unwrap();
        let url = |text: &str| Source::Url(text.parse().unwrap());
        let script = "https://hub/files?file_name=ipxe-script&token=t#infraenv=u@1";
        assert_eq!(of(script, "http://h/k?token=t"), url("http://h/k?token=t#infraenv=u@1/kernel"));
        assert_eq!(of(script, "k"), url("https://hub/k#infraenv=u@1/kernel"));
        assert_eq!(of("/srv/boot/script.ipxe", "k"), Source::Path("/srv/boot/k".into()));
        assert_eq!(of("/srv/boot/script.ipxe", "http://h/k"), url("http://h/k"));
        assert!(beside(&Source::Path("/srv/x".into()), "kernel", "ftp://h/k").is_err());
    }

    proptest! {
        #[test]
        fn any_script_is_read(text in "((#!ipxe|kernel|initrd|--name|chain|http://h|a=b|[|]{2}|boot)?[ \\n\\t]{0,2}){0,20}") {
            if let Ok(script) = Script::parse(&text) {
                let ended = |word: &String| matches!(word.as_str(), "||" | "&&");
                prop_assert!(!script.kernel.is_empty() && !script.arguments.iter().any(ended));
            }
        }
    }
}
