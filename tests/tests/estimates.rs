//! Estimates of what runs, until the bill shows the day: every record of a whole day against an independent golden script, what has no
//! price, and the bill taking their place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    azure,
    books::{self, amount, contents, text},
    gcp,
    proof::{assert_done, assert_laws},
};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

const STREAM: &str = "spend-estimated";
const TODAY: &str = "2026-08-03";

/// Rows of a golden file, whose columns are these paths of a record's content.
fn golden(file: &str, paths: &BTreeMap<&str, &str>) -> (Vec<String>, Vec<Vec<String>>) {
    let file: Value = serde_json::from_str(file).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        let cells = value.as_array().unwrap().iter();
        cells.map(|cell| cell.as_str().unwrap().to_owned()).collect()
    };
    let columns = texts(&file["columns"])
        .iter()
        .map(|column| paths[column.as_str()].to_owned())
        .collect();
    (
        columns,
        file["rows"].as_array().unwrap().iter().map(texts).collect(),
    )
}

/// The current estimates of a day in these columns.
fn estimates(state: &Path, day: &str, columns: &[String]) -> Vec<Vec<String>> {
    let of_day = |content: &Value| text(content, "ChargePeriod.start").unwrap().starts_with(day);
    let cell = |content: &Value, path: &String| {
        let found = text(content, path).unwrap_or_else(|| panic!("{path}: {content}"));
        match path.as_str() {
            "ChargePeriod.start" => found[..10].to_owned(),
            _ => found,
        }
    };
    let mut rows: Vec<Vec<String>> = contents(state, STREAM)
        .unwrap()
        .iter()
        .filter(|content| of_day(content))
        .map(|content| columns.iter().map(|path| cell(content, path)).collect())
        .collect();
    rows.sort();
    rows
}

