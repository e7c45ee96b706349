//! What Atlas's errors mean, said so that an operator knows what to grant or change. Atlas writes them as
//! `{"error": 403, "errorCode": "...", "reason": "...", "detail": "...", "parameters": []}`.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    use FailureKind::{Credential, Provider, Settings, Throttled};
    let status = response.status;
    let text = response.start_of_body(BODY);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let Some(code) = body.error_code.filter(|code| !code.is_empty()) else {
        return plain(status, &text).context(what);
    };
    let (kind, means) = match code.as_str() {
        "ORG_REQUIRES_ACCESS_LIST" | "IP_ADDRESS_NOT_ON_ACCESS_LIST" | "RESOURCE_REQUIRES_ACCESS_LIST" => (
            Credential,
            "the organization takes calls from listed addresses only: add this machine's to the access list of the service account \
             or API key",
        ),
        "RATE_LIMITED" => (Throttled, "Atlas asks to slow down"),
        "ORG_NOT_FOUND" | "GROUP_NOT_FOUND" | "RESOURCE_NOT_FOUND" | "INVOICE_NOT_FOUND" if status == 404 => {
            (
                Settings,
                "Atlas knows no such thing, or the credential may not see it: check organization in [settings]",
            )
        }
        _ => match status {
            401 => (
                Credential,
                "Atlas does not accept the credential: check the key pair or the service account, and that it has not expired",
            ),
            403 => (
                Credential,
                "the credential lacks a role: Organization Billing Viewer for invoices, Project Read Only for clusters",
            ),
            406 => (
                Provider,
                "Atlas no longer speaks this version of its API: look for a newer collector",
            ),
            429 => (Throttled, "Atlas asks to slow down"),
            _ => (Provider, "Atlas answered with an error"),
        },
    };
    let detail = excerpt(&body.detail.unwrap_or_default(), 300);
    let code = excerpt(&code, 80);
    Failure::new(
        kind,
        format_args!("{what}: {means} (HTTP {status}, {code}: {detail})"),
    )
    .with_status(status)
}

/// A reply that is not in Atlas's words.
fn plain(status: u16, text: &str) -> Failure {
    let failure = failure_of(status, text);
    match status {
        404 => Failure {
            kind: FailureKind::Settings,
            ..failure
        },
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn atlas_errors_become_kinds_and_remedies() {
        use FailureKind::{Credential, Provider, Settings, Throttled};
        for (status, code, kind, says) in [
            (403, "ORG_REQUIRES_ACCESS_LIST", Credential, "access list"),
            (
                403,
                "USER_CANNOT_ACCESS_ORG",
                Credential,
                "Organization Billing Viewer",
            ),
            (401, "INVALID_AUTH", Credential, "does not accept"),
            (429, "RATE_LIMITED", Throttled, "slow down"),
            (404, "ORG_NOT_FOUND", Settings, "organization"),
            (406, "INVALID_VERSION_DATE", Provider, "newer collector"),
            (500, "UNEXPECTED_ERROR", Provider, "UNEXPECTED_ERROR"),
        ] {
            let body =
                format!(r#"{{"error":{status},"errorCode":"{code}","reason":"r","detail":"d\u0007"}}"#);
            let failure = of(reply(status, &body), "reading invoices");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(
                failure.message.contains(says) && failure.message.contains("d\\u{7}"),
                "{failure}"
            );
        }
        let page = of(reply(404, "<html>"), "reading invoices");
        assert_eq!((page.kind, page.status), (Settings, Some(404)));
    }
}
