//! Lists what firmware is installed, or updates one component: `... bios https://192.0.2.1/bios.exe`.

mod common;

use rackhand::{ApplyTime, FirmwareImage, Outcome};

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, arguments| {
        let installed = bmc.firmware()?.inventory().await?;
        for component in &installed.components {
            println!("{}: {}", component.name, component.version.as_deref().unwrap_or("-"));
        }
        let [name, url] = arguments.as_slice() else { return Ok(()) };
        let component = installed.find(name).ok_or("no such component, or several")?;
        let targets = vec![component.id.clone()];
        let image =
            FirmwareImage { url: url.clone(), targets, when: ApplyTime::Immediate, credentials: None };
        if let Outcome::Running(job) = bmc.firmware()?.update(&image).await? {
            println!("{:?}", bmc.wait_job(&job, bmc.pacing.install).await?);
        }
        Ok(())
    })
    .await
}
