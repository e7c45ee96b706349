//! A simulated Snowflake account, and what a deployment needs of it: the operator's file, the secrets, the books that must follow.

use finops_decimal::Decimal;
use finops_tests::{
    books,
    snowflake::{
        Options, Simulator,
        golden::{self, State},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// An account at its first state.
pub struct Account {
    pub simulator: Simulator,
    pub now: String,
}

impl Account {
    pub async fn open() -> Self {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let now = State::Initial.now().unwrap();
        simulator.set_now(now);
        Self {
            simulator,
            now: now.to_string(),
        }
    }

    /// The operator's file, which finds its secrets at these paths.
    pub fn file(&self, component: &str, key: &str, ca: &str) -> String {
        format!(
            r#"[collector]
name = "snowflake"
component = "{component}"

[settings]
account = "MYORG-ACCT"
warehouse = "FINOPS_WH"
role = "FINOPS_READER"

[[allow]]
host = "myorg-acct.snowflakecomputing.com"
methods = ["GET", "POST"]
paths = ["/api/v2/statements"]
credential = "snowflake"
connect-to = "{address}"
ca = "{ca}"

[credentials.snowflake]
scheme = "snowflake-key-pair"
account = "MYORG-ACCT"
user = "TELEMETRY"
private-key = {{ file = "{key}" }}
"#,
            address = self.simulator.addr()
        )
    }

    /// Its secrets by name: the key, and the authority that vouches for the simulator.
    pub fn secrets(&self) -> BTreeMap<&'static str, Vec<u8>> {
        let home = tempfile::tempdir().unwrap();
        self.simulator.write_files(home.path()).unwrap();
        ["finops.p8", "ca.pem"]
            .into_iter()
            .map(|name| (name, fs::read(home.path().join(name)).unwrap()))
            .collect()
    }
}

/// Asserts that a ledger holds what a backfill of the account must give, worked out independently of the program.
#[track_caller]
pub fn holds_the_whole_bill(state: &Path) {
    let records = books::snowflake_records(state).unwrap();
    let found: BTreeSet<_> = records.iter().collect();
    let expected = golden::records(State::Initial).unwrap();
    assert_eq!(found, expected.iter().collect::<BTreeSet<_>>());
    let counted = golden::totals(State::Initial).unwrap().counted;
    assert_eq!(books::counted(&records).unwrap(), counted);
}

/// Asserts that a ledger holds some of the account's days, and each of them whole.
#[track_caller]
pub fn holds_whole_days(state: &Path) {
    let records = books::snowflake_records(state).unwrap();
    let days: BTreeSet<&str> = records.iter().map(golden::Record::day).collect();
    assert!(days.len() > 2, "{days:?}");
    let all = golden::totals(State::Initial).unwrap().counted_per_day;
    let mut expected: BTreeMap<(&str, &str), Decimal> = BTreeMap::new();
    for (day, currency, sum) in &all {
        if days.contains(day.as_str()) {
            expected.insert((day, currency), *sum);
        }
    }
    let mut found: BTreeMap<(&str, &str), Decimal> = BTreeMap::new();
    for record in records.iter().filter(|record| record.counted) {
        let sum = found.entry((record.day(), &record.currency)).or_default();
        *sum = sum.checked_add(record.effective).unwrap();
    }
    assert_eq!(found, expected);
}
