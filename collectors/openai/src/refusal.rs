//! What OpenAI's errors mean, said so that an operator knows what to grant or change:
//! `{"error": {"message", "type", "param", "code"}}`, each of the four possibly null.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Described,
}

#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    let status = response.status;
    let waits = response.header("retry-after").is_some();
    let request = response
        .header("x-request-id")
        .map(|id| format!(", request {}", excerpt(id, 60)))
        .unwrap_or_default();
    let text = response.start_of_body(BODY);
    let error = serde_json::from_str::<Body>(&text).unwrap_or_default().error;
    let Some(message) = error.message.filter(|message| !message.is_empty()) else {
        return failure_of(status, &text).context(what);
    };
    let (kind, means) = meaning(status, waits);
    let code = error.code.or(error.r#type).unwrap_or_default();
    let param = error
        .param
        .map(|param| format!(", parameter {}", excerpt(&param, 60)))
        .unwrap_or_default();
    let (code, shown) = (excerpt(&code, 80), excerpt(&message, 300));
    Failure::new(
        kind,
        format_args!("{what}: {means} (HTTP {status}, {code}{param}{request}: {shown})"),
    )
    .with_status(status)
}

fn meaning(status: u16, waits: bool) -> (FailureKind, &'static str) {
    use FailureKind::{Credential, Provider, Throttled};
    match status {
        401 => (
            Credential,
            "OpenAI does not accept the key: it must be an admin key (sk-admin-…) of this organization; a project's key is none",
        ),
        403 => (
            Credential,
            "the admin key lacks a permission: let it read usage (api.usage.read) and projects",
        ),
        429 if waits => (Throttled, "OpenAI asks to slow down"),
        429 => (
            Throttled,
            "OpenAI refuses and names no time to wait: its message says what is to be done in the organization's settings",
        ),
        _ => (Provider, "OpenAI answered with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn openais_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Throttled};
        let body = r#"{"error":{"message":"said so","type":"invalid_request_error","param":null,"code":"some_code"}}"#;
        let without_code =
            r#"{"error":{"message":"said so","type":"server_error","param":"limit","code":null}}"#;
        for (status, body, kind, says) in [
            (401, body, Credential, "sk-admin"),
            (403, body, Credential, "api.usage.read"),
            (429, body, Throttled, "names no time"),
            (
                400,
                without_code,
                Provider,
                "server_error, parameter limit: said so",
            ),
            (500, body, Provider, "some_code: said so"),
            (502, "<html>bad gateway", Provider, "bad gateway"),
            (401, "", Credential, "refused the credential"),
        ] {
            let failure = of(reply(status, body), "the costs");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(failure.message.contains(says), "{failure}");
            assert!(failure.message.starts_with("the costs: "), "{failure}");
        }
    }

    #[test]
    fn a_limit_that_passes_and_the_requests_id_are_told() {
        let mut response = reply(
            429,
            r#"{"error":{"message":"m","type":"requests","param":null,"code":null}}"#,
        );
        response.headers = vec![
            ("retry-after".to_owned(), "7".to_owned()),
            ("x-request-id".to_owned(), "req_1\u{7}".to_owned()),
        ];
        let failure = of(response, "the costs");
        assert!(failure.message.contains("slow down"), "{failure}");
        assert!(failure.message.contains("request req_1\\u{7}"), "{failure}");
    }
}
