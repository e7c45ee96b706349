//! The statement API's protocol: waiting, chunks, and replies that are not what they should be.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{ACCOUNT, Cells, body, days, failed, result, row, settings};
use crate::Databricks;
use finops_collector::{
    Collector, Failure, FailureKind, HttpRequest,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn overview(sql: &str) -> Value {
    let cells = [
        ("day", "2026-08-01"),
        ("line_count", "2"),
        ("quantity", "3"),
        ("ingested", "2026-08-03"),
        ("first_account", ACCOUNT),
        ("last_account", ACCOUNT),
    ];
    let row: Cells = cells.map(|(name, text)| (name, text.to_owned())).into();
    result(sql, &[row])
}

/// A host whose bill, or what follows of it, is answered by the closure, which is told the columns' statement.
fn host(answer: impl Fn(&HttpRequest, &str) -> Value + 'static) -> FakeHost {
    let asked = std::cell::RefCell::new(String::new());
    FakeHost::answering(move |request| {
        let body = body(request);
        let sql = body["statement"].as_str().unwrap_or_default();
        let value = match () {
            () if sql.contains("account_prices") => failed("BAD_REQUEST", "[TABLE_OR_VIEW_NOT_FOUND] no"),
            () if sql.contains("AS currency") => {
                let row = BTreeMap::from([("currency", "USD".to_owned()), ("prices", "1".to_owned())]);
                result(sql, &[row])
            }
            () if sql.contains("first_account") => overview(sql),
            () => {
                if !sql.is_empty() {
                    sql.clone_into(&mut asked.borrow_mut());
                }
                answer(request, &asked.borrow())
            }
        };
        Ok(reply(200, &value.to_string()))
    })
    .describing(Databricks::describe())
    .at(1_785_758_400)
}

fn rows() -> [Cells; 2] {
    [("JOBS", "1"), ("SQL", "2")].map(|(sku, quantity)| {
        let mut row = row("2026-08-01", sku, quantity);
        row.insert("list_price", "0.5".to_owned());
        row.insert("all_lines", "2".to_owned());
        row
    })
}

fn collect(host: &FakeHost) -> Result<(), Failure> {
    host.run::<Databricks>(&settings(), days("2026-08-01", "2026-08-04"))
        .map(|_| ())
}

/// The first of two chunks, which leads on to this link.
fn first_chunk(sql: &str, link: &str) -> Value {
    let mut whole = result(sql, &rows()[..1]);
    whole["manifest"]["total_row_count"] = 2.into();
    whole["result"]["next_chunk_internal_link"] = link.into();
    whole["result"]["next_chunk_index"] = 1.into();
    whole
}

fn second_chunk(sql: &str) -> Value {
    result(sql, &rows()[1..])["result"].clone()
}

const NEXT: &str = "/api/2.0/sql/statements/01f0-1/result/chunks/1?row_offset=1";

#[test]
fn a_statement_that_still_runs_is_waited_for_and_its_chunks_are_fetched() {
    let polls = std::cell::Cell::new(0);
    let host = host(move |request, sql| match request.url.as_str() {
        url if url.ends_with(NEXT) => second_chunk(sql),
        url if url.ends_with("/01f0-1") && polls.replace(polls.get() + 1) > 0 => first_chunk(sql, NEXT),
        _ => json!({"statement_id": "01f0-1", "status": {"state": "PENDING"}}),
    });
    collect(&host).unwrap();
    assert_eq!(host.records("spend").len(), 2);
    assert_eq!(host.sleeps().len(), 1);
    let submitted = body(&host.requests()[3]);
    assert_eq!(
        (&submitted["disposition"], &submitted["format"]),
        (&"INLINE".into(), &"JSON_ARRAY".into())
    );
    assert_eq!(submitted["warehouse_id"], "abc123");
    assert!(
        host.requests()[3]
            .url
            .starts_with("https://dbc-1.cloud.databricks.com/api/2.0/sql/statements")
    );
}

#[test]
fn a_statement_that_never_ends_is_cancelled() {
    let host = host(|_, _| json!({"statement_id": "01f0-1", "status": {"state": "RUNNING"}}));
    let failure = collect(&host).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.message.contains("raise statement-timeout"), "{failure}");
    assert!(host.requests().last().unwrap().url.ends_with("/01f0-1/cancel"));
}

