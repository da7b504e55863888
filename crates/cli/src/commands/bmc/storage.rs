//! `bmc … storage`.
//!
//! Whatever loses data wants the name of its target twice, and shows the target before anything is sent. A drive or volume is
//! found by the name that is shown or by its id, and must be one alone.

use anyhow::bail;
use rackhand_bmc::{
    DriveId, DriveState, DriveUse, Initialize, NewVolume, Operation, RaidLevel, StorageController,
    StorageDrive, StorageView, StorageVolume,
};

use super::{Here, inventory::size, or_dash};
use crate::{
    args::{DriveTarget, StorageCommand},
    render::{Paint, Table},
};

const GIB: u64 = 1 << 30;

/// The shortest limit of a volume's name among the vendors (Dell, Lenovo, Cisco).
const NAME: usize = 15;

pub(super) async fn run(here: &Here<'_>, command: Option<StorageCommand>) -> anyhow::Result<()> {
    here.bmc.require(Operation::StorageRead)?;
    let before = view(here).await?;
    if let Some(why) = &before.partial {
        here.world.stderr.line(format_args!("warning: this may not be all there is: {why}"))?;
    }
    let act = Act { here, before: &before };
    match command.unwrap_or(StorageCommand::List) {
        StorageCommand::List => return show(here, &before),
        StorageCommand::Create { name, raid, drives, size } => {
            act.create(&name, &raid, &drives, size).await?
        }
        StorageCommand::Delete { volume, yes_delete } => act.delete(&volume, yes_delete.as_deref()).await?,
        StorageCommand::Init { volume, slow, yes_init } => {
            act.init(&volume, slow, yes_init.as_deref()).await?
        }
        StorageCommand::Convert { drives, to, yes_convert } => act.convert(&drives, to, &yes_convert).await?,
        StorageCommand::Spare { drive, volume } => act.spare(&drive, volume.as_deref()).await?,
        StorageCommand::Erase { drive, yes_erase } => act.erase(&drive, yes_erase.as_deref()).await?,
    }
    show(here, &view(here).await?)
}

async fn view(here: &Here<'_>) -> rackhand_bmc::Result<StorageView> {
    here.bmc.storage()?.view().await
}

/// One change, and what was seen before it.
struct Act<'a> {
    here: &'a Here<'a>,
    before: &'a StorageView,
}

type Found<'a, T> = (&'a StorageController, &'a T);

