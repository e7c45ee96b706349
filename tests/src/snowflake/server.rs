//! The SQL REST API v2: /api/v2/statements and nothing else.

use super::{
    account::Account,
    auth::authenticate,
    catalog::Environment,
    faults::{Act, At, reads},
    identity::{ACCOUNT, LOCATOR, ORGANIZATION, REGION, USER, WAREHOUSE, identity},
    reply::Reply,
    result::ResultSet,
    sql::{Bind, SqlError},
    statements::{Record, State, Statement},
    submission::{Submission, binds, is_uuid},
};
use axum::{
    body::Body,
    extract::{Query, State as Shared},
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use bytes::Bytes;
use serde_json::json;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// What a request asks for.
enum Call {
    Submit,
    Status(String),
    Cancel(String),
    WrongMethod,
    Unknown,
}

impl Call {
    fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        match (parts.as_slice(), method) {
            (["", "api", "v2", "statements"], &Method::POST) => Self::Submit,
            (["", "api", "v2", "statements", handle], &Method::GET) => Self::Status((*handle).to_owned()),
            (["", "api", "v2", "statements", handle, "cancel"], &Method::POST) => {
                Self::Cancel((*handle).to_owned())
            }
            (
                ["", "api", "v2", "statements"]
                | ["", "api", "v2", "statements", _]
                | ["", "api", "v2", "statements", _, "cancel"],
                _,
            ) => Self::WrongMethod,
            _ => Self::Unknown,
        }
    }
}

/// Answers every request of the HTTPS port.
pub(crate) async fn handle(
    Shared(account): Shared<Arc<Account>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query =
        Query::<HashMap<String, String>>::try_from_uri(&uri).map_or_else(|_| HashMap::new(), |query| query.0);
    let call = Call::of(&method, uri.path());
    let (at, text) = match &call {
        Call::Submit => (At::Submit, String::from_utf8_lossy(&body).into_owned()),
        Call::Status(handle) if query.contains_key("partition") => {
            (At::Partition, account.statement_text(handle))
        }
        Call::Status(handle) => (At::Poll, account.statement_text(handle)),
        Call::Cancel(handle) => (At::Cancel, account.statement_text(handle)),
        Call::WrongMethod | Call::Unknown => (At::Any, String::new()),
    };
    let fault = account.faults.reply(at, &text);
    if fault == Some(Act::Hang) {
        let released = account.faults.hang();
        account.arrived(&method, &uri);
        released.await;
    } else {
        account.arrived(&method, &uri);
    }
    let right = || account.answer(call, &query, &headers, &body);
    match fault {
        Some(Act::Unauthorized) => Reply::refused(&super::auth::Refused {
            status: StatusCode::UNAUTHORIZED,
            code: "390144",
            reason: "on demand".to_owned(),
        })
        .whole(),
        Some(Act::Status { status, retry_after }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Reply::html(status, retry_after).whole()
        }
        Some(Act::SqlError { code, message }) => {
            let error = SqlError::new(&code, "02000", message);
            Reply::sql_error(
                &error,
                "01b2c3d4-0000-0000-0000-000000000000",
                account.now().as_millisecond(),
            )
            .whole()
        }
        Some(Act::Html) => Reply::html(StatusCode::OK, None).whole(),
        Some(Act::TruncatedJson) => right().cut().whole(),
        Some(Act::Reset) => right().reset(),
        _ => right().whole(),
    }
}

impl Account {
    fn answer(&self, call: Call, query: &HashMap<String, String>, headers: &HeaderMap, body: &[u8]) -> Reply {
        if matches!(call, Call::Unknown) {
            return Reply::html(StatusCode::NOT_FOUND, None);
        }
        let known = match identity() {
            Ok(known) => known,
            Err(error) => {
                return Reply::message(StatusCode::INTERNAL_SERVER_ERROR, "000603", &error.to_string());
            }
        };
        if let Err(refused) = authenticate(headers, known, self.now().as_second()) {
            self.refusals().push(refused.reason.clone());
            return Reply::refused(&refused);
        }
        match call {
            Call::Submit => self.submit(query, headers, body),
            Call::Status(handle) => self.status(&handle, query),
            Call::Cancel(handle) => self.cancel(&handle),
            Call::WrongMethod | Call::Unknown => {
                Reply::message(StatusCode::METHOD_NOT_ALLOWED, "391902", "Method not allowed.")
            }
        }
    }

    fn submit(&self, query: &HashMap<String, String>, headers: &HeaderMap, body: &[u8]) -> Reply {
        let json = headers.get("content-type").and_then(|value| value.to_str().ok());
        if json.is_none_or(|value| value.split(';').next() != Some("application/json")) {
            return Reply::message(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "391901",
                "Unsupported Content-Type: send application/json.",
            );
        }
        let bad = |message: String| Reply::message(StatusCode::BAD_REQUEST, "391918", &message);
        let submission: Submission = match serde_json::from_slice(body) {
            Ok(submission) => submission,
            Err(error) => return bad(format!("The request body is invalid: {error}")),
        };
        let flag = |name: &str| query.get(name).is_some_and(|value| value == "true");
        let request_id = query.get("requestId").cloned();
        if let Some(id) = request_id.as_deref().filter(|id| !is_uuid(id)) {
            return bad(format!("requestId '{id}' is no UUID."));
        }
        let binds = match binds(&submission.bindings) {
            Ok(binds) => binds,
            Err(message) => return bad(message),
        };
        let now = self.now().as_millisecond();
        let mut statements = self.statements();
        if let Some(known) = request_id
            .as_deref()
            .filter(|_| flag("retry"))
            .and_then(|id| statements.of_request(id))
        {
            known.record.submissions += 1;
            return Reply::statement(known, self.partition_size, now);
        }
        let acts = self.faults.data(At::Submit, &submission.statement);
        let polls = acts.iter().find_map(|act| match act {
            Act::Pending { polls } => Some(*polls),
            _ => None,
        });
        let statement = Statement {
            outcome: self.run(&submission, &binds, &acts),
            state: match polls {
                Some(polls) => State::Running(polls),
                None if flag("async") => State::Running(1),
                None => State::Finished,
            },
            nullable: query.get("nullable").is_none_or(|value| value != "false"),
            record: Record {
                handle: statements.next_handle(),
                request_id,
                statement: submission.statement,
                role: submission.role.unwrap_or_default(),
                warehouse: submission.warehouse.unwrap_or_default(),
                parameters: submission.parameters,
                timeout: submission.timeout,
                submissions: 1,
                cancelled: false,
            },
        };
        let reply = Reply::statement(&statement, self.partition_size, now);
        statements.add(statement);
        reply
    }

