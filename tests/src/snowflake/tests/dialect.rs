//! SQL: the fact sheet's statements word by word, types of results, and errors.

use super::*;
use finops_decimal::Decimal;

const CURRENCY: &str = "-- currency (org-enabled account)
SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, ACCOUNT_LOCATOR, ACCOUNT_NAME, REGION, SERVICE_LEVEL, SERVICE_TYPE, RATING_TYPE, BILLING_TYPE,
  BALANCE_SOURCE, IS_ADJUSTMENT, CURRENCY, SUM(USAGE) U, SUM(USAGE_IN_CURRENCY) C
FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY WHERE USAGE_DATE >= ? AND USAGE_DATE < ? GROUP BY ALL;";
const HOURLY: &str = "-- hourly warehouses + idle
SELECT DATE_PART(epoch_second, START_TIME) T0, WAREHOUSE_ID, WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE) CC, SUM(CREDITS_USED_CLOUD_SERVICES) CS,
  SUM(CREDITS_ATTRIBUTED_COMPUTE_QUERIES) QA, GREATEST(SUM(CREDITS_USED_COMPUTE)-SUM(CREDITS_ATTRIBUTED_COMPUTE_QUERIES),0) IDLE
FROM SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY WHERE START_TIME >= ?::TIMESTAMP_TZ AND START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL;";
const ATTRIBUTION: &str = "-- user / role / tag attribution
SELECT TO_CHAR(DATE_TRUNC('DAY',a.START_TIME),'YYYY-MM-DD') D, a.WAREHOUSE_NAME, a.USER_NAME, q.ROLE_NAME, a.QUERY_TAG, COUNT(*) N,
  SUM(a.CREDITS_ATTRIBUTED_COMPUTE + COALESCE(a.CREDITS_USED_QUERY_ACCELERATION,0)) CR
FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY a LEFT JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY q
  ON q.QUERY_ID=a.QUERY_ID AND q.START_TIME >= DATEADD(day,-2,?::TIMESTAMP_TZ)
WHERE a.START_TIME >= ?::TIMESTAMP_TZ AND a.START_TIME < ?::TIMESTAMP_TZ GROUP BY ALL;";

/// The exact sum of a column of rows.
fn sum(rows: &[Value], column: usize) -> Decimal {
    Decimal::sum(
        rows.iter()
            .filter_map(|row| row[column].as_str())
            .map(|text| text.parse().unwrap()),
    )
    .unwrap()
}

/// The exact sum of a column straight from a data file.
fn file_sum(file: &str, column: &str, keep: impl Fn(&str) -> bool) -> Decimal {
    let file: Value = serde_json::from_str(file).unwrap();
    let names = file["columns"].as_array().unwrap();
    let at = names.iter().position(|name| name[0] == column).unwrap();
    let rows = file["rows"].as_array().unwrap();
    let kept: Vec<Value> = rows
        .iter()
        .filter(|row| keep(&row.to_string()))
        .cloned()
        .collect();
    sum(&kept, at)
}

#[tokio::test]
async fn the_sheets_currency_statement_runs_and_sums_exactly() {
    let account = Account::start(Options::default()).await;
    let rows = account.rows(CURRENCY, &["2026-06-01", "2026-08-01"]).await;
    let file = include_str!("../../../data/snowflake/usage_in_currency_daily.json");
    assert_eq!(sum(&rows, 12), file_sum(file, "USAGE_IN_CURRENCY", |_| true));
    assert_eq!(sum(&rows, 11), file_sum(file, "USAGE", |_| true));
    // Two rows of a Monday are one.
    let monday: Vec<&Value> = rows
        .iter()
        .filter(|row| row[0] == "2026-06-01" && row[1] == "AB12345" && row[5] == "WAREHOUSE_METERING")
        .collect();
    assert_eq!(monday.len(), 1);
    assert_eq!(monday[0][9], "false");
}

