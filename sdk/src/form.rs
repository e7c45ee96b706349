//! Forms and queries: texts percent-encoded as they go into a URL or a body of type `application/x-www-form-urlencoded`.
//! What must hold: whatever a value holds, it never becomes a second field.

use crate::HttpRequest;

impl HttpRequest {
    /// With a form as body.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Some(query(fields).into_bytes());
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }
}

/// Fields as a query or a form's body holds them: `a=1&b=x%20y`.
#[must_use]
pub fn query(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The text, every byte percent-encoded but for letters, digits and `-._~`.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
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
    fn a_value_never_becomes_a_second_field() {
        let request =
            HttpRequest::post("https://h.example/").form(&[("query", "a{b=\"c\"} & d+1"), ("step", "60")]);
        let body = "query=a%7Bb%3D%22c%22%7D%20%26%20d%2B1&step=60";
        assert_eq!(request.body.as_deref(), Some(body.as_bytes()));
        assert_eq!(
            request.headers,
            [(
                "Content-Type".to_owned(),
                "application/x-www-form-urlencoded".to_owned()
            )]
        );
        assert_eq!(encoded("é~/"), "%C3%A9~%2F");
    }
}
