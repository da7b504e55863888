//! Bodies of `multipart/form-data`, as images are pushed in.

use bytes::Bytes;

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The file name that came with it.
    pub file: Option<String>,
    /// What it holds.
    pub content: Bytes,
}

/// The parts of a body with that Content-Type; `None` when it is not of that form.
pub fn parts(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let open = format!("--{}", boundary.trim_matches('"'));
    let close = format!("\r\n{open}");
    let mut at = find(body, 0, open.as_bytes())? + open.len();
    let mut parts = Vec::new();
    loop {
        match body.get(at..at + 2)? {
            b"--" => return Some(parts),
            b"\r\n" => at += 2,
            _ => return None,
        }
        let head = find(body, at, b"\r\n\r\n")?;
        let end = find(body, head, close.as_bytes())?;
        let headers = std::str::from_utf8(body.get(at..head)?).ok()?;
        let content = body.slice((head + 4).min(end)..end);
        let disposition = headers.lines().find(|line| {
            line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("content-disposition"))
        })?;
        let name = quoted(disposition, "name")?;
        parts.push(Part { name, file: quoted(disposition, "filename"), content });
        at = end + close.len();
    }
}

fn find(body: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

fn quoted(line: &str, name: &str) -> Option<String> {
    let value = line.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    #[test]
    fn parts_are_told_apart() {
        let body = "--xyz\r\nContent-Disposition: form-data; name=\"UpdateParameters\"\r\n\
                    Content-Type: application/json\r\n\r\n{}\r\n--xyz\r\n\
                    Content-Disposition: form-data; name=\"UpdateFile\"; filename=\"a.bin\"\r\n\r\n\r\n--yz\r\n--xyz--\r\n";
        let parts = parts(TYPE, &Bytes::from(body)).unwrap();
        assert_eq!((parts[0].name.as_str(), &parts[0].content[..]), ("UpdateParameters", &b"{}"[..]));
        assert_eq!((parts[1].file.as_deref(), &parts[1].content[..]), (Some("a.bin"), &b"\r\n--yz"[..]));
    }

    #[test]
    fn what_is_no_form_is_none() {
        for body in ["", "--xyz", "--xyz\r\n\r\n", "--xyz\r\nContent-Disposition: form-data\r\n\r\nx"] {
            assert_eq!(parts(TYPE, &Bytes::from(body)), None, "{body:?}");
        }
        assert_eq!(parts("application/json", &Bytes::from("{}")), None);
    }
}
