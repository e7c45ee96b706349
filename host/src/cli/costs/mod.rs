//! `costs`: what the ledger's current records come to, exactly summed.

mod period;
mod sheet;

use super::{Failed, args, environment::state_dir, exit::Exit};
use crate::ledger::{
    Money,
    as_of::turn_back,
    dimension::Dimension,
    query::{CostFilter, costs as sum},
    store::open_read_only,
};
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
    };
    let answer = |money| -> Result<Sheet, Failed> {
        let rows = sum(&connection, &filter(asked, money))?;
        let earlier = before.map(|period| sum(&connection, &filter(period, money)));
        Sheet::new(&question, rows, earlier.transpose()?)
    };
    let (counted, apart) = (answer(Money::Counts)?, answer(Money::Apart)?);
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
