//! Reading what the plan needs to know.

use rackhand_bmc::{
    BiosPlan, Bmc, Error, ErrorKind, FirmwareInventory, HostView, Operation, PendingSettings, PowerState,
    Readiness, ReadyState, Result, StorageView,
};

use crate::{
    plan::{BiosObserved, Observed, boot_way},
    wanted::{BootWay, Wanted},
};

/// How much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Everything that a job's beginning needs, the network ports included.
    Full,
    /// Everything but what does not change within a job.
    Job,
    /// The same without firmware: a job past its updates does not come back to them, and their inventory takes many
    /// requests.
    PastFirmware,
    /// The host and its media: all that matters once the host was switched on to install.
    Following,
}

/// Reads everything that the plan needs to know of a node. Reads only.
///
/// # Errors
/// Whatever the reads met.
pub async fn observe(bmc: &Bmc, wanted: &Wanted) -> Result<Observed> {
    observe_to(bmc, wanted, Depth::Full).await
}

pub(super) async fn observe_to(bmc: &Bmc, wanted: &Wanted, depth: Depth) -> Result<Observed> {
    let view = bmc.power()?.observe().await?;
    let slots = match &bmc.media {
        Some(media) => media.slots().await?,
        None => Vec::new(),
    };
    let following = depth == Depth::Following;
    let bios = if following || wanted.bios.is_empty() { None } else { observe_bios(bmc, wanted).await? };
    let secure_boot = match &bmc.boot {
        Some(boot)
            if !following
                && wanted.secure_boot.is_some()
                && bmc.require(Operation::SecureBootRead).is_ok() =>
        {
            absent_is_none(boot.secure_boot().await)?
        }
        _ => None,
    };
    let firmware = match depth {
        Depth::Full | Depth::Job if !wanted.firmware.is_empty() => observe_firmware(bmc, depth).await?,
        _ => None,
    };
    let macs = if depth == Depth::Full && wanted.boot_mac.is_some() { macs(bmc).await? } else { None };
    let identity = bmc.identity.clone();
    let (storage, storage_busy) = if following || wanted.storage.is_empty() {
        (None, None)
    } else {
        observe_storage(bmc, &view).await?
    };
    let http_settings = bmc.boot.as_ref().map(|boot| boot.http_boot_settings("")).unwrap_or_default();
    let mut observed = Observed {
        identity,
        capabilities: bmc.capabilities.clone(),
        view,
        slots,
        http_settings: http_settings.into_keys().collect(),
        http_problems: Vec::new(),
        bios,
        firmware,
        secure_boot,
        macs,
        storage,
        storage_busy,
    };
    if depth == Depth::Full {
        observed.http_problems = http_problems(bmc, wanted, &observed).await?;
    }
    Ok(observed)
}

/// An address as images have it, as long as they get.
const SAMPLE_URL: &str = "http://192.0.2.100:65535/abcdefghijklmnopqrstuvwxyz234567/discovery-image-of-x.iso";

/// Whether BIOS takes the address of a UEFI HTTP boot, where the host would boot so and the address is a setting.
async fn http_problems(bmc: &Bmc, wanted: &Wanted, observed: &Observed) -> Result<Vec<String>> {
    let by_http = boot_way(wanted, observed).is_ok_and(|choice| choice.way == BootWay::UefiHttp);
    let (Some(boot), Some(bios)) = (&bmc.boot, &bmc.bios) else { return Ok(Vec::new()) };
    if !by_http || observed.http_settings.is_empty() {
        return Ok(Vec::new());
    }
    let plan = bios.plan(&boot.http_boot_settings(SAMPLE_URL)).await?;
    Ok(http_setting_problems(&plan, &observed.http_settings))
}

/// What is wrong with those settings, in sentences.
pub(super) fn http_setting_problems(plan: &BiosPlan, names: &[String]) -> Vec<String> {
    let ours = plan.problems.iter().filter(|problem| names.contains(&problem.attribute));
    ours.map(|problem| format!("BIOS attribute {}, for HTTP boot: {}", problem.attribute, problem.problem))
        .collect()
}

/// What is installed. Once a job runs, an inventory that is gone is an error: without it updates would be passed over.
async fn observe_firmware(bmc: &Bmc, depth: Depth) -> Result<Option<FirmwareInventory>> {
    if bmc.require(Operation::FirmwareRead).is_err() {
        return Ok(None);
    }
    let Some(firmware) = &bmc.firmware else { return Ok(None) };
    let inventory = firmware.inventory().await;
    if depth == Depth::Full { absent_is_none(inventory) } else { inventory.map(Some) }
}

async fn observe_storage(bmc: &Bmc, view: &HostView) -> Result<(Option<StorageView>, Option<String>)> {
    if bmc.require(Operation::StorageRead).is_err() {
        return Ok((None, None));
    }
    let Some(storage) = &bmc.storage else { return Ok((None, None)) };
    let Some(seen) = absent_is_none(storage.view().await)? else { return Ok((None, None)) };
    // A member that cannot be read may be the very volume or drive that counts.
    if let Some(skipped) = seen.skipped.first() {
        let why = format!("storage cannot be read as a whole: {}: {}", skipped.what, skipped.why);
        return Err(Error::new(ErrorKind::Protocol, &bmc.address, why));
    }
    if view.power != PowerState::On {
        return Ok((Some(seen), None));
    }
    // Not POST itself: several BMCs show a host that is held in setup as in POST for good.
    let mut busy = None;
    if let Some(manager) = &bmc.manager
        && let ReadyState::NotYet(why) = manager.ready(Readiness::StorageInventory).await?
    {
        busy = Some(why);
    }
    Ok((Some(seen), busy))
}

async fn observe_bios(bmc: &Bmc, wanted: &Wanted) -> Result<Option<BiosObserved>> {
    let Some(bios) = &bmc.bios else { return Ok(None) };
    if bmc.require(Operation::BiosRead).is_err() {
        return Ok(None);
    }
    let plan: BiosPlan = bios.plan(&wanted.bios).await?;
    // Without stages nothing is asked of the pending settings, and one request is saved.
    let pending = if plan.stages.is_empty() { PendingSettings::None } else { bios.state().await?.pending };
    Ok(Some(BiosObserved { plan, pending }))
}

async fn macs(bmc: &Bmc) -> Result<Option<Vec<String>>> {
    let Some(inventory) = &bmc.inventory else { return Ok(None) };
    let Some(ports) = absent_is_none(inventory.ports().await)? else { return Ok(None) };
    let mut macs: Vec<String> = ports.into_iter().filter_map(|port| port.mac).collect();
    macs.sort();
    macs.dedup();
    Ok((!macs.is_empty()).then_some(macs))
}

/// A resource that is not there answers `None`; every other error stays one.
fn absent_is_none<T>(answer: Result<T, Error>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => Ok(None),
        Err(error) => Err(error),
    }
}
