//! A narrow BigQuery: SELECT ... FROM `table` [CROSS JOIN UNNEST(...)] [WHERE ...] GROUP BY places, worked out from the lines.
//! What must hold: an expression or a condition that is not known to the letter is refused, and never guessed at.

use super::{
    export::{Line, day, exact, los_angeles},
    focus,
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;

/// A value of a `@name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Day(Date),
    Days(Vec<Date>),
}

/// The parameters of a query.
pub(crate) type Values = BTreeMap<String, Value>;

/// Which table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Standard,
    Detailed,
    Focus,
}

/// What a query gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// Lines of the partitions that were looked at.
    pub(crate) scanned: usize,
    /// Columns that were read.
    pub(crate) width: usize,
}

/// What BigQuery says of a query that it does not take.
type Said<T> = Result<T, String>;

/// A query taken apart.
#[derive(Debug)]
struct Query {
    items: Vec<(String, String)>,
    conditions: Vec<String>,
    groups: usize,
    pieces: bool,
}

/// A line, or a piece of it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) line: &'a Line,
    schema: Schema,
    piece: Piece,
    values: &'a Values,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Whole,
    Cost,
    Credit(usize),
}

/// The pieces of a line: its cost, and every credit.
const PIECES: &str = "UNNEST(ARRAY_CONCAT([STRUCT(FALSE AS is_credit, CAST(NULL AS STRING) AS credit_type, \
    CAST(NULL AS STRING) AS credit_id, CAST(NULL AS STRING) AS credit_name, \
    ROUND(CAST(CAST(cost AS STRING) AS BIGNUMERIC), 18) AS cost, \
    ROUND(CAST(CAST(cost_at_list AS STRING) AS BIGNUMERIC), 18) AS list_cost, \
    ROUND(CAST(CAST(usage.amount AS STRING) AS BIGNUMERIC), 18) AS amount, \
    ROUND(CAST(CAST(usage.amount_in_pricing_units AS STRING) AS BIGNUMERIC), 18) AS priced)], \
    ARRAY(SELECT STRUCT(TRUE AS is_credit, credit.type AS credit_type, credit.id AS credit_id, \
    credit.full_name AS credit_name, ROUND(CAST(CAST(credit.amount AS STRING) AS BIGNUMERIC), 18) AS cost, \
    CAST(NULL AS BIGNUMERIC) AS list_cost, CAST(NULL AS BIGNUMERIC) AS amount, CAST(NULL AS BIGNUMERIC) AS priced) \
    FROM UNNEST(credits) AS credit))) AS piece";

/// Runs a query over the lines of a table.
pub(crate) fn run(lines: &[Line], schema: Schema, table: &str, sql: &str, values: &Values) -> Said<Answer> {
    let query = parse(sql, table)?;
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<Row<'_>>> = BTreeMap::new();
    let mut scanned = 0;
    for line in lines {
        let whole = Row {
            line,
            schema,
            piece: Piece::Whole,
            values,
        };
        let (mut holds, mut pruned) = (true, false);
        for condition in &query.conditions {
            let here = whole.holds(condition)?;
            holds &= here;
            pruned |= condition.contains("_PARTITIONTIME") && !here;
        }
        scanned += usize::from(!pruned);
        let pieces = match query.pieces {
            false => vec![Piece::Whole],
            true => std::iter::once(Piece::Cost)
                .chain((0..line.credits.len()).map(Piece::Credit))
                .collect(),
        };
        for piece in pieces.into_iter().filter(|_| holds) {
            let row = Row { piece, ..whole };
            let key = query.items.iter().take(query.groups);
            let key = key
                .map(|(expression, _)| row.scalar(expression))
                .collect::<Said<_>>()?;
            groups.entry(key).or_default().push(row);
        }
    }
    let mut rows = Vec::new();
    for (mut cells, members) in groups {
        for (expression, _) in query.items.iter().skip(query.groups) {
            cells.push(aggregate(expression, &members)?);
        }
        rows.push(cells);
    }
    Ok(Answer {
        width: query.items.len(),
        columns: query.items.into_iter().map(|(_, name)| name).collect(),
        rows,
        scanned,
    })
}

