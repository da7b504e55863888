//! Makes a mirror named `boot` of the first two free drives of a controller, and proves it.

mod common;

use rackhand::{DriveState, NewVolume, Outcome, RaidLevel};

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        let view = bmc.storage()?.view().await?;
        let wanted = view.controllers.iter().filter(|one| one.can_create).find_map(|controller| {
            let free = controller.drives.iter().filter(|drive| drive.state == DriveState::Ready);
            let drives: Vec<_> = free.take(2).map(|drive| drive.id.clone()).collect();
            let (name, controller) = ("boot".to_owned(), controller.id.clone());
            let volume = NewVolume { controller, name, raid: RaidLevel::Raid1, drives, bytes: None };
            (volume.drives.len() == 2).then_some(volume)
        });
        let created = bmc.storage()?.create_volume(&wanted.ok_or("no two free drives")?).await?;
        println!("created: {created:?}");
        if let Outcome::Running(job) = created {
            bmc.wait_job(&job, bmc.pacing.bios_apply).await?;
        }
        println!("there: {:?}", bmc.storage()?.view().await?.volume_named("boot"));
        Ok(())
    })
    .await
}
