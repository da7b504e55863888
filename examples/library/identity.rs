//! Says who a machine is and what its BMC can do.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        let who = &bmc.identity;
        println!("{} {}, model {:?}, serial {:?}", who.vendor, who.generation, who.model, who.serial);
        for operation in rackhand::Operation::ALL {
            match bmc.require(operation) {
                Ok(()) => println!("{operation:?}: yes"),
                Err(why) => println!("{operation:?}: {why}"),
            }
        }
        Ok(())
    })
    .await
}
