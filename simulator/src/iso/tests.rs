//! What is written is read back.

use super::*;

fn sample() -> Vec<u8> {
    IsoBuilder::new("TEST").file(CONFIG_FILE, "callback={base}/callback\n").size(100_000).build().unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let image = sample();
    assert_eq!(image.len(), 49 * SECTOR);
    let volume = read_descriptors(&image[16 * SECTOR..18 * SECTOR]).unwrap();
    let catalog = usize::try_from(volume.catalog_offset).unwrap();
    assert!(is_bootable(&image[catalog..catalog + SECTOR]));
    let root = usize::try_from(volume.root_offset).unwrap();
    let (offset, length) = find(&image[root..root + SECTOR], "rackhand.cfg").unwrap();
    let offset = usize::try_from(offset).unwrap();
    let text = &image[offset..offset + usize::try_from(length).unwrap()];
    assert_eq!(text, b"callback={base}/callback\n");
    assert!(find(&image[root..root + SECTOR], "OTHER.CFG").is_none());
}

/// What is at a path of an image, found from directory to directory.
fn at<'i>(image: &'i [u8], path: &str) -> Option<&'i [u8]> {
    let volume = read_descriptors(&image[16 * SECTOR..18 * SECTOR]).unwrap();
    let mut found = (volume.root_offset, volume.root_length);
    for name in path.split('/') {
        let (offset, length) = (usize::try_from(found.0).unwrap(), usize::try_from(found.1).unwrap());
        found = find(&image[offset..offset + length], name)?;
    }
    let (offset, length) = (usize::try_from(found.0).unwrap(), usize::try_from(found.1).unwrap());
    Some(&image[offset..offset + length])
}

#[test]
fn a_boot_menu_names_what_is_there() {
    let builder = IsoBuilder::new("INSTALLER").file(CONFIG_FILE, "callback={base}/callback\n").seed(3);
    let image = builder.boot_menu("installer=simulated\n").size(1_000_000).build().unwrap();
    assert_eq!(at(&image, CONFIG_FILE).unwrap(), b"callback={base}/callback\n");
    let menu = std::str::from_utf8(at(&image, MENU_FILE).unwrap()).unwrap();
    let named = |word: &str| {
        let line = menu.lines().find_map(|line| line.trim().strip_prefix(word)).unwrap();
        line.split_whitespace().next().unwrap().trim_start_matches('/').to_owned()
    };
    let kernel = at(&image, &named("linux ")).unwrap();
    assert_eq!((kernel.len(), &kernel[..2], &kernel[0x202..0x206]), (200_000, &b"MZ"[..], &b"HdrS"[..]));
    let initrd = at(&image, &named("initrd ")).unwrap();
    assert!(initrd.starts_with(b"installer=simulated\n\0") && initrd.len() == 400_000);
    assert!(image.len() >= 1_000_000);
}

#[test]
fn directories_are_found_by_records_and_by_path_table() {
    let image = IsoBuilder::new("TREE")
        .file("/B/X/ONE.TXT", "1")
        .file("A/TWO", "2")
        .file("B/Y/THREE.TXT", "3")
        .file("FOUR", "4")
        .build()
        .unwrap();
    for (path, content) in [("b/x/one.txt", "1"), ("A/TWO", "2"), ("B/Y/THREE.TXT", "3"), ("FOUR", "4")] {
        assert_eq!(at(&image, path).unwrap(), content.as_bytes(), "{path}");
    }
    assert!(at(&image, "B/Z").is_none());
    // Root, A, B, and what is in B: (length of the name, sector, parent, name).
    let mut table = &image[19 * SECTOR..20 * SECTOR];
    let mut seen = Vec::new();
    while table[0] != 0 {
        let name = usize::from(table[0]);
        let sector = u32::from_le_bytes(table[2..6].try_into().unwrap());
        let parent = u16::from_le_bytes(table[6..8].try_into().unwrap());
        seen.push((sector, parent, table[8..8 + name].to_vec()));
        table = &table[8 + name + name % 2..];
    }
    let named = |sector, parent, name: &str| (sector, parent, name.as_bytes().to_vec());
    let expected =
        [named(21, 1, "\0"), named(24, 1, "A"), named(25, 1, "B"), named(26, 3, "X"), named(27, 3, "Y")];
    assert_eq!(seen, expected);
    // Every directory names itself and the one it is in.
    let x = &image[26 * SECTOR..];
    assert_eq!((word(x, 2), word(&x[34..], 2)), (26, 25));
}

#[test]
fn what_level_1_has_no_room_for_is_refused() {
    for path in
        ["TOOLONGNAME.TXT", "A.HTML", "A B.TXT", "D.IR/A.TXT", "A//B.TXT", "", "1/2/3/4/5/6/7/8/9.TXT"]
    {
        let refused = IsoBuilder::new("TEST").file(path, "").build().unwrap_err();
        assert!(refused.to_string().contains("8.3"), "{path}: {refused}");
    }
    let twice = IsoBuilder::new("TEST").file("A", "1").file("A/B", "2").build().unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}

#[test]
fn same_seed_same_image() {
    assert_eq!(sample(), sample());
    let other = IsoBuilder::new("TEST").size(100_000).seed(1).build().unwrap();
    assert_ne!(sample(), other);
}

#[test]
fn a_data_disc_and_an_html_page_do_not_boot() {
    let image = IsoBuilder::new("DATA").not_bootable().build().unwrap();
    assert_eq!(read_descriptors(&image[16 * SECTOR..18 * SECTOR]), Err(IsoError::NotBootable));
    assert_eq!(read_descriptors(b"<html>"), Err(IsoError::NotIso));
    assert!(!is_bootable(&[0; SECTOR]));
}
