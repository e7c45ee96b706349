//! The data set, its patches and the golden records fit together.

use super::*;
use crate::snowflake::{
    Patch,
    golden::{self, State},
};
use finops_decimal::Decimal;
use std::{collections::BTreeMap, fs, path::Path, process::Command};

const OWN: &str =
    "FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY WHERE ACCOUNT_LOCATOR = 'AB12345'";

/// Runs a script of the tests crate and gives what is in `dir` afterwards.
fn run(script: &str, arguments: &[&Path]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let done = Command::new("python3")
        .arg(script)
        .args(arguments)
        .output()
        .expect("python3 is needed");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// All JSON files below a folder, by their path in it.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|(inner, text)| (format!("{name}/{inner}"), text)),
            );
        } else if name.ends_with(".json") {
            found.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    found
}

#[test]
fn the_golden_script_reproduces_the_committed_records() {
    let out = tempfile::tempdir().unwrap();
    run("golden/snowflake.py", &[Path::new("--out"), out.path()]);
    let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/snowflake"));
    assert_eq!(committed.len(), 6);
    assert_eq!(files(out.path()), committed);
}

#[test]
fn the_generator_reproduces_the_committed_data() {
    let out = tempfile::tempdir().unwrap();
    run("data/snowflake/generate.py", &[Path::new("--out"), out.path()]);
    let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/snowflake"));
    assert_eq!(committed.len(), 16);
    assert_eq!(files(out.path()), committed);
}

#[tokio::test]
async fn golden_bills_are_the_views_own_sums_in_every_state() {
    let account = Account::start(Options::default()).await;
    let statement = format!(
        "SELECT TO_CHAR(USAGE_DATE, 'YYYY-MM-DD'), SERVICE_TYPE, CURRENCY, SUM(USAGE_IN_CURRENCY) {OWN} GROUP BY ALL"
    );
    for state in State::ALL {
        if let Some(patch) = state.patch() {
            account.simulator.apply(patch).unwrap();
        }
        let mut golden: BTreeMap<(String, String, String), Decimal> = BTreeMap::new();
        for record in golden::records(state)
            .unwrap()
            .iter()
            .filter(|record| record.stream == "spend-billed")
        {
            let key = (
                record.day().to_owned(),
                record.service.clone(),
                record.currency.clone(),
            );
            let sum = golden.entry(key).or_default();
            *sum = sum.checked_add(record.billed).unwrap();
        }
        let text = |cell: &Value| cell.as_str().unwrap().to_owned();
        let view: BTreeMap<_, Decimal> = account
            .rows(&statement, &[])
            .await
            .iter()
            .map(|row| {
                (
                    (text(&row[0]), text(&row[1]), text(&row[2])),
                    text(&row[3]).parse().unwrap(),
                )
            })
            .collect();
        assert_eq!(golden, view, "{state:?}");
    }
}

#[test]
fn golden_totals_are_the_sums_of_their_records() {
    for state in State::ALL {
        let totals = golden::totals(state).unwrap();
        let records = golden::records(state).unwrap();
        let counted = Decimal::sum(
            records
                .iter()
                .filter(|record| record.counted)
                .map(|record| record.billed),
        )
        .unwrap();
        assert_eq!(totals.counted["USD"], counted, "{state:?}");
        let days = Decimal::sum(totals.counted_per_day.iter().map(|(_, _, amount)| *amount)).unwrap();
        assert_eq!(days, counted, "{state:?}");
        let all = Decimal::sum(records.iter().map(|record| record.billed)).unwrap();
        let listed = Decimal::sum(totals.per_stream_service_currency.iter().map(|row| row.3)).unwrap();
        assert_eq!(listed, all, "{state:?}");
    }
}

