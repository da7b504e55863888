//! Prints the newest ten entries of every log.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        for log in bmc.logs()?.logs().await? {
            println!("{} ({:?})", log.name, log.kind);
            for entry in bmc.logs()?.entries(&log.id, 10).await?.entries {
                println!("  {:?} {:?} {}", entry.created, entry.severity, entry.message);
            }
        }
        Ok(())
    })
    .await
}
