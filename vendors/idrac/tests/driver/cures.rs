//! Every row of the quirk table, twice: with its cure the driver does right, without it (switched off by name) it does not.

mod answers;
pub(crate) mod bios;
mod boot;
pub(crate) mod jobs;
mod media;
pub(crate) mod storage;
mod upkeep;

use std::{collections::BTreeSet, future::Future, pin::Pin};

use rackhand_bmc::{Bmc, Driver, Target};
use rackhand_idrac::{Idrac, quirks};
use rackhand_testing::{Service, target};

/// A way to connect: with every cure, or without one.
pub(crate) struct Cure {
    off: BTreeSet<String>,
}

impl Cure {
    fn all() -> Self {
        Self { off: BTreeSet::new() }
    }

    fn without(name: &str) -> Self {
        Self { off: BTreeSet::from([name.to_owned()]) }
    }

    async fn connect(&self, service: &Service) -> Bmc {
        let target = Target { quirks_off: self.off.clone(), ..target() };
        Idrac.connect(service.link().await, target).await.unwrap()
    }
}

/// Whether the driver did right.
type Right<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;
type Case = for<'a> fn(&'a Cure) -> Right<'a>;

macro_rules! cases {
    ($($name:literal => $module:ident::$case:ident,)*) => {
        fn cases() -> Vec<(&'static str, Case)> {
            vec![$(($name, |cure| Box::pin($module::$case(cure)))),*]
        }
    };
}

cases! {
    "service-tag-is-sku" => answers::service_tag,
    "eemi-messages" => answers::messages,
    "on-refused-after-off" => answers::on_refused,
    "readiness-by-lc-service" => answers::readiness,
    "restart-shows-in-attribute" => answers::restarting,
    "cd-is-physical" => boot::physical_cd,
    "override-at-settings" => boot::at_settings,
    "override-mode-makes-job" => boot::without_mode,
    "boot-mode-by-job" => boot::mode,
    "media-cannot-insert" => media::cannot_insert,
    "only-slot-1-boots" => media::slot_1,
    "stale-inserted" => media::stale,
    "image-suffix" => media::suffix,
    "share-forms" => media::share,
    "refused-insert-is-slow" => media::once,
    "media-detached" => media::detached,
    "bios-job-apart" => bios::job_apart,
    "bios-mark-is-job" => bios::mark,
    "bios-job-queued" => bios::queued,
    "bios-discard-by-job" => bios::discard,
    "bios-reset-while-pending" => bios::reset,
    "jobs-below-manager" => jobs::place,
    "dell-job-states" => jobs::states,
    "job-stuck-pr30" => jobs::stuck,
    "task-gone-job-left" => jobs::task_gone,
    "delete-job-queue" => jobs::queue,
    "raid-status-in-oem" => storage::status,
    "raw-device-volumes" => storage::raw,
    "volume-type-and-drives" => storage::older_body,
    "volume-name-15" => storage::name,
    "volume-apply-time" => storage::time,
    "drives-by-raid-service" => storage::convert,
    "boss-keeps-raid" => storage::boss,
    "inventory-has-backups" => upkeep::inventory,
    "firmware-url-query" => upkeep::query,
    "scp-no-whitespace" => upkeep::compact,
    "scp-target-list" => upkeep::targets,
}

#[tokio::test(start_paused = true)]
async fn each_cure_is_needed_and_cures() {
    let rows: BTreeSet<&str> = quirks().iter().map(|row| row.name).collect();
    let tried: BTreeSet<&str> = cases().iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, tried, "rows and cases");
    for (name, case) in cases() {
        assert!(case(&Cure::all()).await, "{name}: not cured");
        assert!(!case(&Cure::without(name)).await, "{name}: all is well without the cure");
    }
}
