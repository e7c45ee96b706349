//! Submission, polling, partitions, cancellation.

use super::*;
use crate::snowflake::{Act, At, Fault};

const DAYS: &str = "SELECT USAGE_DATE, SERVICE_TYPE FROM SNOWFLAKE.ACCOUNT_USAGE.METERING_DAILY_HISTORY \
    WHERE USAGE_DATE >= ? AND USAGE_DATE < ? ORDER BY 1, 2";

#[tokio::test]
async fn a_long_result_comes_in_partitions_that_are_compressed_from_the_second_on() {
    let account = Account::with_partitions_of(2).await;
    let first = account.sql(DAYS, &["2026-06-01", "2026-06-02"]).await;
    let meta = &first["resultSetMetaData"];
    assert_eq!(meta["numRows"], json!(4));
    let counts: Vec<&Value> = meta["partitionInfo"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["rowCount"])
        .collect();
    assert_eq!(counts, [&json!(2), &json!(2)]);
    assert_eq!(
        first["data"],
        json!([["20605", "CLOUD_SERVICES"], ["20605", "SERVERLESS_TASK"]])
    );
    assert_eq!(meta["rowType"][0]["type"], "date");
    assert_eq!(first["code"], "090001");

    let raw = Client::builder()
        .user_agent("finops-tests/0.1")
        .resolve(HOST, account.simulator.addr())
        .tls_certs_only([Certificate::from_pem(identity().unwrap().authority.ca_pem.as_bytes()).unwrap()])
        .no_gzip()
        .build()
        .unwrap();
    let handle = first["statementHandle"].as_str().unwrap();
    let path = format!("/api/v2/statements/{handle}?partition=1");
    let request = raw
        .get(account.url(&path))
        .header("Authorization", format!("Bearer {}", account.token))
        .header("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.bytes().await.unwrap()[..2], [0x1f, 0x8b]);
    let (_, second) = answer(account.get(&path).await).await;
    assert_eq!(
        second,
        json!({"data": [["20605", "SNOWPIPE"], ["20605", "WAREHOUSE_METERING"]]})
    );
}

#[tokio::test]
async fn a_partition_that_is_not_there_is_404() {
    let account = Account::with_partitions_of(2).await;
    let first = account.sql(DAYS, &["2026-06-01", "2026-06-02"]).await;
    let handle = first["statementHandle"].as_str().unwrap();
    let response = account
        .get(&format!("/api/v2/statements/{handle}?partition=2"))
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_running_statement_answers_202_until_it_is_done() {
    let account = Account::with_partitions_of(2).await;
    account
        .simulator
        .faults()
        .add(Fault::new(Act::Pending { polls: 2 }));
    let (status, running) = account.submit(&body(DAYS, &["2026-06-01", "2026-06-02"])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert!(running.get("data").is_none());
    let url = running["statementStatusUrl"].as_str().unwrap();
    assert_eq!(account.get(url).await.status(), StatusCode::ACCEPTED);
    assert_eq!(account.get(url).await.status(), StatusCode::ACCEPTED);
    let (status, done) = answer(account.get(url).await).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(done["resultSetMetaData"]["numRows"], json!(4));
}

#[tokio::test]
async fn a_cancelled_statement_gives_no_result() {
    let account = Account::start(Options::default()).await;
    account
        .simulator
        .faults()
        .add(Fault::new(Act::Pending { polls: 9 }));
    let (_, running) = account.submit(&body("SELECT 1", &[])).await;
    let url = running["statementStatusUrl"].as_str().unwrap();
    let cancelled = account.post(&format!("{url}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status(), StatusCode::OK);
    let (status, body) = answer(account.get(url).await).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("000604"))
    );
    assert!(account.simulator.statements()[0].cancelled);
    assert_eq!(account.simulator.requests()[&format!("POST {url}/cancel")], 1);
}

#[tokio::test]
async fn a_repeated_request_id_runs_the_statement_once() {
    let account = Account::start(Options::default()).await;
    let path = "/api/v2/statements?requestId=6f0c1f4e-7f43-4f6d-9f43-6c1a5e1f0a11";
    let lost = Fault::new(Act::Reset).at(At::Submit).times(1);
    account.simulator.faults().add(lost);
    let request = account
        .request(Method::POST, path)
        .body(body("SELECT 1", &[]).to_string());
    let response = request.send().await.unwrap();
    assert!(response.bytes().await.is_err(), "the body should break off");

    let again = account
        .post(&format!("{path}&retry=true"), &body("SELECT 1", &[]))
        .await;
    let (status, body) = answer(again).await;
    assert_eq!((status, &body["data"]), (StatusCode::OK, &json!([["1"]])));
    let statements = account.simulator.statements();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0].submissions, 2);
    assert_eq!(body["statementHandle"], statements[0].handle);
}

#[tokio::test]
async fn bad_submissions_are_400_and_say_why() {
    let account = Account::start(Options::default()).await;
    let mut unknown_key = body("SELECT 1", &[]);
    unknown_key["warehouze"] = json!("X");
    let mut number = body("SELECT ?", &["1"]);
    number["bindings"]["1"]["value"] = json!(1);
    let mut gap = body("SELECT ?", &["1"]);
    gap["bindings"] = json!({"2": {"type": "TEXT", "value": "1"}});
    for (bad, why) in [(unknown_key, "warehouze"), (number, "string"), (gap, "Binding 1")] {
        let (status, body) = account.submit(&bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["message"].as_str().unwrap().contains(why), "{body}");
    }
    let response = account
        .post("/api/v2/statements?requestId=7", &body("SELECT 1", &[]))
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn everything_outside_the_statements_api_is_denied() {
    let account = Account::start(Options::default()).await;
    for path in [
        "/",
        "/api/v2/databases",
        "/api/v2/statements/a/b/c",
        "/session/v1/login-request",
        "/_control/report",
    ] {
        assert_eq!(account.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let response = account.get("/api/v2/statements").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let plain = account.client.post(account.url("/api/v2/statements"));
    let plain = plain
        .header("Authorization", format!("Bearer {}", account.token))
        .header("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT");
    assert_eq!(
        plain.body("{}").send().await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(account.simulator.requests()["GET /session/v1/login-request"], 1);
}

#[tokio::test]
async fn role_and_warehouse_are_checked_letter_by_letter() {
    let account = Account::start(Options::default()).await;
    for (key, value, code) in [
        ("role", "finops_reader", "390189"),
        ("role", "PUBLIC", "002003"),
        ("warehouse", "finops_wh", "000606"),
    ] {
        let mut wrong = body(DAYS, &["2026-06-01", "2026-06-02"]);
        wrong[key] = json!(value);
        let (status, body) = account.submit(&wrong).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(code))
        );
    }
}

#[tokio::test]
async fn a_view_without_its_database_role_looks_absent() {
    let account = Account::start(Options {
        database_roles: vec!["USAGE_VIEWER".to_owned()],
        ..Options::default()
    })
    .await;
    let (code, message) = account
        .error("SELECT 1 FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY")
        .await;
    assert_eq!(code, "002003");
    let expected = "SQL compilation error: Object 'SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY' does not exist or not authorized.";
    assert_eq!(message, expected);
    let rows = account
        .rows("SELECT COUNT(*) FROM QUERY_ATTRIBUTION_HISTORY", &[])
        .await;
    assert_ne!(rows[0][0], "0");
    assert_eq!(account.error("SELECT 1 FROM QUERY_HISTORY").await.0, "002003");
}
