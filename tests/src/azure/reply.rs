//! HTTP answers as Azure writes them: JSON of the management APIs, XML of storage.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Reply {
    fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, "application/json; charset=utf-8", body.to_string())
    }

    pub(crate) fn xml(body: String) -> Self {
        Self::new(
            200,
            "application/xml",
            format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{body}"),
        )
    }

    pub(crate) fn bytes(body: Bytes) -> Self {
        Self::new(200, "application/octet-stream", body)
    }

    pub(crate) fn no_content() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>proxy</body></html>\n";
        Self::new(status, "text/html", page)
    }

    /// An error of the management APIs.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(&json!({"error": {"code": code, "message": message}})).status(status)
    }

    /// An error of storage.
    pub(crate) fn storage_error(status: u16, code: &str, message: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{message}\nRequestId:r</Message></Error>");
        Self::xml(body).status(status)
    }

    /// Its status and body.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> (u16, &[u8]) {
        (self.status, &self.body)
    }

    /// With another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
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
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
