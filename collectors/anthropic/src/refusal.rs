//! What Anthropic's errors mean, said so that an operator knows what to grant or change:
//! `{"type": "error", "error": {"type", "message"}, "request_id"}`.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Described,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    let status = response.status;
    let text = response.start_of_body(BODY);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let kind_of_error = body.error.r#type.unwrap_or_default();
    let (kind, means) = meaning(status, &kind_of_error);
    let Some(message) = body.error.message.filter(|message| !message.is_empty()) else {
        let mut failure = failure_of(status, &text).context(what);
        failure.kind = kind;
        return failure;
    };
    let request = body
        .request_id
        .map(|id| format!(", request {}", excerpt(&id, 60)))
        .unwrap_or_default();
    let (shown_kind, shown) = (excerpt(&kind_of_error, 80), excerpt(&message, 300));
    Failure::new(
        kind,
        format_args!("{what}: {means} (HTTP {status}, {shown_kind}{request}: {shown})"),
    )
    .with_status(status)
}

fn meaning(status: u16, error: &str) -> (FailureKind, &'static str) {
    use FailureKind::{Credential, Provider, Throttled};
    match (status, error) {
        (401, _) | (_, "authentication_error") => (
            Credential,
            "Anthropic does not accept the key: it must be an Admin API key (sk-ant-admin…); other keys, and individual \
             accounts, have no access",
        ),
        (403, _) | (_, "permission_error") => (
            Credential,
            "the key may not do this: take an Admin API key of this organization",
        ),
        (429, _) | (_, "rate_limit_error") => (
            Throttled,
            "Anthropic asks to slow down: about one reading a minute is supported",
        ),
        (529, _) | (_, "overloaded_error") => (Provider, "Anthropic is overloaded: run again later"),
        _ => (Provider, "Anthropic answered with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn anthropics_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Throttled};
        for (status, error, kind, says) in [
            (401, "authentication_error", Credential, "sk-ant-admin"),
            (403, "permission_error", Credential, "may not do this"),
            (429, "rate_limit_error", Throttled, "slow down"),
            (529, "overloaded_error", Provider, "overloaded"),
            (400, "invalid_request_error", Provider, "answered with an error"),
            (500, "api_error", Provider, "answered with an error"),
        ] {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{error}","message":"said\u0007so"}},"request_id":"req_1"}}"#
            );
            let failure = of(reply(status, &body), "the costs");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(failure.message.contains(says), "{failure}");
            assert!(
                failure.message.contains("request req_1: said\\u{7}so"),
                "{failure}"
            );
            assert!(failure.message.starts_with("the costs: "), "{failure}");
        }
    }

    #[test]
    fn an_error_without_a_body_of_its_own_keeps_its_kind() {
        for (status, kind) in [(529, FailureKind::Provider), (403, FailureKind::Credential)] {
            let failure = of(reply(status, "<html>proxy"), "the costs");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)));
            assert!(failure.message.contains("proxy"), "{failure}");
        }
    }
}
