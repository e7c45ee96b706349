//! The simulator alone: what its SQL gives, and what it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{
    bigquery::{DATASET, DETAILED},
    export::{Export, Line, PROJECT},
    query::{Schema, Value, Values, run},
};

const TABLE: &str = "fin-billing.billing.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01";

fn lines() -> Vec<Line> {
    let mut lines = Export::load().unwrap().lines;
    lines.retain(|line| line.resource.as_deref() == Some("web-2") && line.day().to_string() == "2026-07-02");
    assert_eq!((lines.len(), lines[0].credits.len()), (1, 2));
    lines
}

fn ask(items: &str, from: &str, rest: &str, values: &Values) -> Result<Vec<Vec<Option<String>>>, String> {
    let sql = format!("SELECT {items} FROM `{TABLE}`{from} {rest}");
    Ok(run(&lines(), Schema::Detailed, TABLE, &sql, values)?.rows)
}

#[test]
fn the_table_is_named_as_the_console_names_it() {
    assert_eq!(format!("{PROJECT}.{DATASET}.{DETAILED}"), TABLE);
}

#[test]
fn lines_are_counted_by_day_and_conditions_hold() {
    let by_day = "DATE(IFNULL(usage_start_time, export_time)) AS day, COUNT(*) AS lines";
    let text = |text: &str| Some(text.to_owned());
    let found = ask(by_day, "", "GROUP BY 1", &Values::new()).unwrap();
    assert_eq!(found, [[text("2026-07-02"), text("1")]]);
    let other = Values::from([(
        "days".to_owned(),
        Value::Days(vec!["2026-07-03".parse().unwrap()]),
    )]);
    let days = "WHERE DATE(IFNULL(usage_start_time, export_time)) IN UNNEST(@days) GROUP BY 1";
    assert!(ask(by_day, "", days, &other).unwrap().is_empty());
    assert!(
        ask(by_day, "", days, &Values::new())
            .unwrap_err()
            .contains("'days' not found")
    );
}

#[test]
fn what_is_not_known_to_the_letter_is_refused() {
    for (items, from, rest) in [
        ("SUM(cost) AS cost", "", "GROUP BY 1"),
        ("currency AS c, SUM(cost) AS cost", "", "GROUP BY 1"),
        (
            "currency AS c, CAST(SUM(piece.cost) AS STRING) AS cost",
            "",
            "GROUP BY 1",
        ),
        (
            "currency AS c, COUNT(*) AS n",
            " CROSS JOIN UNNEST(credits)",
            "GROUP BY 1",
        ),
        ("currency AS c, COUNT(*) AS n", "", "WHERE cost > 0 GROUP BY 1"),
        ("currency AS c, COUNT(*) AS n", "", "GROUP BY c"),
        ("currency AS c, COUNT(*) AS n", "", ""),
    ] {
        assert!(
            ask(items, from, rest, &Values::new()).is_err(),
            "{items}{from} {rest}"
        );
    }
}
