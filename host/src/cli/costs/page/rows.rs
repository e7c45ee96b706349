//! The tables of a page: the rows of the answer in a currency, and the figures of a chart.

use super::{
    super::sheet::{Line, Question, Sheet, Total, cells, total_cells},
    group_name, html,
    series::Series,
};
use finops_decimal::{ArithmeticError, Decimal};
use std::fmt::Write;

/// Columns whose cells are amounts.
const AMOUNTS: [&str; 6] = ["effective", "billed", "list", "contracted", "before", "change"];

/// The rows in a currency, and its total.
pub(super) fn table(
    page: &mut String,
    question: &Question<'_>,
    sheet: &Sheet,
    (currency, total): (&str, &Total),
) -> Result<(), ArithmeticError> {
    let columns = question.columns();
    let dims = question.by.len();
    let lines: Vec<&Line> = sheet
        .lines
        .iter()
        .filter(|line| line.row.currency == currency)
        .collect();
    let amount = |line: &Line| line.row.of(question.ranked_by());
    let largest = lines
        .iter()
        .map(|line| amount(line).abs())
        .max()
        .unwrap_or_default();
    let label = html::text(&format!("Rows in {currency}"));
    let _ = write!(
        page,
        "<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\n<table>\n<caption>{label}</caption>\n<thead><tr>"
    );
    for (index, column) in columns.iter().enumerate() {
        if *column == "currency" {
            continue;
        }
        let name = html::text(column.trim_start_matches('>'));
        let class = if column.starts_with('>') {
            " class=\"n\""
        } else {
            ""
        };
        let _ = write!(page, "<th scope=\"col\"{class}>{name}</th>");
        if index + 1 == dims {
            page.push_str("<td class=\"bar\" aria-hidden=\"true\"></td>");
        }
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for line in &lines {
        let bar = bar(amount(line), largest)?;
        row(page, (&columns, dims), &cells(question, line), &bar);
    }
    page.push_str("</tbody>\n<tfoot>\n");
    row(
        page,
        (&columns, dims),
        &total_cells(question, currency, total),
        "",
    );
    page.push_str("</tfoot>\n</table>\n</div>\n");
    Ok(())
}

fn row(page: &mut String, (columns, dims): (&[&str], usize), cells: &[String], bar: &str) {
    page.push_str("<tr>");
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let name = column.trim_start_matches('>');
        if name == "currency" {
            continue;
        }
        if index < dims {
            let shown = match (cell.is_empty(), bar.is_empty()) {
                (true, false) => "<span class=\"none\">none</span>".to_owned(),
                _ => html::text(cell),
            };
            let _ = match index {
                0 => write!(page, "<th scope=\"row\">{shown}</th>"),
                _ => write!(page, "<td class=\"d\">{shown}</td>"),
            };
            if index + 1 == dims {
                let _ = write!(page, "<td class=\"bar\" aria-hidden=\"true\">{bar}</td>");
            }
        } else if AMOUNTS.contains(&name) {
            let _ = write!(
                page,
                "<td class=\"n\"><span class=\"a\">{}</span></td>",
                html::amount(&html::text(cell))
            );
        } else {
            let class = if column.starts_with('>') {
                " class=\"n\""
            } else {
                " class=\"k\""
            };
            let _ = write!(page, "<td{class}>{}</td>", html::text(cell));
        }
    }
    page.push_str("</tr>\n");
}

/// A bar that is as long as an amount is to the largest.
fn bar(amount: Decimal, largest: Decimal) -> Result<String, ArithmeticError> {
    let part = match largest.is_zero() {
        true => Decimal::ZERO,
        false => amount.abs().div_rounded(largest, 6)?,
    };
    let width = part.checked_mul(Decimal::from(100_u32))?;
    let class = if amount.is_negative() { "neg" } else { "pos" };
    Ok(format!(
        "<svg><rect class=\"{class}\" width=\"{width}%\" height=\"9\" rx=\"1.5\"/></svg>"
    ))
}

/// The figures behind a chart.
pub(super) fn figures(page: &mut String, series: &Series) -> Result<(), ArithmeticError> {
    let step = series.step.name();
    let label = html::text(&format!("Figures of the chart in {}", series.currency));
    let _ = write!(
        page,
        "<details>\n<summary>Figures of this chart</summary>\n<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\n\
         <table>\n<caption>{label}</caption>\n<thead><tr><th scope=\"col\">{step}</th>"
    );
    for group in &series.groups {
        let _ = write!(
            page,
            "<th scope=\"col\" class=\"n\">{}</th>",
            html::text(&group_name(&group.name))
        );
    }
    page.push_str("<th scope=\"col\" class=\"n\">total</th></tr></thead>\n<tbody>\n");
    for (index, moment) in series.moments.iter().enumerate() {
        let amounts = series
            .groups
            .iter()
            .map(|group| group.amounts.get(index).copied().unwrap_or_default());
        line(page, moment, amounts)?;
    }
    page.push_str("</tbody>\n<tfoot>\n");
    line(page, "total", series.groups.iter().map(|group| group.total))?;
    page.push_str("</tfoot>\n</table>\n</div>\n</details>\n");
    Ok(())
}

/// A line of figures, and its sum.
fn line(
    page: &mut String,
    name: &str,
    amounts: impl Iterator<Item = Decimal>,
) -> Result<(), ArithmeticError> {
    let _ = write!(page, "<tr><th scope=\"row\">{}</th>", html::text(name));
    let mut sum = Decimal::ZERO;
    let mut cell = |amount: Decimal| {
        let _ = write!(
            page,
            "<td class=\"n\"><span class=\"a\">{}</span></td>",
            html::amount(&amount.to_string())
        );
    };
    for amount in amounts {
        sum = sum.checked_add(amount)?;
        cell(amount);
    }
    cell(sum);
    page.push_str("</tr>\n");
    Ok(())
}
