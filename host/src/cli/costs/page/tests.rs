//! The page's text: hostile names, exact amounts, currencies apart, and the policy that its style obeys.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{cli::costs::bars::Bars, ledger::record::Period};

const HOSTILE: &str =
    "</td><script>alert(1)</script><img src=http://127.0.0.1/x onerror=alert(2)>\"'\u{202e}";

fn row(dims: &[&str], currency: &str, amount: &str) -> CostRow {
    CostRow {
        dims: dims.iter().map(|dim| (*dim).to_owned()).collect(),
        currency: currency.to_owned(),
        effective: amount.parse().unwrap(),
        billed: amount.parse().unwrap(),
        records: 1,
        open: 1,
        ..CostRow::default()
    }
}

fn period(from: &str, to: &str) -> Period {
    Period::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn page(before: Option<Period>) -> String {
    let by = vec!["service".to_owned()];
    let question = Question {
        by: &by,
        measure: None,
        top: None,
        quantities: false,
        period: period("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z"),
        before,
        bars: Bars::None,
    };
    let rows = vec![
        row(&[HOSTILE], HOSTILE, "3"),
        row(&[HOSTILE], "USD", "1234567.0000001"),
        row(&["Credits"], "USD", "-0.5"),
    ];
    let earlier = before.map(|_| vec![row(&["Credits"], "USD", "1000000")]);
    let moments = vec![
        row(&[HOSTILE, "2026-08-01"], HOSTILE, "3"),
        row(&[HOSTILE, "2026-08-01"], "USD", "1234567.0000001"),
        row(&["Credits", "2026-08-02"], "USD", "-0.5"),
    ];
    let page = Page {
        question: &question,
        sheet: &Sheet::new(&question, rows, earlier).unwrap(),
        moments: &moments,
        step: Step::Day,
        narrowed: vec![("Provider", HOSTILE.to_owned())],
        made: "2026-08-03T12:00:00Z".parse().unwrap(),
    };
    page.text().unwrap()
}

/// The names of all elements that begin.
fn elements(page: &str) -> Vec<&str> {
    let of = |part: &'_ str| -> usize {
        part.find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(part.len())
    };
    let parts = page
        .split('<')
        .skip(1)
        .filter(|part| !part.starts_with(['/', '!']));
    parts.map(|part| &part[..of(part)]).collect()
}

#[test]
fn names_are_text_and_the_page_holds_nothing_that_runs_or_asks() {
    let page = page(None);
    for element in elements(&page) {
        let known = [
            "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "div",
            "p", "h1", "h2", "h3", "dl", "dt", "dd", "ul", "li", "span", "i", "small", "em", "details",
            "summary", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "svg", "g", "rect",
            "line", "text", "desc",
        ];
        assert!(known.contains(&element), "<{element}");
    }
    for never in [
        "href", "src=\"", "url(", "@import", " style=", "\u{202e}", "<script",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("&lt;/td&gt;&lt;script&gt;alert(1)"), "{page}");
}

#[test]
fn the_policy_allows_the_pages_own_style_alone() {
    let page = page(None);
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let digest: [u8; 32] = Sha256::digest(style).into();
    let policy = format!(
        "content=\"default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\"",
        STANDARD.encode(digest)
    );
    assert!(page.contains(&policy), "{page}");
}

#[test]
fn amounts_are_exact_and_currencies_apart() {
    let page = page(Some(period("2026-07-30T00:00:00Z", "2026-08-01T00:00:00Z")));
    let mut text = page.clone();
    for markup in ["<i>", "</i>", "<small>", "</small>"] {
        text = text.replace(markup, "");
    }
    for amount in [
        ">1234567.0000001<",
        ">1234566.5000001<",
        ">-0.5<",
        ">1000000<",
        ">234566.5000001<",
    ] {
        assert!(text.contains(amount), "{amount}: {text}");
    }
    assert_eq!(page.matches("<section").count(), 2);
    assert_eq!(page.matches("role=\"img\"").count(), 2);
    assert!(
        page.contains("<th scope=\"col\" class=\"n\">before</th>") && page.contains("▲ 23.5 %"),
        "{page}"
    );
    assert!(
        page.contains("2026-08-01 to 2026-08-02") && page.contains("2026-07-30 to 2026-07-31"),
        "{page}"
    );
}

#[test]
fn a_page_that_cannot_be_put_leaves_what_stood_there() {
    let directory = tempfile::tempdir().unwrap();
    let by = vec!["service".to_owned()];
    let question = Question {
        by: &by,
        measure: None,
        top: None,
        quantities: false,
        period: period("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z"),
        before: None,
        bars: Bars::None,
    };
    let page = Page {
        question: &question,
        sheet: &Sheet::new(&question, Vec::new(), None).unwrap(),
        moments: &[],
        step: Step::Day,
        narrowed: Vec::new(),
        made: "2026-08-03T12:00:00Z".parse().unwrap(),
    };
    let path = directory.path().join("costs.html");
    std::fs::write(&path, "before").unwrap();
    page.write(&path).unwrap();
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("There are no costs")
    );
    assert!(page.write(directory.path()).is_err());
    assert!(page.write(&directory.path().join("missing/costs.html")).is_err());
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing unfinished is left"
    );
}
