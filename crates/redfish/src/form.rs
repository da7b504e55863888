//! The form that a firmware file is sent in.

use bytes::Bytes;
use serde_json::Value;

/// `multipart/form-data` as DSP0266 has it for `MultipartHttpPushUri`.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    boundary: String,
    bytes: Bytes,
}

impl Form {
    /// A file with what is to be done with it.
    pub(crate) fn update(parameters: &Value, name: &str, content: &Bytes) -> Self {
        let boundary = boundary(content);
        // What ends the header's quotes would be read as more headers.
        let name: String = name.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
        let mut bytes = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"UpdateParameters\"\r\nContent-Type: application/json\r\n\r\n\
             {parameters}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"UpdateFile\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Self { boundary, bytes: bytes.into() }
    }

    /// Its `Content-Type`.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The whole of it. A reference to it, not a copy.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

/// A line that is not in the content.
fn boundary(content: &[u8]) -> String {
    let is_free = |line: &String| !content.windows(line.len()).any(|part| part == line.as_bytes());
    let mut lines = (0_u64..).map(|number| format!("rackhand-update-{number:08}"));
    // There are more lines than a file can hold.
    lines.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_holds_both_parts_and_no_boundary_of_the_content() {
        let content = Bytes::from_static(b"\x00rackhand-update-00000000\xff");
        let form = Form::update(&json!({"Targets": ["/a"]}), "b\"i\r\nos.bin", &content);
        assert_eq!(form.content_type(), "multipart/form-data; boundary=rackhand-update-00000001");
        let bytes = form.bytes();
        let text = String::from_utf8_lossy(&bytes);
        let parts: Vec<&str> = text.split("--rackhand-update-00000001").collect();
        assert_eq!(parts.len(), 4, "{text}");
        assert!(
            parts[1].contains("name=\"UpdateParameters\"")
                && parts[1].ends_with("\r\n\r\n{\"Targets\":[\"/a\"]}\r\n")
        );
        assert!(parts[2].contains("name=\"UpdateFile\"; filename=\"bios.bin\"\r\n"), "{text}");
        assert!(bytes.windows(content.len()).any(|part| part == content));
        assert_eq!(parts[3], "--\r\n");
    }
}
