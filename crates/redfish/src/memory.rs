//! Documents that earlier connections read, for links and targets to be found in.

use std::sync::Arc;

use rackhand_bmc::{Clock, Memory, Target};
use serde_json::{Value, json};

use crate::document::Document;

/// The service root.
pub(crate) const ROOT: &str = "root";
/// The System.
pub(crate) const SYSTEM: &str = "system";
/// Its Manager.
pub(crate) const MANAGER: &str = "manager";
/// The virtual media slot that an ISO goes into.
pub(crate) const SLOT: &str = "slot";

/// What is remembered of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Recollection {
    memory: Option<Arc<Memory>>,
    machine: String,
    clock: Arc<dyn Clock>,
}

impl Recollection {
    pub(crate) fn new(target: &Target) -> Self {
        // One BMC can have several Systems.
        let machine = match &target.system {
            Some(system) => format!("{} {system}", target.bmc),
            None => target.bmc.clone(),
        };
        Self { memory: target.memory.clone(), machine, clock: Arc::clone(&target.clock) }
    }

    /// A document as it was read then. Without its ETag, which was of that state.
    pub(crate) fn document(&self, part: &str) -> Option<Document> {
        let value = self.memory.as_ref()?.recall(&self.machine, part, self.clock.now())?;
        let uri = value.get("uri").and_then(Value::as_str)?.to_owned();
        let mut body = value.get("body")?.clone();
        if let Some(body) = body.as_object_mut() {
            body.remove("@odata.etag");
        }
        Some(Document::new(uri, None, body))
    }

    /// Keeps a document that was read just now.
    pub(crate) fn keep(&self, part: &'static str, document: &Document) {
        if let Some(memory) = &self.memory {
            let value = json!({"uri": document.uri(), "body": document.view().value()});
            memory.learn(&self.machine, part, value, self.clock.now());
        }
    }

    /// Gives up everything: the next connection finds out anew.
    pub(crate) fn forget(&self) {
        if let Some(memory) = &self.memory {
            memory.forget(&self.machine);
        }
    }
}
