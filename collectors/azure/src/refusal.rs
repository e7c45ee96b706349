//! What Azure's errors mean, said so that an operator knows what to grant or change: `{"error": {"code", "message"}}` of the
//! management APIs, `<Code>` of storage, or nothing.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;
use std::time::Duration;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Azure's code, such as `AuthorizationFailed`; empty where there was none.
    pub(crate) code: String,
    /// Azure's message.
    pub(crate) message: String,
    /// What it means.
    pub(crate) failure: Failure,
    /// How long Azure asks to wait: the longest of all headers that say so.
    pub(crate) wait: Option<Duration>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            code: String::new(),
            message: String::new(),
            failure,
            wait: None,
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
    error: Inner,
}

#[derive(Default, Deserialize)]
struct Inner {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, operation: &str) -> Refusal {
    let status = response.status;
    let wait = longest_wait(&response.headers);
    let text = response.start_of_body(BODY);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let or_element = |given: String, name| match given.is_empty() {
        true => element(&text, name).unwrap_or_default(),
        false => given,
    };
    let code = excerpt(&or_element(body.error.code, "Code"), 80);
    let message = or_element(body.error.message, "Message");
    let failure = match code.is_empty() {
        true => failure_of(status, &text).context(operation),
        false => meaning(status, &code, &message, operation),
    };
    Refusal {
        code,
        message,
        failure: failure.with_status(status),
        wait,
    }
}

/// Azure throttles by several counts at once, each with a header of its own.
fn longest_wait(headers: &[(String, String)]) -> Option<Duration> {
    let says = |name: &str| {
        name == "retry-after"
            || name.starts_with("x-ms-ratelimit-microsoft.") && name.ends_with("retry-after")
    };
    let waits = headers.iter().filter(|(name, _)| says(name));
    let seconds = waits.filter_map(|(_, value)| value.trim().parse::<u32>().ok());
    seconds.max().map(|seconds| Duration::from_secs(seconds.into()))
}

/// The text of the first element of that name in a short XML.
pub(crate) fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let inner = inner
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    Some(inner.replace("&apos;", "'").replace("&amp;", "&"))
}

fn meaning(status: u16, code: &str, message: &str, operation: &str) -> Failure {
    let shown = excerpt(message, 400);
    let (kind, means) = match (status, code) {
        (429, _) | (503, "ServerBusy") | (_, "TooManyRequests") => {
            (FailureKind::Throttled, "Azure asks to slow down")
        }
        (401, _) => (
            FailureKind::Credential,
            "Azure does not accept the token: check tenant, client and secret, and that the scope is \
             https://management.azure.com/.default (for blobs https://storage.azure.com/.default)",
        ),
        (
            403,
            "AuthorizationPermissionMismatch" | "AuthorizationFailure" | "InsufficientAccountPermissions",
        ) => (
            FailureKind::Credential,
            "the identity may not read the container: assign it Storage Blob Data Reader, and let this host through the \
             account's network rules",
        ),
        (403, _) => (
            FailureKind::Credential,
            "the identity lacks a role: assign it Cost Management Reader at the scope (and Reader for the inventory); under an \
             EA or MCA, an administrator may also have switched off that users see charges",
        ),
        (404, "ContainerNotFound") => (
            FailureKind::Settings,
            "there is no such container: check export-account and export-container",
        ),
        (404, _) => (
            FailureKind::Settings,
            "there is no such scope: check [settings] scope",
        ),
        (400, _) if message.to_ascii_lowercase().contains("offer") => (
            FailureKind::Provider,
            "Cost Management does not cover this subscription's offer",
        ),
        _ => (FailureKind::Provider, "Azure answered with an error"),
    };
    Failure::new(
        kind,
        format_args!("{operation}: {means} (HTTP {status}, {code}: {shown})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn azure_errors_become_kinds_and_remedies_however_they_are_written() {
        for (status, body, kind, says) in [
            (
                401,
                r#"{"error":{"code":"ExpiredAuthenticationToken","message":"m"}}"#,
                FailureKind::Credential,
                "token",
            ),
            (
                403,
                r#"{"error":{"code":"AuthorizationFailed","message":"m"}}"#,
                FailureKind::Credential,
                "Cost Management Reader",
            ),
            (
                403,
                "<Error><Code>AuthorizationPermissionMismatch</Code><Message>a &amp; b</Message></Error>",
                FailureKind::Credential,
                "a & b",
            ),
            (
                404,
                r#"{"error":{"code":"SubscriptionNotFound","message":"m"}}"#,
                FailureKind::Settings,
                "no such scope",
            ),
            (
                400,
                r#"{"error":{"code":"BadRequest","message":"Invalid query definition"}}"#,
                FailureKind::Provider,
                "Invalid query",
            ),
            (
                429,
                r#"{"error":{"code":"429","message":"Too many requests"}}"#,
                FailureKind::Throttled,
                "slow down",
            ),
            (403, "<html>", FailureKind::Credential, "may not"),
        ] {
            let refusal = of(reply(status, body), "query");
            assert_eq!(
                (refusal.failure.kind, refusal.failure.status),
                (kind, Some(status)),
                "{refusal:?}"
            );
            assert!(refusal.failure.message.contains(says), "{refusal:?}");
        }
    }

    #[test]
    fn the_longest_of_all_waits_is_what_counts() {
        let mut response = reply(429, "");
        for (name, value) in [
            ("x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after", "5"),
            ("x-ms-ratelimit-microsoft.costmanagement-entity-retry-after", "40"),
            ("retry-after", "7"),
            ("x-ms-ratelimit-microsoft.costmanagement-qpu-remaining", "99999"),
        ] {
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        assert_eq!(of(response, "query").wait, Some(Duration::from_secs(40)));
    }
}
