//! What a disc's boot menu starts by default: GRUB's and ISOLINUX's, as far as the menus of discs use them.

use std::collections::BTreeMap;

/// The entry that is started when nobody presses a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BootEntry {
    /// The kernel's path.
    pub(crate) kernel: String,
    /// The paths of the initial file systems, in order.
    pub(crate) initrds: Vec<String>,
    /// What the kernel is told.
    pub(crate) arguments: Vec<String>,
}

/// One entry of a menu, by what it can be chosen.
#[derive(Debug, Default)]
struct Titled {
    names: Vec<String>,
    entry: BootEntry,
}

/// Of the entries that have a kernel, the one that is chosen by number or name, else the first.
fn chosen(entries: Vec<Titled>, default: Option<&str>) -> Option<BootEntry> {
    let number = default.and_then(|default| default.parse::<usize>().ok());
    let by_default = |(at, titled): &(usize, &Titled)| {
        number == Some(*at) || default.is_some_and(|default| titled.names.iter().any(|name| name == default))
    };
    let at = entries.iter().enumerate().find(by_default).map(|(at, _)| at);
    let bootable = |titled: &&Titled| !titled.entry.kernel.is_empty();
    let default = at.and_then(|at| entries.get(at)).filter(bootable);
    default.or_else(|| entries.iter().find(bootable)).map(|titled| titled.entry.clone())
}

/// The default entry of a `grub.cfg`.
pub(crate) fn grub(text: &str) -> Option<BootEntry> {
    let mut variables = BTreeMap::new();
    let (mut entries, mut depth): (Vec<Titled>, usize) = (Vec::new(), 0);
    // Commands outside of any entry are run at once, on discs without a menu.
    let mut bare = Titled::default();
    let mut inside = false;
    for line in logical_lines(text) {
        let words = words(&line, &variables);
        let Some((command, rest)) = words.split_first() else { continue };
        match command.as_str() {
            "set" => set(rest, &mut variables),
            "menuentry" => {
                inside = true;
                depth += 1;
                entries.push(Titled { names: titles(rest), entry: BootEntry::default() });
            }
            "submenu" | "function" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inside = false;
            }
            _ => {
                let current = match entries.last_mut() {
                    Some(last) if inside => &mut last.entry,
                    _ if depth == 0 => &mut bare.entry,
                    _ => continue,
                };
                grub_command(command, rest, current);
            }
        }
    }
    entries.push(bare);
    chosen(entries, variables.get("default").map(String::as_str))
}

fn grub_command(command: &str, rest: &[String], entry: &mut BootEntry) {
    match (command, rest.split_first()) {
        ("linux" | "linuxefi" | "linux16", Some((kernel, arguments))) => {
            kernel.clone_into(&mut entry.kernel);
            entry.arguments = arguments.to_vec();
        }
        ("initrd" | "initrdefi" | "initrd16", Some(_)) => entry.initrds = rest.to_vec(),
        _ => {}
    }
}

fn set(rest: &[String], variables: &mut BTreeMap<String, String>) {
    if let Some((name, value)) = rest.first().and_then(|word| word.split_once('='))
        && variables.len() < MOST_VARIABLES
        && value.len() <= LONGEST_VALUE
    {
        variables.insert(name.to_owned(), value.to_owned());
    }
}

/// Values that hold one another could grow without end.
const MOST_VARIABLES: usize = 256;
const LONGEST_VALUE: usize = 4096;

/// The title of an entry, and the name given with `--id`.
fn titles(words: &[String]) -> Vec<String> {
    let id = words.iter().position(|word| word == "--id").and_then(|at| words.get(at + 1));
    let given = words.iter().find_map(|word| word.strip_prefix("--id="));
    words.first().cloned().into_iter().chain(id.cloned()).chain(given.map(str::to_owned)).collect()
}

/// Lines, with those that a backslash continues made one.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match lines.last_mut() {
            Some(last) if continued => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
        continued = goes_on;
    }
    lines
}

/// The words of a command: quotes are taken off, variables put in, and a `#` at a word's beginning ends it.
/// CoreOS keeps room for more arguments in such a remark.
fn words(line: &str, variables: &BTreeMap<String, String>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(rest.next()),
            ('$', None | Some('"')) => {
                let name = variable(&mut rest);
                word.get_or_insert_default().push_str(variables.get(&name).map_or("", String::as_str));
            }
            ('#', None) if word.is_none() => break,
            (';' | '{', None) if word.is_none() => {}
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
        if word.as_ref().is_some_and(|word| word.len() > LONGEST_LINE) {
            break;
        }
    }
    words.extend(word);
    words.retain(|word| !word.is_empty());
    words
}

/// No kernel takes as much on its command line.
const LONGEST_LINE: usize = 64 << 10;

/// The name of a variable behind its `$`.
fn variable(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    if rest.next_if_eq(&'{').is_some() {
        return rest.by_ref().take_while(|c| *c != '}').collect();
    }
    let mut name = String::new();
    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '?')) {
        name.push(c);
    }
    name
}

