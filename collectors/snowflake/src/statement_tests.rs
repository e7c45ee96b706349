//! The SQL API's behaviours: submission, resubmission, polling, partitions, cancellation.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{
    refusal::Refusal,
    settings::Settings,
    statement::{Query, Session},
};
use finops_collector::{
    Decimal, Failure, FailureKind, Host, HttpRequest, Level, Response,
    testing::{FakeHost, broken_reply, reply},
};
use serde_json::{Value, json};
use std::time::Duration;

const BASE: &str = "https://myorg-acct.snowflakecomputing.com/api/v2/statements";

fn settings() -> Settings {
    serde_json::from_str(r#"{"account":"MYORG-ACCT","warehouse":"FINOPS_WH","role":"FINOPS_READER"}"#)
        .unwrap()
}

/// Reads the column N of every row.
fn read(host: &FakeHost) -> Result<Vec<Decimal>, Refusal> {
    let settings = settings();
    let session = Session::new(host, &settings).unwrap();
    let query = Query {
        view: "ACCOUNT_USAGE.SOME_VIEW",
        sql: "SELECT N FROM V WHERE D >= ? AND D < ?".to_owned(),
        bindings: vec!["2026-07-01".to_owned(), "2026-08-01".to_owned()],
    };
    let mut numbers = Vec::new();
    session.read(&query, |row| {
        numbers.push(row.exact("N")?);
        Ok(())
    })?;
    Ok(numbers)
}

fn failed(result: Result<Vec<Decimal>, Refusal>) -> Failure {
    result.unwrap_err().into()
}

/// A first reply with some rows of a result whose partitions have so many.
fn first(rows: &[&str], partitions: &[u64]) -> Response {
    let body = json!({
        "statementHandle": "01b2-3c4d",
        "resultSetMetaData": {
            "numRows": partitions.iter().sum::<u64>(),
            "rowType": [{"name": "N", "type": "FIXED"}],
            "partitionInfo": partitions.iter().map(|rows| json!({"rowCount": rows})).collect::<Vec<_>>(),
        },
        "data": rows.iter().map(|cell| json!([cell])).collect::<Vec<_>>(),
    });
    reply(200, &body.to_string())
}

fn running() -> Response {
    reply(
        202,
        r#"{"code":"333334","statementHandle":"01b2-3c4d","statementStatusUrl":"https://evil.example/"}"#,
    )
}

fn calls(host: &FakeHost) -> Vec<String> {
    host.requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.url))
        .collect()
}

#[test]
fn a_statement_says_all_that_the_api_wants() {
    let host = FakeHost::replying([first(&["1.50"], &[1])]);
    assert_eq!(read(&host).unwrap()[0].to_string(), "1.5");
    let request = &host.requests()[0];
    let id = request.url.strip_prefix(&format!("{BASE}?requestId=")).unwrap();
    assert_eq!(
        (id.len(), id.matches('-').count(), &id[14..15]),
        (36, 4, "4"),
        "{id}"
    );
    assert!(!request.repeatable);
    let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["timeout"], 120);
    assert_eq!(body["warehouse"], "FINOPS_WH");
    assert_eq!(body["role"], "FINOPS_READER");
    assert_eq!(
        body["bindings"]["2"],
        json!({"type": "TEXT", "value": "2026-08-01"})
    );
    assert_eq!(body["parameters"]["TIMEZONE"], "UTC");
    assert_eq!(body["parameters"]["QUERY_TAG"], "finops-host");
}

#[test]
fn a_submission_is_repeated_under_the_same_id_and_said_to_be_a_repetition() {
    let host = FakeHost::replying([reply(503, ""), reply(504, "<html>"), first(&["1"], &[1])]);
    read(&host).unwrap();
    let requests = host.requests();
    assert_eq!(requests[1].url, format!("{}&retry=true", requests[0].url));
    assert_eq!(requests[2].url, requests[1].url);
    assert_eq!(host.sleeps(), [Duration::from_secs(1), Duration::from_secs(3)]);

    let host = FakeHost::new();
    assert_eq!(failed(read(&host)).kind, FailureKind::Unreachable);
    assert_eq!(host.requests().len(), 3);

    let host = FakeHost::replying([reply(429, "")]);
    assert_eq!(failed(read(&host)).kind, FailureKind::Throttled);
}

#[test]
fn a_running_statement_is_polled_by_its_handle_and_never_by_a_link() {
    let host = FakeHost::replying([running(), running(), first(&["7"], &[1])]);
    assert_eq!(read(&host).unwrap(), [Decimal::from(7_u32)]);
    assert_eq!(
        calls(&host)[1..],
        [format!("GET {BASE}/01b2-3c4d"), format!("GET {BASE}/01b2-3c4d")]
    );
}

