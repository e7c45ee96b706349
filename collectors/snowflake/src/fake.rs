//! A small Snowflake for unit tests: tables by view, bounded by the statement's two dates. It knows no SQL.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::Snowflake;
use finops_collector::{
    Collector, CostRecord, Failure, HttpRequest, Outcome, Period, Response,
    jiff::civil::Date,
    period::start_of,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// What a view answers.
#[derive(Clone)]
pub(crate) enum Table {
    /// Columns and rows; `~` stands for null.
    Rows(&'static str, Vec<String>),
    /// A status and a body.
    Refused(u16, &'static str),
}

/// The account's views.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    tables: Rc<RefCell<BTreeMap<&'static str, Table>>>,
}

pub(crate) const UNREADABLE: Table = Table::Refused(
    422,
    r#"{"code":"002003","message":"Object 'V' does not exist or not authorized."}"#,
);

/// What a statement says when it reads a view; the first match counts.
const MARKS: [(&str, &str); 13] = [
    ("CURRENT_ACCOUNT()", "identity"),
    ("COUNT(*) N FROM SNOWFLAKE.ORGANIZATION_USAGE", "count"),
    ("USAGE_IN_CURRENCY_DAILY", "billed"),
    ("RATE_SHEET_DAILY", "rates"),
    ("METERING_DAILY_HISTORY", "metering"),
    ("WAREHOUSE_METERING_HISTORY", "hours"),
    ("LEFT JOIN", "roles"),
    ("a.QUERY_TAG", "tags"),
    ("QUERY_ATTRIBUTION_HISTORY", "users"),
    ("DATABASE_STORAGE_USAGE_HISTORY", "databases"),
    ("STAGE_STORAGE_USAGE_HISTORY", "stages"),
    ("DATA_TRANSFER_HISTORY", "transfers"),
    ("FOCUS_COST_USAGE", "focus"),
];

pub(crate) const BILLED: &str = "D,ACCOUNT_LOCATOR,ACCOUNT_NAME,REGION,SERVICE_TYPE,RATING_TYPE,BILLING_TYPE,BALANCE_SOURCE,IS_ADJUSTMENT,CURRENCY,U,C";

impl Fake {
    /// An account whose views are all there and empty.
    pub(crate) fn new() -> Self {
        let fake = Self::default();
        for (view, columns) in [
            (
                "identity",
                "ORGANIZATION_NAME,ACCOUNT_NAME,ACCOUNT_LOCATOR,REGION",
            ),
            ("billed", BILLED),
            ("rates", "D,SERVICE_TYPE,RATING_TYPE,CURRENCY,R"),
            ("metering", "D,SERVICE_TYPE,CC,CB"),
            ("hours", "T0,WAREHOUSE_ID,WAREHOUSE_NAME,CC,CS,QA"),
            ("users", "D,WAREHOUSE_ID,WAREHOUSE_NAME,USER_NAME,CR"),
            ("tags", "D,WAREHOUSE_ID,WAREHOUSE_NAME,USER_NAME,QUERY_TAG,CR"),
            (
                "roles",
                "D,WAREHOUSE_ID,WAREHOUSE_NAME,USER_NAME,ROLE_NAME,QUERY_TAG,CR",
            ),
            ("databases", "D,DATABASE_NAME,B,F"),
            ("stages", "D,B"),
            ("queries", "D,WAREHOUSE_NAME,EXECUTION_STATUS,N,MS,BS,SP"),
            ("transfers", "D,TRANSFER_TYPE,TARGET_REGION,B"),
        ] {
            fake.set(view, Table::Rows(columns, Vec::new()));
        }
        fake.rows("identity", &["MYORG,ACCT,AB12345,AWS_EU_CENTRAL_1"])
    }

    pub(crate) fn set(&self, view: &'static str, table: Table) {
        self.tables.borrow_mut().insert(view, table);
    }

    /// The same account with these rows in a view.
    pub(crate) fn rows(self, view: &'static str, rows: &[&str]) -> Self {
        let Table::Rows(columns, _) = self.tables.borrow()[view].clone() else {
            return self;
        };
        self.set(
            view,
            Table::Rows(columns, rows.iter().map(ToString::to_string).collect()),
        );
        self
    }

    /// The same account with a view that the role cannot read.
    pub(crate) fn without(self, view: &'static str) -> Self {
        self.set(view, UNREADABLE);
        self
    }

    /// A host from which the account is reached, at an instant.
    pub(crate) fn host(&self, now: i64) -> FakeHost {
        let fake = self.clone();
        FakeHost::answering(move |request| fake.answer(request))
            .describing(Snowflake::describe())
            .at(now)
    }

    fn answer(&self, request: &HttpRequest) -> Result<Response, Failure> {
        let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
        let sql = body["statement"].as_str().unwrap();
        let view = MARKS
            .iter()
            .find(|mark| sql.contains(mark.0))
            .map_or("queries", |mark| mark.1);
        let bindings: Vec<&str> = body["bindings"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
            .filter_map(|b| b["value"].as_str())
            .collect();
        let dates: Vec<Date> = bindings.iter().filter_map(|text| text.parse().ok()).collect();
        let read = if view == "count" { "billed" } else { view };
        match self.tables.borrow().get(read).unwrap() {
            Table::Refused(status, body) => Ok(reply(*status, body)),
            Table::Rows(columns, rows) => {
                let rows: Vec<&String> = rows.iter().filter(|row| inside(row, &dates)).collect();
                let count = rows.len().to_string();
                let answer = if view == "count" {
                    result("N", &[&count])
                } else {
                    result(columns, &rows)
                };
                Ok(reply(200, &answer.to_string()))
            }
        }
    }
}

/// Whether a row that begins with a day or an instant lies between the statement's last two dates.
fn inside(row: &str, dates: &[Date]) -> bool {
    let [.., from, to] = dates else { return true };
    let first = row.split(',').next().unwrap();
    let instant = match (first.parse::<Date>(), first.parse::<i64>()) {
        (Ok(day), _) => start_of(day),
        (_, Ok(seconds)) => seconds,
        _ => return true,
    };
    start_of(*from) <= instant && instant < start_of(*to)
}

/// A result of one partition.
pub(crate) fn result(columns: &str, rows: &[&String]) -> Value {
    let cells = |row: &&String| -> Value {
        let cell = |text: &str| if text == "~" { Value::Null } else { json!(text) };
        row.split(',').map(cell).collect()
    };
    json!({
        "code": "090001",
        "statementHandle": "01b2-3c",
        "resultSetMetaData": {
            "numRows": rows.len(),
            "rowType": columns.split(',').map(|name| json!({"name": name, "type": "text"})).collect::<Vec<_>>(),
            "partitionInfo": [{"rowCount": rows.len()}],
        },
        "data": rows.iter().map(cells).collect::<Vec<_>>(),
    })
}

/// Settings of the account with more.
pub(crate) fn settings(more: Value) -> Value {
    let mut settings = json!({"account": "MYORG-ACCT", "warehouse": "FINOPS_WH", "role": "FINOPS_READER"});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    settings
}

/// A run over whole days.
pub(crate) fn run(host: &FakeHost, more: Value, from: Date, to: Date) -> Result<Vec<Outcome>, Failure> {
    let period = Period {
        start: start_of(from),
        end: start_of(to),
    };
    host.run::<Snowflake>(&settings(more), period)
}

/// A record in one line: day, service, resource, tags, extras but those of the currency view, cost and currency.
pub(crate) fn line(record: &CostRecord) -> String {
    let day = finops_collector::period::day_of(record.charge_period.start);
    let mut line = format!("{day} {}", record.service_name);
    if let Some(resource) = &record.resource {
        line.push_str(&format!(" [{}]", resource.id));
    }
    let extra = record
        .extra
        .iter()
        .filter(|extra| !extra.0.ends_with("Type") && !extra.0.ends_with("Source"));
    for (name, value) in record.tags.iter().chain(extra) {
        line.push_str(&format!(" {name}={value}"));
    }
    format!("{line} {} {}", record.effective_cost, record.currency)
}

/// The records of a stream, a line each, in order.
pub(crate) fn lines(host: &FakeHost, stream: &str) -> Vec<String> {
    let mut lines: Vec<String> = host.records(stream).iter().map(line).collect();
    lines.sort();
    lines
}
