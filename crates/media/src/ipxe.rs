//! The iPXE scripts that machines are given.

use std::fmt::Write as _;

use rackhand_spec::MacAddress;

/// What a script that installs is made of. The paths are whole URLs.
#[derive(Debug)]
pub(crate) struct Install<'a> {
    pub(crate) node: &'a str,
    pub(crate) kernel: String,
    /// Name and URL.
    pub(crate) initrds: Vec<(String, String)>,
    pub(crate) arguments: &'a [String],
    /// Where this script is fetched.
    pub(crate) own: String,
}

/// How both kinds of firmware go on to the local disk: UEFI takes an error for "try the next boot option"; BIOS boots its first disk.
const LOCAL_DISK: &str = "iseq ${platform} efi && exit 1 ||\nsanboot --no-describe --drive 0x80 || exit 1\n";

/// Boots the local disk and says why.
pub(crate) fn local_disk(why: &str) -> String {
    format!("#!ipxe\necho rackhand: {}; booting the local disk\n{LOCAL_DISK}", harmless(why))
}

/// How often a machine asks for its own script before it boots its disk: the server may be starting anew just then.
const TRIES: usize = 3;

/// Goes on to the script of the machine's own address, under `base` or, without one, beside this script's own URL.
pub(crate) fn common(base: Option<&str>) -> String {
    let place = base.map(|base| format!("{base}/")).unwrap_or_default();
    let chain = format!("chain --replace --autofree {place}ipxe/${{mac:hexhyp}} ||\n");
    let again = "echo rackhand: no answer for ${mac:hexhyp}; asking again in 10 seconds\nsleep 10\n";
    let asking = vec![chain; TRIES].join(again);
    format!(
        "#!ipxe\n{asking}echo rackhand: no answer for ${{mac:hexhyp}}; booting the local disk\n{LOCAL_DISK}"
    )
}

/// Starts the installer. When that fails it asks again what to do, because the offer may have ended meanwhile.
pub(crate) fn install(install: &Install<'_>) -> String {
    let Install { node, kernel, initrds, arguments, own } = install;
    let mut script = format!("#!ipxe\necho rackhand: installing {}\nkernel {kernel}", harmless(node));
    for (name, _) in initrds {
        // The kernel's own loader asks firmware for them by these names.
        let _ = write!(script, " initrd={name}");
    }
    for argument in *arguments {
        let _ = write!(script, " {argument}");
    }
    script.push_str(" || goto failed\n");
    for (name, url) in initrds {
        let _ = writeln!(script, "initrd --name {name} {url} || goto failed");
    }
    let _ = write!(
        script,
        "boot || goto failed\n:failed\necho rackhand: booting over the network failed; asking again in 10 seconds\n\
         imgfree\nsleep 10\nchain --replace --autofree {own} || exit 1\n"
    );
    script
}

/// Why the machine with that address boots its disk.
pub(crate) fn unknown(mac: MacAddress) -> String {
    format!("no node has {mac}")
}

/// What iPXE shows as it is.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || " .-_,;:/".contains(*c)).collect()
}

/// What is wrong with a kernel argument in a script: iPXE would read it as something else.
pub(crate) fn wrong_with(argument: &str) -> Option<&'static str> {
    if argument.is_empty() || argument.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("it is empty or holds white space; give each argument by itself");
    }
    if argument.contains("${") {
        return Some("it holds \"${\", which iPXE would replace");
    }
    if argument.starts_with('#') || matches!(argument, "||" | "&&") {
        return Some("iPXE would take it for the end of the command");
    }
    None
}

/// An address as iPXE's `${mac:hexhyp}` shows it.
pub(crate) fn hyphenated(mac: MacAddress) -> String {
    mac.to_string().replace(':', "-")
}

/// The address that is written so in a name; colons are taken too.
pub(crate) fn mac_of(text: &str) -> Option<MacAddress> {
    text.replace('-', ":").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts() {
        insta::assert_snapshot!(common(None), @r"
        #!ipxe
        chain --replace --autofree ipxe/${mac:hexhyp} ||
        echo rackhand: no answer for ${mac:hexhyp}; asking again in 10 seconds
        sleep 10
        chain --replace --autofree ipxe/${mac:hexhyp} ||
        echo rackhand: no answer for ${mac:hexhyp}; asking again in 10 seconds
        sleep 10
        chain --replace --autofree ipxe/${mac:hexhyp} ||
        echo rackhand: no answer for ${mac:hexhyp}; booting the local disk
        iseq ${platform} efi && exit 1 ||
        sanboot --no-describe --drive 0x80 || exit 1
        ");
        insta::assert_snapshot!(local_disk("node n1 is ${not} offered\n!"), @r"
        #!ipxe
        echo rackhand: node n1 is not offered; booting the local disk
        iseq ${platform} efi && exit 1 ||
        sanboot --no-describe --drive 0x80 || exit 1
        ");
        let script = install(&Install {
            node: "n1 || shell",
            kernel: "http://h/t/vmlinuz".to_owned(),
            initrds: vec![
                ("initrd.img".to_owned(), "http://h/t/initrd.img".to_owned()),
                ("initrd2.img".to_owned(), "http://h/t/initrd2.img".to_owned()),
            ],
            arguments: &["a=b".to_owned(), "c".to_owned()],
            own: "http://h/ipxe/52-54-00-12-34-56".to_owned(),
        });
        insta::assert_snapshot!(script, @r"
        #!ipxe
        echo rackhand: installing n1  shell
        kernel http://h/t/vmlinuz initrd=initrd.img initrd=initrd2.img a=b c || goto failed
        initrd --name initrd.img http://h/t/initrd.img || goto failed
        initrd --name initrd2.img http://h/t/initrd2.img || goto failed
        boot || goto failed
        :failed
        echo rackhand: booting over the network failed; asking again in 10 seconds
        imgfree
        sleep 10
        chain --replace --autofree http://h/ipxe/52-54-00-12-34-56 || exit 1
        ");
    }

    #[test]
    fn an_argument_that_ipxe_would_read_as_something_else_is_wrong() {
        for wrong in ["", "a b", "a\nboot", "x=${net0/ip}", "#x", "||", "&&"] {
            assert!(wrong_with(wrong).is_some(), "{wrong:?}");
        }
        for right in ["a=b", "x=\"y\"", "a#b", "$x", "ip=[fd00::2]::[fd00::1]:64:n1:eno1:none", "a||b"] {
            assert_eq!(wrong_with(right), None, "{right:?}");
        }
    }
}
