//! Real kills: `rackhand apply` is ended with SIGKILL before and after each journalled intent and each state-changing
//! request, with the simulator in a process of its own, and is run again. It ends installed, and nothing was done twice.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use rackhand_tests::{
    effects::{Effects, same_work},
    process::{Apart, apply},
};

const SIMULATOR: &str = env!("CARGO_BIN_EXE_simulator-apart");
const FUSED: &str = env!("CARGO_BIN_EXE_rackhand-fused");

/// Runs side by side, each with an address of its own.
const AT_ONCE: u64 = 4;

/// One run that is killed at a point, and the run after it.
fn killed_at(vendor: u64, personality: &str, point: u64) -> Effects {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("127.77.{vendor}.{}", point + 1);
    let simulator = Apart::start(SIMULATOR, personality, &address, directory.path()).unwrap();
    let state = directory.path().join("state");
    let fuse = point.to_string();
    let killed = apply(FUSED, &simulator.site(), &state, &[("FUSE", &fuse)]).unwrap();
    let said = |output: &std::process::Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    assert_eq!(
        killed.status.code(),
        None,
        "{personality} at point {point} was not killed: {}",
        said(&killed)
    );
    let after = apply(FUSED, &simulator.site(), &state, &[]).unwrap();
    assert_eq!(
        after.status.code(),
        Some(0),
        "{personality} killed at point {point}: {}{}",
        said(&killed),
        said(&after)
    );
    simulator.effects().unwrap()
}

/// The undisturbed run: how many points there are, and what is done.
fn undisturbed(vendor: u64, personality: &str, directory: &Path) -> (u64, Effects) {
    let simulator = Apart::start(SIMULATOR, personality, &format!("127.77.{vendor}.1"), directory).unwrap();
    let count = directory.join("count");
    let output =
        apply(FUSED, &simulator.site(), &directory.join("state"), &[("FUSE_COUNT", count.to_str().unwrap())])
            .unwrap();
    assert_eq!(output.status.code(), Some(0), "{personality}: {}", String::from_utf8_lossy(&output.stderr));
    (fs::read_to_string(count).unwrap().parse().unwrap(), simulator.effects().unwrap())
}

fn killed_everywhere(vendor: u64, personality: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (points, expected) = undisturbed(vendor, personality, directory.path());
    assert!(points >= 20, "{personality}: {points} points");
    let next = AtomicU64::new(1);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let point = next.fetch_add(1, Ordering::SeqCst);
                    if point > points {
                        return;
                    }
                    let effects = killed_at(vendor, personality, point);
                    if !same_work(&expected, &effects, personality == "cimc") {
                        wrong.lock().unwrap().push(format!("killed at point {point}: {effects:#?}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{personality}: undisturbed {expected:#?}, but {}", wrong.join("\n"));
    println!("{personality}: {points} kill points, each ended installed with nothing done twice");
}

#[test]
fn apply_killed_at_every_intent_and_every_change_does_nothing_twice() {
    for (vendor, personality) in ["idrac9", "ilo6", "cimc"].into_iter().enumerate() {
        killed_everywhere(vendor as u64, personality);
    }
}
