//! What Snowflake's error codes mean, said so that an operator knows what to grant or change.

use crate::settings::Settings;
use finops_collector::{Failure, FailureKind, excerpt, http::failure_of};
use serde::Deserialize;

/// Snowflake's error body; none of it can be relied on.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Why a statement gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The role cannot see the view, or the view has another layout: a collector can do without it or name the grant.
    Unreadable(Failure),
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
            Refusal::Unreadable(failure) | Refusal::Failed(failure) => failure,
        }
    }
}

/// What a reply with an error status says of a statement on a view.
pub(crate) fn refusal(status: u16, text: &str, view: &str, settings: &Settings) -> Refusal {
    let body: Body = serde_json::from_str(text).unwrap_or_default();
    let code = body.code.unwrap_or_default();
    let message = excerpt(body.message.as_deref().unwrap_or_default(), 300);
    let Settings {
        warehouse,
        role,
        statement_timeout,
        ..
    } = settings;
    let (warehouse, role) = (excerpt(warehouse, 100), excerpt(role, 100));
    let quotes = |name: &str| {
        message
            .to_ascii_uppercase()
            .contains(&format!("'{}'", name.to_ascii_uppercase()))
    };
    let failed = |kind, meaning: String| {
        let message = format!("{meaning} (HTTP {status}, code {code}: {message})");
        Refusal::Failed(Failure::new(kind, message).with_status(status))
    };
    match (status, code.as_str()) {
        (_, "390186" | "390189") => failed(
            FailureKind::Credential,
            format!("the user may not take the role {role}, or there is none: GRANT ROLE {role} TO USER ..."),
        ),
        (_, "390201" | "000606") => no_warehouse(&warehouse, &role, &failed),
        (_, "090073") => failed(
            FailureKind::Provider,
            format!("a resource monitor keeps the warehouse {warehouse} suspended: raise its quota"),
        ),
        (401, "390144") => failed(
            FailureKind::Credential,
            "Snowflake refused the key-pair token: check the credential's account and user, the clock, and that DESCRIBE \
             USER shows the key's fingerprint as RSA_PUBLIC_KEY_FP"
                .to_owned(),
        ),
        (401, "390422") | (403, _) if code == "390422" => failed(
            FailureKind::Credential,
            "a network policy of Snowflake does not let this address in".to_owned(),
        ),
        (401, _) => failed(
            FailureKind::Credential,
            "Snowflake refused the credential: a token may have expired, or its type is not named by the header \
             X-Snowflake-Authorization-Token-Type"
                .to_owned(),
        ),
        (408, _) | (422, "000630" | "000604") => failed(
            FailureKind::Provider,
            format!(
                "reading {view}: Snowflake ended the statement after {statement_timeout} s: raise statement-timeout, or \
                 see whether the warehouse {warehouse} is busy"
            ),
        ),
        (422, _) if quotes(&warehouse) => no_warehouse(&warehouse, &role, &failed),
        (422, _) if quotes(&role) => failed(
            FailureKind::Credential,
            format!("the user may not take the role {role}, or there is none: GRANT ROLE {role} TO USER ..."),
        ),
        (422, "002003" | "003001") => unreadable(view, &role, &code, &message),
        (422, _) if message.contains("does not exist or not authorized") => unreadable(view, &role, &code, &message),
        (422, "000904") => Refusal::Unreadable(
            Failure::provider(format_args!(
                "{view} lacks a column that is read: an older layout of the view? ({message})"
            ))
            .with_status(422),
        ),
        _ if message.is_empty() => Refusal::Failed(failure_of(status, text).context(format_args!("reading {view}"))),
        _ => Refusal::Failed(
            failure_of(status, &format!("code {code}: {message}")).context(format_args!("reading {view}")),
        ),
    }
}

fn no_warehouse(warehouse: &str, role: &str, failed: &dyn Fn(FailureKind, String) -> Refusal) -> Refusal {
    failed(
        FailureKind::Provider,
        format!(
            "the role {role} cannot use the warehouse {warehouse}, or there is none of that name in that case: GRANT USAGE ON \
             WAREHOUSE {warehouse} TO ROLE {role}"
        ),
    )
}

fn unreadable(view: &str, role: &str, code: &str, message: &str) -> Refusal {
    let grant = match view {
        _ if view.starts_with("ORGANIZATION_USAGE.") || view.starts_with("BILLING.") => {
            "ORGANIZATION_BILLING_VIEWER"
        }
        _ if view.contains("QUERY_HISTORY") => "GOVERNANCE_VIEWER",
        _ => "USAGE_VIEWER",
    };
    Refusal::Unreadable(
        Failure::provider(format_args!(
            "the role {role} cannot read {view}: GRANT DATABASE ROLE SNOWFLAKE.{grant} TO ROLE {role} (code {code}: {message})"
        ))
        .with_status(422),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings() -> Settings {
        serde_json::from_str(r#"{"account":"A-B","warehouse":"FINOPS_WH","role":"FINOPS_READER"}"#).unwrap()
    }

    fn refused(status: u16, body: &str) -> Refusal {
        refusal(
            status,
            body,
            "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY",
            &settings(),
        )
    }

    #[test]
    fn a_view_out_of_reach_names_the_grant() {
        let body = r#"{"code":"002003","message":"SQL compilation error:\nObject 'X' does not exist or not authorized."}"#;
        let Refusal::Unreadable(failure) = refused(422, body) else {
            unreachable!()
        };
        assert!(
            failure
                .message
                .contains("GRANT DATABASE ROLE SNOWFLAKE.USAGE_VIEWER TO ROLE FINOPS_READER"),
            "{failure}"
        );
        let Refusal::Unreadable(failure) =
            refusal(422, body, "ORGANIZATION_USAGE.RATE_SHEET_DAILY", &settings())
        else {
            unreachable!()
        };
        assert!(
            failure.message.contains("ORGANIZATION_BILLING_VIEWER"),
            "{failure}"
        );
    }

    #[test]
    fn other_refusals_say_what_to_do() {
        for (status, body, kind, says) in [
            (
                422,
                r#"{"code":"000606","message":"No active warehouse"}"#,
                FailureKind::Provider,
                "GRANT USAGE ON WAREHOUSE FINOPS_WH",
            ),
            (
                422,
                r#"{"code":"002043","message":"Warehouse 'FINOPS_WH' does not exist or not authorized."}"#,
                FailureKind::Provider,
                "GRANT USAGE ON WAREHOUSE FINOPS_WH",
            ),
            (
                422,
                r#"{"code":"002003","message":"Role 'FINOPS_READER' does not exist or not authorized."}"#,
                FailureKind::Credential,
                "GRANT ROLE FINOPS_READER",
            ),
            (
                401,
                r#"{"code":"390144","message":"JWT token is invalid."}"#,
                FailureKind::Credential,
                "RSA_PUBLIC_KEY_FP",
            ),
            (401, "", FailureKind::Credential, "refused the credential"),
            (408, "", FailureKind::Provider, "raise statement-timeout"),
            (429, "", FailureKind::Throttled, "slow down"),
            (503, "<html>", FailureKind::Provider, "HTTP 503"),
            (
                422,
                r#"{"code":"001003","message":"syntax"}"#,
                FailureKind::Provider,
                "code 001003: syntax",
            ),
        ] {
            let Refusal::Failed(failure) = refused(status, body) else {
                unreachable!()
            };
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(failure.message.contains(says), "{failure}");
        }
    }
}