impl Act<'_> {
    async fn create(
        &self,
        name: &str,
        raid: &str,
        drives: &[String],
        size: Option<u64>,
    ) -> anyhow::Result<()> {
        let Self { here, before } = self;
        here.may(Operation::StorageWrite).await?;
        let address = &here.bmc.address;
        if name.trim().is_empty() || name.chars().count() > NAME {
            bail!("BMC {address}: a volume's name has 1 to {NAME} characters; nothing was sent");
        }
        let raid = RaidLevel::parse(raid);
        if let Some((_, there)) = before.volume_named(name) {
            if there.raid.as_ref() == Some(&raid) && there.drives.len() == drives.len() {
                return here.tell(format_args!(
                    "volume {name} is there already: {}; nothing was sent",
                    in_words(there)
                ));
            }
            bail!("BMC {address} has a volume {name} already: {}; nothing was sent", in_words(there));
        }
        let drives = drives.iter().map(|drive| self.drive(drive)).collect::<anyhow::Result<Vec<_>>>()?;
        let Some((controller, _)) = drives.first() else { bail!("no drive is named") };
        if let Some((other, drive)) = drives.iter().find(|(one, _)| one.id != controller.id) {
            bail!(
                "BMC {address}: drive {} is of {}, the first one of {}; a volume is on one controller; nothing was sent",
                drive.name,
                other.name,
                controller.name
            );
        }
        let levels: Vec<&str> = controller.raid_levels.iter().map(RaidLevel::as_str).collect();
        if !controller.can_create {
            bail!("BMC {address}: {} makes no volumes; nothing was sent", controller.name);
        }
        if !levels.is_empty() && !controller.raid_levels.contains(&raid) {
            return Err(here.no_such(&format!("RAID level on {},", controller.name), raid.as_str(), &levels));
        }
        for (_, drive) in &drives {
            self.is_free(drive)?;
        }
        let wanted = NewVolume {
            controller: controller.id.clone(),
            name: name.to_owned(),
            raid,
            drives: drives.iter().map(|(_, drive)| drive.id.clone()).collect(),
            bytes: size.map(|gib| gib.saturating_mul(GIB)),
        };
        let outcome = here.bmc.storage()?.create_volume(&wanted).await?;
        let what = format!("create {} {name} of {} drives on {}", wanted.raid, drives.len(), controller.name);
        here.prove(&what, outcome, async || Ok(Some(view(here).await?.volume_named(name).is_some()))).await
    }

    async fn delete(&self, name: &str, given: Option<&str>) -> anyhow::Result<()> {
        let here = self.here;
        here.may(Operation::VolumeDelete).await?;
        let (controller, volume) = self.volume(name)?;
        let what = format!(
            "delete volume {name} of {} ({}) with all that is on it",
            controller.name,
            in_words(volume)
        );
        here.meant(&what, name, "--yes-delete", given)?;
        let outcome = here.bmc.storage()?.delete_volume(&volume.id).await?;
        let gone = async || {
            let now = view(here).await?;
            Ok(Some(!now.controllers.iter().any(|one| one.volumes.iter().any(|seen| seen.id == volume.id))))
        };
        here.prove(&what, outcome, gone).await
    }

    async fn init(&self, name: &str, slow: bool, given: Option<&str>) -> anyhow::Result<()> {
        let here = self.here;
        here.may(Operation::VolumeInitialize).await?;
        let (controller, volume) = self.volume(name)?;
        let how = if slow { Initialize::Slow } else { Initialize::Fast };
        let what = format!("initialise volume {name} of {} ({})", controller.name, in_words(volume));
        here.meant(&format!("{what}; what is on it is lost"), name, "--yes-init", given)?;
        let outcome = here.bmc.storage()?.initialize_volume(&volume.id, how).await?;
        here.prove(&what, outcome, async || Ok(None)).await
    }

    async fn convert(&self, names: &[String], to: DriveTarget, given: &[String]) -> anyhow::Result<()> {
        let here = self.here;
        here.may(Operation::DriveConvert).await?;
        let drives = names.iter().map(|name| self.drive(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let (to, wanted) = match to {
            DriveTarget::Raid => (DriveUse::Raid, DriveState::Ready),
            DriveTarget::NonRaid => (DriveUse::NonRaid, DriveState::NonRaid),
        };
        for (_, drive) in &drives {
            self.is_in_no_volume(drive)?;
            let said = given.iter().find(|given| is_named(drive, given)).or(given.first());
            let said = said.map(|said| if is_named(drive, said) { drive.name.as_str() } else { said });
            let what = format!(
                "convert drive {} ({}), which may lose what is on it",
                drive.name,
                use_of(drive, self.before)
            );
            here.meant(&what, &drive.name, "--yes-convert", said)?;
        }
        let Some((controller, _)) = drives.first() else { bail!("no drive is named") };
        if let Some((other, drive)) = drives.iter().find(|(one, _)| one.id != controller.id) {
            bail!(
                "BMC {}: drive {} is of {}, the first one of {}; convert them one after the other; nothing was sent",
                here.bmc.address,
                drive.name,
                other.name,
                controller.name
            );
        }
        let ids: Vec<DriveId> = drives.iter().map(|(_, drive)| drive.id.clone()).collect();
        let outcome = here.bmc.storage()?.convert_drives(&controller.id, &ids, to).await?;
        let names: Vec<&str> = drives.iter().map(|(_, drive)| drive.name.as_str()).collect();
        let all = async || {
            let now = view(here).await?;
            Ok(Some(ids.iter().all(|id| state_of(&now, id) == Some(&wanted))))
        };
        here.prove(&format!("convert {} to {to:?}", names.join(", ")), outcome, all).await
    }

    async fn spare(&self, name: &str, volume: Option<&str>) -> anyhow::Result<()> {
        let here = self.here;
        here.may(Operation::DriveSpare).await?;
        let (_, drive) = self.drive(name)?;
        if drive.state == DriveState::Spare {
            return here.tell(format_args!("drive {} is a spare already; nothing was sent", drive.name));
        }
        self.is_free(drive)?;
        let of = volume.map(|volume| self.volume(volume)).transpose()?;
        let id = of.map(|(_, volume)| &volume.id);
        let outcome = here.bmc.storage()?.assign_spare(&drive.id, id).await?;
        let what = format!("make drive {} a spare of {}", drive.name, volume.unwrap_or("every volume"));
        let is_spare = async || Ok(Some(state_of(&view(here).await?, &drive.id) == Some(&DriveState::Spare)));
        here.prove(&what, outcome, is_spare).await
    }

    async fn erase(&self, name: &str, given: Option<&str>) -> anyhow::Result<()> {
        let here = self.here;
        here.may(Operation::DriveErase).await?;
        let (_, drive) = self.drive(name)?;
        self.is_in_no_volume(drive)?;
        let what = format!(
            "erase drive {} ({} {}, serial {}, {}) beyond recovery",
            drive.name,
            or_dash(drive.model.as_ref()),
            size(drive.bytes),
            or_dash(drive.serial.as_ref()),
            use_of(drive, self.before)
        );
        let given = given.map(|given| if is_named(drive, given) { drive.name.as_str() } else { given });
        here.meant(&what, &drive.name, "--yes-erase", given)?;
        let outcome = here.bmc.storage()?.secure_erase(&drive.id).await?;
        here.prove(&what, outcome, async || Ok(None)).await
    }

    fn is_free(&self, drive: &StorageDrive) -> anyhow::Result<()> {
        match drive.state {
            DriveState::Ready => Ok(()),
            _ => bail!(
                "BMC {}: drive {} is not free: {}; nothing was sent",
                self.here.bmc.address,
                drive.name,
                use_of(drive, self.before)
            ),
        }
    }

    fn is_in_no_volume(&self, drive: &StorageDrive) -> anyhow::Result<()> {
        match drive.state {
            DriveState::InVolume(_) | DriveState::Spare => self.is_free(drive),
            _ => Ok(()),
        }
    }

    fn volume(&self, name: &str) -> anyhow::Result<Found<'_, StorageVolume>> {
        let all = || {
            self.before.controllers.iter().flat_map(|one| one.volumes.iter().map(move |volume| (one, volume)))
        };
        let label = |volume: &StorageVolume| volume.name.as_deref().map_or("", str::trim).to_owned();
        let fits = |(_, volume): &Found<'_, StorageVolume>| label(volume) == name || volume.id.0 == name;
        let found: Vec<Found<'_, StorageVolume>> = all().filter(fits).collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let names: Vec<String> = all().map(|(_, volume)| label(volume)).collect();
                Err(self.here.no_such("volume", name, &names.iter().map(String::as_str).collect::<Vec<_>>()))
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|(_, volume)| volume.id.0.as_str()).collect();
                bail!(
                    "BMC {} has several volumes {name}; say which by its id: {}",
                    self.here.bmc.address,
                    ids.join(", ")
                )
            }
        }
    }

    fn drive(&self, name: &str) -> anyhow::Result<Found<'_, StorageDrive>> {
        let all = || {
            self.before.controllers.iter().flat_map(|one| one.drives.iter().map(move |drive| (one, drive)))
        };
        let found: Vec<Found<'_, StorageDrive>> = all().filter(|(_, drive)| is_named(drive, name)).collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let names: Vec<&str> = all().map(|(_, drive)| drive.name.as_str()).collect();
                Err(self.here.no_such("drive", name, &names))
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|(_, drive)| drive.id.0.as_str()).collect();
                bail!(
                    "BMC {} has several drives {name}; say which by its id: {}",
                    self.here.bmc.address,
                    ids.join(", ")
                )
            }
        }
    }
}

