//! What errors of Prometheus, and of the proxies before it, mean. Prometheus writes them as
//! `{"status": "error", "errorType": "bad_data", "error": "..."}`; proxies write text or a page.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    use FailureKind::{Credential, Provider, Settings, Throttled};
    let status = response.status;
    let text = response.start_of_body(BODY);
    let body = serde_json::from_str::<Body>(&text).unwrap_or_default();
    let (kind, means) = match (status, body.error_type.as_str()) {
        (400, "bad_data") => (
            Settings,
            "Prometheus does not take the query: try it in its own window",
        ),
        (422, _) | (_, "execution") => (
            Provider,
            "the query cannot be executed: labels that match twice, or more samples than query.max-samples allows; let it \
             aggregate more",
        ),
        (503, "timeout") | (_, "timeout") => (
            Provider,
            "the query takes longer than query.timeout allows: let it aggregate more, or record it by a rule",
        ),
        (401, _) => (
            Credential,
            "the server wants another credential: [credentials.source] and the rule's `credential`",
        ),
        (403, _) => (
            Credential,
            "the credential may not read query_range: let the proxy allow this path",
        ),
        (404, _) => (
            Settings,
            "there is nothing here: `path` is what stands before /api/v1, such as /prometheus for Mimir",
        ),
        (429, _) => (Throttled, "the server asks to slow down"),
        _ => return failure_of(status, &text).context(what),
    };
    let said = match body.error.is_empty() {
        true => excerpt(&text, 300),
        false => excerpt(&body.error, 300),
    };
    Failure::new(kind, format_args!("{what}: {means} (HTTP {status}: {said})")).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Settings, Throttled};
        let body = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"said so"}}"#);
        for (status, body, kind, says) in [
            (400, body("bad_data"), Settings, "said so"),
            (422, body("execution"), Provider, "aggregate more"),
            (503, body("timeout"), Provider, "query.timeout"),
            (401, "Unauthorized".to_owned(), Credential, "credentials.source"),
            (403, "<html>".to_owned(), Credential, "query_range"),
            (404, "404 page not found".to_owned(), Settings, "/prometheus"),
            (
                429,
                "too many outstanding requests".to_owned(),
                Throttled,
                "outstanding",
            ),
            (502, "<html>bad gateway".to_owned(), Provider, "bad gateway"),
            (301, String::new(), Provider, "redirects elsewhere"),
        ] {
            let failure = of(reply(status, &body), "meter `cpu`");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(
                failure.message.contains(says) && failure.message.starts_with("meter `cpu`: "),
                "{failure}"
            );
        }
    }
}
