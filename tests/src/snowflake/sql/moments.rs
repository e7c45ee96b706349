//! Date and time functions for SQLite (`at_*`). A date stands as YYYY-MM-DD, a timestamp as RFC 3339 in UTC with
//! milliseconds, so that order as text is order in time. The session's offset from UTC comes as an argument.

use jiff::{
    SpanRound, Timestamp, ToSpan, Unit,
    civil::{Date, DateTime},
    tz::Offset,
};
use rusqlite::{
    Connection, Error, Result,
    functions::{Context, FunctionFlags},
};

/// Registers all functions of this file.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    // at_date(value, offset): the date of a text, date or timestamp
    scalar(connection, "at_date", 2, |value, context| {
        Ok(local(value, offset(context, 1)?)?.date().to_string())
    })?;
    // at_time(value, offset): the timestamp of a text, date or timestamp
    scalar(connection, "at_time", 2, |value, context| {
        let offset = offset(context, 1)?;
        Ok(shown(instant(local(value, offset)?, offset)?))
    })?;
    // at_trunc(value, offset, unit): the beginning of the unit, as the same kind
    scalar(connection, "at_trunc", 3, |value, context| {
        let offset = offset(context, 1)?;
        let begin = truncated(local(value, offset)?, &unit(context, 2)?)?;
        same_kind(value, begin, offset)
    })?;
    // at_add(value, offset, unit, n), as the same kind
    scalar(connection, "at_add", 4, |value, context| {
        let offset = offset(context, 1)?;
        let n: i64 = context
            .get::<String>(3)?
            .parse()
            .map_err(|_| failed("DATEADD needs a whole number"))?;
        let span = match unit(context, 2)?.as_str() {
            "YEAR" => n.years(),
            "QUARTER" => (n * 3).months(),
            "MONTH" => n.months(),
            "WEEK" => n.weeks(),
            "DAY" => n.days(),
            "HOUR" => n.hours(),
            "MINUTE" => n.minutes(),
            "SECOND" => n.seconds(),
            other => return Err(unknown_unit(other)),
        };
        let moved = local(value, offset)?.checked_add(span).map_err(failed)?;
        same_kind(value, moved, offset)
    })?;
    // at_part(value, offset, unit): a whole number as text
    scalar(connection, "at_part", 3, |value, context| {
        let offset = offset(context, 1)?;
        let at = local(value, offset)?;
        let part = match unit(context, 2)?.as_str() {
            "YEAR" => i64::from(at.year()),
            "MONTH" => i64::from(at.month()),
            "DAY" => i64::from(at.day()),
            "HOUR" => i64::from(at.hour()),
            "MINUTE" => i64::from(at.minute()),
            "SECOND" => i64::from(at.second()),
            "EPOCH_SECOND" | "EPOCH" => instant(at, offset)?.as_second(),
            "EPOCH_MILLISECOND" => instant(at, offset)?.as_millisecond(),
            other => return Err(unknown_unit(other)),
        };
        Ok(part.to_string())
    })?;
    // at_diff(value, offset, unit, later): boundaries of the unit between the two
    scalar(connection, "at_diff", 4, |value, context| {
        let offset = offset(context, 1)?;
        let unit_name = unit(context, 2)?;
        let from = truncated(local(value, offset)?, &unit_name)?;
        let to = truncated(local(&context.get::<String>(3)?, offset)?, &unit_name)?;
        let unit = match unit_name.as_str() {
            "MONTH" => Unit::Month,
            "DAY" => Unit::Day,
            "HOUR" => Unit::Hour,
            "MINUTE" => Unit::Minute,
            _ => Unit::Second,
        };
        let span = (to - from)
            .round(SpanRound::new().largest(unit).relative(from))
            .map_err(failed)?;
        let count = match unit {
            Unit::Month => i64::from(span.get_months()),
            Unit::Day => i64::from(span.get_days()),
            Unit::Hour => i64::from(span.get_hours()),
            Unit::Minute => span.get_minutes(),
            _ => span.get_seconds(),
        };
        Ok(count.to_string())
    })?;
    // at_text(value, offset, format): TO_CHAR
    scalar(connection, "at_text", 3, |value, context| {
        let offset = offset(context, 1)?;
        Ok(formatted(
            local(value, offset)?,
            offset,
            &context.get::<String>(2)?,
        ))
    })
}

