//! The sessions of one connection: Redfish's, and the XML API's where it was needed.

use std::sync::Arc;

use rackhand_bmc::{Fut, RequestStats, Session};

use crate::xml::XmlClient;

/// Both sessions as one.
pub(crate) struct Sessions {
    pub(crate) redfish: Arc<dyn Session>,
    pub(crate) xml: XmlClient,
}

impl Session for Sessions {
    /// Gives both back, whatever the other one met.
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            let xml = self.xml.close().await;
            self.redfish.close().await?;
            xml
        })
    }

    fn stats(&self) -> RequestStats {
        self.redfish.stats()
    }
}