#[test]
fn links_that_lead_elsewhere_are_not_followed() {
    for link in [
        "https://evil.example/api/2.0/sql/statements/01f0-1/result/chunks/1",
        "//evil.example/x",
        "/api/2.0/sql/statements/other/result/chunks/1",
        "/api/2.0/sql/statements/01f0-1/result/chunks/../../../x",
        "/api/2.0/secrets/list",
    ] {
        let host = host(move |_, sql| first_chunk(sql, link));
        let failure = collect(&host).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{link}");
        assert!(failure.message.contains("not f"), "{failure}");
        assert!(host.requests().iter().all(|request| request.method == "POST"));
        assert!(host.commits().is_empty() && host.open_writers() == 0);
    }
}

#[test]
fn a_result_that_is_not_whole_is_not_committed() {
    type Change = fn(&mut Value);
    let changes: [(Change, FailureKind, &str); 8] = [
        (
            |all| all["manifest"]["total_row_count"] = 3.into(),
            FailureKind::Incomplete,
            "2 rows came of 3",
        ),
        (
            |all| all["result"]["row_count"] = 3.into(),
            FailureKind::Incomplete,
            "2 rows came of a chunk of 3",
        ),
        (
            |all| all["manifest"]["truncated"] = true.into(),
            FailureKind::Incomplete,
            "cut off",
        ),
        (
            |all| all["manifest"] = Value::Null,
            FailureKind::MalformedReply,
            "no manifest",
        ),
        (
            |all| all["manifest"]["schema"]["columns"][0]["name"] = "x".into(),
            FailureKind::MalformedReply,
            "other columns",
        ),
        (
            |all| all["result"] = json!({"external_links": [{"external_link": "https://s3.example/x"}]}),
            FailureKind::MalformedReply,
            "links to storage",
        ),
        (
            |all| all["status"]["state"] = "CLOSED".into(),
            FailureKind::Provider,
            "cancelled",
        ),
        (
            |all| all["status"]["state"] = "DREAMING".into(),
            FailureKind::MalformedReply,
            "DREAMING",
        ),
    ];
    for (change, kind, says) in changes {
        let host = host(move |_, sql| {
            let mut whole = result(sql, &rows());
            change(&mut whole);
            whole
        });
        let failure = collect(&host).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty() && host.open_writers() == 0);
    }
    let circle = host(|request, sql| match request.url.ends_with(NEXT) {
        true => {
            let mut chunk = second_chunk(sql);
            chunk["next_chunk_internal_link"] = NEXT.into();
            chunk
        }
        false => first_chunk(sql, NEXT),
    });
    assert!(collect(&circle).unwrap_err().message.contains("circle"));
}

#[test]
fn cells_that_are_not_what_they_should_be_are_named() {
    for (name, text, says) in [
        ("quantity", "1,5", "`quantity` is `1,5`"),
        ("list_price", "free", "`list_price` is `free`"),
        ("day", "2026-08-02", "was not asked for"),
        ("serverless", "maybe", "neither true nor false"),
        ("tags", "[1]", "the tags are no map"),
        ("sku", "", "`sku` is empty"),
    ] {
        let host = host(move |_, sql| {
            let mut rows = rows();
            rows[1].insert(name, text.to_owned());
            result(sql, &rows)
        });
        let failure = collect(&host).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty());
    }
}

#[test]
fn an_account_price_is_the_cost_and_the_list_price_stays_beside_it() {
    let host = FakeHost::answering(|request| {
        let body = body(request);
        let sql = body["statement"].as_str().unwrap();
        let value = match () {
            () if sql.contains("AS currency") => result(
                sql,
                &[BTreeMap::from([
                    ("currency", "USD".to_owned()),
                    ("prices", "1".to_owned()),
                ])],
            ),
            () if sql.contains("first_account") => overview(sql),
            () => {
                let mut rows = rows();
                rows[0].insert("own_price", "0.4".to_owned());
                result(sql, &rows)
            }
        };
        Ok(reply(200, &value.to_string()))
    })
    .describing(Databricks::describe())
    .at(1_785_758_400);
    collect(&host).unwrap();
    let costs: Vec<_> = host
        .records("spend")
        .iter()
        .map(|record| {
            let text = |cost: Option<finops_collector::Decimal>| cost.map(|cost| cost.to_string());
            (
                record.billed_cost.to_string(),
                text(record.list_cost),
                text(record.contracted_cost),
                record.basis.unwrap(),
            )
        })
        .collect();
    use finops_collector::descriptor::Basis;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        costs,
        [
            ("0.4".to_owned(), some("0.5"), some("0.4"), Basis::Billed),
            ("1".to_owned(), some("1"), None, Basis::ListPrice),
        ]
    );
}
