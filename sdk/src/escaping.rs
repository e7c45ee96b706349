//! Text as a part of a URL.

/// A path segment or a query's value as a URL takes it: all but unreserved characters percent-encoded.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(escaped("a-b_c.d~1"), "a-b_c.d~1");
        assert_eq!(escaped("a/b?c=d&ü%"), "a%2Fb%3Fc%3Dd%26%C3%BC%25");
    }
}
