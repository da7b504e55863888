//! The program `rackhand-simulator`.

use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    rackhand_simulator::cli::main(rackhand_simulator::cli::Args::parse()).await
}
