//! What Google's errors mean, said so that an operator knows what to grant or change. Google writes them as
//! `{"error": {"code", "message", "status", "errors": [{"reason"}], "details": [{"reason"}]}}`.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Google's reason, such as `rateLimitExceeded`; empty where there was none.
    pub(crate) reason: String,
    /// What it means.
    pub(crate) failure: Failure,
}

impl Refusal {
    /// Whether it is worth waiting for: a short-term limit, or a mistake of Google's own that no host repeats.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            (self.reason.as_str(), self.failure.status),
            (
                "rateLimitExceeded"
                    | "userRateLimitExceeded"
                    | "jobRateLimitExceeded"
                    | "RATE_LIMIT_EXCEEDED",
                Some(400..=499)
            ) | (_, Some(500))
        )
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            reason: String::new(),
            failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Described,
}

#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    errors: Vec<Reason>,
    #[serde(default)]
    details: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Refusal {
    let status = response.status;
    let text = response.start_of_body(BODY);
    let error = serde_json::from_str::<Body>(&text).unwrap_or_default().error;
    let reasons = error.details.into_iter().chain(error.errors);
    let reason = reasons.filter_map(|of| of.reason).next().or(error.status);
    let reason = excerpt(&reason.unwrap_or_default(), 80);
    let failure = match error.message.is_empty() {
        true => failure_of(status, &text).context(what),
        false => meaning(status, &reason, &error.message, what),
    };
    Refusal {
        reason,
        failure: failure.with_status(status),
    }
}

fn meaning(status: u16, reason: &str, message: &str, what: &str) -> Failure {
    use FailureKind::{Credential, Provider, Settings, Throttled};
    let (kind, means) = match reason {
        "rateLimitExceeded" | "userRateLimitExceeded" | "jobRateLimitExceeded" | "RATE_LIMIT_EXCEEDED" => {
            (Throttled, "Google asks to slow down")
        }
        "quotaExceeded" | "billingTierLimitExceeded" | "RESOURCE_EXHAUSTED" => (
            Throttled,
            "a quota of the project is used up: wait until it is renewed, or raise it under IAM & Admin > Quotas",
        ),
        "bytesBilledLimitExceeded" => (
            Settings,
            "the query would read more than max-bytes-billed allows: raise it in [settings], or read fewer days",
        ),
        "SERVICE_DISABLED" | "accessNotConfigured" => (
            Provider,
            "the API is not enabled in the project: enable it (collectors/gcp/README.md lists them)",
        ),
        "vpcServiceControls" | "SECURITY_POLICY_VIOLATED" => (
            Credential,
            "a VPC Service Controls perimeter blocks the call: add an ingress rule",
        ),
        "authError" | "UNAUTHENTICATED" => (Credential, "Google does not accept the access token"),
        "notFound" if status == 404 => (
            Settings,
            "there is no such thing here: check the names in [settings], that the account may see them, and that \
             location is the dataset's",
        ),
        "invalidQuery" => (
            Provider,
            "BigQuery does not take the query: the export's columns may have changed",
        ),
        _ if status == 401 => (Credential, "Google does not accept the access token"),
        _ if status == 403 => (
            Credential,
            "the account lacks a role (collectors/gcp/README.md says which, and where)",
        ),
        _ if status == 429 => (Throttled, "Google asks to slow down"),
        _ if message.contains("limit for bytes billed") => (
            Settings,
            "the query would read more than max-bytes-billed allows: raise it in [settings], or read fewer days",
        ),
        _ => (Provider, "Google answered with an error"),
    };
    let shown = excerpt(message, 300);
    Failure::new(
        kind,
        format_args!("{what}: {means} (HTTP {status}, {reason}: {shown})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn googles_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Settings, Throttled};
        let old = |reason: &str| {
            format!(
                r#"{{"error":{{"code":1,"message":"m","errors":[{{"domain":"global","reason":"{reason}"}}]}}}}"#
            )
        };
        let new = |status: &str, reason: &str| {
            format!(
                r#"{{"error":{{"message":"m","status":"{status}","details":[{{"@type":"x","reason":"{reason}"}}]}}}}"#
            )
        };
        for (status, body, kind, says, passes) in [
            (403, old("rateLimitExceeded"), Throttled, "slow down", true),
            (403, old("quotaExceeded"), Throttled, "Quotas", false),
            (403, old("accessDenied"), Credential, "README", false),
            (
                400,
                old("bytesBilledLimitExceeded"),
                Settings,
                "max-bytes-billed",
                false,
            ),
            (400, old("invalidQuery"), Provider, "columns", false),
            (404, old("notFound"), Settings, "location", false),
            (401, old("authError"), Credential, "token", false),
            (500, old("internalError"), Provider, "error", true),
            (
                403,
                new("PERMISSION_DENIED", "SERVICE_DISABLED"),
                Provider,
                "not enabled",
                false,
            ),
            (403, "<html>".to_owned(), Credential, "may not", false),
        ] {
            let refusal = of(reply(status, &body), "reading the bill");
            assert_eq!(
                (refusal.failure.kind, refusal.failure.status),
                (kind, Some(status)),
                "{refusal:?}"
            );
            assert!(refusal.failure.message.contains(says), "{refusal:?}");
            assert_eq!(refusal.passes(), passes, "{refusal:?}");
        }
    }
}