fn is_named(drive: &StorageDrive, name: &str) -> bool {
    let last = drive.id.0.rsplit('/').next();
    drive.name.trim().eq_ignore_ascii_case(name)
        || drive.id.0 == name
        || last.is_some_and(|last| last.eq_ignore_ascii_case(name))
}

fn state_of<'a>(view: &'a StorageView, id: &DriveId) -> Option<&'a DriveState> {
    let mut drives = view.controllers.iter().flat_map(|controller| &controller.drives);
    drives.find(|drive| drive.id == *id).map(|drive| &drive.state)
}

fn in_words(volume: &StorageVolume) -> String {
    format!("{}, {}, {} drives", or_dash(volume.raid.as_ref()), size(volume.bytes), volume.drives.len())
}

/// What a drive is used for; volumes by their names.
fn use_of(drive: &StorageDrive, view: &StorageView) -> String {
    match &drive.state {
        DriveState::Ready => "free".to_owned(),
        DriveState::InVolume(ids) => {
            let all = view.controllers.iter().flat_map(|controller| &controller.volumes);
            let names: Vec<&str> = all
                .filter(|volume| ids.contains(&volume.id))
                .map(|volume| volume.name.as_deref().map_or(volume.id.0.as_str(), str::trim))
                .collect();
            format!("in volume {}", names.join(", "))
        }
        DriveState::Spare => "spare".to_owned(),
        DriveState::NonRaid => "handed to the host".to_owned(),
        DriveState::Foreign => "of a foreign configuration".to_owned(),
        DriveState::Failed => "failed".to_owned(),
        _ => "in unknown use".to_owned(),
    }
}