/// The sum of what counts, by stream and day, of the last days.
fn counting(state: &Path) -> BTreeMap<(String, String), i64> {
    let connection = books::open(state).unwrap();
    let sql = "SELECT stream.name, date(partition.start, 'unixepoch'), count(*) FROM record
               JOIN partition ON partition.id = record.partition JOIN stream ON stream.id = partition.stream
               WHERE record.until_commit IS NULL AND record.counts AND stream.view_of IS NULL
               AND partition.start >= unixepoch('2026-08-02') GROUP BY 1, 2";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

/// When the estimate of today was made, in seconds of the day.
fn made_at(state: &Path) -> i64 {
    let sql = "SELECT partition.observed_through - partition.start FROM partition JOIN stream ON stream.id = partition.stream
               WHERE stream.name = ? AND partition.start = unixepoch(?)";
    books::open(state)
        .unwrap()
        .query_row(sql, [STREAM, TODAY], |row| row.get(0))
        .unwrap()
}

/// Of today each record is its price times its hours, and its hours are sizes times the seconds that it ran: since midnight for all
/// but those that began today.
#[track_caller]
fn assert_today(state: &Path, sizes: &BTreeMap<&str, (&str, i64)>) {
    let made = made_at(state);
    let today: Vec<Value> = contents(state, STREAM)
        .unwrap()
        .into_iter()
        .filter(|content| text(content, "ChargePeriod.start").unwrap().starts_with(TODAY))
        .collect();
    assert_eq!(today.len(), sizes.len(), "{today:?}");
    for content in &today {
        let sku = text(content, "SkuId").unwrap();
        let (size, since) = sizes[sku.as_str()];
        let seconds = Decimal::from(made - since);
        let hour = Decimal::from(3_600_i64);
        let whole = size.parse::<Decimal>().unwrap().checked_mul(seconds).unwrap();
        assert_eq!(
            amount(content, "ConsumedQuantity").unwrap(),
            whole.div_rounded(hour, 18).unwrap()
        );
        let cost = whole
            .checked_mul(amount(content, "ListUnitPrice").unwrap())
            .unwrap();
        assert_eq!(
            amount(content, "BilledCost").unwrap(),
            cost.div_rounded(hour, 18).unwrap(),
            "{content}"
        );
    }
}

fn gcp_paths() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("day", "ChargePeriod.start"),
        ("resource", "ResourceId"),
        ("project", "SubAccountId"),
        ("region", "RegionId"),
        ("zone", "AvailabilityZone"),
        ("sku", "SkuId"),
        ("service", "ServiceName"),
        ("quantity", "ConsumedQuantity"),
        ("unit", "ConsumedUnit"),
        ("price", "ListUnitPrice"),
        ("cost", "BilledCost"),
        ("currency", "BillingCurrency"),
        ("basis", "Basis"),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_running_instances_are_estimated_at_catalog_prices_until_the_export_has_the_day() {
    let settings = format!(
        "{}\nprojects = [\"{}\"]\nestimates = true",
        gcp::stage::DETAILED,
        gcp::machines::PROJECT
    );
    let mut stage = gcp::stage::Stage::new(&settings).await.unwrap();
    stage.set_now("2026-08-03T05:00:00Z").unwrap();
    // Nothing of the 2nd has come yet.
    let mut late = Vec::new();
    stage.simulator.change(|lines| {
        late = lines
            .extract_if(.., |line| line.day().to_string().as_str() >= "2026-08-02")
            .collect();
    });
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    let state = stage.place.state();
    let (columns, expected) = golden(include_str!("../golden/gcp/estimated.json"), &gcp_paths());
    assert_eq!(
        estimates(&state, "2026-08-02", &columns),
        expected,
        "{}",
        ran.stderr
    );
    assert_today(
        &state,
        &BTreeMap::from([
            ("2E27-4F75-95CD", ("2", 0)),
            ("2E27-4F75-95CE", ("7.5", 0)),
            ("2E27-4F75-95CF", ("4", 0)),
            ("2E27-4F75-95D0", ("26", 0)),
            // Started at 02:20:07 in UTC.
            ("4A5E-1D3C-0001", ("4", 8_407)),
            ("4A5E-1D3C-0002", ("16", 8_407)),
        ]),
    );
    for unpriced in ["e2-micro", "x9-standard-4", "n1-custom-4-5120"] {
        assert!(
            ran.stderr
                .contains(&format!("{unpriced} in europe-west1-b is not estimated")),
            "{}",
            ran.stderr
        );
    }
    assert!(!ran.stderr.contains("n1-standard-2"), "{}", ran.stderr);
    let count = |of: &BTreeMap<(String, String), i64>, stream: &str, day: &str| {
        of.get(&(stream.to_owned(), day.to_owned()))
            .copied()
            .unwrap_or_default()
    };
    let counts = counting(&state);
    assert_eq!(
        (
            count(&counts, STREAM, "2026-08-02"),
            count(&counts, STREAM, TODAY)
        ),
        (4, 6)
    );
    assert_laws(&stage.place);

    // The export catches up: its first line of a day is worth more than an estimate of it.
    stage.simulator.change(|lines| lines.append(&mut late));
    let pages = stage.simulator.requests()["cloudbilling:skus"];
    assert_done(&stage.collect(&[]).unwrap());
    let counts = counting(&state);
    assert_eq!(
        (
            count(&counts, STREAM, "2026-08-02"),
            count(&counts, STREAM, TODAY)
        ),
        (0, 6)
    );
    assert!(count(&counts, "spend", "2026-08-02") > 0);
    // Prices were asked for once today.
    assert_eq!(stage.simulator.requests()["cloudbilling:skus"], pages);
    assert_laws(&stage.place);
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    assert_done(&stage.collect(&[]).unwrap());
    let counts = counting(&state);
    assert_eq!(count(&counts, STREAM, TODAY), 0);
    assert!(count(&counts, "spend", TODAY) > 0);
    assert_laws(&stage.place);
    // The books are what they are without any estimate.
    let plain = gcp::stage::Stage::new(gcp::stage::DETAILED).await.unwrap();
    assert_done(&plain.collect(&[]).unwrap());
    assert_eq!(
        gcp::books::spend(&state).unwrap(),
        gcp::books::spend(&plain.place.state()).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_running_machines_are_estimated_at_retail_prices_until_the_bill_has_the_day() {
    let options = azure::Options {
        days_behind: 2,
        rents: true,
        ..azure::Options::default()
    };
    let settings = "estimates = true\nestimate-currency = \"EUR\"";
    let mut stage = azure::stage::Stage::with(options, &azure::stage::subscription(), settings, "")
        .await
        .unwrap();
    stage.set_now("2026-08-03T09:00:00Z").unwrap();
    let ran = stage.collect().unwrap();
    assert_done(&ran);
    let state = stage.place.state();
    let paths = BTreeMap::from([("subscription", "SubAccountId"), ("meter", "SkuMeter")]);
    let paths = gcp_paths().into_iter().chain(paths).collect();
    let (columns, mut expected) = golden(include_str!("../golden/azure/estimated.json"), &paths);
    let rented = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        rows.into_iter()
            .filter(|row| row[1].contains("rg-rent"))
            .collect()
    };
    expected.sort();
    assert_eq!(rented(estimates(&state, "2026-08-02", &columns)), expected);
    // The bill's own web-01 has no known system.
    assert_today(
        &state,
        &BTreeMap::from([
            ("DZH318Z0/0001", ("1", 0)),
            ("DZH318Z0/0012", ("1", 0)),
            ("DZH318Z0/0022", ("1", 0)),
        ]),
    );
    for unpriced in ["Standard_B2s", "Standard_X9_v1", "Standard_D2s_v5"] {
        assert!(
            ran.stderr
                .contains(&format!("{unpriced} in westeurope is not estimated")),
            "{}",
            ran.stderr
        );
    }
    assert_laws(&stage.place);

    let asked = stage.simulator.requests()["prices"];
    assert_done(&stage.collect().unwrap());
    assert_eq!(stage.simulator.requests()["prices"], asked);
    // A day later the bill has the 2nd; the 3rd is over now and estimated whole.
    stage.set_now("2026-08-04T09:00:00Z").unwrap();
    assert_done(&stage.collect().unwrap());
    let counts = counting(&state);
    let days = |stream: &str| -> Vec<&str> {
        let of = counts.keys().filter(|(name, _)| name == stream);
        of.map(|(_, day)| day.as_str()).collect()
    };
    assert_eq!(
        (days("spend"), days(STREAM)),
        (vec!["2026-08-02"], vec![TODAY, "2026-08-04"])
    );
    let whole = estimates(&state, TODAY, &["ConsumedQuantity".to_owned()]);
    assert_eq!(
        whole,
        [["24"], ["24"], ["24"]].map(|row| row.map(str::to_owned).to_vec())
    );
    assert_laws(&stage.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_cannot_be_asked_for_leave_what_stands_and_make_no_estimate() {
    let options = azure::Options {
        days_behind: 2,
        rents: true,
        ..azure::Options::default()
    };
    let mut stage = azure::stage::Stage::with(options, &azure::stage::subscription(), "estimates = true", "")
        .await
        .unwrap();
    stage.set_now("2026-08-03T09:00:00Z").unwrap();
    stage
        .simulator
        .faults()
        .add(azure::Fault::new(azure::Act::Html).at("prices").after(1));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    assert!(ran.stdout.contains("public prices"), "{ran:?}");
    let state = stage.place.state();
    assert!(contents(&state, STREAM).unwrap().is_empty());
    assert!(!contents(&state, "spend").unwrap().is_empty());
    assert_laws(&stage.place);
}
