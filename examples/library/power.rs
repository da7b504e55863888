//! Switches a machine off, gracefully where its operating system heeds it, and on again.

mod common;

use rackhand::PowerOffPolicy;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        println!("was {:?}", bmc.power()?.state().await?);
        let off = bmc.power_off(PowerOffPolicy::GracefulThenForce).await?;
        println!("off: {off:?}");
        let on = bmc.power_on().await?;
        println!("on: {on:?}");
        Ok(())
    })
    .await
}
