//! BigQuery's protocol: looking first, waiting, pages, and replies that are not what they should be.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::fake::{days, result, row, settings, table};
use crate::Gcp;
use finops_collector::{
    Collector, Decimal, Failure, FailureKind, HttpRequest,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn overview() -> Value {
    result(&[BTreeMap::from([
        ("day", Some("2026-08-01".to_owned())),
        ("line_count", Some("2".to_owned())),
        ("exported", Some("1785700000000000".to_owned())),
    ])])
}

/// A host whose bill is answered by the closure: the first reply, and those of getQueryResults.
fn host(answer: impl Fn(&HttpRequest) -> Value + 'static) -> FakeHost {
    FakeHost::answering(move |request| {
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap_or(b"{}")).unwrap();
        let sql = body["query"].as_str().unwrap_or_default();
        let value = match () {
            () if request.url.contains("/tables/") => table(),
            () if body["dryRun"] == true => json!({"totalBytesProcessed": "19000"}),
            () if sql.contains("UNIX_MICROS") => overview(),
            () => answer(request),
        };
        Ok(reply(200, &value.to_string()))
    })
    .describing(Gcp::describe())
    .at(1_785_758_400)
}

fn bill() -> Value {
    result(&[row("2026-08-01", 2, Decimal::ONE)])
}

fn collect(host: &FakeHost) -> Result<(), Failure> {
    host.run::<Gcp>(&settings(), days("2026-08-01", "2026-08-04"))
        .map(|_| ())
}

#[test]
fn a_query_that_still_runs_is_asked_for_by_its_job_and_location() {
    let host = host(|request| match request.url.contains("/queries/") {
        false => json!({"jobComplete": false, "jobReference": {"jobId": "job_x/1", "location": "EU"}}),
        true => bill(),
    });
    collect(&host).unwrap();
    let last = host.requests().last().unwrap().url.clone();
    assert!(
        last.contains("/queries/job_x%2F1?location=EU&maxResults=5000&timeoutMs=10000"),
        "{last}"
    );
    assert_eq!(host.records("spend").len(), 1);
}

#[test]
fn a_query_that_never_ends_is_given_up() {
    let host = host(|_| json!({"jobComplete": false, "jobReference": {"jobId": "j", "location": "EU"}}));
    let failure = collect(&host).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.message.contains("query-timeout"), "{failure}");
}

#[test]
fn pages_that_lead_in_a_circle_and_rows_that_are_missing_are_refused() {
    let circle = host(|_| {
        let mut reply = bill();
        reply["pageToken"] = "again".into();
        reply["totalRows"] = "9".into();
        reply
    });
    assert!(collect(&circle).unwrap_err().message.contains("circle"));
    let short = host(|_| {
        let mut reply = bill();
        reply["totalRows"] = "2".into();
        reply
    });
    let failure = collect(&short).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Incomplete);
    assert!(failure.message.contains("1 rows came of 2"), "{failure}");
    assert!(circle.commits().is_empty() && short.commits().is_empty());
}

#[test]
fn money_that_is_none_is_malformed_and_a_quantity_that_does_not_fit_is_left_out() {
    for (name, text, says) in [
        ("cost", None, "`cost` is empty"),
        ("cost", Some("1,5"), "`cost` is `1,5`"),
        ("day", Some("2026-08-02"), "was not asked for"),
        ("is_credit", Some("maybe"), "neither true nor false"),
    ] {
        let host = host(move |_| {
            let mut row = row("2026-08-01", 2, Decimal::ONE);
            row.insert(name, text.map(str::to_owned));
            result(&[row])
        });
        let failure = collect(&host).unwrap_err();
        assert_eq!(failure.kind, FailureKind::MalformedReply);
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty());
    }
    let host = host(|_| {
        let mut row = row("2026-08-01", 2, Decimal::ONE);
        row.insert("amount", Some("9".repeat(30)));
        row.insert("unit", Some("byte-seconds".to_owned()));
        result(&[row])
    });
    collect(&host).unwrap();
    assert_eq!(host.records("spend")[0].consumed, None);
    assert!(host.logs().iter().any(|(_, line)| line.contains("is left out")));
}

#[test]
fn nothing_is_run_that_would_read_more_than_is_allowed() {
    let host = host(|_| bill());
    let mut settings = settings();
    settings["max-bytes-billed"] = 18_999.into();
    let failure = host
        .run::<Gcp>(&settings, days("2026-08-01", "2026-08-04"))
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Settings);
    assert!(failure.message.contains("19000 bytes"), "{failure}");
    let paid = host.requests().into_iter().filter(|request| {
        request
            .body
            .as_deref()
            .is_some_and(|body| !String::from_utf8_lossy(body).contains("dryRun"))
    });
    assert_eq!(paid.count(), 0);
}
