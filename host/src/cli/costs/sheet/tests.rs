//! Rows ranked, shortened, compared and with bars.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

fn row(name: &str, currency: &str, effective: &str) -> CostRow {
    CostRow {
        dims: vec![name.to_owned()],
        currency: currency.to_owned(),
        effective: effective.parse().unwrap(),
        billed: effective.parse().unwrap(),
        records: 1,
        bases: BTreeSet::from(["billed"]),
        ..CostRow::default()
    }
}

fn question(by: &[String]) -> Question<'_> {
    Question {
        by,
        measure: None,
        top: None,
        quantities: false,
        period: Period::covering(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        before: None,
        bars: Bars::None,
    }
}

fn shown(sheet: &Sheet) -> Vec<String> {
    let line = |line: &Line| {
        let name = line
            .others
            .map_or(line.row.dims[0].clone(), |count| format!("+{count}"));
        let before = line
            .previous
            .map_or(String::new(), |previous| format!(" before {previous}"));
        format!("{name} {} {}{before}", line.row.effective, line.row.currency)
    };
    sheet.lines.iter().map(line).collect()
}

#[test]
fn the_largest_rows_of_each_currency_come_first_and_the_others_are_one() {
    let by = vec!["service".to_owned()];
    let question = Question {
        top: Some(1),
        ..question(&by)
    };
    let rows = vec![
        row("a", "USD", "1"),
        row("b", "EUR", "5"),
        row("b", "USD", "3"),
        row("c", "USD", "-2"),
    ];
    let sheet = Sheet::new(&question, rows, None).unwrap();
    assert_eq!(shown(&sheet), ["b 5 EUR", "b 3 USD", "+2 -1 USD"]);
    assert_eq!(sheet.totals["USD"].effective.to_string(), "2");
    assert!(sheet.table(&question).contains("(2 others)"));
}

#[test]
fn rows_are_compared_by_their_dimensions_and_those_that_are_gone_are_kept() {
    let by = vec!["service".to_owned()];
    let question = Question {
        before: Some(Period::covering(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)),
        ..question(&by)
    };
    let now = vec![row("a", "USD", "3"), row("new", "USD", "1")];
    let before = vec![row("a", "USD", "2"), row("gone", "USD", "4")];
    let sheet = Sheet::new(&question, now, Some(before)).unwrap();
    assert_eq!(
        shown(&sheet),
        ["a 3 USD before 2", "gone 0 USD before 4", "new 1 USD before 0"]
    );
    let table = sheet.table(&question);
    let total = table.lines().last().unwrap();
    let words: Vec<&str> = total.split_whitespace().collect();
    assert_eq!(words[..6], ["total", "4", "4", "6", "-2", "-33.3"], "{table}");
    let json = sheet.json(&question);
    assert_eq!(json["rows"][0]["previous"], "2");
    assert_eq!(json["compared_with"]["measure"], "effective");
}

#[test]
fn bars_stand_in_a_column_of_their_own_scaled_by_currency() {
    let by = vec!["day".to_owned()];
    let question = Question {
        bars: Bars::Within(None),
        ..question(&by)
    };
    let rows = vec![
        row("2026-08-01", "USD", "10"),
        row("2026-08-02", "USD", "-5"),
        row("2026-08-02", "EUR", "0.1"),
    ];
    let table = Sheet::new(&question, rows, None).unwrap().table(&question);
    let lines: Vec<&str> = table.lines().collect();
    let full = "█".repeat(40);
    assert!(lines[1].ends_with(&full), "{table}");
    assert!(lines[2].ends_with(&format!(" {}", "░".repeat(20))), "{table}");
    assert!(lines[3].ends_with(&full), "{table}");
    assert!(
        lines[4..].iter().all(|total| !total.contains(['█', '░'])),
        "{table}"
    );
    let narrow = Question {
        bars: Bars::Within(Some(30)),
        ..question
    };
    let rows = vec![row("2026-08-01", "USD", "10")];
    let table = Sheet::new(&narrow, rows, None).unwrap().table(&narrow);
    assert!(!table.contains('█'), "{table}");
}
