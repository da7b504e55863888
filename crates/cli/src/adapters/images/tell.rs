//! What the media server sees, as signs of installations.

use rackhand_agent::{event::Evidence, ports::Sighting};
use rackhand_media::{EventKind, Events, MediaEvent};
use tokio::sync::mpsc;

use super::FIRMWARE;

/// What the server sees becomes signs of installations, in order.
pub(super) async fn tell(mut events: Events, sightings: mpsc::Sender<Sighting>) {
    while let Some(MediaEvent { node, kind, .. }) = events.recv().await {
        let node = node.unwrap_or_default();
        let mut ack = None;
        if node.contains(FIRMWARE)
            && !matches!(kind, EventKind::Refused { .. } | EventKind::Unreadable { .. })
        {
            // That firmware is read says nothing of the installation.
            continue;
        }
        let evidence = match kind {
            EventKind::ScriptGiven { peer, installs: true, heard, .. } => {
                // The host is told so once this is durable in the journal.
                ack = heard.take();
                Evidence::ToldToInstall { peer: peer.to_string() }
            }
            EventKind::ScriptGiven { peer, mac, installs: false, .. } => {
                tracing::info!(node, %peer, %mac, "a host asked the network what to boot, and was told to boot its disk");
                continue;
            }
            EventKind::FirstByte { peer } => Evidence::ImageRead { peer: peer.to_string() },
            EventKind::Complete { size } => Evidence::ImageComplete { bytes: size },
            EventKind::CallBack { stage, heard, .. } => {
                // The installer is answered once this is durable in the journal.
                ack = heard.take();
                Evidence::CalledBack { stage }
            }
            EventKind::Refused { peer, reason } => {
                tracing::warn!(node, %peer, reason, "the ISO server refused a request");
                continue;
            }
            EventKind::Unreadable { reason } => {
                tracing::error!(node, reason, "the image cannot be served any more");
                continue;
            }
            _ => continue,
        };
        if sightings.send(Sighting { node, evidence, ack }).await.is_err() {
            return;
        }
    }
}
