//! Lists controllers, drives and volumes.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        let view = bmc.storage()?.view().await?;
        for controller in &view.controllers {
            println!("{} ({:?})", controller.name, controller.model);
            for drive in &controller.drives {
                println!("  drive {}: {:?} bytes, {:?}", drive.name, drive.bytes, drive.state);
            }
            for volume in &controller.volumes {
                println!("  volume {:?}: {:?}, {:?} bytes", volume.name, volume.raid, volume.bytes);
            }
        }
        Ok(())
    })
    .await
}
