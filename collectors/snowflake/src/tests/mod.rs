//! The mapping and its splits against hand-written replies; every sum is worked out by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod bill;
mod estimate;
mod run;

use crate::fake::{Fake, Table, UNREADABLE, lines, run};
use finops_collector::{
    Completeness, Decimal, FailureKind, Level,
    jiff::civil::date,
    period::{HOUR, start_of},
    record::{ChargeCategory, Finality},
    testing::FakeHost,
};
use serde_json::json;

/// 2026-08-03T12:00:00Z
fn noon() -> i64 {
    start_of(date(2026, 8, 3)) + 12 * HOUR
}

fn days(fake: &Fake, more: serde_json::Value) -> FakeHost {
    let host = fake.host(noon());
    run(&host, more, date(2026, 7, 30), date(2026, 8, 1)).unwrap();
    host
}

/// Two warehouses on 30 July: 1 used 2 credits of which 0.5 by ANN and 0.9 by BOB, 2 used 1 credit by nobody.
fn used() -> Fake {
    let hour = start_of(date(2026, 7, 30));
    let hours = [
        format!("{hour},2,SMALL,1.0,0.03,0"),
        format!("{},10,BIG,1.5,0.01,1.0", hour + HOUR),
        format!("{},10,BIG,0.5,0.00,0.4", hour + 2 * HOUR),
        format!("{hour},0,CLOUD_SERVICES_ONLY,0,0.02,~"),
    ];
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    Fake::new()
        .rows("hours", &hours)
        .rows(
            "users",
            &["2026-07-30,10,BIG,ANN,5.0E-1", "2026-07-30,10,BIG,BOB,0.9"],
        )
        .rows(
            "databases",
            &["2026-07-30,SALES,3000,1000", "2026-07-30,DROPPED_7,0,500"],
        )
        .rows("stages", &["2026-07-30,500"])
}

fn bill(cost: &str, service: &str, rating: &str) -> String {
    format!(
        "2026-07-30,AB12345,ACCT,AWS_EU_CENTRAL_1,{service},{rating},consumption,capacity,false,USD,3.5,{cost}"
    )
}

fn billed(rows: &[String]) -> Fake {
    used().rows("billed", &rows.iter().map(String::as_str).collect::<Vec<_>>())
}
