//! Egress as a whole, against small servers on loopback.

use super::rule::{Method, Rule};

/// A rule for GET on a host.
#[allow(clippy::unwrap_used)]
pub(super) fn rule(host: &str, paths: &[&str]) -> Rule {
    Rule {
        line: 3,
        host: host.parse().unwrap(),
        port: None,
        methods: vec![Method::Get],
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        headers: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        json: Vec::new(),
        credential: None,
        connect_to: None,
        ca: None,
        addresses: Vec::new(),
        price: None,
        insecure_http: false,
        encoded_slash: false,
    }
}