    fn run(&self, submission: &Submission, binds: &[Bind], acts: &[Act]) -> Result<ResultSet, SqlError> {
        let role = submission.role.as_deref().unwrap_or("PUBLIC");
        let Some(grants) = self.roles.get(role) else {
            let message =
                format!("Role '{role}' specified in the connect string does not exist or not authorized.");
            return Err(SqlError::new("390189", "08004", message));
        };
        let catalog = self.catalog();
        let mut empty = BTreeSet::new();
        let mut unreadable = BTreeSet::new();
        for act in acts {
            let views = catalog
                .names()
                .filter(|view| reads(&submission.statement, view.rsplit('.').next().unwrap_or(view)));
            match act {
                Act::Empty => empty.extend(views.cloned()),
                Act::Unreadable => unreadable.extend(views.cloned()),
                _ => {}
            }
        }
        let context = [
            ("CURRENT_ORGANIZATION_NAME", ORGANIZATION),
            ("CURRENT_ACCOUNT_NAME", ACCOUNT),
            ("CURRENT_ACCOUNT", LOCATOR),
            ("CURRENT_REGION", REGION),
            ("CURRENT_USER", USER),
            ("CURRENT_ROLE", role),
            ("CURRENT_WAREHOUSE", submission.warehouse.as_deref().unwrap_or("")),
        ];
        let mut found = catalog.run(
            &submission.statement,
            &Environment {
                database: submission.database.as_deref(),
                schema: submission.schema.as_deref(),
                grants,
                binds,
                parameters: &submission.parameters,
                context: &context,
                now: self.now(),
                empty: &empty,
                unreadable: &unreadable,
            },
        )?;
        // Only what reads tables needs a warehouse.
        if !found.views.is_empty() && submission.warehouse.as_deref() != Some(WAREHOUSE) {
            let message = "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.";
            return Err(SqlError::new("000606", "57P03", message));
        }
        if found.views.iter().any(|view| view == super::CURRENCY_VIEW) {
            found.copies = self.copies;
        }
        for act in acts {
            if let Act::Cell { column, row, text } = act {
                let at = found.columns.iter().position(|known| known.name == *column);
                let cell = at.and_then(|at| found.rows.get_mut(*row)?.get_mut(at));
                if let Some(cell) = cell {
                    *cell = Some(text.clone());
                }
            }
        }
        Ok(found)
    }

    fn status(&self, handle: &str, query: &HashMap<String, String>) -> Reply {
        let mut statements = self.statements();
        let Some(statement) = statements.get(handle) else {
            return not_found(handle);
        };
        if let State::Running(left) = &mut statement.state {
            match left.checked_sub(1) {
                Some(fewer) => {
                    *left = fewer;
                    return Reply::statement(statement, self.partition_size, self.now().as_millisecond());
                }
                None => statement.state = State::Finished,
            }
        }
        let partition = query.get("partition").map(|number| number.parse::<usize>());
        match (partition, &statement.outcome, &statement.state) {
            (Some(Ok(number)), Ok(found), State::Finished)
                if number < found.partitions(self.partition_size) =>
            {
                let mut rows = found.partition(number, self.partition_size);
                for act in self.faults.data(At::Partition, &statement.record.statement) {
                    if act == Act::ShortPartition {
                        rows.pop();
                    }
                }
                let reply = Reply::json(StatusCode::OK, &json!({"data": rows}));
                if number == 0 {
                    return reply;
                }
                reply.compressed().unwrap_or_else(|error| {
                    Reply::message(StatusCode::INTERNAL_SERVER_ERROR, "000603", &error.to_string())
                })
            }
            (Some(_), Ok(_), State::Finished) => {
                Reply::message(StatusCode::NOT_FOUND, "391916", "No such partition.")
            }
            _ => Reply::statement(statement, self.partition_size, self.now().as_millisecond()),
        }
    }

    fn cancel(&self, handle: &str) -> Reply {
        let mut statements = self.statements();
        let Some(statement) = statements.get(handle) else {
            return not_found(handle);
        };
        if !matches!(statement.state, State::Running(_)) {
            let error = SqlError::new(
                "000605",
                "02000",
                "Identified SQL statement is not currently executing.",
            );
            return Reply::sql_error(&error, handle, self.now().as_millisecond());
        }
        statement.state = State::Cancelled;
        statement.record.cancelled = true;
        let body = json!({"code": "000604", "sqlState": "57014", "message": "SQL execution canceled", "statementHandle": handle,
            "statementStatusUrl": format!("/api/v2/statements/{handle}")});
        Reply::json(StatusCode::OK, &body)
    }
}

fn not_found(handle: &str) -> Reply {
    Reply::message(
        StatusCode::NOT_FOUND,
        "000709",
        &format!("Statement {handle} not found"),
    )
}
