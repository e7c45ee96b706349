//! Forms: fields as they go into a body of type `application/x-www-form-urlencoded`.
//! What must hold: whatever a value holds, it never becomes a second field.

use crate::{HttpRequest, escaped};

impl HttpRequest {
    /// With a form as body.
    #[must_use]
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Some(encoded(fields).into_bytes());
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
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
    }
}
