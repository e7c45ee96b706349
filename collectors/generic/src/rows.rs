//! Rows of a JSON or CSV file, one by one, and the text of their cells.
//! What must hold: a file that is cut off is never taken for a whole one.

use crate::{
    fields::{Fields, From},
    settings::{Kind, Settings},
};
use finops_collector::{Failure, Response, excerpt, http::failure_within, json::each_at};
use serde_json::Value;
use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read},
};

/// A row.
pub(crate) enum Row<'a> {
    /// Cells by the header's names.
    Csv(&'a BTreeMap<String, usize>, &'a csv::StringRecord),
    /// An object.
    Json(&'a Value),
}

impl Row<'_> {
    /// The text of a cell; none where it is empty, null or missing.
    ///
    /// # Errors
    /// `malformed-reply` for a list or an object.
    pub(crate) fn text(&self, from: &From) -> Result<Option<String>, Failure> {
        let column = match from {
            From::Text(text) => return Ok(Some(text.clone())),
            From::Column(column) => column,
        };
        let text = match self {
            Self::Csv(header, record) => header
                .get(column)
                .and_then(|index| record.get(*index))
                .map(str::to_owned),
            Self::Json(row) => {
                let member = row
                    .get(column)
                    .or_else(|| column.split('.').try_fold(*row, |value, name| value.get(name)));
                match member {
                    None | Some(Value::Null) => None,
                    Some(Value::String(text)) => Some(text.clone()),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
                    Some(Value::Array(_) | Value::Object(_)) => {
                        return Err(Failure::malformed(format_args!(
                            "`{}` holds a list or an object",
                            excerpt(column, 60)
                        )));
                    }
                }
            }
        };
        Ok(text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    }
}

/// Calls `each` with every row of the file.
///
/// # Errors
/// `malformed-reply`, naming the row; what `each` returns, with the row's number.
pub(crate) fn each(
    settings: &Settings,
    response: Response,
    mut each: impl FnMut(&Row<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut number = 0_u64;
    let mut numbered = |row: &Row<'_>| {
        number += 1;
        each(row).map_err(|failure| failure.context(format_args!("row {number}")))
    };
    if settings.kind == Kind::Json {
        let path: Vec<&str> = settings.rows.iter().map(String::as_str).collect();
        each_at(response.reader(), &path, |row: Value| match row.is_object() {
            true => numbered(&Row::Json(&row)),
            false => Err(Failure::malformed("a row is no object")),
        })?;
        return Ok(());
    }
    csv(settings, response, &mut numbered)
}

fn csv(
    settings: &Settings,
    response: Response,
    each: &mut dyn FnMut(&Row<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = BufReader::with_capacity(64 * 1_024, response.reader());
    if reader
        .fill_buf()
        .map_err(failure_within)?
        .trim_ascii_start()
        .starts_with(b"<")
    {
        return Err(Failure::malformed(
            "a page of HTML came instead of CSV (a login page or a proxy?)",
        ));
    }
    let ended = Cell::new(true);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(settings.separator)
        .from_reader(Watched {
            reader,
            ended: &ended,
        });
    let header: BTreeMap<String, usize> = csv
        .headers()
        .map_err(broken)?
        .iter()
        .enumerate()
        .map(|(index, name)| (name.trim_start_matches('\u{feff}').trim().to_owned(), index))
        .collect();
    check(&settings.fields, &header)?;
    let mut row = csv::StringRecord::new();
    while csv.read_record(&mut row).map_err(broken)? {
        each(&Row::Csv(&header, &row))?;
    }
    match ended.get() {
        true => Ok(()),
        false => Err(Failure::malformed(
            "the file is cut off: its last line has no end; let whatever writes it end each line",
        )),
    }
}

fn check(fields: &Fields, header: &BTreeMap<String, usize>) -> Result<(), Failure> {
    let Some(missing) = fields.columns().find(|column| !header.contains_key(*column)) else {
        return Ok(());
    };
    let names: Vec<&str> = header.keys().map(String::as_str).collect();
    Err(Failure::settings(format_args!(
        "[settings] fields: the file has no column `{}`; it has {}",
        excerpt(missing, 60),
        excerpt(&names.join(", "), 300)
    )))
}

fn broken(error: csv::Error) -> Failure {
    let text = excerpt(&error.to_string(), 200);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => failure_within(error),
        _ => Failure::malformed(format_args!("the CSV is damaged or cut off: {text}")),
    }
}

/// Knows whether what was read so far ends with a line's end.
struct Watched<'a, R> {
    reader: R,
    ended: &'a Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(last) = count.checked_sub(1).and_then(|last| buffer.get(last)) {
            self.ended.set(*last == b'\n');
        }
        Ok(count)
    }
}
