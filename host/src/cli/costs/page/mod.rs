//! One page for browsers: totals, charts and tables, each currency for itself.
//! What must hold: the page asks for nothing (its policy allows one style sheet, by its hash), runs nothing, and stands in its
//! place whole or not at all; amounts are exact decimals; what providers wrote is text.

mod chart;
mod html;
mod rows;
mod scale;
pub(super) mod series;

use super::sheet::{Question, Sheet, Total, day, percent, too_large};
use crate::{
    cli::{Failed, exit::Exit},
    export::Sink,
    ledger::{destination::Measure, query::CostRow},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use finops_decimal::{ArithmeticError, Decimal};
use jiff::{SignedDuration, Timestamp};
use series::{Name, Series, Step, series};
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, io::Write as _, path::Path};

const STYLE: &str = include_str!("style.css");

/// What a page is of.
pub(super) struct Page<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) sheet: &'a Sheet,
    /// The same costs by moment, which is their last dimension.
    pub(super) moments: &'a [CostRow],
    pub(super) step: Step,
    /// What narrows the question: a name and what it is, for people.
    pub(super) narrowed: Vec<(&'static str, String)>,
    pub(super) made: Timestamp,
}

impl Page<'_> {
    /// Writes it beside its place and then into it.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failed> {
        if path.is_dir() {
            return Err(Failed::usage(format!(
                "--html {}: this is a directory; name a file in it, such as costs.html",
                path.display()
            )));
        }
        let text = self.text().map_err(too_large)?;
        let failed = |error: &dyn std::fmt::Display| {
            Failed::new(Exit::Storage, format!("the page was not written: {error}"))
        };
        let mut sink = Sink::file(path).map_err(|error| failed(&error))?;
        sink.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
        sink.finish()
            .and_then(|finished| finished.put())
            .map_err(|error| failed(&error))
    }

    fn text(&self) -> Result<String, ArithmeticError> {
        let title = self.title();
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}, {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
            style_hash(),
            html::text(&title),
            self.days()
        );
        self.header(&mut page, &title);
        page.push_str("<main>\n");
        if self.sheet.is_empty() {
            page.push_str("<p class=\"empty\">There are no costs in this period.</p>\n");
        }
        let charts = series(
            self.moments,
            self.question.ranked_by(),
            self.step,
            self.question.period,
        )?;
        for (id, (currency, total)) in self.sheet.totals.iter().enumerate() {
            let chart = charts.iter().find(|chart| chart.currency == *currency);
            self.currency(&mut page, id, (currency, total), chart)?;
        }
        page.push_str("</main>\n");
        self.footer(&mut page);
        page.push_str("</body>\n</html>\n");
        Ok(page)
    }

    fn title(&self) -> String {
        format!("Costs by {}", self.question.by.join(", "))
    }

    /// First and last day.
    fn days(&self) -> String {
        span(self.question.period.start(), self.question.period.end())
    }

    fn header(&self, page: &mut String, title: &str) {
        let _ = write!(
            page,
            "<header>\n<p class=\"kicker\">Cost report</p>\n<h1>{}</h1>\n<dl class=\"facts\">",
            html::text(title)
        );
        let mut facts = vec![("Period (UTC)", self.days())];
        if let Some(before) = self.question.before {
            facts.push(("Compared with", span(before.start(), before.end())));
        }
        facts.push(("Amounts", measure_name(self.question.ranked_by()).to_owned()));
        facts.extend(self.narrowed.iter().cloned());
        facts.push(("Made", self.made.strftime("%Y-%m-%d %H:%M UTC").to_string()));
        for (name, what) in facts {
            let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", html::text(&what));
        }
        page.push_str("</dl>\n</header>\n");
    }

    fn currency(
        &self,
        page: &mut String,
        id: usize,
        (currency, total): (&str, &Total),
        chart: Option<&Series>,
    ) -> Result<(), ArithmeticError> {
        let name = html::text(currency);
        let _ = writeln!(
            page,
            "<section aria-labelledby=\"c{id}\">\n<h2 id=\"c{id}\">{name}</h2>"
        );
        self.cards(page, currency, total)?;
        if let Some(series) = chart {
            let title = format!(
                "{} by {}{}, in {currency}",
                measure_name(self.question.ranked_by()),
                self.step.name(),
                self.grouped()
            );
            let _ = write!(page, "<div class=\"panel\">\n<h3>{}</h3>\n", html::text(&title));
            page.push_str(&chart::chart(series, id, &title)?);
            legend(page, series)?;
            rows::figures(page, series)?;
            page.push_str("</div>\n");
        }
        let _ = write!(page, "<div class=\"panel\">\n<h3>All rows in {name}</h3>\n");
        rows::table(page, self.question, self.sheet, (currency, total))?;
        page.push_str("</div>\n</section>\n");
        Ok(())
    }

    /// By what a chart's columns are stacked.
    fn grouped(&self) -> String {
        let names: Vec<&str> = self.question.groups().collect();
        match names.as_slice() {
            [] => String::new(),
            names => format!(" and {}", names.join(", ")),
        }
    }

    fn cards(&self, page: &mut String, currency: &str, total: &Total) -> Result<(), ArithmeticError> {
        let measure = self.question.ranked_by();
        let now = total.of(measure);
        page.push_str("<dl class=\"cards\">");
        card(page, measure_name(measure), now, currency, "");
        if self.question.measure.is_none() {
            card(page, measure_name(Measure::Billed), total.billed, currency, "");
        }
        if let (Some(_), Some(before)) = (self.question.before, total.previous) {
            card(page, "Period before", before, currency, "");
            let change = now.checked_sub(before)?;
            let percent = percent(now, before);
            let note = match (change.is_zero(), change.is_negative()) {
                (true, _) => "as much as before".to_owned(),
                (_, true) => {
                    let percent = percent.trim_start_matches('-');
                    format!("<span class=\"down\">▼ {percent} %</span> less than before")
                }
                (_, false) => format!("<span class=\"up\">▲ {percent} %</span> more than before"),
            };
            let note = if percent.is_empty() { String::new() } else { note };
            card(page, "Change", change, currency, &note);
        }
        page.push_str("</dl>\n");
        Ok(())
    }

    fn footer(&self, page: &mut String) {
        page.push_str("<footer>\n");
        let open: u64 = self.sheet.lines.iter().map(|line| line.row.open).sum();
        let records: u64 = self.sheet.lines.iter().map(|line| line.row.records).sum();
        if open > 0 {
            let _ = writeln!(
                page,
                "<p>{open} of {records} records behind these figures may still change at their providers; rows with such records say \
                 <em>open</em>.</p>"
            );
        }
        let _ = writeln!(
            page,
            "<p>Exact sums of {records} records of the ledger. Currencies are never added up or exchanged.</p>\n\
             <p>Made by finops-host {}.</p>\n</footer>",
            env!("CARGO_PKG_VERSION")
        );
    }
}

