//! Secrets as query parameters. What must hold: the URL that shows them exists in the outgoing request alone.

use super::encode::percent;
use url::Url;
use zeroize::Zeroizing;

/// Adds a parameter at the end; what stood before stays byte for byte.
pub(super) fn add(url: &mut Url, name: &str, value: &str) {
    let (name, value) = (percent(name.as_bytes()), percent(value.as_bytes()));
    let before = url.query().unwrap_or_default();
    let mut query = Zeroizing::new(String::with_capacity(before.len() + name.len() + value.len() + 2));
    query.push_str(before);
    if !before.is_empty() {
        query.push('&');
    }
    query.push_str(&name);
    query.push('=');
    query.push_str(&value);
    url.set_query(Some(&query));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_guest_wrote_stays_as_it_was() {
        for (before, after) in [
            ("https://h.example/a", "https://h.example/a?api%20key=s%2F%26%3D1"),
            ("https://h.example/?", "https://h.example/?api%20key=s%2F%26%3D1"),
            (
                "https://h.example/?a=b+c%2f&d",
                "https://h.example/?a=b+c%2f&d&api%20key=s%2F%26%3D1",
            ),
        ] {
            let mut url: Url = before.parse().unwrap();
            add(&mut url, "api key", "s/&=1");
            assert_eq!(url.as_str(), after);
        }
    }
}
