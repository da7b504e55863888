//! Reads secure boot, or sets it: `... on`.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, arguments| {
        println!("{:?}", bmc.boot()?.secure_boot().await?);
        if let Some(wanted) = arguments.first() {
            println!("set: {:?}", bmc.boot()?.set_secure_boot(wanted == "on").await?);
        }
        Ok(())
    })
    .await
}
