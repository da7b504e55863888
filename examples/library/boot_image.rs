//! Boots an image by virtual media, once: `... https://192.0.2.1/installer.iso`. The machine is switched off first.

mod common;

use rackhand::{MediaImage, PowerOffPolicy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, arguments| {
        let url = arguments.first().ok_or("the image's URL is missing")?.clone();
        let off = bmc.power_off(PowerOffPolicy::GracefulThenForce).await?;
        println!("off: {off:?}");
        let slot = bmc.boot_image_once(&MediaImage { url, credentials: None }).await?;
        println!("boots from {}", slot.name);
        Ok(())
    })
    .await
}