/// First and last day of a span.
fn span(start: Timestamp, end: Timestamp) -> String {
    let last = end.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(end);
    match (day(start), day(last)) {
        (first, last) if first == last => first,
        (first, last) => format!("{first} to {last}"),
    }
}

fn style_hash() -> String {
    let digest: [u8; 32] = Sha256::digest(STYLE).into();
    format!("sha256-{}", STANDARD.encode(digest))
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Effective => "Effective cost",
        Measure::Billed => "Billed cost",
        Measure::List => "List cost",
        Measure::Contracted => "Contracted cost",
    }
}

/// A group's name for people.
fn group_name(name: &Name) -> String {
    match name {
        Name::Rest(count) => format!("{count} others"),
        Name::One(dims) if dims.is_empty() => "All costs".to_owned(),
        Name::One(dims) => {
            let dims = dims.iter().map(|dim| if dim.is_empty() { "(none)" } else { dim });
            dims.collect::<Vec<_>>().join(" · ")
        }
    }
}

fn card(page: &mut String, name: &str, amount: Decimal, currency: &str, note: &str) {
    let _ = write!(
        page,
        "<div class=\"card\"><dt>{name}, {}</dt><dd class=\"big\"><span class=\"a\">{}</span></dd>",
        html::text(currency),
        html::amount(&amount.to_string())
    );
    if !note.is_empty() {
        let _ = write!(page, "<dd class=\"note\">{note}</dd>");
    }
    page.push_str("</div>");
}

fn legend(page: &mut String, series: &Series) -> Result<(), ArithmeticError> {
    let all = Decimal::sum(series.groups.iter().map(|group| group.total))?;
    page.push_str("<ul class=\"legend\">");
    for (index, group) in series.groups.iter().enumerate() {
        let share = match all.is_negative() || all.is_zero() || group.total.is_negative() {
            true => String::new(),
            false => {
                let share = group.total.div_rounded(all, 6)?;
                format!("{} %", share.checked_mul(Decimal::from(100_u32))?.round(1)?)
            }
        };
        let _ = write!(
            page,
            "<li><svg aria-hidden=\"true\"><rect class=\"{}\" width=\"11\" height=\"11\" rx=\"2\"/></svg><span>{}</span>\
             <span class=\"a n\">{}</span><span class=\"share\">{share}</span></li>",
            chart::class(series, index),
            html::text(&group_name(&group.name)),
            html::amount(&group.total.to_string())
        );
    }
    page.push_str("</ul>\n");
    Ok(())
}

#[cfg(test)]
mod tests;