fn show(here: &Here<'_>, view: &StorageView) -> anyhow::Result<()> {
    here.print(view, || controllers(view))?;
    if here.format == crate::args::Format::Table {
        for (title, table) in [("Drives", drives(view)), ("Volumes", volumes(view))] {
            if !table.is_empty() {
                let title = here.style.paint(Paint::Bold, title);
                here.world.stdout.text(&format!("\n{title}\n{}", table.render(here.style)))?;
            }
        }
    }
    here.tell_skipped(&view.skipped)
}

fn controllers(view: &StorageView) -> Table {
    let mut table = Table::new(&["CONTROLLER", "MODEL", "DRIVES", "VOLUMES", "MAKES"]);
    for one in &view.controllers {
        let levels: Vec<&str> = one.raid_levels.iter().map(RaidLevel::as_str).collect();
        let makes = match (one.can_create, levels.is_empty()) {
            (false, _) => "no volumes".to_owned(),
            (true, true) => "volumes".to_owned(),
            (true, false) => levels.join(" "),
        };
        let (drives, volumes) = (one.drives.len().to_string(), one.volumes.len().to_string());
        table.row([one.name.clone(), or_dash(one.model.as_ref()), drives, volumes, makes]);
    }
    table
}

fn drives(view: &StorageView) -> Table {
    let mut table = Table::new(&["  DRIVE", "CONTROLLER", "SIZE", "KIND", "SERIAL", "USE"]);
    for controller in &view.controllers {
        for drive in &controller.drives {
            let kind = [drive.media.as_deref(), drive.protocol.as_deref()];
            let kind: Vec<&str> = kind.into_iter().flatten().collect();
            let paint = match drive.state {
                DriveState::Ready => Paint::Good,
                DriveState::Failed => Paint::Bad,
                _ => Paint::None,
            };
            let plain = |text: String| (text, Paint::None);
            table.painted([
                plain(format!("  {}", drive.name)),
                plain(controller.name.clone()),
                plain(size(drive.bytes)),
                plain(kind.join(" ")),
                plain(or_dash(drive.serial.as_ref())),
                (use_of(drive, view), paint),
            ]);
        }
    }
    table
}

fn volumes(view: &StorageView) -> Table {
    let mut table = Table::new(&["  VOLUME", "CONTROLLER", "RAID", "SIZE", "DRIVES", "ID"]);
    for controller in &view.controllers {
        for volume in &controller.volumes {
            table.row([
                format!("  {}", volume.name.as_deref().map_or("-", str::trim)),
                controller.name.clone(),
                or_dash(volume.raid.as_ref()),
                size(volume.bytes),
                volume.drives.len().to_string(),
                volume.id.0.rsplit('/').next().unwrap_or_default().to_owned(),
            ]);
        }
    }
    table
}
