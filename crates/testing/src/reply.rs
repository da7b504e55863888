//! What the service answers.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Reply {
    /// An answer with a body.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// An answer without one.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self::json(status, Value::Null)
    }

    /// An error with one message.
    #[must_use]
    pub fn error(status: u16, message_id: &str, text: &str) -> Self {
        let message = json!({"MessageId": message_id, "Message": text});
        Self::json(
            status,
            json!({"error": {"code": message_id, "message": text, "@Message.ExtendedInfo": [message]}}),
        )
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn response(&self) -> Response<Bytes> {
        let mut response = Response::builder().status(self.status).header("Content-Type", "application/json");
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        let body = if self.body.is_null() { Bytes::new() } else { self.body.to_string().into() };
        response.body(body).expect("a status, plain headers and a body")
    }
}