#[test]
fn golden_states_differ_where_their_patches_say() {
    let day = |state: State, stream: &str, day: &str| {
        let records = golden::records(state).unwrap();
        let kept: Vec<_> = records
            .into_iter()
            .filter(|record| record.stream == stream && record.day() == day)
            .collect();
        assert!(!kept.is_empty(), "{stream} {day}");
        kept
    };
    // Restated: a service goes, another comes.
    let services = |state| {
        day(state, "spend-billed", "2026-07-31")
            .into_iter()
            .map(|record| record.service)
            .collect::<Vec<_>>()
    };
    assert!(services(State::Initial).contains(&"SERVERLESS_TASK".to_owned()));
    assert!(!services(State::Restated).contains(&"SERVERLESS_TASK".to_owned()));
    assert!(services(State::Restated).contains(&"AUTOMATIC_CLUSTERING".to_owned()));
    // Billed: the estimate counts until then.
    assert!(
        day(State::Restated, "spend-estimated", "2026-08-01")
            .iter()
            .all(|record| record.counted)
    );
    assert!(
        day(State::Billed, "spend-estimated", "2026-08-01")
            .iter()
            .all(|record| !record.counted)
    );
    assert!(
        day(State::Billed, "spend-estimated", "2026-08-03")
            .iter()
            .all(|record| record.counted)
    );
    // A day without a bill, and a service that the bill does not know, stay estimated.
    assert!(
        day(State::Initial, "spend-estimated", "2026-07-05")
            .iter()
            .all(|record| record.counted)
    );
    let ledger = |record: &golden::Record| record.service == "QUANTUM_LEDGER";
    assert!(
        day(State::Initial, "spend-estimated", "2026-07-18")
            .iter()
            .all(|record| record.counted == ledger(record))
    );
    // Retagged: the same sum, another user.
    let users = |state| {
        day(state, "user-roles", "2026-08-02")
            .into_iter()
            .filter_map(|record| record.user)
            .collect::<Vec<_>>()
    };
    assert_eq!(users(State::Billed), ["ETL_SVC", "ETL_SVC", "ETL_SVC"]);
    assert_eq!(users(State::Retagged), ["ANA", "ETL_SVC", "ETL_SVC"]);
    let counted = |state| golden::totals(state).unwrap().counted;
    assert_eq!(counted(State::Billed), counted(State::Retagged));
    assert_ne!(counted(State::Initial), counted(State::Restated));
}

#[tokio::test]
async fn daily_and_hourly_credits_agree_before_and_after_the_restatement() {
    let account = Account::start(Options::default()).await;
    let daily = "SELECT TO_CHAR(USAGE_DATE, 'YYYY-MM-DD') D, SUM(CREDITS_USED_COMPUTE) FROM METERING_DAILY_HISTORY \
        WHERE SERVICE_TYPE = 'WAREHOUSE_METERING' AND USAGE_DATE <> '2026-06-13' GROUP BY 1 ORDER BY 1";
    let hourly = "SELECT TO_CHAR(START_TIME, 'YYYY-MM-DD') D, SUM(CREDITS_USED_COMPUTE) FROM WAREHOUSE_METERING_HISTORY \
        GROUP BY 1 ORDER BY 1";
    let before = account.rows(daily, &[]).await;
    assert_eq!(before.len(), 63);
    assert_eq!(before, account.rows(hourly, &[]).await);
    account.simulator.apply(Patch::Restate).unwrap();
    let after = account.rows(daily, &[]).await;
    assert_ne!(after, before);
    assert_eq!(after, account.rows(hourly, &[]).await);
}

#[tokio::test]
async fn the_data_set_holds_the_hard_cases() {
    let account = Account::start(Options::default()).await;
    let count = async |statement: &str| {
        let rows = account.rows(statement, &[]).await;
        rows[0][0].as_str().unwrap().parse::<u32>().unwrap()
    };
    for (what, condition) in [
        ("rebate", "BILLING_TYPE = 'rebate' AND USAGE_IN_CURRENCY < 0"),
        ("adjustment", "IS_ADJUSTMENT"),
        ("priority support", "BILLING_TYPE = 'priority support'"),
        ("unknown service", "SERVICE_TYPE = 'QUANTUM_LEDGER'"),
        ("transfer", "SERVICE_TYPE = 'DATA_TRANSFER'"),
        ("overage", "BALANCE_SOURCE = 'overage'"),
    ] {
        assert_ne!(
            count(&format!("SELECT COUNT(*) {OWN} AND {condition}")).await,
            0,
            "{what}"
        );
    }
    for (what, view, condition) in [
        (
            "another account",
            "ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY",
            "CURRENCY = 'EUR'",
        ),
        (
            "a dropped database",
            "ACCOUNT_USAGE.DATABASE_STORAGE_USAGE_HISTORY",
            "DATABASE_NAME = 'DROPPED_77'",
        ),
        (
            "failed queries",
            "ACCOUNT_USAGE.QUERY_HISTORY",
            "EXECUTION_STATUS = 'FAIL'",
        ),
        (
            "late nulls",
            "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY",
            "CREDITS_USED_CLOUD_SERVICES IS NULL",
        ),
        (
            "cloud services alone",
            "ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY",
            "WAREHOUSE_ID = 0",
        ),
        (
            "acceleration",
            "ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY",
            "CREDITS_USED_QUERY_ACCELERATION IS NOT NULL",
        ),
        (
            "a reader by FOCUS",
            "BILLING.FOCUS_COST_USAGE_V1_3",
            "ChargeCategory = 'Purchase'",
        ),
    ] {
        let statement = format!("SELECT COUNT(*) FROM SNOWFLAKE.{view} WHERE {condition}");
        assert_ne!(count(&statement).await, 0, "{what}");
    }
}
