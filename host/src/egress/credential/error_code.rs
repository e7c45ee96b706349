//! What an error reply of a token URL or metadata service may tell the operator. What must hold: nothing of a reply's body is
//! ever shown but a code that the standards or the provider's documentation name.

use serde::Deserialize;

/// Error codes of RFC 6749 (5.2 and 4.1.2.1), RFC 8707 and RFC 9449, then those of AWS STS and its metadata services.
const CODES: [&str; 24] = [
    "access_denied",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "AccessDenied",
    "AccessDeniedException",
    "AssumeRoleUnauthorizedAccess",
    "ExpiredToken",
    "ExpiredTokenException",
    "IDPCommunicationError",
    "IDPRejectedClaim",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "RegionDisabledException",
    "SignatureDoesNotMatch",
    "Throttling",
    "ValidationError",
];

/// The code of an error reply, if it is a known one: JSON's `error`, `Code` or `code`, or XML's `<Code>`.
pub(super) fn error_code(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Refused {
        #[serde(alias = "Code", alias = "code")]
        error: String,
    }
    let known = |given: &str| CODES.into_iter().find(|code| *code == given);
    match serde_json::from_slice::<Refused>(body) {
        Ok(refused) => known(&refused.error),
        Err(_) => {
            let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Code>")?;
            known(rest.split_once("</Code>")?.0.trim())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_are_shown() {
        for (body, expected) in [
            (
                r#"{"error":"invalid_client","error_description":"x"}"#,
                Some("invalid_client"),
            ),
            (r#"{"error":"hunter2"}"#, None),
            (r#"{"error":{"code":"invalid_client"}}"#, None),
            (
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"hunter2"}"#,
                Some("AssumeRoleUnauthorizedAccess"),
            ),
            ("hunter2", None),
            (
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>hunter2</Message></Error></ErrorResponse>",
                Some("AccessDenied"),
            ),
            ("<Code>hunter2</Code>", None),
            ("<Code>AccessDenied", None),
        ] {
            assert_eq!(error_code(body.as_bytes()), expected, "{body}");
        }
    }
}