fn parse(sql: &str, table: &str) -> Said<Query> {
    let plain = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = plain
        .strip_prefix("SELECT ")
        .ok_or("Syntax error: expected SELECT")?;
    let (items, rest) = cut(rest, " FROM ").ok_or("Syntax error: expected FROM")?;
    let (from, groups) = cut(rest, " GROUP BY ").ok_or("the simulator takes only queries that group")?;
    let (from, conditions) = cut(from, " WHERE ").unwrap_or((from, ""));
    let (name, joined) = cut(from, " CROSS JOIN ").unwrap_or((from, ""));
    if name != format!("`{table}`") {
        return Err(format!("Not found: Table {name} was not found"));
    }
    if !joined.is_empty() && joined != PIECES {
        return Err(format!("the simulator does not know the join {joined}"));
    }
    let items = split(items, ",")
        .into_iter()
        .map(|item| {
            let (expression, name) = item.rsplit_once(" AS ").ok_or("an item has no name")?;
            Ok((expression.to_owned(), name.to_owned()))
        })
        .collect::<Said<Vec<_>>>()?;
    let places: Vec<usize> = groups
        .split(", ")
        .map(|place| place.parse().map_err(|_| format!("{place} is no place")))
        .collect::<Said<_>>()?;
    if places != (1..=places.len()).collect::<Vec<_>>() || places.len() > items.len() {
        return Err("the simulator groups by the first places".to_owned());
    }
    let conditions = match conditions {
        "" => Vec::new(),
        text => split(text, " AND ").into_iter().map(str::to_owned).collect(),
    };
    Ok(Query {
        items,
        conditions,
        groups: places.len(),
        pieces: !joined.is_empty(),
    })
}

/// The parts of a text between separators that stand outside of all brackets.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((part, after)) = cut(rest, separator) {
        parts.push(part.trim());
        rest = after;
    }
    parts.push(rest.trim());
    parts
}

/// The text before and after a separator that stands outside of all brackets.
fn cut<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut depth = 0;
    for (place, character) in text.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        if let Some(after) = text
            .get(place..)
            .and_then(|rest| rest.strip_prefix(separator))
            .filter(|_| depth == 0)
        {
            return Some((text.get(..place).unwrap_or_default(), after));
        }
    }
    None
}

impl Row<'_> {
    fn value(&self, name: &str) -> Said<&Value> {
        let missing = || format!("Query parameter '{name}' not found");
        self.values.get(name).ok_or_else(missing)
    }

    /// The column that says when something was used.
    fn moments(&self) -> (&'static str, &'static str) {
        match self.schema {
            Schema::Focus => ("ChargePeriodStart", "x_ExportTime"),
            _ => ("usage_start_time", "export_time"),
        }
    }

    fn holds(&self, condition: &str) -> Said<bool> {
        let (used, exported) = self.moments();
        if condition == format!("DATE(IFNULL({used}, {exported})) IN UNNEST(@days)") {
            return match self.value("days")? {
                Value::Days(days) => Ok(days.contains(&self.line.day())),
                _ => Err("@days is no array of days".to_owned()),
            };
        }
        if condition == format!("{exported} <= TIMESTAMP_MICROS(@through)") {
            return match self.value("through")? {
                Value::Integer(through) => Ok(self.line.export_time.as_microsecond() <= *through),
                _ => Err("@through is no INT64".to_owned()),
            };
        }
        if condition == "(_PARTITIONTIME IS NULL OR DATE(_PARTITIONTIME) >= @arrived)" {
            return match self.value("arrived")? {
                Value::Day(first) => Ok(day(self.line.export_time) >= *first),
                _ => Err("@arrived is no DATE".to_owned()),
            };
        }
        Err(format!("the simulator does not know the condition {condition}"))
    }

    fn scalar(&self, expression: &str) -> Said<Option<String>> {
        let day = match self.schema {
            Schema::Focus => "DATE(IFNULL(ChargePeriodStart, x_ExportTime))",
            _ => "DATE(IFNULL(usage_start_time, export_time))",
        };
        if expression == day {
            return Ok(Some(self.line.day().to_string()));
        }
        if self.schema == Schema::Focus {
            return focus::scalar(self.line, expression)
                .ok_or_else(|| format!("Unrecognized name: {expression}"));
        }
        let line = self.line;
        let detailed = self.schema == Schema::Detailed;
        let credit = match self.piece {
            Piece::Credit(place) => line.credits.get(place),
            _ => None,
        };
        let found = match expression {
            "CAST(NULL AS STRING)" => None,
            "billing_account_id" => Some(line.billing_account_id.clone()),
            "invoice.month" => Some(line.invoice_month.clone()),
            "cost_type" => Some(line.cost_type.clone()),
            "currency" => Some(line.currency.clone()),
            "project.id" => line.project_id.clone(),
            "project.name" => line.project_name.clone(),
            "service.id" => line.service_id.clone(),
            "service.description" => line.service.clone(),
            "sku.id" => line.sku_id.clone(),
            "sku.description" => line.sku.clone(),
            "location.region" => line.region.clone(),
            "location.zone" => line.zone.clone(),
            "transaction_type" => Some(line.transaction_type.clone()),
            "seller_name" => line.seller.clone(),
            "resource.global_name" if detailed => line
                .resource
                .as_ref()
                .map(|name| format!("//simulated.googleapis.com/{name}")),
            "resource.name" if detailed => line.resource.clone(),
            "IFNULL(adjustment_info.id IS NOT NULL AND FORMAT_TIMESTAMP('%Y%m', usage_start_time, \
             'America/Los_Angeles') < invoice.month, FALSE)" => Some(self.corrected()?.to_string()),
            "(SELECT MAX(label.value) FROM UNNEST(labels) AS label WHERE label.key = @label)" => {
                match self.value("label")? {
                    Value::Text(label) => line.labels.get(label).cloned(),
                    _ => return Err("@label is no STRING".to_owned()),
                }
            }
            _ if self.piece == Piece::Whole => return Err(format!("Unrecognized name: {expression}")),
            "IF(piece.is_credit, CAST(NULL AS STRING), usage.unit)" => {
                line.unit.clone().filter(|_| credit.is_none())
            }
            "IF(piece.is_credit, CAST(NULL AS STRING), usage.pricing_unit)" => {
                line.pricing_unit.clone().filter(|_| credit.is_none())
            }
            "piece.is_credit" => Some(credit.is_some().to_string()),
            "piece.credit_type" => credit.map(|credit| credit.kind.clone()),
            "piece.credit_id" => credit.map(|credit| credit.id.clone()),
            "piece.credit_name" => credit.map(|credit| credit.name.clone()),
            _ => return Err(format!("Unrecognized name: {expression}")),
        };
        Ok(found)
    }

    fn corrected(&self) -> Said<bool> {
        let Some(used) = self
            .line
            .usage_start_time
            .filter(|_| self.line.adjustment.is_some())
        else {
            return Ok(false);
        };
        let there = los_angeles().map_err(|error| error.to_string())?;
        Ok(there.to_datetime(used).strftime("%Y%m").to_string() < self.line.invoice_month)
    }

    /// An amount; none where the column is NULL.
    fn amount(&self, column: &str) -> Said<Option<Decimal>> {
        let line = self.line;
        let text = match (column, self.piece) {
            (_, Piece::Whole) if self.schema == Schema::Focus => {
                return focus::amount(line, column).ok_or_else(|| format!("Unrecognized name: {column}"));
            }
            ("piece.cost", Piece::Cost) => Some(&line.cost),
            ("piece.cost", Piece::Credit(place)) => line.credits.get(place).map(|credit| &credit.amount),
            ("piece.list_cost", Piece::Cost) => line.list.as_ref(),
            ("piece.amount", Piece::Cost) => Some(&line.amount),
            ("piece.priced", Piece::Cost) => Some(&line.priced),
            ("piece.list_cost" | "piece.amount" | "piece.priced", Piece::Credit(_)) => None,
            _ => return Err(format!("Unrecognized name: {column}")),
        };
        text.map(|text| exact(text).map_err(|error| error.to_string()))
            .transpose()
    }
}

