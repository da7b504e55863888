//! Ejects whatever is in the slot that an ISO goes into, and proves it.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        let slot = bmc.choose_slot().await?;
        println!("{} holds {:?}", slot.name, slot.image);
        let ejected = bmc.clear_slot(&slot.id).await?;
        println!("ejected: {ejected:?}");
        Ok(())
    })
    .await
}
