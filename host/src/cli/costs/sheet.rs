//! The rows of an answer: ranked, compared with the period before, shortened to the largest, and totalled.
//! What must hold: rows and totals never mix currencies; what is left out of the rows stands in one row for the others.

use super::bars::{Bars, bar};
use crate::{
    cli::{Failed, render},
    ledger::{destination::Measure, query::CostRow, record::Period},
};
use finops_decimal::{ArithmeticError, Decimal};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// What is asked, as far as the rows are concerned.
pub(super) struct Question<'a> {
    /// Names of the dimensions.
    pub(super) by: &'a [String],
    /// The one cost to show.
    pub(super) measure: Option<Measure>,
    /// How many rows of a currency.
    pub(super) top: Option<u32>,
    pub(super) quantities: bool,
    pub(super) period: Period,
    /// The period to compare with.
    pub(super) before: Option<Period>,
    /// Whether bars stand beside the rows.
    pub(super) bars: Bars,
}

/// A row, and what it came to in the period before.
#[derive(Clone, Serialize)]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) row: CostRow,
    /// How many rows are summed here, where it is the row for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) others: Option<usize>,
    /// The measure in the period before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Decimal>,
}

/// Sums of a currency.
#[derive(Clone, Default, Serialize)]
pub(super) struct Total {
    pub(super) billed: Decimal,
    pub(super) effective: Decimal,
    list: Decimal,
    contracted: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<Decimal>,
}

/// An answer.
pub(super) struct Sheet {
    pub(super) lines: Vec<Line>,
    pub(super) totals: BTreeMap<String, Total>,
}

impl Question<'_> {
    /// The measure by which rows are ranked and compared.
    pub(super) fn ranked_by(&self) -> Measure {
        self.measure.unwrap_or(Measure::Effective)
    }

    /// What the table is of.
    pub(super) fn heading(&self) -> String {
        let days = |period: Period| format!("{} to before {}", day(period.start()), day(period.end()));
        let mut heading = format!("Costs from {} (UTC)", days(self.period));
        if let Some(before) = self.before {
            heading.push_str(&format!(", compared with {}", days(before)));
        }
        heading
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.by.iter().map(String::as_str).collect();
        columns.extend(match self.measure {
            Some(Measure::Effective) => [">effective"].as_slice(),
            Some(Measure::Billed) => &[">billed"],
            Some(Measure::List) => &[">list"],
            Some(Measure::Contracted) => &[">contracted"],
            None => &[">effective", ">billed"],
        });
        if self.before.is_some() {
            columns.extend([">before", ">change", ">%"]);
        }
        columns.push("currency");
        if self.quantities {
            columns.push("consumed");
        }
        columns.extend(["basis", ">records"]);
        columns
    }
}

