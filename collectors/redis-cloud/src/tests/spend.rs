//! Cost reports: what is asked for, what is booked, what is refused.

use super::fake::{host, host_but, line, run, says};
use finops_collector::{FailureKind, HttpRequest, period::DAY, record::Finality, testing::reply};
use serde_json::json;

fn at(
    path: &'static str,
    status: u16,
    body: &'static str,
) -> impl Fn(&HttpRequest) -> Option<finops_collector::Response> {
    move |request| request.url.ends_with(path).then(|| reply(status, body))
}

#[test]
fn a_line_becomes_a_record_with_its_gaps_filled() {
    let host = host(&[line("2026-08-01", "2026-08-02", "0.1234567890123456789")]);
    run(&host).unwrap();
    let records = host.records("spend");
    let record = &records[0];
    assert_eq!(record.billed_cost.to_string(), "0.123456789012345679");
    assert_eq!(record.service_provider, "Redis");
    assert_eq!(
        record.sku.as_ref().unwrap().id.as_deref(),
        Some("Redis Cloud Pro Hours")
    );
    assert_eq!(record.tags, [("team".to_owned(), "search".to_owned())]);
    assert_eq!(record.finality, Finality::Open);
    assert_eq!(
        record.billing_period.unwrap().end - record.billing_period.unwrap().start,
        31 * DAY
    );
    let asked = host
        .requests()
        .into_iter()
        .find(|request| request.method == "POST")
        .unwrap();
    let body: serde_json::Value = serde_json::from_slice(&asked.body.unwrap()).unwrap();
    // No day to come.
    assert_eq!(
        body,
        json!({"startDate": "2026-08-01", "endDate": "2026-08-03", "format": "csv"})
    );
    assert!(
        host.requests()
            .iter()
            .all(|request| request.url.starts_with("https://api.redislabs.com/v1/"))
    );
}

#[test]
fn lines_of_other_months_are_left_to_their_own_report() {
    let host = host(&[
        line("2026-07-31", "2026-08-01", "1"),
        line("2026-08-01", "2026-09-01", "2"),
        line("2026-09-01", "2026-09-02", "4"),
    ]);
    run(&host).unwrap();
    let costs: Vec<_> = host
        .records("spend")
        .iter()
        .map(|record| record.billed_cost.to_string())
        .collect();
    assert_eq!(costs, ["2"]);
    assert!(says(&host, "2 lines begin in another month"));
}

#[test]
fn what_is_not_known_passes_through_labelled() {
    let odd = line("2026-08-01", "2026-08-02", "1")
        .replace(",Hours,24,Hours,", ",Moons,24,Qubits,")
        .replace("Databases,Redis Cloud Pro", "Key-Value,Redis Quantum")
        .replace(",Usage,", ",Gift,");
    let host = host(&[odd]);
    run(&host).unwrap();
    for words in ["Moons", "Redis Quantum", "Key-Value", "Gift"] {
        assert!(says(&host, words), "{words}");
    }
    let record = host.records("spend").remove(0);
    assert_eq!(
        (record.service_name.as_str(), record.service_category.as_str()),
        ("Redis Quantum", "Other")
    );
    assert!(
        record
            .extra
            .contains(&("x_ServiceCategory".to_owned(), "Key-Value".to_owned()))
    );
    assert_eq!(record.consumed.unwrap().unit, "Qubits");
}

#[test]
fn a_report_that_is_not_to_be_had_commits_nothing_and_says_why() {
    for (path, status, body, kind, says) in [
        (
            "/cost-report",
            403,
            "",
            FailureKind::Credential,
            "ask Redis support",
        ),
        (
            "/cost-report",
            404,
            "",
            FailureKind::Provider,
            "ask Redis support",
        ),
        ("/cost-report", 412, "", FailureKind::Provider, "switched off"),
        (
            "/cost-report",
            200,
            "{}",
            FailureKind::MalformedReply,
            "names no task",
        ),
        ("/cost-report", 200, "<html>", FailureKind::MalformedReply, "HTML"),
        (
            "/tasks/7ba51acc-cd1d",
            401,
            "",
            FailureKind::Credential,
            "x-api-key",
        ),
        (
            "/tasks/7ba51acc-cd1d",
            200,
            r#"{"status":"processing-error","description":"range","response":{"error":"INVALID_RANGE"}}"#,
            FailureKind::Provider,
            "INVALID_RANGE range",
        ),
        (
            "/tasks/7ba51acc-cd1d",
            200,
            r#"{"status":"processing-completed"}"#,
            FailureKind::MalformedReply,
            "no costReportId",
        ),
        (
            "/tasks/7ba51acc-cd1d",
            200,
            r#"{"status":"pondering"}"#,
            FailureKind::Unreachable,
            "still not ready after 60 s",
        ),
        (
            ".csv",
            200,
            "[]",
            FailureKind::MalformedReply,
            "lacks the columns",
        ),
        (".csv", 200, "", FailureKind::MalformedReply, "lacks the columns"),
    ] {
        let host = host_but(&[line("2026-08-01", "2026-08-02", "1")], at(path, status, body));
        let failure = run(&host).unwrap_err();
        assert_eq!(failure.kind, kind, "{path} {body} {failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(
            host.commits().is_empty() && host.open_writers() == 0,
            "{path} {body}"
        );
    }
}

#[test]
fn a_report_of_another_account_is_refused() {
    let other = line("2026-08-01", "2026-08-02", "1").replacen("1001", "2002", 1);
    let failure = run(&host(&[other])).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Settings);
    assert!(failure.message.contains("2002"), "{failure}");
}

#[test]
fn on_the_first_day_of_a_month_its_report_is_not_asked_for() {
    let host = host(&[]).at(finops_collector::period::start_of(
        finops_collector::jiff::civil::date(2026, 8, 1),
    ));
    run(&host).unwrap();
    assert!(host.commits().is_empty());
    assert!(host.requests().iter().all(|request| request.method == "GET"));
}
