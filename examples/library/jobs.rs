//! Lists the jobs that are not over.

mod common;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Outcome {
    common::with_bmc(async |bmc, _| {
        for job in bmc.jobs()?.unfinished().await? {
            println!("{} {}: {:?}, {:?} %", job.job, job.kind, job.state, job.percent);
        }
        Ok(())
    })
    .await
}
