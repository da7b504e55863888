//! Plans and stages BIOS settings: `... SriovGlobalEnable=Enabled`. What is staged takes effect at the next start.

mod common;

use rackhand::{AttributeValue, Attributes};

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, arguments| {
        let pairs = arguments.iter().filter_map(|pair| pair.split_once('='));
        let wanted: Attributes =
            pairs.map(|(name, value)| (name.to_owned(), AttributeValue::String(value.to_owned()))).collect();
        let plan = bmc.bios()?.plan(&wanted).await?;
        for problem in &plan.problems {
            println!("refused: {problem:?}");
        }
        let Some(stage) = plan.stages.first().filter(|_| plan.problems.is_empty()) else { return Ok(()) };
        let staged = bmc.bios()?.stage(stage).await?;
        println!("staged 1 of {}: {staged:?}", plan.stages.len());
        Ok(())
    })
    .await
}
