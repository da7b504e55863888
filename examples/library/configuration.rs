//! Captures the whole configuration as one document (Dell): `... BIOS RAID` takes these parts alone.

mod common;

use rackhand::ConfigurationFormat;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, parts| {
        let configuration = bmc.configuration()?;
        let job = configuration.export(ConfigurationFormat::Xml, &parts).await?;
        bmc.wait_job(&job, bmc.pacing.bios_apply).await?;
        println!("{}", configuration.exported(&job).await?.ok_or("the export left no document")?);
        Ok(())
    })
    .await
}
