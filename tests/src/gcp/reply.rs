//! HTTP answers as Google's APIs write them: JSON, and errors with a reason.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    kind: &'static str,
    body: Bytes,
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            kind: "application/json; charset=UTF-8",
            body: body.to_string().into(),
        }
    }

    /// The same with another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn html() -> Self {
        Self {
            status: 200,
            kind: "text/html",
            body: "<!DOCTYPE html>\n<html><head><title>Sign in - Google Accounts</title></head></html>\n"
                .into(),
        }
    }

    /// An error of the older kind, with `errors[].reason`.
    pub(crate) fn error(status: u16, reason: &str, message: &str) -> Self {
        let of = json!({"domain": "global", "reason": reason, "message": message});
        let error = json!({"code": status, "message": message, "errors": [of]});
        Self {
            status,
            ..Self::json(&json!({ "error": error }))
        }
    }

    /// An error of the newer kind, with `details[].reason`.
    pub(crate) fn detailed(status: u16, code: &str, reason: &str, message: &str) -> Self {
        let detail = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"});
        let error = json!({"code": status, "message": message, "status": code, "details": [detail]});
        Self {
            status,
            ..Self::json(&json!({ "error": error }))
        }
    }

    /// The answer cut in the middle, as if that were all.
    pub(crate) fn cut(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// The whole answer.
    pub(crate) fn whole(self) -> Response<Body> {
        let body = Body::from(self.body.clone());
        self.response(body)
    }

    /// The first half, then the connection is lost.
    pub(crate) fn reset(self) -> Response<Body> {
        let cut = self.cut();
        let half = cut.body.clone();
        let lost = async {
            // A pause makes the server send what it has before the connection breaks.
            tokio::task::yield_now().await;
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        };
        let body = Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(lost)));
        cut.response(body)
    }

    fn response(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(self.kind));
        response
    }
}
