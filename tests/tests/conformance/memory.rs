//! What is remembered of a BMC saves requests and costs nothing else.

use std::sync::Arc;

use rackhand_bmc::{ErrorKind, MediaImage, Memory, Outcome, PowerState};

use crate::rack::{Rack, Setup};

fn image(name: &str) -> MediaImage {
    MediaImage { url: Rack::file("http", name), credentials: None }
}

fn setup(personality: &str, memory: &Arc<Memory>) -> Setup {
    Setup { personality: personality.to_owned(), memory: Some(Arc::clone(memory)), ..Setup::default() }
}

/// A machine whose resources an earlier connection found.
async fn known(personality: &str) -> (Rack, Setup) {
    let setup = setup(personality, &Arc::new(Memory::default()));
    let rack = Rack::new(&setup).await.unwrap();
    let _ = rack.bmc.choose_slot().await.unwrap();
    let rack = rack.again(&setup).await.unwrap();
    assert!(rack.bmc.media().unwrap().remembered().is_some());
    (rack, setup)
}

#[tokio::test(start_paused = true)]
async fn a_full_slot_is_cleared_as_if_nothing_were_remembered() {
    for personality in ["idrac9", "ilo6", "cimc"] {
        let (rack, setup) = known(personality).await;
        let _ = rack.bmc.mount(&image("image.iso")).await.unwrap();
        let rack = rack.again(&setup).await.unwrap();
        let (_, again) = rack.bmc.mount(&image("image.iso")).await.unwrap();
        assert_eq!(again, Outcome::Unchanged, "{personality}");
        let rack = rack.again(&setup).await.unwrap();
        let (slot, outcome) = rack.bmc.mount(&image("other.iso")).await.unwrap();
        assert_eq!(outcome, Outcome::Done, "{personality}");
        assert!(slot.can_insert, "{personality}");
        assert!(rack.bmc.media().unwrap().slot(&slot.id).await.unwrap().holds(&image("other.iso").url));
        rack.bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_exchanged_is_not_switched_on() {
    for personality in ["idrac9", "ilo6", "cimc"] {
        let (rack, mut setup) = known(personality).await;
        rack.bmc.close().await.unwrap();
        setup.seed = 77;
        let other = Rack::new(&setup).await.unwrap();
        let error = other.bmc.boot_image_once(&image("image.iso")).await.unwrap_err();
        // A CIMC's System is named by its serial number, so there what was remembered is not even there.
        if personality == "cimc" {
            assert_eq!(*error.kind(), ErrorKind::NotFound, "{error}");
        } else {
            assert_eq!(*error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains("another machine answers here now"), "{error}");
        }
        other.bmc.close().await.unwrap();
        // The next connection learns who it is.
        let other = other.again(&setup).await.unwrap();
        let serial = other.machine(|machine| machine.identity.serial.clone());
        let known = other.bmc.identity.serial.as_deref();
        assert!(known.is_some_and(|known| known.ends_with(&serial)), "{personality}: {known:?}");
        assert_eq!(other.bmc.power().unwrap().state().await.unwrap(), PowerState::Off);
        other.bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_bmc_makes_it_forget() {
    let (rack, setup) = known("idrac9").await;
    let _ = rack.bmc.manager().unwrap().reset().await.unwrap();
    let _ = rack.bmc.wait_ready(rackhand_bmc::Readiness::Bmc, std::time::Duration::from_secs(1800)).await;
    let rack = rack.again(&setup).await.unwrap();
    assert_eq!(rack.bmc.media().unwrap().remembered(), None);
    rack.bmc.close().await.unwrap();
}
