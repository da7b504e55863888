//! Lists processors, memory, accelerators and network ports.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        let found = bmc.inventory()?.inventory().await?;
        println!("{} processors, {} memory modules", found.processors.len(), found.memory.len());
        for accelerator in &found.accelerators {
            println!("accelerator {:?}", accelerator.model);
        }
        for port in &found.ports {
            println!("port {}: {:?}", port.id, port.mac);
        }
        for skipped in &found.skipped {
            println!("not read: {} ({})", skipped.what, skipped.why);
        }
        Ok(())
    })
    .await
}
