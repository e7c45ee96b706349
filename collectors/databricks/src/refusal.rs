//! What Databricks' errors mean, said so that an operator knows what to grant or change. The API writes `{"error_code", "message"}`
//! with a text or a number as code, older parts `{"error"}`, SCIM `{"detail", "status"}`, gateways HTML; a statement that
//! failed comes with HTTP 200 and an error of its own.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;
use serde_json::Value;

/// The part of an error's body that is read.
const BODY: usize = 8_192;
/// Where the grants stand.
const GRANTS: &str = "collectors/databricks/README.md has the grants";

/// Why a statement gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The result does not fit into a reply: ask for less.
    TooLarge(Failure),
    /// The table is not there, or may not be read.
    Unreadable(Failure),
    /// The table lacks a column: ask for fewer.
    OtherColumns(Failure),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge(failure)
            | Refusal::Unreadable(failure)
            | Refusal::OtherColumns(failure)
            | Refusal::Failed(failure) => failure,
        }
    }
}

/// An error's body; none of it can be relied on.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    let status = response.status;
    let text = response.start_of_body(BODY);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let code = match &body.error_code {
        Value::String(code) => code.clone(),
        Value::Number(code) => code.to_string(),
        _ => String::new(),
    };
    let message = body.message.or(body.detail).or(body.error).unwrap_or_default();
    let failure = match code.is_empty() && message.is_empty() {
        true => failure_of(status, &text).context(what),
        false => meaning(status, &code, &message, what),
    };
    failure.with_status(status)
}

fn meaning(status: u16, code: &str, message: &str, what: &str) -> Failure {
    use FailureKind::{Credential, Provider, Settings, Throttled};
    let says = |word: &str| message.to_ascii_lowercase().contains(word);
    let (kind, means) = match (status, code) {
        (_, "RESOURCE_EXHAUSTED" | "REQUEST_LIMIT_EXCEEDED") | (429, _) => {
            (Throttled, "Databricks asks to slow down")
        }
        // An invalid personal access token is refused with 403, too.
        (401, _) | (400 | 403, _) if status == 401 || says("access token") => (
            Credential,
            "Databricks does not accept the token: it may have expired, or be of another workspace",
        ),
        (403, _) if says("ip acl") || says("ip access") => (
            Credential,
            "the workspace's IP access list blocks this machine's address",
        ),
        (403, _) => (
            Credential,
            "the principal lacks a permission (collectors/databricks/README.md says which)",
        ),
        (404, _) => (
            Settings,
            "there is no such thing in the workspace: check host and warehouse-id in [settings]",
        ),
        (400, _) if says("warehouse") => (
            Settings,
            "Databricks does not take the warehouse: check warehouse-id in [settings]",
        ),
        _ => (Provider, "Databricks answered with an error"),
    };
    let (code, shown) = (excerpt(code, 60), excerpt(message, 300));
    Failure::new(
        kind,
        format_args!("{what}: {means} (HTTP {status}, {code}: {shown})"),
    )
}

/// The error of a statement that was accepted and then failed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct StatementError {
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// What a statement's own error says.
pub(crate) fn of_statement(error: &StatementError, sql_state: Option<&str>, what: &str) -> Refusal {
    let code = excerpt(error.error_code.as_deref().unwrap_or_default(), 60);
    let message = error.message.as_deref().unwrap_or_default();
    let shown = excerpt(message, 400);
    let failed = |kind, means: &str| {
        Failure::new(
            kind,
            format_args!("{what}: {means} (statement failed, {code}: {shown})"),
        )
    };
    let lower = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if lower.contains("inline") && says(&["limit", "26214400", "external_links"]) {
        let means = "the result is larger than the API sends at once";
        return Refusal::TooLarge(failed(FailureKind::Incomplete, means));
    }
    let unreadable = [
        "insufficient_permissions",
        "insufficient privileges",
        "permission_denied",
        "table_or_view_not_found",
        "schema_not_found",
        "catalog_not_found",
    ];
    if matches!(sql_state, Some("42501" | "42P01")) || says(&unreadable) {
        let means = format!("the principal cannot read the table: {GRANTS}");
        return Refusal::Unreadable(failed(FailureKind::Credential, &means));
    }
    if says(&["unresolved_column", "field_not_found"]) {
        let means = "the system table has other columns than documented";
        return Refusal::OtherColumns(failed(FailureKind::Provider, means));
    }
    Refusal::Failed(match code.as_str() {
        "RESOURCE_EXHAUSTED" | "REQUEST_LIMIT_EXCEEDED" => {
            failed(FailureKind::Throttled, "Databricks asks to slow down")
        }
        _ => failed(FailureKind::Provider, "the statement failed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn databricks_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Settings, Throttled};
        for (status, body, kind, says) in [
            (
                401,
                r#"{"error_code":401,"message":"Invalid"}"#,
                Credential,
                "expired",
            ),
            (
                403,
                r#"{"error_code":"PERMISSION_DENIED","message":"no"}"#,
                Credential,
                "README",
            ),
            (
                403,
                r#"{"error_code":403,"message":"Source IP address: 1.2.3.4 is blocked by Databricks IP ACL"}"#,
                Credential,
                "IP access list",
            ),
            (
                403,
                r#"{"error_code":403,"message":"Invalid access token"}"#,
                Credential,
                "expired",
            ),
            (
                404,
                r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"x"}"#,
                Settings,
                "warehouse-id",
            ),
            (
                400,
                r#"{"error_code":"INVALID_PARAMETER_VALUE","message":"a warehouse"}"#,
                Settings,
                "warehouse-id",
            ),
            (400, r#"{"error":"legacy"}"#, Provider, "legacy"),
            (400, r#"{"detail":"scim","status":"400"}"#, Provider, "scim"),
            (
                429,
                r#"{"error_code":"RESOURCE_EXHAUSTED","message":"m"}"#,
                Throttled,
                "slow down",
            ),
            (429, "<html>", Throttled, "slow down"),
            (503, "", Provider, "error"),
        ] {
            let failure = of(reply(status, body), "the bill");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(
                failure.message.starts_with("the bill: ") && failure.message.contains(says),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_failed_statement_says_whether_asking_for_less_or_granting_more_would_help() {
        let of = |code: &str, message: &str, state: Option<&str>| {
            let error = StatementError {
                error_code: Some(code.to_owned()),
                message: Some(message.to_owned()),
            };
            of_statement(&error, state, "the bill")
        };
        let inline = "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most \
                      26214400 bytes. Please execute the statement with disposition=EXTERNAL_LINKS";
        assert!(matches!(of("BAD_REQUEST", inline, None), Refusal::TooLarge(_)));
        for (message, state) in [
            (
                "[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found",
                None,
            ),
            ("[INSUFFICIENT_PERMISSIONS] User does not have SELECT", None),
            ("anything", Some("42501")),
        ] {
            let refusal = of("BAD_REQUEST", message, state);
            assert!(
                matches!(&refusal, Refusal::Unreadable(failure) if failure.kind == FailureKind::Credential),
                "{refusal:?}"
            );
        }
        let columns = of(
            "BAD_REQUEST",
            "[FIELD_NOT_FOUND] No such struct field `app_id`",
            Some("42704"),
        );
        assert!(matches!(columns, Refusal::OtherColumns(_)));
        assert_eq!(
            Failure::from(of("RESOURCE_EXHAUSTED", "m", None)).kind,
            FailureKind::Throttled
        );
    }
}
