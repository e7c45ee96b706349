//! HTTP answers in AWS's four ways of writing: JSON with a target, query XML, REST-JSON, and S3.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// How a service writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Cost Explorer, CloudWatch.
    Json,
    /// EC2.
    Ec2,
    /// RDS.
    Query,
    /// EKS, Lambda.
    Rest,
    /// S3.
    S3,
}

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/x-amz-json-1.1".to_owned())],
            body: body.to_string().into(),
        }
    }

    pub(crate) fn xml(body: String) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "text/xml;charset=UTF-8".to_owned())],
            body: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}").into(),
        }
    }

    pub(crate) fn bytes(body: Bytes, etag: &str) -> Self {
        let headers = vec![
            ("content-type", "application/octet-stream".to_owned()),
            ("etag", format!("\"{etag}\"")),
        ];
        Self {
            status: 200,
            headers,
            body,
        }
    }

    pub(crate) fn html(status: u16) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/html".to_owned())],
            body: "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>proxy</body></html>\n"
                .into(),
        }
    }

    /// An error in a service's way.
    pub(crate) fn error(dialect: Dialect, status: u16, code: &str, message: &str) -> Self {
        let reply = match dialect {
            Dialect::Json => Self::json(&json!({"__type": code, "message": message})),
            Dialect::Rest => {
                let mut reply = Self::json(&json!({"message": message}));
                reply.headers.push(("x-amzn-errortype", code.to_owned()));
                reply
            }
            Dialect::Ec2 => Self::xml(format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors><RequestID>r</RequestID></Response>",
                escaped(message)
            )),
            Dialect::Query => Self::xml(format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>r</RequestId></ErrorResponse>",
                escaped(message)
            )),
            Dialect::S3 => Self::xml(format!(
                "<Error><Code>{code}</Code><Message>{}</Message><RequestId>r</RequestId><HostId>h</HostId></Error>",
                escaped(message)
            )),
        };
        Self { status, ..reply }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
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
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Text inside XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
