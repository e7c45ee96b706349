//! What Redis Cloud's errors mean. Their bodies have no documented shape, so that only the status decides; the text is shown.

use finops_collector::{Failure, FailureKind, Response, excerpt};

/// The part of an error's body that is read.
const BODY: usize = 4_096;

/// What a reply that is no success says.
pub(crate) fn of(response: Response, what: &str) -> Failure {
    use FailureKind::{Credential, Provider, Throttled};
    let status = response.status;
    let (kind, means) = match status {
        401 => (
            Credential,
            "Redis Cloud does not accept the keys: x-api-key is the account's key, x-api-secret-key a user's; the API must be enabled",
        ),
        403 => (
            Credential,
            "the user may not do this: it needs the role Viewer, Billing admin or Owner, and the key's CIDR list this machine's address",
        ),
        404 | 405 => (Provider, "Redis Cloud has no such thing here"),
        412 => (Provider, "a feature of the account is switched off"),
        429 => (Throttled, "Redis Cloud asks to slow down"),
        300..=399 => (Provider, "Redis Cloud redirects elsewhere, which is not followed"),
        _ => (Provider, "Redis Cloud answered with an error"),
    };
    let shown = excerpt(&response.start_of_body(BODY), 300);
    let shown = match shown.is_empty() {
        true => String::new(),
        false => format!(": {shown}"),
    };
    Failure::new(kind, format_args!("{what}: {means} (HTTP {status}{shown})")).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn a_status_becomes_a_kind_and_a_remedy() {
        use FailureKind::{Credential, Provider, Throttled};
        for (status, kind, says) in [
            (401, Credential, "x-api-key"),
            (403, Credential, "Billing admin"),
            (404, Provider, "no such thing"),
            (412, Provider, "switched off"),
            (429, Throttled, "slow down"),
            (302, Provider, "not followed"),
            (500, Provider, "an error"),
        ] {
            let failure = of(reply(status, "{\"message\":\"m\u{7}\"}"), "the list");
            assert_eq!((failure.kind, failure.status), (kind, Some(status)), "{failure}");
            assert!(
                failure.message.contains(says) && failure.message.contains("m\\u{7}"),
                "{failure}"
            );
        }
    }
}
