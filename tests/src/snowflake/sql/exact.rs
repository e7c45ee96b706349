//! Exact decimal functions for SQLite: `num_*` of single values and `dec_*` aggregates. Numbers stand as text by their digits.

use finops_decimal::{ArithmeticError, Decimal};
use rusqlite::{
    Connection, Error, Result,
    functions::{Aggregate, Context, FunctionFlags},
    types::ValueRef,
};
use std::cmp::Ordering;

/// Registers all functions of this file.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    binary(connection, "num_add", |a, b, _| a.checked_add(b))?;
    binary(connection, "num_sub", |a, b, _| a.checked_sub(b))?;
    binary(connection, "num_mul", |a, b, scale| a.mul_rounded(b, scale))?;
    binary(connection, "num_div", |a, b, scale| a.div_rounded(b, scale))?;
    binary(connection, "num_round", |a, _, scale| a.round(scale))?;
    scalar(connection, "num_cmp", 2, |context| {
        let (Some(a), Some(b)) = (argument(context, 0)?, argument(context, 1)?) else {
            return Ok(None::<i64>);
        };
        Ok(Some(match a.cmp(&b) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }))
    })?;
    // A text whose order is the number's.
    scalar(connection, "num_key", 1, |context| {
        let flip = |units: i128| units.cast_unsigned() ^ (1 << 127);
        Ok(argument(context, 0)?.map(|a| format!("{:039}", flip(a.units()))))
    })?;
    scalar(connection, "num_text", 2, |context| {
        let scale: u32 = context.get(1)?;
        Ok(argument(context, 0)?.map(|a| fixed(a, scale)))
    })?;
    extreme(connection, "num_greatest", Ordering::Greater)?;
    extreme(connection, "num_least", Ordering::Less)?;
    let flags = FunctionFlags::SQLITE_UTF8;
    connection.create_aggregate_function("dec_sum", 1, flags, Sum)?;
    connection.create_aggregate_function("dec_avg", 1, flags, Average)?;
    connection.create_aggregate_function("dec_max", 1, flags, Extreme(Ordering::Greater))?;
    connection.create_aggregate_function("dec_min", 1, flags, Extreme(Ordering::Less))
}

/// The number with exactly `scale` fractional digits, or more where it has more.
pub(crate) fn fixed(number: Decimal, scale: u32) -> String {
    let text = number.to_string();
    let scale = usize::try_from(scale).unwrap_or(0);
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{fraction:0<scale$}"),
        None if scale == 0 => text,
        None => format!("{text}.{:0<scale$}", ""),
    }
}

fn scalar<T: rusqlite::functions::SqlFnOutput>(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&mut Context<'_>) -> Result<T> + Send + std::panic::UnwindSafe + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(name, arguments, flags, function)
}

/// A function of two numbers and the scale of its result; NULL where one is NULL.
fn binary(
    connection: &Connection,
    name: &str,
    function: impl Fn(Decimal, Decimal, u32) -> Result<Decimal, ArithmeticError>
    + Send
    + std::panic::UnwindSafe
    + 'static,
) -> Result<()> {
    scalar(connection, name, 3, move |context| {
        let (Some(a), Some(b)) = (argument(context, 0)?, argument(context, 1)?) else {
            return Ok(None);
        };
        let result = function(a, b, context.get(2)?).map_err(failed)?;
        Ok(Some(result.to_string()))
    })
}

fn extreme(connection: &Connection, name: &str, wanted: Ordering) -> Result<()> {
    scalar(connection, name, -1, move |context| {
        let mut best = argument(context, 0)?;
        for at in 1..context.len() {
            best = match (best, argument(context, at)?) {
                (Some(a), Some(b)) => Some(if b.cmp(&a) == wanted { b } else { a }),
                _ => None,
            };
        }
        Ok(best.map(|best| best.to_string()))
    })
}

fn argument(context: &Context<'_>, at: usize) -> Result<Option<Decimal>> {
    match context.get_raw(at) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(Decimal::from(number))),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let number = text.parse::<Decimal>();
            number.map(Some).map_err(|_| {
                Error::UserFunctionError(format!("Numeric value '{text}' is not recognized").into())
            })
        }
        _ => Err(Error::UserFunctionError(
            "a float where a decimal should be".into(),
        )),
    }
}

fn failed(error: ArithmeticError) -> Error {
    Error::UserFunctionError(Box::new(error))
}

struct Sum;

impl Aggregate<Option<Decimal>, Option<String>> for Sum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Decimal>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<Decimal>) -> Result<()> {
        if let Some(next) = argument(context, 0)? {
            *sum = Some(sum.unwrap_or(Decimal::ZERO).checked_add(next).map_err(failed)?);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<Decimal>>) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.to_string()))
    }
}

struct Average;

impl Aggregate<(Decimal, i64), Option<String>> for Average {
    fn init(&self, _: &mut Context<'_>) -> Result<(Decimal, i64)> {
        Ok((Decimal::ZERO, 0))
    }

    fn step(&self, context: &mut Context<'_>, state: &mut (Decimal, i64)) -> Result<()> {
        if let Some(next) = argument(context, 0)? {
            *state = (state.0.checked_add(next).map_err(failed)?, state.1 + 1);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<(Decimal, i64)>) -> Result<Option<String>> {
        let Some((sum, count @ 1..)) = state else {
            return Ok(None);
        };
        let average = sum.div_rounded(Decimal::from(count), 12).map_err(failed)?;
        Ok(Some(average.to_string()))
    }
}

struct Extreme(Ordering);

impl Aggregate<Option<Decimal>, Option<String>> for Extreme {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Decimal>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, best: &mut Option<Decimal>) -> Result<()> {
        if let Some(next) = argument(context, 0)?
            && best.is_none_or(|best| next.cmp(&best) == self.0)
        {
            *best = Some(next);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, best: Option<Option<Decimal>>) -> Result<Option<String>> {
        Ok(best.flatten().map(|best| best.to_string()))
    }
}
