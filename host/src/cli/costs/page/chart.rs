//! A chart as SVG: stacked columns over time, what is below zero hanging from the zero line.
//! What must hold: only places and lengths are scaled; every amount that is written is exact. Across, places are per cent, so
//! that a chart is as wide as its page while its letters stay as large as they are.

use super::{
    html,
    scale::Scale,
    series::{Name, Series, Step},
};
use finops_decimal::{ArithmeticError, Decimal};
use std::fmt::Write;

/// Height of the columns' field, in pixels.
const HEIGHT: u32 = 240;
/// Room above it for half a line of text.
const ABOVE: u32 = 10;
/// Room below it for the moments' names.
const BELOW: u32 = 26;
/// Names of moments below a chart, at most.
const NAMES: usize = 7;

/// The chart of a series, with its axis, titled and described.
///
/// # Errors
/// Where the amounts are too large to be added.
pub(super) fn chart(series: &Series, id: usize, title: &str) -> Result<String, ArithmeticError> {
    let scale = Scale::of(&stacks(series)?)?;
    let total = ABOVE + HEIGHT + BELOW;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<div class=\"chart\"><svg class=\"axis\" height=\"{total}\" aria-hidden=\"true\">"
    );
    for tick in &scale.ticks {
        let y = y(scale.below_top(*tick)?)?;
        let _ = write!(
            svg,
            "<text x=\"100%\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
            html::text(&tick.to_string())
        );
    }
    let _ = write!(
        svg,
        "</svg><svg class=\"plot\" height=\"{total}\" role=\"img\" aria-labelledby=\"t{id} d{id}\">\
         <title id=\"t{id}\">{}</title><desc id=\"d{id}\">{}</desc>",
        html::text(title),
        html::text(&described(series))
    );
    for tick in &scale.ticks {
        let y = y(scale.below_top(*tick)?)?;
        let class = if tick.is_zero() { "zero" } else { "grid" };
        let _ = write!(
            svg,
            "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"
        );
    }
    columns(&mut svg, series, &scale)?;
    names(&mut svg, series)?;
    svg.push_str("</svg></div>");
    Ok(svg)
}

/// The sums above and below zero of each moment.
fn stacks(series: &Series) -> Result<Vec<(Decimal, Decimal)>, ArithmeticError> {
    let mut stacks = vec![(Decimal::ZERO, Decimal::ZERO); series.moments.len()];
    for group in &series.groups {
        for ((above, below), amount) in stacks.iter_mut().zip(&group.amounts) {
            let side = if amount.is_negative() { below } else { above };
            *side = side.checked_add(*amount)?;
        }
    }
    Ok(stacks)
}

fn described(series: &Series) -> String {
    let of = match (series.moments.first(), series.moments.last()) {
        (Some(first), Some(last)) => format!("from {first} to {last}"),
        _ => "without moments".to_owned(),
    };
    format!(
        "Stacked columns, one a {}, {of}, of {} groups in {}. The figures stand in the table below the chart.",
        series.step.name(),
        series.groups.len(),
        series.currency
    )
}

/// A place that far from the field's top, of its height.
fn y(part: Decimal) -> Result<Decimal, ArithmeticError> {
    part.checked_mul(Decimal::from(HEIGHT))?
        .checked_add(Decimal::from(ABOVE))?
        .round(2)
}

/// So many hundredths of a moment's width from its left, in per cent of the chart's.
fn x(moment: usize, hundredths: u32, of: usize) -> Result<Decimal, ArithmeticError> {
    let whole = |number: usize| Decimal::from(u32::try_from(number).unwrap_or(u32::MAX));
    let left = whole(moment).checked_mul(Decimal::from(100_u32))?;
    left.checked_add(Decimal::from(hundredths))?
        .div_rounded(whole(of.max(1)), 4)
}

fn columns(svg: &mut String, series: &Series, scale: &Scale) -> Result<(), ArithmeticError> {
    let count = series.moments.len();
    // A single moment is no wall.
    let (left, width) = match count {
        0..=2 => (35, 30),
        3..=40 => (14, 72),
        _ => (8, 84),
    };
    let mut tops = vec![(Decimal::ZERO, Decimal::ZERO); count];
    for (index, group) in series.groups.iter().enumerate() {
        let class = class(series, index);
        let name = super::group_name(&group.name);
        let mut drawn = String::new();
        let moments = series.moments.iter().zip(&group.amounts).zip(tops.iter_mut());
        for (number, ((moment, amount), (above, below))) in moments.enumerate() {
            if amount.is_zero() {
                continue;
            }
            let side = if amount.is_negative() { below } else { above };
            let end = side.checked_add(*amount)?;
            let (one, other) = (y(scale.below_top(*side)?)?, y(scale.below_top(end)?)?);
            *side = end;
            let _ = write!(
                drawn,
                "<rect x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\"><title>{}</title></rect>",
                x(number, left, count)?,
                one.min(other),
                x(0, width, count)?,
                one.checked_sub(other)?.abs(),
                html::text(&format!("{moment} {name}: {amount} {}", series.currency))
            );
        }
        if !drawn.is_empty() {
            let _ = write!(svg, "<g class=\"{class}\">{drawn}</g>");
        }
    }
    Ok(())
}

/// The class that colours a group.
pub(super) fn class(series: &Series, group: usize) -> String {
    let is_rest = matches!(
        series.groups.get(group).map(|group| &group.name),
        Some(Name::Rest(_))
    );
    if is_rest {
        "rest".to_owned()
    } else {
        format!("s{group}")
    }
}

fn names(svg: &mut String, series: &Series) -> Result<(), ArithmeticError> {
    let count = series.moments.len();
    let every = count.div_ceil(NAMES).max(1);
    let y = ABOVE + HEIGHT + BELOW - 8;
    for (shown, (number, moment)) in series.moments.iter().enumerate().step_by(every).enumerate() {
        // A narrow page shows every other name.
        let class = if shown % 2 == 1 { " class=\"wide\"" } else { "" };
        let _ = write!(
            svg,
            "<text{class} x=\"{}%\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
            x(number, 50, count)?,
            html::text(&short(moment, series.step, shown == 0))
        );
    }
    Ok(())
}

/// A moment's name as short as can be: days without their year, but for the first.
fn short(moment: &str, step: Step, first: bool) -> String {
    match (step, first) {
        (Step::Day, false) => moment.get(5..).unwrap_or(moment).to_owned(),
        _ => moment.to_owned(),
    }
}
