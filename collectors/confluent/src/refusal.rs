//! What Confluent's errors mean, said so that an operator knows what to grant or change. Confluent writes them as
//! `{"errors": [{"status", "code", "title", "detail", "source"}]}`.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

/// Why a call gave no answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What it means.
    pub(crate) failure: Failure,
    /// Whether it is worth asking once more.
    pub(crate) passes: bool,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Described>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Described {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response) -> Refusal {
    let status = response.status;
    let text = response.start_of_body(BODY);
    let errors = serde_json::from_str::<Body>(&text).unwrap_or_default().errors;
    let Some(error) = errors.into_iter().next() else {
        return Refusal {
            failure: failure_of(status, &text),
            passes: status == 500,
        };
    };
    let said = error.detail.or(error.title).or(error.code).unwrap_or_default();
    // Under load Confluent says this of dates that it answers for.
    let too_old = status == 400 && said.to_ascii_lowercase().contains("too far in the past");
    let (kind, means) = match status {
        401 => (
            FailureKind::Credential,
            "Confluent does not accept the API key: it has to be a Cloud API key (resource management), a Kafka cluster's is not \
             taken",
        ),
        403 => (
            FailureKind::Credential,
            "the API key's owner may not see costs: give its service account the role BillingAdmin on the organization",
        ),
        429 => (
            FailureKind::Throttled,
            "Confluent asks to slow down: run again later, or raise pause in [settings]",
        ),
        400 if too_old => (
            FailureKind::Provider,
            "Confluent does not answer for these dates, twice: run again later, or with a later --since",
        ),
        _ => (FailureKind::Provider, "Confluent answered with an error"),
    };
    let message = format!("{means} (HTTP {status}: {})", excerpt(&said, 300));
    Refusal {
        failure: Failure::new(kind, message).with_status(status),
        passes: too_old || status == 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn confluents_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Throttled};
        let error = |detail: &str| format!(r#"{{"errors":[{{"id":"e","status":"0","detail":"{detail}"}}]}}"#);
        for (status, body, kind, says, passes) in [
            (401, error("invalid API key"), Credential, "Cloud API key", false),
            (403, error("forbidden"), Credential, "BillingAdmin", false),
            (429, error("Exceeded rate limit"), Throttled, "slow down", false),
            (
                400,
                error("start date is too far in the past"),
                Provider,
                "twice",
                true,
            ),
            (400, error("bad page_size"), Provider, "bad page_size", false),
            (500, error("oops"), Provider, "oops", true),
            (500, "<html>".to_owned(), Provider, "error", true),
            (403, r#"{"errors":[]}"#.to_owned(), Credential, "may not", false),
        ] {
            let refusal = of(reply(status, &body));
            let failure = &refusal.failure;
            assert_eq!(
                (failure.kind, failure.status),
                (kind, Some(status)),
                "{refusal:?}"
            );
            assert!(failure.message.contains(says), "{refusal:?}");
            assert_eq!(refusal.passes, passes, "{refusal:?}");
        }
    }
}