fn aggregate(expression: &str, members: &[Row<'_>]) -> Said<Option<String>> {
    let inside = |prefix: &str, suffix: &str| {
        expression
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix))
    };
    let sum = |column: &str, whole: bool| -> Said<Option<String>> {
        let amounts = members
            .iter()
            .map(|row| row.amount(column))
            .collect::<Said<Vec<_>>>()?;
        let known: Vec<Decimal> = amounts.iter().copied().flatten().collect();
        if known.is_empty() || (whole && known.len() < amounts.len()) {
            return Ok(None);
        }
        let sum = Decimal::sum(known).map_err(|error| error.to_string())?;
        Ok(Some(sum.to_string()))
    };
    match expression {
        "COUNT(*)" => return Ok(Some(members.len().to_string())),
        "COUNTIF(NOT piece.is_credit)" => {
            let lines = members.iter().filter(|row| row.piece == Piece::Cost);
            return Ok(Some(lines.count().to_string()));
        }
        "UNIX_MICROS(MAX(export_time))" | "UNIX_MICROS(MAX(x_ExportTime))" => {
            let newest: Option<Timestamp> = members.iter().map(|row| row.line.export_time).max();
            return Ok(newest.map(|at| at.as_microsecond().to_string()));
        }
        "CAST(MAX(CAST(NULL AS BIGNUMERIC)) AS STRING)" => return Ok(None),
        _ => {}
    }
    if let Some(column) = inside("MAX(", ")") {
        let values = members
            .iter()
            .map(|row| row.scalar(column))
            .collect::<Said<Vec<_>>>()?;
        return Ok(values.into_iter().flatten().max());
    }
    if let Some(column) = inside("CAST(SUM(", ") AS STRING)") {
        return sum(column, false);
    }
    if let Some(inner) = inside("CAST(IF(COUNT(", ", NULL) AS STRING)") {
        let (counted, summed) = inner
            .split_once(") = COUNT(*), SUM(")
            .ok_or_else(|| format!("the simulator does not know {expression}"))?;
        let exactly = format!("ROUND(CAST(CAST({counted} AS STRING) AS BIGNUMERIC), 18))");
        if summed == format!("{counted})") || summed == exactly {
            return sum(counted, true);
        }
    }
    Err(format!("the simulator does not know {expression}"))
}
