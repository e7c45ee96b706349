//! Faults on demand, by the Rust API and over the control port.

use super::*;
use crate::snowflake::{Act, At, Fault};

const BILL: &str = "SELECT USAGE_DATE D, USAGE_IN_CURRENCY C FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY \
    WHERE USAGE_DATE = '2026-06-02' AND ACCOUNT_LOCATOR = 'AB12345' ORDER BY 2 DESC";

fn throttle(status: u16, retry_after: Option<&str>) -> Act {
    Act::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
    }
}

#[tokio::test]
async fn throttling_ends_after_so_many_times() {
    let account = Account::start(Options::default()).await;
    let faults = account.simulator.faults();
    faults.add(Fault::new(throttle(429, Some("7"))).times(1));
    faults.add(Fault::new(throttle(429, None)).times(1));
    faults.add(Fault::new(throttle(503, None)).times(2));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let response = account.post("/api/v2/statements", &body("SELECT 1", &[])).await;
        let wait = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        seen.push((response.status().as_u16(), wait));
    }
    let expected = [
        (429, Some("7".to_owned())),
        (429, None),
        (503, None),
        (503, None),
        (200, None),
    ];
    assert_eq!(seen, expected);
    // What was turned away was not run.
    assert_eq!(account.simulator.statements().len(), 1);
}

#[tokio::test]
async fn a_fault_is_met_only_at_its_place_and_view_and_turn() {
    let account = Account::with_partitions_of(2).await;
    let faults = account.simulator.faults();
    faults.add(
        Fault::new(Act::Unauthorized)
            .at(At::Submit)
            .view("usage_in_currency_daily")
            .after(1),
    );
    faults.add(Fault::new(throttle(404, None)).at(At::Partition));
    let first = account.sql(BILL, &[]).await;
    let (status, _) = account.submit(&body(BILL, &[])).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    account.sql("SELECT 1", &[]).await;
    let path = format!(
        "/api/v2/statements/{}",
        first["statementHandle"].as_str().unwrap()
    );
    assert_eq!(account.get(&path).await.status(), StatusCode::OK);
    assert_eq!(
        account.get(&format!("{path}?partition=1")).await.status(),
        StatusCode::NOT_FOUND
    );
    faults.clear();
    assert_eq!(
        account.get(&format!("{path}?partition=1")).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn bodies_can_be_html_cut_or_broken_off() {
    let account = Account::start(Options::default()).await;
    let faults = account.simulator.faults();
    faults.add(Fault::new(Act::Html).times(1));
    faults.add(Fault::new(Act::TruncatedJson).times(1));
    let (status, page) = account.submit(&body(BILL, &[])).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.as_str().unwrap().starts_with("<!DOCTYPE html>"));
    let (status, cut) = account.submit(&body(BILL, &[])).await;
    assert_eq!(status, StatusCode::OK);
    assert!(cut.as_str().unwrap().starts_with("{\""));
}

#[tokio::test]
async fn a_partition_can_lack_a_row() {
    let account = Account::with_partitions_of(2).await;
    let whole = account.rows(BILL, &[]).await.len();
    account
        .simulator
        .faults()
        .add(Fault::new(Act::ShortPartition).at(At::Partition).times(1));
    assert_eq!(account.rows(BILL, &[]).await.len(), whole - 1);
}

#[tokio::test]
async fn cells_can_say_anything() {
    let account = Account::start(Options::default()).await;
    let cell = |column: &str, text: &str| Act::Cell {
        column: column.to_owned(),
        row: 1,
        text: text.to_owned(),
    };
    let faults = account.simulator.faults();
    faults.add(Fault::new(cell("C", "n/a")).view("USAGE_IN_CURRENCY_DAILY"));
    faults.add(Fault::new(cell("D", "2025-01-01")));
    let rows = account.rows(BILL, &[]).await;
    assert_eq!(rows[1], json!(["2025-01-01", "n/a"]));
    assert_eq!(rows[0][0], "20606");
}

#[tokio::test]
async fn a_view_can_be_empty_or_withdrawn_from_the_role() {
    let account = Account::start(Options::default()).await;
    let faults = account.simulator.faults();
    faults.add(Fault::new(Act::Empty).view("USAGE_IN_CURRENCY_DAILY").times(1));
    faults.add(Fault::new(Act::Unreadable).view("QUERY_HISTORY"));
    assert_eq!(account.rows(BILL, &[]).await.len(), 0);
    assert_ne!(account.rows(BILL, &[]).await.len(), 0);
    assert_eq!(account.error("SELECT 1 FROM QUERY_HISTORY").await.0, "002003");
}

#[tokio::test]
async fn a_request_hangs_until_it_is_released() {
    let account = Account::start(Options::default()).await;
    account.simulator.faults().add(Fault::new(Act::Hang).times(1));
    let hanging = account.request(Method::POST, "/api/v2/statements");
    let mut hanging = tokio::spawn(hanging.body(body("SELECT 1", &[]).to_string()).send());
    // The request is counted when it begins to hang.
    while account.simulator.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        account.sql("SELECT 2", &[]).await["data"],
        json!([["2"]]),
        "others are served meanwhile"
    );
    assert!(!hanging.is_finished());
    account.simulator.faults().release();
    let (status, body) = answer((&mut hanging).await.unwrap().unwrap()).await;
    assert_eq!((status, &body["data"]), (StatusCode::OK, &json!([["1"]])));
}

#[tokio::test]
async fn the_control_port_does_the_same_by_http() {
    let account = Account::start(Options::default()).await;
    let control = |path: &str| format!("http://{}/_control/{path}", account.simulator.control_addr());
    let post = async |path: &str, body: Value| {
        let request = account
            .client
            .post(control(path))
            .header("Content-Type", "application/json");
        answer(request.body(body.to_string()).send().await.unwrap()).await
    };
    let fault = json!({"act": {"status": {"status": 429, "retry_after": "2"}}, "at": "submit", "times": 1});
    assert_eq!(post("fault", fault).await.0, StatusCode::OK);
    let (status, _) = account.submit(&body("SELECT 1", &[])).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let (status, why) = post("fault", json!({"act": "explode"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(why["error"].as_str().unwrap().contains("explode"));

    assert_eq!(post("restate", json!({})).await.0, StatusCode::OK);
    assert_eq!(
        post("restate", json!({})).await.0,
        StatusCode::BAD_REQUEST,
        "a patch fits once"
    );
    assert_eq!(post("unknown", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        post("clock", json!({"now": "2026-08-05T12:00:00Z"})).await.0,
        StatusCode::OK
    );
    let (_, report) = answer(account.client.get(control("report")).send().await.unwrap()).await;
    assert!(report["now"].as_str().unwrap().starts_with("2026-08-05T12:"));
    assert_eq!(report["requests"]["POST /api/v2/statements"], json!(1));
    assert_eq!(report["statements"], json!([]));
}
