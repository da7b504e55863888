//! Reporters: the journal told to others.
//!
//! A [`Reporter`] delivers one record to one place: [`JsonLines`] to a file or a writer, [`Webhook`] as a CloudEvent
//! over HTTP. [`Reporting`] is the loop that reads the journal for it and knows everything about when: in which order,
//! how often again, and up to where it came, durably. So a reporter is small, and what is true of one is true of all:
//!
//! - **At least once.** The cursor in the journal moves after the delivery. Only a crash between the two repeats a record;
//!   the journal's name and the sequence make the repetition recognisable.
//! - **In order per node.** A record is sent after every earlier one of its node was delivered or parked. Nodes do not
//!   wait for each other, unless the reporter asks for one at a time.
//! - **The backlog is the journal.** Through an outage nothing is queued anywhere else; a restart goes on at the cursor.
//! - **A reporter never holds up the work.** It only reads; at the end of a run it gets a bounded time to finish.

mod cloud_event;
mod error;
mod json_lines;
pub mod kubernetes;
mod reporter;
mod reporting;
#[cfg(test)]
mod tests;
mod tls;
mod webhook;

pub use cloud_event::CloudEvent;
pub use error::HubError;
pub use json_lines::JsonLines;
pub use reporter::{DeliveryError, Reporter};
pub use reporting::{Finish, Reporting, Retries, Status};
pub use tls::tls_config;
pub use webhook::{Token, Webhook, WebhookOptions};