impl Sheet {
    /// Puts rows together with those of the period before.
    ///
    /// # Errors
    /// Where a sum does not fit.
    pub(super) fn new(
        question: &Question<'_>,
        rows: Vec<CostRow>,
        earlier: Option<Vec<CostRow>>,
    ) -> Result<Self, Failed> {
        let measure = question.ranked_by();
        let mut lines: Vec<Line> = rows
            .into_iter()
            .map(|row| Line {
                row,
                others: None,
                previous: earlier.is_some().then_some(Decimal::ZERO),
            })
            .collect();
        if let Some(earlier) = earlier {
            add_earlier(&mut lines, earlier, measure);
        }
        let totals = totals(&lines).map_err(too_large)?;
        if question.measure.is_some() || question.top.is_some() {
            // Stable: equal amounts stay in the order of their dimensions.
            lines.sort_by_key(|line| (line.row.currency.clone(), Reverse(line.row.of(measure))));
        }
        if let Some(top) = question.top {
            lines = shortened(lines, top as usize, question.by.len()).map_err(too_large)?;
        }
        Ok(Self { lines, totals })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The rows for machines.
    pub(super) fn rows_json(&self) -> serde_json::Value {
        serde_json::json!(self.lines)
    }

    /// The answer for machines.
    pub(super) fn json(&self, question: &Question<'_>) -> serde_json::Value {
        let mut value = serde_json::json!({
            "from": question.period.start(), "to": question.period.end(), "by": question.by, "rows": self.lines,
            "totals": self.totals,
        });
        if let (Some(object), Some(before)) = (value.as_object_mut(), question.before) {
            let compared = serde_json::json!({
                "from": before.start(), "to": before.end(), "measure": question.ranked_by().name(),
            });
            object.insert("compared_with".to_owned(), compared);
        }
        value
    }

    /// The answer for people.
    pub(super) fn table(&self, question: &Question<'_>) -> String {
        if self.lines.is_empty() {
            return "none".to_owned();
        }
        let mut rows: Vec<Vec<String>> = self.lines.iter().map(|line| cells(question, line)).collect();
        for (currency, total) in &self.totals {
            rows.push(total_cells(question, currency, total));
        }
        let columns = question.columns();
        if question.bars == Bars::None {
            return render::table(&columns, rows);
        }
        let plain = render::table(&columns, rows.clone());
        let width = plain.lines().map(|line| line.chars().count()).max();
        let Some(longest) = question.bars.room(width.unwrap_or_default()) else {
            return plain;
        };
        for (cells, line) in rows.iter_mut().zip(&self.lines) {
            cells.push(self.bar(question, line, longest));
        }
        render::table(&[columns.as_slice(), &[""]].concat(), rows)
    }

    /// A row's bar; the row for the others is no moment of the series and has none.
    fn bar(&self, question: &Question<'_>, line: &Line, longest: usize) -> String {
        let amount = |line: &Line| line.row.of(question.ranked_by());
        let alike = |other: &&Line| other.others.is_none() && other.row.currency == line.row.currency;
        let largest = self
            .lines
            .iter()
            .filter(alike)
            .map(|line| amount(line).abs())
            .max();
        match (line.others, largest) {
            (None, Some(largest)) => bar(amount(line), largest, longest),
            _ => String::new(),
        }
    }
}

impl Total {
    pub(super) fn of(&self, measure: Measure) -> Decimal {
        match measure {
            Measure::Effective => self.effective,
            Measure::Billed => self.billed,
            Measure::List => self.list,
            Measure::Contracted => self.contracted,
        }
    }
}

/// Notes what rows came to before; rows that there are no more are kept with nothing now.
fn add_earlier(lines: &mut Vec<Line>, earlier: Vec<CostRow>, measure: Measure) {
    let mut before: BTreeMap<(Vec<String>, String), CostRow> = earlier
        .into_iter()
        .map(|row| ((row.dims.clone(), row.currency.clone()), row))
        .collect();
    for line in lines.iter_mut() {
        let key = (line.row.dims.clone(), line.row.currency.clone());
        if let Some(row) = before.remove(&key) {
            line.previous = Some(row.of(measure));
        }
    }
    for ((dims, currency), row) in before {
        lines.push(Line {
            previous: Some(row.of(measure)),
            row: CostRow {
                dims,
                currency,
                ..CostRow::default()
            },
            others: None,
        });
    }
    lines.sort_by(|one, two| {
        let key = |line: &Line| (line.row.dims.clone(), line.row.currency.clone());
        key(one).cmp(&key(two))
    });
}

fn totals(lines: &[Line]) -> Result<BTreeMap<String, Total>, ArithmeticError> {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for Line { row, previous, .. } in lines {
        let total = totals.entry(row.currency.clone()).or_default();
        total.billed = total.billed.checked_add(row.billed)?;
        total.effective = total.effective.checked_add(row.effective)?;
        total.list = total.list.checked_add(row.list)?;
        total.contracted = total.contracted.checked_add(row.contracted)?;
        if let Some(previous) = *previous {
            total.previous = Some(total.previous.unwrap_or_default().checked_add(previous)?);
        }
    }
    Ok(totals)
}

/// The first so many lines of each currency, and one for the others. The lines of a currency stand together.
fn shortened(lines: Vec<Line>, top: usize, dimensions: usize) -> Result<Vec<Line>, ArithmeticError> {
    let mut short: Vec<Line> = Vec::new();
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let count = shown.entry(line.row.currency.clone()).or_default();
        *count += 1;
        if *count <= top {
            short.push(line);
            continue;
        }
        match short.last_mut() {
            Some(others) if *count > top + 1 => absorb(others, &line)?,
            _ => short.push(Line {
                row: CostRow {
                    dims: vec![String::new(); dimensions],
                    ..line.row
                },
                others: Some(1),
                previous: line.previous,
            }),
        }
    }
    Ok(short)
}

