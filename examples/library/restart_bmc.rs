//! Restarts the BMC and waits until it answers again.

mod common;

use rackhand::Readiness;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        println!("{:?}", bmc.manager()?.info().await?);
        println!("restart: {:?}", bmc.manager()?.reset().await?);
        bmc.wait_ready(Readiness::Bmc, bmc.pacing.bmc_reset).await?;
        println!("{:?}", bmc.manager()?.info().await?);
        Ok(())
    })
    .await
}