/// Writes a local date and time by a Snowflake format (YYYY MM DD HH24 MI SS FF3 TZHTZM; anything else stands for itself).
pub(crate) fn formatted(at: DateTime, offset: Offset, format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    'next: while !rest.is_empty() {
        let upper = rest.to_ascii_uppercase();
        for (token, value) in [
            ("YYYY", format!("{:04}", at.year())),
            ("MM", format!("{:02}", at.month())),
            ("DD", format!("{:02}", at.day())),
            ("HH24", format!("{:02}", at.hour())),
            ("MI", format!("{:02}", at.minute())),
            ("SS", format!("{:02}", at.second())),
            ("FF9", format!("{:09}", at.subsec_nanosecond())),
            ("FF3", format!("{:03}", at.millisecond())),
            ("TZH:TZM", format!("{:+03}:00", offset.seconds() / 3600)),
            ("TZHTZM", format!("{:+03}00", offset.seconds() / 3600)),
        ] {
            if upper.starts_with(token) {
                text.push_str(&value);
                rest = rest.get(token.len()..).unwrap_or("");
                continue 'next;
            }
        }
        if rest.starts_with('"') {
            rest = rest.get(1..).unwrap_or("");
            continue;
        }
        let first = rest.chars().next().unwrap_or(' ');
        text.push(first);
        rest = rest.get(first.len_utf8()..).unwrap_or("");
    }
    text
}

/// The local date and time of a text: a date, or a timestamp with or without an offset of its own.
pub(crate) fn local(value: &str, offset: Offset) -> Result<DateTime> {
    let iso = value.replacen(' ', "T", 1);
    let zone_at = iso.get(11..).and_then(|time| time.find(['Z', '+', '-']));
    if zone_at.is_some() {
        let at: Timestamp = iso.replace(' ', "").parse().map_err(|_| unrecognised(value))?;
        return Ok(offset.to_datetime(at));
    }
    if let Ok(date) = iso.parse::<Date>()
        && !iso.contains('T')
    {
        return Ok(date.to_datetime(jiff::civil::Time::midnight()));
    }
    iso.parse().map_err(|_| unrecognised(value))
}

fn instant(at: DateTime, offset: Offset) -> Result<Timestamp> {
    offset.to_timestamp(at).map_err(failed)
}

/// A timestamp as tables hold it.
pub(crate) fn shown(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn same_kind(value: &str, at: DateTime, offset: Offset) -> Result<String> {
    if value.len() == 10 {
        return Ok(at.date().to_string());
    }
    Ok(shown(instant(at, offset)?))
}

fn truncated(at: DateTime, unit: &str) -> Result<DateTime> {
    let day = at.date();
    Ok(match unit {
        "YEAR" => day.first_of_year().into(),
        "MONTH" => day.first_of_month().into(),
        "WEEK" => {
            let back = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(back.days()).map_err(failed)?.into()
        }
        "DAY" => day.into(),
        "HOUR" => day.at(at.hour(), 0, 0, 0),
        "MINUTE" => day.at(at.hour(), at.minute(), 0, 0),
        "SECOND" => day.at(at.hour(), at.minute(), at.second(), 0),
        other => return Err(unknown_unit(other)),
    })
}

fn scalar(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&str, &Context<'_>) -> Result<String> + Send + std::panic::UnwindSafe + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(name, arguments, flags, move |context| {
        for at in 0..context.len() {
            if context.get_raw(at) == rusqlite::types::ValueRef::Null {
                return Ok(None);
            }
        }
        function(&context.get::<String>(0)?, context).map(Some)
    })
}

fn offset(context: &Context<'_>, at: usize) -> Result<Offset> {
    Offset::from_seconds(context.get(at)?).map_err(failed)
}

/// The name of a unit, without plural.
fn unit(context: &Context<'_>, at: usize) -> Result<String> {
    let name = context.get::<String>(at)?.to_uppercase();
    Ok(match name.strip_suffix('S') {
        Some(singular) => singular.to_owned(),
        None if name == "DD" || name == "D" => "DAY".to_owned(),
        None if name == "HH" => "HOUR".to_owned(),
        None => name,
    })
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::UserFunctionError(error.into())
}

fn unrecognised(value: &str) -> Error {
    failed(format!("Timestamp '{value}' is not recognized"))
}

fn unknown_unit(unit: &str) -> Error {
    failed(format!("'{unit}' is not a valid date/time component"))
}
