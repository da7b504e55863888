//! Every row of the standard table, twice: with its cure the driver does right, without it (switched off by name) it does
//! not.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use rackhand_bmc::{Bmc, Result};
use rackhand_redfish::standard_quirks;
use rackhand_testing::Service;

use crate::{cases, support::connect};

/// A way to connect: with every cure, or without one.
pub(crate) struct Cure(Vec<&'static str>);

impl Cure {
    pub(crate) async fn try_connect(&self, service: &Service) -> Result<Bmc> {
        connect(service, &self.0).await
    }

    pub(crate) async fn connect(&self, service: &Service) -> Bmc {
        self.try_connect(service).await.unwrap()
    }
}

/// Whether the driver did right.
type Right<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;
type Case = for<'a> fn(&'a Cure) -> Right<'a>;

macro_rules! cases {
    ($($name:literal => $case:ident,)*) => {
        fn all() -> Vec<(&'static str, Case)> {
            vec![$(($name, |cure| Box::pin(cases::$case(cure)))),*]
        }
    };
}

cases! {
    "weak-etag" => weak_etag,
    "etag-changes-on-reads" => fresh_etag,
    "if-match-is-refused" => no_if_match,
    "empty-post-needs-body" => empty_post,
    "messages-anywhere" => messages,
    "expand-is-refused" => expand_refused,
    "expand-drops-properties" => viking,
    "members-are-null" => null_members,
    "several-systems" => several_systems,
    "systems-that-are-no-hosts" => no_hosts,
    "managed-by-is-missing" => no_managed_by,
    "reset-types-in-action-info" => action_info,
    "state-reached-is-refused" => state_reached,
    "override-wants-mode" => override_mode,
    "override-at-settings-object" => override_settings,
    "usb-cd-without-cd" => usb_cd,
    "insert-wants-more" => insert_more,
    "eject-of-empty-is-refused" => eject_empty,
    "image-says-none" => image_none,
    "openbmc-refuses-http" => openbmc_https,
    "proxy-slots-take-no-url" => proxy_slots,
    "registry-id-differs" => registry_id,
    "names-are-codes" => display_names,
    "raw-devices-among-volumes" => raw_devices,
    "stored-images-among-firmware" => stored_images,
}

#[tokio::test(start_paused = true)]
async fn each_cure_is_needed_and_cures() {
    let rows: BTreeSet<&str> = standard_quirks().iter().map(|row| row.name).collect();
    let tried: BTreeSet<&str> = all().iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, tried, "rows and cases");
    let mut wrong = Vec::new();
    for (name, case) in all() {
        if !case(&Cure(Vec::new())).await {
            wrong.push(format!("{name}: not cured"));
        }
        if case(&Cure(vec![name])).await {
            wrong.push(format!("{name}: all is well without the cure"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
