//! What Elastic's errors mean, said so that an operator knows what to grant or change. Elastic writes them as plain text, or as
//! `{"errors": [{"code", "message"}]}` with the header `x-cloud-error-codes`.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Described>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Described {
    code: Option<String>,
    message: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response) -> Failure {
    let status = response.status;
    let code = response.header("x-cloud-error-codes").map(str::to_owned);
    let text = response.start_of_body(BODY);
    let error = serde_json::from_str::<Body>(&text)
        .unwrap_or_default()
        .errors
        .into_iter()
        .next()
        .unwrap_or_default();
    let code = error.code.or(code);
    let (kind, means) = match status {
        400 => (FailureKind::Provider, "Elastic does not take the request"),
        401 => (
            FailureKind::Credential,
            "Elastic does not accept the API key: it has to be one of the Elastic Cloud organization (an Elasticsearch key is not \
             taken), written as `ApiKey KEY`, and not expired",
        ),
        403 => (
            FailureKind::Credential,
            "the API key may not see costs: give it the role Billing admin, in the organization of [settings]",
        ),
        404 => (
            FailureKind::Settings,
            "Elastic knows no such organization: check organization in [settings]",
        ),
        429 => (
            FailureKind::Throttled,
            "Elastic asks to slow down: run again later, or raise pause in [settings]",
        ),
        _ => return failure_of(status, &text),
    };
    let said = error.message.unwrap_or(text);
    let said = [code.unwrap_or_default(), said].map(|part| excerpt(&part, 300));
    let said: Vec<&str> = said
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    Failure::new(kind, format_args!("{means} (HTTP {status}: {})", said.join(": "))).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn elastics_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Settings, Throttled};
        let range = r#"{"errors":[{"code":"costs.invalid_date_range","message":"from is after to"}]}"#;
        for (status, body, kind, says) in [
            (
                403,
                "403: User does not have 'billing-costs:get:1' permissions",
                Credential,
                "role Billing admin, in the organization of [settings] (HTTP 403: 403: User does not",
            ),
            (401, "", Credential, "`ApiKey KEY`"),
            (400, range, Provider, "costs.invalid_date_range: from is after to"),
            (404, "{}", Settings, "no such organization"),
            (429, "slow", Throttled, "slow down"),
            (500, "oops", Provider, "oops"),
            (302, "", Provider, "redirects"),
        ] {
            let failure = of(reply(status, body));
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(failure.message.contains(says), "{failure}");
        }
    }
}
