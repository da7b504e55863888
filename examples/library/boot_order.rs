//! Prints the boot order, or moves one entry to its front: `... NIC.PxeDevice.1-1`.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, arguments| {
        let order = bmc.boot()?.order().await?;
        for option in &order {
            println!("{} {}", option.reference, option.name.as_deref().unwrap_or("-"));
        }
        let Some(first) = arguments.first() else { return Ok(()) };
        let mut wanted: Vec<String> = order.into_iter().map(|option| option.reference).collect();
        wanted.sort_by_key(|reference| reference != first);
        println!("set: {:?}", bmc.boot()?.set_order(&wanted).await?);
        Ok(())
    })
    .await
}