/// The default entry of an `isolinux.cfg`, whose paths count from the directory it lies in.
pub(crate) fn isolinux(text: &str) -> Option<BootEntry> {
    let mut entries: Vec<Titled> = Vec::new();
    let mut default = None;
    for line in text.lines() {
        let line = line.trim();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match (command.to_ascii_lowercase().as_str(), entries.last_mut()) {
            ("default", _) => default = default.or(Some(rest.to_owned())),
            ("label", _) => {
                entries.push(Titled { names: vec![rest.to_owned()], entry: BootEntry::default() });
            }
            ("menu", Some(last)) if rest.eq_ignore_ascii_case("default") => {
                default = last.names.first().cloned();
            }
            ("kernel" | "linux", Some(last)) => rest.clone_into(&mut last.entry.kernel),
            ("initrd", Some(last)) => last.entry.initrds = listed(rest),
            ("append", Some(last)) => append(rest, &mut last.entry),
            _ => {}
        }
    }
    chosen(entries, default.as_deref())
}

fn append(arguments: &str, entry: &mut BootEntry) {
    let words = arguments.split_whitespace().take_while(|word| !word.starts_with('#'));
    for word in words {
        match word.strip_prefix("initrd=") {
            Some(paths) => entry.initrds = listed(paths),
            None => entry.arguments.push(word.to_owned()),
        }
    }
}

fn listed(paths: &str) -> Vec<String> {
    paths.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(kernel: &str, initrds: &[&str], arguments: &[&str]) -> BootEntry {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        BootEntry { kernel: kernel.to_owned(), initrds: owned(initrds), arguments: owned(arguments) }
    }

    #[test]
    fn the_default_entry_of_grub_with_the_remark_that_keeps_room() {
        let text = "set timeout=5\nfunction load_video {\n  insmod x\n}\n\
            menuentry 'Live' --class os {\n\tlinux /images/vmlinuz rw console=\"tty0 x\" ignition.firstboot\n\
            ################## ROOM\n\tinitrd /images/initrd.img /images/ignition.img # and no more\n}\n\
            menuentry 'Rescue' {\n linux /rescue\n initrd /r.img\n}\n";
        let live = entry(
            "/images/vmlinuz",
            &["/images/initrd.img", "/images/ignition.img"],
            &["rw", "console=tty0 x", "ignition.firstboot"],
        );
        assert_eq!(grub(text), Some(live));
        for default in ["set default=1", "set default=\"Rescue\""] {
            assert_eq!(grub(&format!("{default}\n{text}")), Some(entry("/rescue", &["/r.img"], &[])));
        }
        assert_eq!(grub(&format!("set default=7\n{text}")).unwrap().kernel, "/images/vmlinuz");
    }

    #[test]
    fn grub_s_other_commands_variables_and_continued_lines() {
        let text = "set k=/boot/vmlinuz\nset more='a=1 b'\nmenuentry One --id first {\n linuxefi $k x=${more} \\\n  last\n\
            initrdefi /i\n}\n";
        let one = entry("/boot/vmlinuz", &["/i"], &["x=a=1 b", "last"]);
        assert_eq!(grub(text), Some(one));
        assert_eq!(grub("linux16 /k a\ninitrd16 /i\nboot\n"), Some(entry("/k", &["/i"], &["a"])));
        assert_eq!(grub("submenu More {\n menuentry A {\n linux /a\n }\n}\n"), Some(entry("/a", &[], &[])));
        assert_eq!(grub("menuentry Disk {\n chainloader +1\n}\n"), None);
        assert_eq!(
            grub("menuentry Disk {\n exit\n}\nmenuentry A {\nlinux /a\n}"),
            Some(entry("/a", &[], &[]))
        );
    }

    #[test]
    fn the_default_entry_of_isolinux() {
        let text = "default vesamenu.c32\nlabel disk\n  localboot 0xffff\nLABEL linux\n  menu label ^Live\n  menu default\n\
              kernel /images/vmlinuz\n  append initrd=/images/initrd.img,/images/ignition.img rw a=b\n\
            #### ROOM\nlabel other\n  linux vmlinuz\n  initrd initrd.img\n";
        let linux = entry("/images/vmlinuz", &["/images/initrd.img", "/images/ignition.img"], &["rw", "a=b"]);
        assert_eq!(isolinux(text), Some(linux));
        assert_eq!(
            isolinux("default b\nlabel a\nkernel A\nlabel b\nlinux B\ninitrd C\n"),
            Some(entry("B", &["C"], &[]))
        );
        assert_eq!(isolinux("default x\nprompt 1\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in r#"((menuentry|submenu|set|linux|initrd|label|append|kernel|default|\$\{?[a-c]|[a-c]=)?[ \n'"{}\\#$;=a-c]{0,6}){0,30}"#) {
            for entry in [grub(&text), isolinux(&text)].into_iter().flatten() {
                prop_assert!(!entry.kernel.is_empty());
            }
        }

        #[test]
        fn an_entry_comes_back_as_it_was_written(
            kernel in "/[a-z/]{1,20}",
            initrds in prop::collection::vec("/[a-z.]{1,20}", 1..4),
            arguments in prop::collection::vec("[a-z][a-z0-9=.,:/_-]{0,20}", 0..10),
        ) {
            prop_assume!(arguments.iter().all(|word| !word.starts_with("initrd=")));
            let expected = BootEntry { kernel, initrds, arguments };
            let (kernel, words) = (&expected.kernel, expected.arguments.join(" "));
            let written = format!("menuentry 'x' {{\n linux {kernel} {words}\n initrd {}\n}}\n", expected.initrds.join(" "));
            prop_assert_eq!(grub(&written), Some(expected.clone()));
            let written = format!("label x\n kernel {kernel}\n append initrd={} {words}\n", expected.initrds.join(","));
            prop_assert_eq!(isolinux(&written), Some(expected.clone()));
        }
    }
}