#[tokio::test]
async fn the_sheets_hourly_statement_runs() {
    let account = Account::start(Options::default()).await;
    let rows = account
        .rows(HOURLY, &["2026-06-01 00:00:00", "2026-08-04T00:00:00Z"])
        .await;
    let file = include_str!("../../../data/snowflake/warehouse_metering_history.json");
    assert_eq!(sum(&rows, 3), file_sum(file, "CREDITS_USED_COMPUTE", |_| true));
    let first = rows
        .iter()
        .find(|row| row[0] == "1780275600" && row[2] == "ETL_WH")
        .unwrap();
    let number = |at: usize| first[at].as_str().unwrap().parse::<Decimal>().unwrap();
    assert_eq!(number(6), number(3).checked_sub(number(5)).unwrap());
    // Nothing is attributed yet in the last hours.
    let late = rows
        .iter()
        .find(|row| row[0] == "1785736800" && row[2] == "ETL_WH")
        .unwrap();
    assert_eq!((&late[5], &late[6]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_sheets_attribution_statement_runs() {
    let account = Account::start(Options::default()).await;
    let binds = ["2026-07-01", "2026-07-01", "2026-08-01"];
    let rows = account.rows(ATTRIBUTION, &binds).await;
    let file = include_str!("../../../data/snowflake/query_attribution_history.json");
    let july = |row: &str| row.contains("\"2026-07-");
    let expected = file_sum(file, "CREDITS_ATTRIBUTED_COMPUTE", july)
        .checked_add(file_sum(file, "CREDITS_USED_QUERY_ACCELERATION", july))
        .unwrap();
    assert_eq!(sum(&rows, 6), expected);
    assert!(
        rows.iter()
            .any(|row| row[2] == "O'BRIEN \"BOB\"" && row[3] == "ANALYST")
    );
    assert!(
        rows.iter()
            .any(|row| row[2] == "JÜRGEN_Ø" && row[3] == Value::Null),
        "a join that finds nothing"
    );
}

#[tokio::test]
async fn context_functions_name_the_account() {
    let account = Account::start(Options::default()).await;
    let statement = "SELECT CURRENT_ORGANIZATION_NAME() ORGANIZATION_NAME, CURRENT_ACCOUNT_NAME() ACCOUNT_NAME, \
        CURRENT_ACCOUNT() ACCOUNT_LOCATOR, CURRENT_REGION() REGION";
    let found = account.sql(statement, &[]).await;
    assert_eq!(
        found["data"],
        json!([["MYORG", "ACCT", "AB12345", "AWS_EU_CENTRAL_1"]])
    );
    assert_eq!(found["resultSetMetaData"]["rowType"][3]["name"], "REGION");
}

#[tokio::test]
async fn cells_are_text_in_snowflakes_default_formats() {
    let account = Account::start(Options::default()).await;
    let statement = "SELECT USAGE_DATE, DATABASE_ID, AVERAGE_DATABASE_BYTES, AVERAGE_FAILSAFE_BYTES, AVERAGE_HYBRID_TABLE_STORAGE_BYTES, \
        DATABASE_ID = 1 FROM SNOWFLAKE.ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY WHERE USAGE_DATE = '2026-06-01' ORDER BY DATABASE_NAME DESC";
    let found = account.sql(statement, &[]).await;
    let expected = json!([
        ["20605", "1", "412000000000.5", "51000000000", null, "true"],
        ["20605", "2", "2.345678901234e+12", "0", null, "false"]
    ]);
    assert_eq!(found["data"], expected);
    let types: Vec<&Value> = found["resultSetMetaData"]["rowType"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["type"])
        .collect();
    assert_eq!(types, ["date", "fixed", "real", "real", "real", "boolean"]);

    let statement = "SELECT START_TIME, START_TIME::TIMESTAMP_TZ, START_TIME::DATE, CREDITS_USED_COMPUTE * 2 FROM WAREHOUSE_METERING_HISTORY \
        WHERE START_TIME = '2026-06-01 00:00:00'";
    let found = account.sql(statement, &[]).await;
    let expected = json!([[
        "1780272000.000000000",
        "1780272000.000000000 1440",
        "20605",
        "0.000000000"
    ]]);
    assert_eq!(found["data"], expected);
    let mut formatted = body(statement, &[]);
    formatted["parameters"]["DATE_OUTPUT_FORMAT"] = json!("YYYY-MM-DD");
    formatted["parameters"]["TIMESTAMP_OUTPUT_FORMAT"] = json!("YYYY-MM-DD\"T\"HH24:MI:SS");
    let (_, found) = account.submit(&formatted).await;
    let expected = json!([[
        "2026-06-01T00:00:00",
        "2026-06-01T00:00:00",
        "2026-06-01",
        "0.000000000"
    ]]);
    assert_eq!(found["data"], expected);
}

#[tokio::test]
async fn without_a_time_zone_days_are_those_of_los_angeles() {
    let account = Account::start(Options::default()).await;
    let statement = "SELECT TO_CHAR(DATE_TRUNC('DAY', START_TIME), 'YYYY-MM-DD') FROM WAREHOUSE_METERING_HISTORY \
        WHERE START_TIME = '2026-06-02T00:00:00Z'";
    assert_eq!(account.rows(statement, &[]).await[0][0], "2026-06-02");
    let mut local = body(statement, &[]);
    local["parameters"] = json!({});
    let (_, found) = account.submit(&local).await;
    assert_eq!(found["data"], json!([["2026-06-01"]]));
}

#[tokio::test]
async fn expressions_mean_what_they_mean_in_snowflake() {
    let account = Account::start(Options::default()).await;
    for (expression, expected) in [
        ("0.1 + 0.2", "0.3"),
        ("1.50 * 3", "4.50"),
        ("10 / 4", "2.500000"),
        ("-2 + 5 * 2", "8"),
        ("IFF(2 > 10, 'yes', 'no')", "no"),
        ("COALESCE(NULL, NULL, 7)", "7"),
        ("GREATEST(2, 10, 3)", "10"),
        ("GREATEST(2, NULL)", "<null>"),
        ("NULLIF('a', 'a')", "<null>"),
        ("'it''s' || '!'", "it's!"),
        ("DATEADD(month, -1, '2026-07-31'::DATE)", "20634"),
        (
            "TO_CHAR(DATEADD(day, 1, '2026-07-31T10:00:00Z'::TIMESTAMP_TZ), 'YYYY-MM-DD HH24:MI')",
            "2026-08-01 10:00",
        ),
        ("DATEDIFF(day, '2026-06-01'::DATE, '2026-08-01'::DATE)", "61"),
        (
            "DATE_PART(epoch_millisecond, '2026-06-01'::TIMESTAMP_TZ)::STRING",
            "1780272000000",
        ),
        (
            "CASE WHEN 1 = 2 THEN 'a' WHEN 'b' IN ('a', 'b') THEN 'c' END",
            "c",
        ),
        ("3 BETWEEN 1 AND 5 AND NOT 'x' LIKE 'y%'", "true"),
        ("CAST('1.25' AS NUMBER(38,1))", "1.2"),
        ("TO_CHAR(CURRENT_TIMESTAMP(), 'YYYY-MM-DD')", "2026-08-03"),
    ] {
        let found = account.sql(&format!("SELECT {expression} AS X"), &[]).await;
        let cell = found["data"][0][0].as_str().unwrap_or("<null>");
        assert_eq!(cell, expected, "{expression}");
    }
}

#[tokio::test]
async fn statements_may_be_nested_grouped_and_ordered() {
    let account = Account::start(Options::default()).await;
    let statement = "SELECT S.SERVICE_TYPE, COUNT(*) AS DAYS, MAX(S.CREDITS_BILLED) AS MOST FROM (SELECT * FROM METERING_DAILY_HISTORY \
        WHERE USAGE_DATE < '2026-07-01'::DATE) S WHERE S.SERVICE_TYPE IS NOT NULL GROUP BY 1 HAVING COUNT(*) < 25 ORDER BY DAYS DESC LIMIT 2";
    let rows = account.rows(statement, &[]).await;
    assert_eq!(
        (&rows[0][0], &rows[0][1]),
        (&json!("SERVERLESS_TASK"), &json!("22"))
    );
    assert_eq!(
        (&rows[1][0], &rows[1][1]),
        (&json!("AUTOMATIC_CLUSTERING"), &json!("4"))
    );
    let everything = account
        .sql("SELECT * FROM STAGE_STORAGE_USAGE_HISTORY s", &[])
        .await;
    assert_eq!(
        everything["resultSetMetaData"]["rowType"][1]["name"],
        "AVERAGE_STAGE_BYTES"
    );
}

#[tokio::test]
async fn what_does_not_compile_fails_as_in_snowflake() {
    let account = Account::start(Options::default()).await;
    for (statement, code, part) in [
        (
            "SELEC 1",
            "001003",
            "syntax error line 1 at position 0 unexpected 'SELEC'.",
        ),
        ("SELECT 1 FORM X Y", "001003", "unexpected 'X'"),
        ("SELECT (1", "001003", "unexpected '<EOF>'"),
        (
            "SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.NOTHING",
            "002003",
            "'SNOWFLAKE.ACCOUNT_USAGE.NOTHING' does not exist or not authorized",
        ),
        (
            "SELECT NO_COLUMN FROM STORAGE_USAGE",
            "000904",
            "invalid identifier 'NO_COLUMN'",
        ),
        ("SELECT NO_FUNCTION(1)", "002140", "Unknown function NO_FUNCTION"),
        (
            "SELECT USAGE_DATE, SUM(STAGE_BYTES) FROM STORAGE_USAGE",
            "000979",
            "not a valid group by expression",
        ),
        (
            "SELECT START_TIME FROM QUERY_HISTORY q JOIN QUERY_ATTRIBUTION_HISTORY a ON q.QUERY_ID = a.QUERY_ID",
            "002028",
            "ambiguous",
        ),
        ("SELECT SUM(QUERY_ID) FROM QUERY_HISTORY", "001044", "SUM"),
        ("SELECT 1; SELECT 2", "000008", "statement count"),
        ("USE ROLE ACCOUNTADMIN", "391911", "USE"),
        ("SELECT ?", "002049", "Bind variable"),
        ("SELECT 'x'::NUMBER + 1", "100038", "'x' is not recognized"),
        (
            "SELECT 1 FROM STORAGE_USAGE WHERE USAGE_DATE > 'soon'",
            "100038",
            "'soon' is not recognized",
        ),
    ] {
        let (found, message) = account.error(statement).await;
        assert_eq!(found, code, "{statement}: {message}");
        assert!(message.contains(part), "{statement}: {message}");
    }
}
