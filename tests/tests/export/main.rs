//! FOCUS files through the real program: against the books, and read back by other people's programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod formats;
mod size;
mod snapshot;

use finops_decimal::Decimal;
use finops_tests::{program::Ran, stage::Stage};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// A row by column.
type Cells = BTreeMap<String, String>;
/// Sums of the four costs by currency.
type Sums = BTreeMap<String, [Decimal; 4]>;

const COSTS: [&str; 4] = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

fn call(stage: &Stage, arguments: &[&str]) -> Ran {
    stage.place.call(arguments).unwrap()
}

fn csv_rows(path: &Path) -> Vec<Cells> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        names
            .iter()
            .map(str::to_owned)
            .zip(row.iter().map(str::to_owned))
            .collect()
    });
    rows.collect()
}

fn sums(rows: &[Cells]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let of = sums.entry(row["BillingCurrency"].clone()).or_default();
        for (sum, name) in of.iter_mut().zip(COSTS) {
            *sum = sum.checked_add(row[name].parse().unwrap()).unwrap();
        }
    }
    sums
}

/// Billed and effective sums as `costs` has them, by currency.
fn booked(stage: &Stage, basis: &str) -> BTreeMap<String, [Decimal; 2]> {
    let costs = done(call(stage, &["costs", "--by", "basis", "--json"]))
        .json()
        .unwrap();
    let rows = costs["rows"].as_array().unwrap();
    let rows = rows.iter().filter(|row| row["dims"][0] == basis);
    let amount = |row: &Value, name: &str| row[name].as_str().unwrap().parse().unwrap();
    rows.map(|row| {
        let currency = row["currency"].as_str().unwrap().to_owned();
        (currency, [amount(row, "billed"), amount(row, "effective")])
    })
    .collect()
}

fn first_two(sums: &Sums) -> BTreeMap<String, [Decimal; 2]> {
    sums.iter()
        .map(|(currency, of)| (currency.clone(), [of[0], of[1]]))
        .collect()
}
