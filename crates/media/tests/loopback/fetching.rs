//! From a source to an image: what is taken, what is kept, what is refused.

use std::{fs, sync::Arc, time::Duration};

use rackhand_media::{ImageError, Sha256Digest, Source};

use crate::support::{Origin, SHORT, Store, content, ok};

#[tokio::test]
async fn a_file_s_digest_is_taken_and_compared_when_one_is_given() {
    let store = Store::new();
    let bytes = content(300_000);
    let path = Source::Path(store.file("Disc.ISO", &bytes));
    let image = store.store.get(&path, None).await.unwrap();
    assert_eq!((image.size, image.sha256, image.verified), (300_000, Sha256Digest::of(&bytes), false));
    assert_eq!(image.name, "Disc");
    assert!(store.store.get(&path, Some(image.sha256)).await.unwrap().verified);

    let wanted = Sha256Digest::of(b"another");
    let error = store.store.get(&path, Some(wanted)).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ImageError::Digest { .. }));
    assert!(text.contains(&wanted.to_string()) && text.contains(&image.sha256.to_string()), "{text}");
    assert!(text.contains("Disc.ISO"), "{text}");
}

#[tokio::test]
async fn a_file_that_changes_gets_a_new_digest() {
    let store = Store::new();
    let path = store.file("disc.iso", b"one");
    let source = Source::Path(path.clone());
    let one = store.store.get(&source, None).await.unwrap();
    // A new file of the same size under the same name: only the inode tells.
    fs::write(path.with_extension("new"), b"two").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    let two = store.store.get(&source, None).await.unwrap();
    assert_eq!((one.sha256, two.sha256), (Sha256Digest::of(b"one"), Sha256Digest::of(b"two")));
}

#[tokio::test]
async fn what_is_no_image_is_named() {
    let store = Store::new();
    let error =
        async |source: &str| store.store.get(&source.parse().unwrap(), None).await.unwrap_err().to_string();
    let directory = store.directory.path().to_str().unwrap().to_owned();
    assert_eq!(error(&directory).await, format!("image {directory}: a directory, not an image"));
    assert!(error("/no/such/disc.iso").await.starts_with("image /no/such/disc.iso: No such file"));
    assert!(error("/dev/zero").await.ends_with("a device, socket or pipe, not an image"));
    let empty = store.file("empty.iso", b"").to_str().unwrap().to_owned();
    assert!(error(&empty).await.ends_with("an empty file, not an image"));
}

#[tokio::test]
async fn the_mark_of_an_iso_is_looked_for() {
    let store = Store::new();
    let mut bytes = vec![0; 40_000];
    assert!(!store.image("zeros.iso", &bytes).await.is_iso9660());
    bytes[0x8001..0x8006].copy_from_slice(b"CD001");
    assert!(store.image("disc.iso", &bytes).await.is_iso9660());
    assert!(!store.image("login.iso", b"<html>").await.is_iso9660());
}

#[tokio::test]
async fn nodes_that_start_together_share_one_fetch() {
    let bytes = content(2_000_000);
    let served = bytes.clone();
    let origin = Origin::new(move |_| ok("", &served)).await;
    origin.open.send_replace(false);
    let store = Arc::new(Store::new());
    let all: Vec<_> = (0..10)
        .map(|_| {
            let (store, source) = (store.clone(), origin.source());
            tokio::spawn(async move { store.store.get(&source, None).await.unwrap() })
        })
        .collect();
    while origin.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    origin.open.send_replace(true);
    for image in all {
        let image = image.await.unwrap();
        assert_eq!(
            (image.sha256, image.size, image.name.as_str()),
            (Sha256Digest::of(&bytes), 2_000_000, "disc")
        );
        assert_eq!(fs::read(&image.path).unwrap(), bytes);
    }
    assert_eq!(origin.requests().len(), 1);
    assert!(!format!("{:?}", store.cached()).contains("s3cret"));
}

