//! The task that owns a BMC's requests.

use std::sync::Arc;

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use rackhand_bmc::Result;
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

use super::{
    core::{Ask, Core},
    outcome::Sent,
};
use crate::wire::Answer;

/// What a handle asks of the task.
pub(crate) enum Command {
    Login(oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<Result<()>>),
    Read(Ask, oneshot::Sender<Result<Answer>>),
    Write(Ask, oneshot::Sender<Result<Sent>>),
}

/// Serves commands until every handle is dropped, then finishes what was sent and gives the session back.
pub(crate) async fn run(core: Arc<Core>, mut inbox: UnboundedReceiver<Command>) {
    let mut at_work: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            command = inbox.recv() => match command {
                Some(command) => at_work.push(Box::pin(serve(&core, command))),
                None => break,
            },
            Some(()) = at_work.next(), if !at_work.is_empty() => {}
        }
    }
    while at_work.next().await.is_some() {}
    drop(at_work);
    core.abandon().await;
}

/// A caller that has gone away is not an error: its answer is dropped. What it wanted and was not sent yet, is not sent.
async fn serve(core: &Core, command: Command) {
    match command {
        Command::Login(reply) => drop(reply.send(core.login().await)),
        Command::Close(reply) => drop(reply.send(core.close().await)),
        Command::Read(ask, reply) => {
            let answer = core.read(&ask, || reply.is_closed()).await;
            drop(reply.send(answer));
        }
        Command::Write(ask, reply) => {
            let sent = core.write(&ask, || reply.is_closed()).await;
            drop(reply.send(sent));
        }
    }
}
