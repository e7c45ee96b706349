//! Big mode: many rows without holding them.

use super::*;
use std::collections::BTreeSet;

#[tokio::test]
async fn big_mode_repeats_billed_rows_under_services_of_their_own() {
    let statement = "SELECT TO_CHAR(USAGE_DATE,'YYYY-MM-DD') D, SERVICE_TYPE, BILLING_TYPE, SUM(USAGE_IN_CURRENCY) C FROM \
        SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY WHERE USAGE_DATE >= ? AND USAGE_DATE < ? AND ACCOUNT_LOCATOR = 'AB12345' GROUP BY ALL";
    let binds = ["2026-06-02", "2026-06-03"];
    let small = Account::start(Options::default())
        .await
        .rows(statement, &binds)
        .await;
    let account = Account::start(Options {
        currency_rows: Some(1_000_000),
        partition_rows: 1000,
        ..Options::default()
    })
    .await;
    let first = account.sql(statement, &binds).await;
    let found = first["resultSetMetaData"]["numRows"]
        .to_string()
        .parse::<usize>()
        .unwrap();
    assert_eq!(found % small.len(), 0);
    assert!(found / small.len() > 1000, "{found} rows");
    let rows = account.rows(statement, &binds).await;
    assert_eq!(rows.len(), found);
    let keys: BTreeSet<String> = rows.iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    assert!(keys.len() > found / small.len());
    // Other views stay as they are.
    let days = account.rows("SELECT 1 FROM STORAGE_USAGE", &[]).await;
    assert_eq!(days.len(), 62);
}
