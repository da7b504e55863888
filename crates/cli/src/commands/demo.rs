//! `demo`: placeholder until the simulator's personalities are there.

use crate::{Exit, World, args::DemoArgs, options::Common};

pub(crate) async fn run(_args: DemoArgs, _common: Common, _world: &World) -> anyhow::Result<Exit> {
    anyhow::bail!("the demo needs the simulator")
}
