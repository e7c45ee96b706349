//! The worked example of docs/ledger.md, through the program: every number on the page is one that it gives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_decimal::Decimal;
use finops_tests::{
    books,
    crash::{Billed, Line, sum},
};
use serde_json::Value;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../docs/ledger.md");

/// The rows of the page's first table after this heading, as cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = PAGE.split_once(heading).unwrap();
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    })
    .collect()
}

/// What the page's provider says in a pair of columns.
fn reading(rows: &[Vec<String>], column: usize) -> Vec<Line<'_>> {
    let lines = rows
        .iter()
        .filter(|row| !row[0].is_empty() && !row[column].is_empty());
    lines
        .map(|row| {
            (
                row[0].as_str(),
                row[column].as_str(),
                row[column + 1].as_str(),
                "USD",
            )
        })
        .collect()
}

/// What arrived, in order: service, sequence, amount, total after.
fn arrived(billed: &Billed) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for body in billed.errand.recorder.stored() {
        let mut batch: Vec<Vec<String>> = Vec::new();
        for entry in body["metrics"]["cost_entries"].as_array().unwrap() {
            let tag = |name: &str| match &entry["tags"][format!("finops_host.{name}")] {
                Value::String(text) => text.clone(),
                other => panic!("{other}"),
            };
            batch.push(["service", "sequence", "amount", "total_after"].map(tag).to_vec());
        }
        batch.sort();
        rows.extend(batch);
    }
    rows
}

fn add(amounts: impl IntoIterator<Item = String>) -> Decimal {
    Decimal::sum(
        amounts
            .into_iter()
            .map(|amount| amount.parse::<Decimal>().unwrap()),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_on_the_page_is_restated_as_the_page_says() {
    let rows = table("## A bill that is restated");
    let (before, after) = (reading(&rows, 1), reading(&rows, 3));
    let bold = |cell: &str| cell.trim_matches('*').parse::<Decimal>().unwrap();
    let totals = rows.last().unwrap();
    assert_eq!(
        (bold(&totals[2]), bold(&totals[4])),
        (sum(&before).unwrap(), sum(&after).unwrap())
    );

    let mut billed = Billed::new(&before).await.unwrap();
    tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    billed.says(&after);
    tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    let sent = arrived(&billed);
    assert_eq!(sent, table("These are the entries, in all:"));
    tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    assert_eq!(arrived(&billed), sent, "a third reading sends nothing");

    // Both ways of reading the journal, and the sums that the text names.
    let total = sum(&after).unwrap();
    assert_eq!(add(sent.iter().map(|row| row[2].clone())), total);
    let last: BTreeMap<_, _> = sent.iter().map(|row| (row[0].clone(), row[3].clone())).collect();
    assert_eq!(add(last.into_values()), total);
    let difference = total.checked_sub(sum(&before).unwrap()).unwrap();
    let said = format!("{} + {difference} = {total}", sum(&before).unwrap());
    assert!(PAGE.contains(&said), "{said}");

    let counts = "SELECT printf('Of its %d written records %d is unchanged, %d revised and %d added; of the %d that stood, %d are withdrawn', written,
        unchanged, revised, added, before, withdrawn) FROM commit_partition ORDER BY commit_id LIMIT 1 OFFSET 1";
    let ledger = books::open(&billed.errand.place.state()).unwrap();
    let said: String = ledger.query_row(counts, [], |row| row.get(0)).unwrap();
    let page = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(&said), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversion_on_the_page_is_what_the_program_sends() {
    let line = |cost| [("1", "Compute", cost, "EUR")];
    let mut billed = Billed::new(&line("10.00000001")).await.unwrap();
    billed.errand.configure(&rate("1.08345"));
    for cost in ["10.00000001", "12.5"] {
        billed.says(&line(cost));
        tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    }
    let sent = arrived(&billed);
    let amounts: Vec<&str> = sent.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(amounts, ["10.834500011", "2.708624989"]);
    assert_eq!(
        add(amounts.iter().map(|amount| (*amount).to_owned())).to_string(),
        "13.543125"
    );
    let page = PAGE.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(
        "at 1.08345, a total that goes from 10.00000001 to 12.5 sends 10.834500011 and then 2.708624989, \
         and these add up to 13.543125"
    ));

    let stored = billed.errand.recorder.stored();
    let entry = &stored.last().unwrap()["metrics"]["cost_entries"][0];
    assert_eq!(entry["currency"], "USD");
    for (tag, value) in [
        ("original_currency", "EUR"),
        ("original_amount", "2.49999999"),
        ("original_total_after", "12.5"),
        ("rate", "1.08345"),
        ("rate_id", "EUR/USD 2026-07-01"),
        ("currency", "USD"),
    ] {
        assert_eq!(entry["tags"][format!("finops_host.{tag}")], value, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_is_sent_of_a_converted_entry_and_why_one_is_held() {
    let bill = [("1", "Compute", "10", "EUR"), ("2", "Compute", "7", "GBP")];
    let mut billed = Billed::new(&bill).await.unwrap();
    billed.errand.configure(&rate("1.5"));
    let call = |billed: &Billed, words: &[&str]| billed.errand.place.call(words).unwrap().stdout;
    tokio::task::block_in_place(|| {
        billed.assert_delivers().unwrap();
        let listed = call(&billed, &["outbox", "list", "--state", "settled", "--json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let id = listed["entries"][0]["entry_id"].as_str().unwrap();
        let shown = call(&billed, &["outbox", "show", id]);
        assert!(shown.contains("15 USD, 15 USD in total, at 1.5"), "{shown}");
        let held = call(&billed, &["outbox", "list"]);
        assert!(held.contains("there is no rate of GBP for 2026-08-01"), "{held}");
    });
}

/// The operator's file converts EUR at this rate.
fn rate(rate: &str) -> String {
    format!(
        "other-currencies = \"convert\"\n\n[[openfinops.rates]]\ncurrency = \"EUR\"\nfrom = \"2026-07-01\"\nrate = \"{rate}\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_rate_is_told_and_taken_over_by_a_rebase() {
    let mut billed = Billed::new(&[("1", "Compute", "10", "EUR")]).await.unwrap();
    billed.errand.configure(&rate("1.5"));
    tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    billed.errand.configure(&rate("1.25"));
    let ran = tokio::task::block_in_place(|| billed.run(&[])).unwrap();
    assert!(ran.stderr.contains("destination rebase"), "{ran:?}");
    assert_eq!(billed.errand.arrived().unwrap(), "15".parse().unwrap());
    let rebased = billed
        .errand
        .place
        .call(&["destination", "rebase", "openfinops"])
        .unwrap();
    assert_eq!(rebased.code, Some(0), "{rebased:?}");
    tokio::task::block_in_place(|| billed.assert_delivers()).unwrap();
    assert_eq!(billed.errand.arrived().unwrap(), "12.5".parse().unwrap());
}
