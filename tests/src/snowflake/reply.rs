//! HTTP answers of the SQL API, right and wrong ones.

use super::{
    auth::Refused,
    sql::SqlError,
    statements::{State, Statement},
};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::io::Write;

const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to Snowflake</title></head><body><form>...</form></body></html>\n";

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) gzip: bool,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            gzip: false,
            retry_after: None,
            body: body.to_string().into_bytes(),
        }
    }

    pub(crate) fn html(status: StatusCode, retry_after: Option<String>) -> Self {
        let body = if status.is_success() {
            LOGIN_PAGE.to_owned()
        } else {
            format!("<html><body><h1>{status}</h1></body></html>\n")
        };
        Self {
            status,
            content_type: "text/html; charset=utf-8",
            gzip: false,
            retry_after,
            body: body.into_bytes(),
        }
    }

    pub(crate) fn message(status: StatusCode, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"code": code, "message": message}))
    }

    pub(crate) fn refused(refused: &Refused) -> Self {
        let message = match refused.code {
            "390144" => "JWT token is invalid. [00000000-0000-0000-0000-000000000000]",
            "390303" => "Invalid OAuth access token. [00000000-0000-0000-0000-000000000000]",
            "394400" => "Programmatic access token is invalid.",
            "390101" => "Authorization header is not found in the request data.",
            _ => "The User-Agent header is missing.",
        };
        let body = json!({"data": null, "code": refused.code, "message": message, "success": false, "headers": null});
        Self::json(refused.status, &body)
    }

    pub(crate) fn sql_error(error: &SqlError, handle: &str, created: i64) -> Self {
        let body = json!({"code": error.code, "sqlState": error.state, "message": error.message, "statementHandle": handle,
            "createdOn": created, "statementStatusUrl": status_url(handle)});
        Self::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
    }

    /// A statement as it stands: 202, 422, or 200 with the first partition.
    pub(crate) fn statement(statement: &Statement, partition_size: usize, created: i64) -> Self {
        let handle = &statement.record.handle;
        match (&statement.state, &statement.outcome) {
            (State::Running(_), _) => Self::json(
                StatusCode::ACCEPTED,
                &json!({"code": "333334", "message": "Asynchronous execution in progress. Use provided query id to perform query monitoring and management.",
                    "statementHandle": handle, "statementStatusUrl": status_url(handle)}),
            ),
            (State::Cancelled, _) => Self::sql_error(
                &SqlError::new("000604", "57014", "SQL execution canceled"),
                handle,
                created,
            ),
            (State::Finished, Err(error)) => Self::sql_error(error, handle, created),
            (State::Finished, Ok(found)) => Self::json(
                StatusCode::OK,
                &json!({"code": "090001", "sqlState": "00000", "message": "Statement executed successfully.",
                    "statementHandle": handle, "createdOn": created, "statementStatusUrl": status_url(handle),
                    "resultSetMetaData": found.metadata(partition_size, statement.nullable),
                    "data": found.partition(0, partition_size)}),
            ),
        }
    }

    /// The same answer compressed.
    pub(crate) fn compressed(self) -> std::io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.body)?;
        Ok(Self {
            body: encoder.finish()?,
            gzip: true,
            ..self
        })
    }

    /// The answer cut in the middle, as if that were all.
    pub(crate) fn cut(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    fn response(&self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(value) = self
            .retry_after
            .as_deref()
            .and_then(|value| HeaderValue::from_str(value).ok())
        {
            headers.insert(header::RETRY_AFTER, value);
        }
        response
    }

    /// The whole answer.
    pub(crate) fn whole(mut self) -> Response<Body> {
        let body = Body::from(std::mem::take(&mut self.body));
        self.response(body)
    }

    /// The first half, then the connection is lost.
    pub(crate) fn reset(self) -> Response<Body> {
        let mut cut = self.cut();
        let half = Bytes::from(std::mem::take(&mut cut.body));
        let lost = async {
            // A pause makes the server send what it has before the connection breaks.
            tokio::task::yield_now().await;
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        };
        let body = Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(lost)));
        cut.response(body)
    }
}

fn status_url(handle: &str) -> String {
    format!("/api/v2/statements/{handle}")
}
