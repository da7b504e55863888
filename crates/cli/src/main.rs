//! The `rackhand` program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    rackhand_cli::run(std::env::args_os().collect(), rackhand_cli::World::of_this_process()).await
}
