//! Percent-encoding, as Signature Version 4 and S3 want it: every byte that is not unreserved.

/// The text, encoded but for unreserved characters.
pub(crate) fn encoded(text: &str) -> String {
    but(text, b"")
}

/// The key of an object as a path: slashes part it, and `=` stands in the names of AWS's own folders.
pub(crate) fn path(key: &str) -> String {
    but(key, b"/=")
}

fn but(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if unreserved || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encoded("a b/c=+é~"), "a%20b%2Fc%3D%2B%C3%A9~");
        assert_eq!(
            path("x/BILLING_PERIOD=2026-07/a b"),
            "x/BILLING_PERIOD=2026-07/a%20b"
        );
    }
}
