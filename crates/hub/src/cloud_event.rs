//! A record as a CloudEvent 1.0, in the JSON format.

use jiff::Timestamp;
use rackhand_agent::journal::Record;
use serde::Serialize;
use serde_json::Value;

/// The attributes of CloudEvents 1.0 with a record as the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloudEvent {
    specversion: &'static str,
    /// The journal's name and the sequence: globally unique, and the same whenever the record is sent again.
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: Timestamp,
    datacontenttype: &'static str,
    /// The sequence extension: orders by text as by number.
    sequence: String,
    /// The partitioning extension: what has the same key is in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    partitionkey: Option<String>,
    data: Value,
}

impl CloudEvent {
    /// The media type of its JSON.
    pub const CONTENT_TYPE: &'static str = "application/cloudevents+json; charset=utf-8";

    /// The record of the journal named `journal`, told by `source`.
    ///
    /// # Errors
    /// When the record cannot be written as JSON.
    pub fn new(source: &str, journal: &str, record: &Record) -> Result<Self, serde_json::Error> {
        let data = serde_json::to_value(record)?;
        // The event's tag in the stream format names the type.
        let kind = data.pointer("/event/type").and_then(Value::as_str).unwrap_or("unknown");
        Ok(Self {
            specversion: "1.0",
            id: format!("{journal}-{}", record.seq),
            source: source.to_owned(),
            kind: format!("dev.rackhand.{kind}.v1"),
            subject: record.node.clone(),
            time: record.at,
            datacontenttype: "application/json",
            sequence: format!("{:020}", record.seq),
            partitionkey: record.node.clone(),
            data,
        })
    }
}
