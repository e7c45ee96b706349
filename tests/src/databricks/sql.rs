//! The little that tells Databricks' SQL from SQLite's, for statements over the billing tables: three-part names, fields of structs,
//! types, and functions of maps. What must hold: no number passes through a float.

use crate::snowflake::register_numbers;
use rusqlite::{
    Connection, Result,
    functions::{Context, FunctionFlags},
};
use serde_json::{Map, Value};

/// Columns that are structs: in the tables each field is a column of its own, `struct.field`.
const STRUCTS: [&str; 4] = [
    "identity_metadata",
    "pricing",
    "product_features",
    "usage_metadata",
];

/// A statement as SQLite takes it, and the tables that it reads.
pub(super) fn translated(statement: &str) -> (String, Vec<String>) {
    let (mut sql, mut tables) = (String::new(), Vec::new());
    let mut rest = statement;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\'' => rest
                .get(1..)
                .and_then(|text| text.find('\''))
                .map_or(rest.len(), |at| at + 2),
            ':' => 1 + word_length(rest.get(1..).unwrap_or_default()),
            _ if character.is_ascii_alphabetic() || character == '_' => word_length(rest),
            _ => character.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if character.is_ascii_alphabetic() || character == '_' {
            sql.push_str(&word(token, &mut tables));
        } else {
            sql.push_str(token);
        }
        rest = after;
    }
    (sql, tables)
}

/// A name with its dots.
fn word_length(text: &str) -> usize {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
    text.find(|character| !fits(character)).unwrap_or(text.len())
}

fn word(token: &str, tables: &mut Vec<String>) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        ["system", _, table] => {
            tables.push(token.to_owned());
            (*table).to_owned()
        }
        [name, ..] if parts.len() > 1 && STRUCTS.contains(name) => format!("\"{token}\""),
        [alias, name, ..] if parts.len() > 2 && STRUCTS.contains(name) => {
            format!("{alias}.\"{}\"", token.get(alias.len() + 1..).unwrap_or_default())
        }
        _ if token.eq_ignore_ascii_case("STRING") => "TEXT".to_owned(),
        _ if token.eq_ignore_ascii_case("SUM") => "dec_sum".to_owned(),
        _ => token.to_owned(),
    }
}

/// Registers Databricks' functions. A map is a JSON array of pairs, in no order.
pub(super) fn register(connection: &Connection) -> Result<()> {
    register_numbers(connection)?;
    let scalar = |name: &str, function: fn(&mut Context<'_>) -> Result<Option<String>>| {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function(name, 1, flags, function)
    };
    scalar("map_entries", |context| context.get(0))?;
    scalar("map_from_entries", |context| context.get(0))?;
    scalar("array_sort", |context| {
        let mut pairs = pairs(context)?;
        pairs.iter_mut().for_each(|pairs| pairs.sort());
        Ok(pairs.map(|pairs| {
            Value::from_iter(pairs.into_iter().map(|(name, value)| vec![name, value])).to_string()
        }))
    })?;
    scalar("to_json", |context| {
        let object = |pairs: Vec<(String, String)>| {
            let pairs = pairs
                .into_iter()
                .map(|(name, value)| (name, Value::String(value)));
            Value::Object(Map::from_iter(pairs)).to_string()
        };
        Ok(pairs(context)?.map(object))
    })?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("xxhash64", 1, flags, |context| {
        let text: String = context.get(0)?;
        let mix = |hash: i64, byte: u8| {
            hash.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(i64::from(byte) + 1)
        };
        Ok(text.bytes().fold(17, mix))
    })?;
    connection.create_scalar_function("pmod", 2, flags, |context| {
        let (number, of): (i64, i64) = (context.get(0)?, context.get(1)?);
        Ok((of != 0).then(|| number.rem_euclid(of)))
    })
}

fn pairs(context: &Context<'_>) -> Result<Option<Vec<(String, String)>>> {
    let text: Option<String> = context.get(0)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::translated;

    #[test]
    fn names_and_types_become_sqlites() {
        let (sql, tables) = translated(
            "SELECT CAST(SUM(u.usage_quantity) AS STRING) AS q, u.usage_metadata.job_id, pricing.effective_list.default, 'a.b STRING' \
             FROM system.billing.usage u WHERE usage_date >= :first",
        );
        assert_eq!(
            sql,
            "SELECT CAST(dec_sum(u.usage_quantity) AS TEXT) AS q, u.\"usage_metadata.job_id\", \
             \"pricing.effective_list.default\", 'a.b STRING' FROM usage u WHERE usage_date >= :first"
        );
        assert_eq!(tables, ["system.billing.usage"]);
    }
}