#[tokio::test]
async fn what_is_no_longer_fresh_is_asked_for_and_fetched_only_if_it_changed() {
    let origin = Origin::new(|head| {
        if head.to_lowercase().contains("if-none-match: \"v1\"") {
            b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()
        } else {
            ok("ETag: \"v1\"\r\n", b"version 1")
        }
    })
    .await;
    let store = Store::with(|settings| settings.fresh = Duration::ZERO);
    for requests in 1..4 {
        let image = store.store.get(&origin.source(), None).await.unwrap();
        assert_eq!(image.sha256, Sha256Digest::of(b"version 1"));
        assert_eq!(origin.requests().len(), requests);
    }
    // Another process with the same cache asks in the same way, and with a digest that matches not at all.
    let other = Store::at(store.directory.path().join("cache"), |_| {});
    other.get(&origin.source(), None).await.unwrap();
    assert!(origin.requests()[3].to_lowercase().contains("if-none-match"));
    other.get(&origin.source(), Some(Sha256Digest::of(b"version 1"))).await.unwrap();
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test]
async fn a_named_image_is_fetched_once_whatever_its_token_and_anew_under_another_name() {
    let origin = Origin::new(|_| ok("", b"an image")).await;
    let store = Store::with(|settings| settings.fresh = Duration::ZERO);
    let address = origin.url.split('?').next().unwrap().to_owned();
    let source =
        |token: &str, name: &str| format!("{address}?token={token}#{name}").parse::<Source>().unwrap();
    for token in ["one", "two"] {
        store.store.get(&source(token, "made-at-noon"), None).await.unwrap();
        assert_eq!(origin.requests().len(), 1);
    }
    let other = Store::at(store.directory.path().join("cache"), |_| {});
    other.get(&source("three", "made-at-noon"), None).await.unwrap();
    assert_eq!(origin.requests().len(), 1, "another process knows it too");
    store.store.get(&source("three", "made-at-one"), None).await.unwrap();
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_new_version_takes_the_place_of_the_old_one_but_not_under_a_reader() {
    let versions = std::sync::atomic::AtomicU32::new(1);
    let origin = Origin::new(move |_| {
        let version = versions.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        ok(&format!("ETag: \"{version}\"\r\n"), format!("version {version}").as_bytes())
    })
    .await;
    let store = Store::with(|settings| settings.fresh = Duration::ZERO);
    let one = store.store.get(&origin.source(), None).await.unwrap();
    let two = store.store.get(&origin.source(), None).await.unwrap();
    assert_eq!((one.sha256, two.sha256), (Sha256Digest::of(b"version 1"), Sha256Digest::of(b"version 2")));
    assert_eq!(fs::read(&two.path).unwrap(), b"version 2");

    // A digest that was given is held to, whatever the server has now.
    let error = store.store.get(&origin.source(), Some(one.sha256)).await.unwrap_err();
    assert!(matches!(error, ImageError::Digest { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_copy_is_fetched_again() {
    let origin = Origin::new(|head| {
        assert!(!head.to_lowercase().contains("if-none-match"), "nothing is asked about a damaged copy");
        ok("ETag: \"v1\"\r\n", b"intact")
    })
    .await;
    let store = Store::with(|settings| settings.fresh = Duration::ZERO);
    let image = store.store.get(&origin.source(), None).await.unwrap();
    fs::write(&image.path, b"broken").unwrap();
    let image = store.store.get(&origin.source(), None).await.unwrap();
    assert_eq!((image.sha256, origin.requests().len()), (Sha256Digest::of(b"intact"), 2));
}

#[tokio::test]
async fn a_fetch_that_fails_says_why_leaves_nothing_and_shows_no_token() {
    let cases: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", "it broke off after 10 of 100 bytes"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "its server answers 404 Not Found"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "its server answers 503"),
        (b"nonsense", "error sending request"),
    ];
    for (answer, expected) in cases {
        let origin = Origin::new(move |_| answer.to_vec()).await;
        let store = Store::new();
        let text = store.store.get(&origin.source(), None).await.unwrap_err().to_string();
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(text.contains("/isos/disc.iso: not fetched") && !text.contains("s3cret"), "{text}");
        assert_eq!(store.cached(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_failed_refresh_leaves_the_copy_that_a_digest_can_still_use() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let origin = Origin::new(move |_| {
        let first = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        if first { ok("", b"good") } else { b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec() }
    })
    .await;
    let store = Store::with(|settings| settings.fresh = Duration::ZERO);
    let good = store.store.get(&origin.source(), None).await.unwrap();
    assert!(store.store.get(&origin.source(), None).await.unwrap_err().to_string().contains("500"));
    assert!(store.store.get(&origin.source(), Some(good.sha256)).await.unwrap().verified);
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up() {
    let origin = Origin::new(|_| ok("", b"never")).await;
    origin.open.send_replace(false);
    let store = Store::with(|settings| settings.stall = SHORT);
    let text = store.store.get(&origin.source(), None).await.unwrap_err().to_string();
    assert!(text.contains("timed out"), "{text}");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_named() {
    let origin = Origin::new(|_| ok("", b"image")).await;
    let store = Store::new();
    let in_the_way = store.file("cache", b"a file where a directory should be");
    let error = store.store.get(&origin.source(), None).await.unwrap_err();
    assert!(matches!(error, ImageError::Cache { .. }));
    assert!(
        error.to_string().starts_with(&format!("image cache {}: writing failed", in_the_way.display())),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_killed_process_left_is_deleted_and_a_fetch_under_way_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::write(place("fetching-left"), b"half").unwrap();
    fs::write(place("other"), b"not ours").unwrap();
    let under_way = fs::File::create(place("fetching-now")).unwrap();
    under_way.lock().unwrap();
    Store::at(directory.path().to_owned(), |_| {});
    assert!(!place("fetching-left").exists());
    assert!(place("other").exists() && place("fetching-now").exists());
}

#[tokio::test]
async fn a_fetch_under_way_survives_the_start_of_another_process() {
    let bytes = content(100_000);
    let served = bytes.clone();
    let origin = Origin::new(move |_| ok("", &served)).await;
    origin.open.send_replace(false);
    let store = Arc::new(Store::new());
    let fetch = tokio::spawn({
        let (store, source) = (store.clone(), origin.source());
        async move { store.store.get(&source, None).await }
    });
    while store.cached().is_empty() {
        tokio::task::yield_now().await;
    }
    // What is being fetched into is there, and the start of another store does not sweep it away.
    Store::at(store.directory.path().join("cache"), |_| {});
    origin.open.send_replace(true);
    assert_eq!(fetch.await.unwrap().unwrap().sha256, Sha256Digest::of(&bytes));
}
