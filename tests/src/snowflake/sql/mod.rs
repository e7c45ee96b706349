//! The part of Snowflake's SQL that readers of usage views use, run for real on SQLite.
//!
//! A statement is parsed, typed against the catalog and written as SQLite SQL over registered exact functions.
//! What must hold: no number passes through a float, and types of results are Snowflake's.

mod ast;
mod calls;
mod emit;
mod exact;
mod expressions;
mod lexer;
mod moments;
mod parser;
mod scope;

pub(crate) use emit::translate;
pub(crate) use exact::{fixed, register as register_numbers};
pub(crate) use moments::{formatted, local, register as register_moments};

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// NUMBER with so many fractional digits.
    Fixed(u32),
    /// FLOAT, held by its digits.
    Float,
    /// VARCHAR.
    Text,
    /// DATE, held as YYYY-MM-DD.
    Date,
    /// A timestamp, held as RFC 3339 in UTC with milliseconds.
    Timestamp(Zone),
    /// BOOLEAN, held as 0 and 1.
    Boolean,
    /// Only NULL is known of it.
    Null,
}

/// Kinds of timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// TIMESTAMP_LTZ
    Local,
    /// TIMESTAMP_NTZ
    None,
    /// TIMESTAMP_TZ
    Explicit,
}

/// A named column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
}

/// A statement ready for SQLite.
#[derive(Clone, Debug)]
pub(crate) struct Translated {
    pub(crate) sql: String,
    pub(crate) columns: Vec<Column>,
    /// The views it reads, as SCHEMA.VIEW.
    pub(crate) views: Vec<String>,
}

/// What a statement runs in.
pub(crate) struct Session<'a> {
    /// Finds a view by schema and name; what is absent or not granted is none.
    pub(crate) view: &'a dyn Fn(&str, &str) -> Option<View>,
    pub(crate) database: Option<&'a str>,
    pub(crate) schema: Option<&'a str>,
    pub(crate) binds: &'a [Bind],
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// The time now, as RFC 3339.
    pub(crate) now: String,
    /// Context functions without arguments and their values.
    pub(crate) context: &'a [(&'a str, &'a str)],
}

/// A view that may be read.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The SQLite expression to select from.
    pub(crate) from: String,
    pub(crate) columns: Vec<Column>,
}

/// A binding's value.
#[derive(Clone, Debug)]
pub(crate) struct Bind {
    pub(crate) kind: Type,
    pub(crate) value: Option<String>,
}

/// An error as Snowflake words it: it comes with HTTP status 422.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlError {
    pub(crate) code: String,
    pub(crate) state: String,
    pub(crate) message: String,
}

impl SqlError {
    pub(crate) fn new(code: &str, state: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            state: state.to_owned(),
            message: message.into(),
        }
    }

    fn compilation(code: &str, state: &str, what: &str) -> Self {
        Self::new(code, state, format!("SQL compilation error:\n{what}"))
    }

    fn syntax(sql: &str, at: usize, what: &str) -> Self {
        let before = sql.get(..at).unwrap_or(sql);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
        let what = format!("syntax error line {line} at position {column} unexpected '{what}'.");
        Self::compilation("001003", "42000", &what)
    }

    /// The object is absent, or the role may not see it: Snowflake does not tell which.
    pub(crate) fn no_object(name: &str) -> Self {
        let what = format!("Object '{name}' does not exist or not authorized.");
        Self::new("002003", "42S02", format!("SQL compilation error: {what}"))
    }

    fn no_identifier(name: &str) -> Self {
        Self::compilation(
            "000904",
            "42000",
            &format!("error line 1 at position 0\ninvalid identifier '{name}'"),
        )
    }

    fn no_function(name: &str) -> Self {
        Self::compilation("002140", "42601", &format!("Unknown function {name}"))
    }

    fn bad_arguments(name: &str) -> Self {
        let what = format!("error line 1 at position 0\nInvalid argument types for function '{name}'");
        Self::compilation("001044", "42P13", &what)
    }

    fn not_grouped(name: &str) -> Self {
        let what = format!("error line 1 at position 0\n'{name}' is not a valid group by expression");
        Self::compilation("000979", "42601", &what)
    }

    fn several_statements() -> Self {
        let message = "Actual statement count 2 did not match the desired statement count 1.";
        Self::new("000008", "0A000", message)
    }

    fn unsupported(word: &str) -> Self {
        Self::new("391911", "0A000", format!("Unsupported statement type '{word}'."))
    }

    /// A value could not be taken as what it should be.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("100038", "22018", message)
    }
}
