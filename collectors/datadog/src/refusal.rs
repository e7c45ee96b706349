//! What Datadog's errors mean, said so that an operator knows what to grant or change. Datadog writes them as
//! `{"errors": ["..."]}`.

use finops_collector::{Failure, FailureKind, Refusal, Response, excerpt, http::failure_of};
use serde::Deserialize;
use std::time::Duration;

/// The part of an error's body that is read.
const BODY: usize = 4_096;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response) -> Refusal {
    let status = response.status;
    let header = |name: &str| response.header(name).map(|text| excerpt(text, 60));
    let reset = header("x-ratelimit-reset").and_then(|text| text.parse::<u64>().ok());
    let name = header("x-ratelimit-name");
    let text = response.start_of_body(BODY);
    let errors = serde_json::from_str::<Body>(&text).unwrap_or_default().errors;
    let said = excerpt(&errors.join("; "), 300);
    if status == 429 {
        let limit = name.map(|name| format!(" (limit {name})")).unwrap_or_default();
        let pause = reset
            .map(|seconds| format!(": wait {seconds} s"))
            .unwrap_or_default();
        return Refusal {
            failure: Failure::throttled(format_args!("Datadog asks to slow down{limit}{pause} (HTTP 429)"))
                .with_status(status),
            wait: reset.map(Duration::from_secs),
        };
    }
    let (kind, means) = match status {
        401 => (
            FailureKind::Credential,
            "Datadog does not know the keys: check DD-API-KEY and DD-APPLICATION-KEY, and that `site` is theirs",
        ),
        403 => (
            FailureKind::Credential,
            "the keys may not read this: they belong to the parent organization on this `site`, and the application key's owner \
             has usage_read and billing_read (bills of a marketplace cannot be read)",
        ),
        404 => (
            FailureKind::Provider,
            "Datadog does not have this here: check `site`, and that the keys are the parent organization's",
        ),
        _ => (FailureKind::Provider, "Datadog answered with an error"),
    };
    let failure = match said.is_empty() {
        true if !matches!(status, 401 | 403 | 404) => failure_of(status, &text),
        _ => Failure::new(kind, format_args!("{means} (HTTP {status}: {said})")),
    };
    Refusal {
        failure: failure.with_status(status),
        wait: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn datadogs_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Throttled};
        let error = r#"{"errors":["Forbidden \u001b[31m"]}"#;
        for (status, body, kind, says) in [
            (403, error, Credential, "billing_read"),
            (401, error, Credential, "site"),
            (429, error, Throttled, "wait 17 s"),
            (
                400,
                r#"{"errors":["start_date is too old"]}"#,
                Provider,
                "start_date is too old",
            ),
            (500, "<html>oops", Provider, "oops"),
            (403, "", Credential, "usage_read"),
        ] {
            let mut response = reply(status, body);
            response.headers = vec![("x-ratelimit-reset".to_owned(), "17".to_owned())];
            let refusal = of(response);
            assert_eq!(
                (refusal.failure.kind, refusal.failure.status),
                (kind, Some(status)),
                "{refusal:?}"
            );
            assert!(refusal.failure.message.contains(says), "{refusal:?}");
            assert!(!refusal.failure.message.contains('\u{1b}'));
            assert_eq!(refusal.wait, (status == 429).then(|| Duration::from_secs(17)));
        }
    }
}