#[test]
fn a_statement_that_is_given_up_is_cancelled() {
    let cancel = format!("POST {BASE}/01b2-3c4d/cancel");
    // Polling fails.
    let host = FakeHost::replying([running(), reply(401, ""), reply(200, "{}")]);
    assert_eq!(failed(read(&host)).kind, FailureKind::Credential);
    assert_eq!(calls(&host).last(), Some(&cancel));
    // The deadline passes.
    let host = FakeHost::answering(|_| Ok(running()));
    let failure = failed(read(&host));
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(
        failure.message.contains("still not ready after 150 s"),
        "{failure}"
    );
    assert_eq!(calls(&host).last(), Some(&cancel));
    // The connection is gone, and the cancellation fails too.
    let host = FakeHost::replying([running()]);
    assert_eq!(failed(read(&host)).kind, FailureKind::Unreachable);
    assert!(
        host.logs()
            .iter()
            .any(|(level, line)| *level == Level::Warn && line.contains("could not be cancelled"))
    );
}

#[test]
fn a_statement_that_ended_by_itself_is_not_cancelled() {
    let host = FakeHost::replying([running(), reply(422, r#"{"code":"000630","message":"timeout"}"#)]);
    assert!(failed(read(&host)).message.contains("raise statement-timeout"));
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn all_partitions_are_read_in_order() {
    let host = FakeHost::replying([
        first(&["1", "2"], &[2, 1, 2]),
        reply(200, r#"{"data":[["3"]]}"#),
        reply(200, r#"{"data":[["4"],["5"]]}"#),
    ]);
    let numbers: Vec<String> = read(&host).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
    assert_eq!(
        calls(&host)[1..],
        [
            format!("GET {BASE}/01b2-3c4d?partition=1"),
            format!("GET {BASE}/01b2-3c4d?partition=2")
        ]
    );
}

#[test]
fn a_partition_that_lacks_rows_or_is_gone_makes_the_result_incomplete() {
    let second = |response: Response| FakeHost::replying([first(&["1"], &[1, 2]), response]);
    for host in [
        second(reply(200, r#"{"data":[["2"]]}"#)),
        second(reply(200, r#"{"data":[["2"],["3"],["4"]]}"#)),
        second(reply(404, "gone")),
        FakeHost::replying([first(&["1"], &[2])]),
    ] {
        let failure = failed(read(&host));
        assert_eq!(failure.kind, FailureKind::Incomplete, "{failure}");
        assert!(failure.message.contains("SOME_VIEW"), "{failure}");
    }
}

#[test]
fn a_total_that_differs_from_the_rows_makes_the_result_incomplete() {
    let body = r#"{"statementHandle":"1","resultSetMetaData":{"numRows":2,"rowType":[{"name":"N"}]},"data":[["1"]]}"#;
    let failure = failed(read(&FakeHost::replying([reply(200, body)])));
    assert_eq!(failure.kind, FailureKind::Incomplete);
}

#[test]
fn what_is_no_result_is_malformed() {
    let narrow = r#"{"resultSetMetaData":{"numRows":1,"rowType":[{"name":"N"}]},"data":[[]]}"#;
    let number = r#"{"resultSetMetaData":{"numRows":1,"rowType":[{"name":"N"}]},"data":[[1]]}"#;
    for (body, says) in [
        ("<html>Sign in</html>", "HTML"),
        (r#"{"statementHandle":"#, "truncated"),
        ("{}", "no resultSetMetaData"),
        (narrow, "row 1 has 0 cells"),
        (number, "not as documented"),
    ] {
        let failure = failed(read(&FakeHost::replying([reply(200, body)])));
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
        assert!(
            failure.message.contains("SOME_VIEW") && failure.message.contains(says),
            "{failure}"
        );
    }
    let handle = r#"{"statementHandle":"../../x"}"#;
    let failure = failed(read(&FakeHost::replying([reply(202, handle)])));
    assert!(failure.message.contains("statementHandle"), "{failure}");
}

#[test]
fn a_connection_that_breaks_inside_the_body_is_unreachable() {
    let body = broken_reply(r#"{"resultSetMetaData":"#, Failure::unreachable("reset by peer"));
    assert_eq!(
        failed(read(&FakeHost::replying([body]))).kind,
        FailureKind::Unreachable
    );
}

#[test]
fn every_statement_has_an_id_of_its_own() {
    let host = FakeHost::answering(|_: &HttpRequest| Ok(first(&[], &[0])));
    read(&host).unwrap();
    read(&host).unwrap();
    assert_ne!(host.requests()[0].url, host.requests()[1].url);
    assert_eq!(host.now(), 0);
}
