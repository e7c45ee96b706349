//! A simulated Snowflake account, and what a deployment needs of it: the operator's file, the secrets, the books that must follow.

use finops_tests::{
    books,
    provider::golden::difference,
    snowflake::{
        Options, Simulator,
        golden::{self, State},
    },
};
use std::{collections::BTreeMap, fs, path::Path};

/// An account at its first state.
pub(crate) struct Account {
    pub(crate) simulator: Simulator,
    pub(crate) now: String,
}

impl Account {
    pub(crate) async fn open() -> Self {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let now = State::Initial.now().unwrap();
        simulator.set_now(now);
        Self {
            simulator,
            now: now.to_string(),
        }
    }

    /// The operator's file, which finds its secrets at these paths. It reads all that the account has, from 2026-06-01 on.
    pub(crate) fn file(&self, component: &str, key: &str, ca: &str) -> String {
        format!(
            r#"[collector]
name = "snowflake"
look-back = 63
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

[limits]
partitions = 5000
"#,
            address = self.simulator.addr()
        )
    }

    /// Its secrets by name: the key, and the authority that vouches for the simulator.
    pub(crate) fn secrets(&self) -> BTreeMap<&'static str, Vec<u8>> {
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
pub(crate) fn holds_the_whole_bill(state: &Path) {
    let records = books::snowflake_records(state).unwrap();
    assert_eq!(
        difference(&records, &golden::records(State::Initial).unwrap()),
        None
    );
    let counted = golden::totals(State::Initial).unwrap().counted;
    assert_eq!(books::counted(&records).unwrap(), counted);
}
