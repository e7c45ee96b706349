//! From a reply of egress to a `wasi:http` response, and from a refusal to an error code.
//! What must hold: an error code says no more than the [`Refusal`] does.

use super::{super::seam::Sent, fields};
use crate::egress::{Body, InFlight, Refusal, RefusalKind, Reply};
use futures::stream;
use http::{HeaderName, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, p2::bindings::http::types::ErrorCode};

/// Largest piece of a body at once.
const PIECE: usize = 64 << 10;

/// How far a call had come when it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before or at the reply's head.
    Head,
    /// While its body was read.
    Body,
}

/// Waits for a reply's head. A guest's first-byte timeout counts from the call, pauses between attempts included, and can
/// only shorten what egress allows; its connect timeout has no effect beside egress's own.
pub(super) async fn awaited(sent: Sent<'_>, options: &RequestOptions) -> Result<Reply> {
    let reply = in_time(options.first_byte_timeout, sent).await;
    reply
        .ok_or(Error::HttpResponseTimeout)?
        .map_err(|refusal| error(refusal, Stage::Head))
}

/// A reply as the guest gets it. Its fields and its body are charged as long as they are kept.
pub(super) fn response(
    reply: Reply,
    account: &InFlight,
    options: &RequestOptions,
) -> Result<Response<WasiBody>> {
    let wrong = |_| Error::HttpProtocolError;
    let mut response = Response::new(body(reply.body, options.between_bytes_timeout));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).map_err(|_| wrong(()))?;
    for (name, value) in reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(()))?;
        let value = fields::charged(account, &name, value.into_bytes()).map_err(|why| match why {
            fields::FieldError::Full(full) => Error::InternalError(Some(full.to_string())),
            fields::FieldError::Invalid(_) => wrong(()),
        })?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// The body, read from egress as the guest reads it.
fn body(body: Body, between_bytes: Option<Duration>) -> WasiBody {
    let pieces = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        let piece = match in_time(between_bytes, body.chunk(PIECE)).await {
            None => Err(Error::ConnectionReadTimeout),
            Some(Ok(None)) => return None,
            Some(Ok(Some(piece))) => return Some((Ok(Frame::data(piece)), Some(body))),
            Some(Err(refusal)) => Err(error(refusal, Stage::Body)),
        };
        Some((piece, None))
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// What the future gives, or `None` if it is not done in time.
async fn in_time<T>(limit: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

/// The error code that stands for a refusal:
///
/// | refusal | error code |
/// |---|---|
/// | denied by the grant | `HTTP-request-denied` |
/// | unreachable, or too slow | `destination-unavailable`, whatever of name, address and connection failed |
/// | a limit of the host is used up | `internal-error` with the words that `finops:collector/http` gives |
/// | the reply is too large | `HTTP-response-header-section-size`, `HTTP-response-body-size` |
/// | the reply is cut short or wrongly encoded | `HTTP-response-content-coding`, `HTTP-response-incomplete` |
/// | the credential cannot be used, or is repeated | `configuration-error` |
fn error(refusal: Refusal, stage: Stage) -> Error {
    match (refusal.kind, stage) {
        (RefusalKind::Denied, _) => Error::HttpRequestDenied,
        (RefusalKind::Unreachable, _) => Error::DestinationUnavailable,
        (RefusalKind::Throttled, _) => Error::InternalError(Some(refusal.message)),
        (RefusalKind::TooLarge, Stage::Head) => Error::HttpResponseHeaderSectionSize(None),
        (RefusalKind::TooLarge, Stage::Body) => Error::HttpResponseBodySize(None),
        (RefusalKind::Malformed, Stage::Head) => Error::HttpResponseContentCoding(None),
        (RefusalKind::Malformed, Stage::Body) => Error::HttpResponseIncomplete,
        (RefusalKind::Credential | RefusalKind::Echoed, _) => Error::ConfigurationError,
    }
}

/// The error code of an error that ended a body.
pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::HttpRequestDenied => Some(ErrorCode::HttpRequestDenied),
        Error::DestinationUnavailable => Some(ErrorCode::DestinationUnavailable),
        Error::InternalError(told) => Some(ErrorCode::InternalError(told.clone())),
        Error::HttpResponseBodySize(size) => Some(ErrorCode::HttpResponseBodySize(*size)),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        Error::ConfigurationError => Some(ErrorCode::ConfigurationError),
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KINDS: [RefusalKind; 7] = [
        RefusalKind::Denied,
        RefusalKind::Unreachable,
        RefusalKind::Throttled,
        RefusalKind::TooLarge,
        RefusalKind::Credential,
        RefusalKind::Echoed,
        RefusalKind::Malformed,
    ];

    fn refusal(kind: RefusalKind) -> Refusal {
        Refusal {
            kind,
            message: "told".to_owned(),
        }
    }

    #[test]
    fn a_body_that_ends_with_an_error_has_its_code() {
        for kind in KINDS {
            assert!(code(&error(refusal(kind), Stage::Body)).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn an_error_code_says_no_more_than_the_refusal() {
        let shown = |kind, stage| error(refusal(kind), stage).to_string();
        for kind in KINDS {
            for stage in [Stage::Head, Stage::Body] {
                let tells = kind == RefusalKind::Throttled;
                assert_eq!(shown(kind, stage).contains("told"), tells, "{kind:?}");
            }
        }
        assert_eq!(
            shown(RefusalKind::Credential, Stage::Head),
            shown(RefusalKind::Echoed, Stage::Body)
        );
    }

    #[tokio::test]
    async fn a_first_byte_timeout_ends_a_call_that_egress_would_wait_for() {
        let options = RequestOptions {
            first_byte_timeout: Some(Duration::from_millis(1)),
            ..RequestOptions::default()
        };
        let never: Sent<'_> = Box::pin(std::future::pending());
        assert!(matches!(
            awaited(never, &options).await,
            Err(Error::HttpResponseTimeout)
        ));
    }
}
