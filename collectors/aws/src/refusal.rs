//! What AWS's errors mean, said so that an operator knows what to grant or change. AWS writes them in four ways: `__type` in
//! JSON, a header beside JSON, `<Code>` in XML, or nothing.

use finops_collector::{Failure, FailureKind, Response, excerpt, http::failure_of};
use serde::Deserialize;

/// The part of an error's body that is read.
const BODY: usize = 8_192;

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// AWS's code, such as `AccessDeniedException`; empty where there was none.
    pub(crate) code: String,
    /// What it means.
    pub(crate) failure: Failure,
    /// `x-amz-bucket-region` of S3.
    pub(crate) bucket_region: Option<String>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            code: String::new(),
            failure,
            bucket_region: None,
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
    #[serde(rename = "__type", default)]
    kind: Option<String>,
    #[serde(alias = "Message", default)]
    message: Option<String>,
}

/// What a reply that is no success says.
pub(crate) fn of(response: Response, operation: &str) -> Refusal {
    let status = response.status;
    let header = response.header("x-amzn-errortype").map(str::to_owned);
    let bucket_region = response
        .header("x-amz-bucket-region")
        .map(|region| excerpt(region, 40));
    let text = response.start_of_body(BODY);
    let body: Body = serde_json::from_str(&text).unwrap_or_default();
    let code = body.kind.or(header).or_else(|| element(&text, "Code"));
    let code = plain(&code.unwrap_or_default());
    let message = body
        .message
        .or_else(|| element(&text, "Message"))
        .unwrap_or_default();
    let failure = match code.is_empty() {
        true => failure_of(status, &text).context(operation),
        false => meaning(status, &code, &message, operation),
    };
    Refusal {
        code,
        failure: failure.with_status(status),
        bucket_region,
    }
}

/// `ns#Name` or `Name:uri`: the name.
fn plain(code: &str) -> String {
    let name = code.rsplit('#').next().unwrap_or(code);
    let name = name.split(':').next().unwrap_or(name);
    excerpt(name, 80)
}

/// The text of the first element of that name in a short XML.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let inner = inner
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    Some(inner.replace("&apos;", "'").replace("&amp;", "&"))
}

fn meaning(status: u16, code: &str, message: &str, operation: &str) -> Failure {
    let shown = excerpt(message, 300);
    let (kind, means) = match code {
        "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled"
        | "RequestThrottledException" | "TooManyRequestsException" | "RequestLimitExceeded"
        | "LimitExceededException" | "SlowDown" | "EC2ThrottledException" | "BandwidthLimitExceeded" => {
            (FailureKind::Throttled, "AWS asks to slow down".to_owned())
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "UnauthorizedException" => {
            let action = permission(message).unwrap_or_else(|| operation.to_owned());
            let action = excerpt(&action, 80);
            (
                FailureKind::Credential,
                format!("the role lacks the permission {action}: add it to the policy (collectors/aws/README.md has one)"),
            )
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (
            FailureKind::Credential,
            "the session token has expired: renew the temporary key".to_owned(),
        ),
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "AuthFailure" => (
            FailureKind::Credential,
            "AWS does not accept the signature: check secret-access-key, region and service of the credential, and the clock"
                .to_owned(),
        ),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken" | "IncompleteSignatureException" | "OptInRequired" => (
            FailureKind::Credential,
            "AWS does not know the key, or the rule puts none on: check access-key-id and session-token".to_owned(),
        ),
        "DataUnavailableException" => (
            FailureKind::Provider,
            "AWS has no such data: Cost Explorer was enabled less than a day ago, or hourly or resource data is not \
             switched on under Billing > Cost Management preferences"
                .to_owned(),
        ),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => (
            FailureKind::Settings,
            "the bucket lies in another region: set export-region, the rule's host and the credential's region".to_owned(),
        ),
        "NoSuchBucket" => (FailureKind::Settings, "there is no such bucket: check export-bucket".to_owned()),
        _ if status == 401 || status == 403 => (FailureKind::Credential, "AWS refused the call".to_owned()),
        _ => (FailureKind::Provider, "AWS answered with an error".to_owned()),
    };
    Failure::new(
        kind,
        format_args!("{operation}: {means} (HTTP {status}, {code}: {shown})"),
    )
}

/// The action in `... is not authorized to perform: ce:GetCostAndUsage on resource: ...`.
fn permission(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("perform: ")?;
    let action = rest.split_whitespace().next()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-');
    (action.contains(':') && action.bytes().all(fits)).then(|| action.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use finops_collector::testing::reply;

    #[test]
    fn aws_errors_become_kinds_and_remedies_however_they_are_written() {
        let denied = "User: arn:x is not authorized to perform: ce:GetCostAndUsage on resource: *";
        for (status, body, kind, says) in [
            (400, format!(r#"{{"__type":"AccessDeniedException","message":"{denied}"}}"#), FailureKind::Credential, "ce:GetCostAndUsage"),
            (400, r#"{"__type":"com.amazonaws.ce#LimitExceededException","Message":"slow"}"#.to_owned(), FailureKind::Throttled, "slow down"),
            (400, r#"{"__type":"ExpiredTokenException:http://x","message":"m"}"#.to_owned(), FailureKind::Credential, "expired"),
            (403, "<Error><Code>SignatureDoesNotMatch</Code><Message>a &amp; b</Message></Error>".to_owned(), FailureKind::Credential, "a & b"),
            (503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message/></Error></Errors></Response>".to_owned(), FailureKind::Throttled, "slow down"),
            (400, r#"{"__type":"ValidationException","message":"Group Definition type is invalid."}"#.to_owned(), FailureKind::Provider, "Group Definition"),
            (403, "<html>".to_owned(), FailureKind::Credential, "may not"),
            (429, String::new(), FailureKind::Throttled, "slow down"),
        ] {
            let refusal = of(reply(status, &body), "GetCostAndUsage");
            assert_eq!((refusal.failure.kind, refusal.failure.status), (kind, Some(status)), "{refusal:?}");
            assert!(refusal.failure.message.contains(says), "{refusal:?}");
        }
    }
}
