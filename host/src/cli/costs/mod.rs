//! `costs`: what the ledger's current records come to, exactly summed.

mod bars;
mod page;
mod period;
mod sheet;

use super::{
    Failed, args,
    environment::{clock, state_dir},
    exit::Exit,
    output,
};
use crate::ledger::{
    Money,
    as_of::turn_back,
    dimension::Dimension,
    query::{CostFilter, costs as sum},
    store::{LedgerError, open_read_only},
};
use bars::Bars;
use page::{Page, series::Step};
use sheet::{Question, Sheet};
use std::path::Path;

/// Runs the command.
pub(super) fn costs(args: &args::Costs, state: Option<&Path>) -> Result<Exit, Failed> {
    let group_by = args
        .by
        .iter()
        .map(|name| {
            name.parse::<Dimension>()
                .map_err(|error| Failed::usage(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let connection = open_read_only(&state_dir(state).map_err(Failed::config)?)?;
    if let Some(day) = args.as_of {
        turn_back(&connection, period::end_of(day, &connection)?)?;
    }
    // All that is asked is asked of one state of the ledger.
    let connection = connection.unchecked_transaction().map_err(LedgerError::from)?;
    let asked = period::period(args, &connection)?;
    let filter = |period, money| CostFilter {
        period: Some(period),
        provider: args.provider.clone(),
        stream: args.stream.clone(),
        group_by: group_by.clone(),
        exclude: args.exclude.clone(),
        money,
        ..CostFilter::default()
    };
    let before = args
        .compare
        .map(|args::Compare::Previous| period::previous(asked));
    let before = before.transpose()?;
    let question = Question {
        by: &args.by,
        measure: args.measure,
        top: args.top,
        quantities: args.quantities,
        period: asked,
        before,
        bars: bars(args)?,
    };
    let answer = |money| -> Result<Sheet, Failed> {
        let rows = sum(&connection, &filter(asked, money))?;
        let earlier = before.map(|period| sum(&connection, &filter(period, money)));
        Sheet::new(&question, rows, earlier.transpose()?)
    };
    let (counted, apart) = (answer(Money::Counts)?, answer(Money::Apart)?);
    if let Some(path) = &args.html {
        let step = Step::of(&args.by, asked);
        let by_moment = CostFilter {
            group_by: moments(&group_by, step),
            ..filter(asked, Money::Counts)
        };
        let page = Page {
            question: &question,
            sheet: &counted,
            moments: &sum(&connection, &by_moment)?,
            step,
            narrowed: narrowed(args),
            made: clock().map_err(Failed::config)?.now(),
        };
        page.write(path)?;
        super::print(&format!("{} is written", path.display()));
        return Ok(Exit::Done);
    }
    if args.json {
        let mut value = counted.json(&question);
        if let Some(object) = value.as_object_mut() {
            if let Some(day) = args.as_of {
                object.insert("as_of".to_owned(), serde_json::json!(day));
            }
            if args.all {
                object.insert("apart".to_owned(), apart.rows_json());
            }
        }
        super::print(&format!("{value:#}"));
        return Ok(Exit::Done);
    }
    let known = args
        .as_of
        .map(|day| format!(", as they were known by the end of {day}"));
    super::print(&format!(
        "{}{}\n{}",
        question.heading(),
        known.unwrap_or_default(),
        counted.table(&question)
    ));
    if args.all && !apart.is_empty() {
        super::print(&format!(
            "\nKept apart (`count = false`): in no total and no delivery\n{}",
            apart.table(&question)
        ));
    } else if !apart.is_empty() {
        super::print("(money of instances with `count = false` is not shown: --all shows it apart)");
    }
    Ok(Exit::Done)
}

/// Whether bars are drawn: where a person sees a time series, or where they are asked for.
fn bars(args: &args::Costs) -> Result<Bars, Failed> {
    let series = args.by.iter().any(|name| bars::is_moment(name));
    if args.bars && !series {
        return Err(Failed::usage(
            "--bars draws a time series: add day or month to --by".to_owned(),
        ));
    }
    Ok(match series && (args.bars || output::is_terminal()) {
        true => Bars::Within(bars::terminal()),
        false => Bars::None,
    })
}

/// The dimensions of a chart: those asked for that are no moments, and the moment.
fn moments(group_by: &[Dimension], step: Step) -> Vec<Dimension> {
    let groups = group_by
        .iter()
        .filter(|dimension| !matches!(dimension, Dimension::Day | Dimension::Month));
    let moment = match step {
        Step::Day => Dimension::Day,
        Step::Month => Dimension::Month,
    };
    groups.cloned().chain([moment]).collect()
}

/// What narrows the question, for people.
fn narrowed(args: &args::Costs) -> Vec<(&'static str, String)> {
    let mut narrowed = Vec::new();
    narrowed.extend(args.provider.clone().map(|provider| ("Provider", provider)));
    narrowed.extend(args.stream.clone().map(|stream| ("Stream", stream)));
    if !args.exclude.is_empty() {
        let names: Vec<&str> = args.exclude.iter().map(|category| category.name()).collect();
        narrowed.push(("Without", names.join(", ")));
    }
    narrowed.extend(args.as_of.map(|day| ("As known by the end of", day.to_string())));
    narrowed
}