fn absorb(others: &mut Line, line: &Line) -> Result<(), ArithmeticError> {
    let (into, from) = (&mut others.row, &line.row);
    into.billed = into.billed.checked_add(from.billed)?;
    into.effective = into.effective.checked_add(from.effective)?;
    into.list = into.list.checked_add(from.list)?;
    into.contracted = into.contracted.checked_add(from.contracted)?;
    for (unit, quantity) in &from.quantities {
        let sum = into.quantities.entry(unit.clone()).or_default();
        *sum = sum.checked_add(*quantity)?;
    }
    into.records += from.records;
    into.open += from.open;
    into.bases.extend(&from.bases);
    if let (Some(sum), Some(previous)) = (others.previous.as_mut(), line.previous) {
        *sum = sum.checked_add(previous)?;
    }
    others.others = others.others.map(|count| count + 1);
    Ok(())
}

/// The cells of the dimensions of a row that has a name instead.
fn named(question: &Question<'_>, name: &str) -> Vec<String> {
    let mut cells = vec![String::new(); question.by.len()];
    if let Some(first) = cells.first_mut() {
        name.clone_into(first);
    }
    cells
}

/// The cells of a total.
pub(super) fn total_cells(question: &Question<'_>, currency: &str, total: &Total) -> Vec<String> {
    let mut cells = named(question, "total");
    cells.extend(amounts(question, |measure| total.of(measure), total.previous));
    cells.push(currency.to_owned());
    cells.resize(question.columns().len(), String::new());
    cells
}

fn amounts(
    question: &Question<'_>,
    of: impl Fn(Measure) -> Decimal,
    previous: Option<Decimal>,
) -> Vec<String> {
    let mut cells: Vec<String> = match question.measure {
        Some(measure) => vec![of(measure).to_string()],
        None => vec![
            of(Measure::Effective).to_string(),
            of(Measure::Billed).to_string(),
        ],
    };
    if question.before.is_some() {
        let (now, before) = (of(question.ranked_by()), previous.unwrap_or_default());
        let change = now.checked_sub(before);
        cells.extend([
            before.to_string(),
            change.map_or_else(|_| "?".to_owned(), |change| change.to_string()),
            percent(now, before),
        ]);
    }
    cells
}

/// By how much a sum has grown, in percent of what it was; nothing where it was nothing.
pub(super) fn percent(now: Decimal, before: Decimal) -> String {
    let grown = || {
        let change = now.checked_sub(before)?;
        change
            .checked_mul(Decimal::from(100_u32))?
            .div_rounded(before.abs(), 1)
    };
    match grown() {
        Ok(percent) if !before.is_zero() => percent.to_string(),
        _ => String::new(),
    }
}

/// The cells of a row.
pub(super) fn cells(question: &Question<'_>, line: &Line) -> Vec<String> {
    let row = &line.row;
    let mut cells = match line.others {
        Some(count) => named(question, &format!("({count} others)")),
        None => row.dims.clone(),
    };
    cells.extend(amounts(question, |measure| row.of(measure), line.previous));
    cells.push(row.currency.clone());
    if question.quantities {
        let quantities = row.quantities.iter().map(|(unit, sum)| format!("{sum} {unit}"));
        cells.push(quantities.collect::<Vec<_>>().join(", "));
    }
    let bases: BTreeSet<&str> = row.bases.iter().copied().collect();
    let open = if row.open > 0 { ", open" } else { "" };
    cells.push(format!(
        "{}{open}",
        bases.into_iter().collect::<Vec<_>>().join(", ")
    ));
    cells.push(row.records.to_string());
    cells
}

pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

pub(super) fn too_large(error: ArithmeticError) -> Failed {
    Failed::bug(error.to_string())
}

#[cfg(test)]
mod tests;
