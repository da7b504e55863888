//! What a reporter does, and what it can say about a delivery that failed.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use rackhand_agent::journal::Record;
use thiserror::Error;

/// Delivers records to one place, one at a time. When and how often is [`Reporting`](crate::Reporting)'s business, so
/// a delivery is one try.
pub trait Reporter: Send + Sync + fmt::Debug {
    /// Where it delivers to, for messages. Never a secret.
    fn name(&self) -> &str;

    /// Delivers one record of the journal named `journal`. Done when this returns: the record is not shown again, except
    /// after a crash.
    ///
    /// # Errors
    /// [`DeliveryError`] says whether the place, the record or the subscription is in trouble.
    fn deliver<'a>(
        &'a self,
        journal: &'a str,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<(), DeliveryError>>;

    /// How many deliveries may be under way, each for another node. With one (the default) records go out in the order
    /// of the journal.
    fn concurrency(&self) -> usize {
        1
    }
}

/// Why a record was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// The place is not reachable, not ready or does not let us in. Every record would fail, so all wait and this one is
    /// tried again, for as long as it takes.
    #[error("{reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
        /// When the place asked to be tried again.
        retry_after: Option<Duration>,
    },
    /// The place does not take this record. It is tried a few times more and then parked, so that it does not hold up its
    /// node for ever.
    #[error("{reason}")]
    Refused {
        /// What was seen.
        reason: String,
    },
    /// The place wants nothing more. Reporting ends.
    #[error("{reason}")]
    Gone {
        /// What was seen.
        reason: String,
    },
}

impl DeliveryError {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None }
    }
}
