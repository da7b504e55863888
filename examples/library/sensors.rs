//! Prints what the sensors read and how well the machine is.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        println!("{:?}", bmc.sensors()?.health().await?);
        for sensor in bmc.sensors()?.sensors().await?.sensors {
            println!("{}: {:?}", sensor.name, sensor.reading);
        }
        Ok(())
    })
    .await
}
