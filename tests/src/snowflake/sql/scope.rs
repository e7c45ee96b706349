//! What names mean inside one SELECT: the sources' columns and the select list's aliases.

use super::{Column, Session, SqlError, Type, ast::Expr};

/// One source in FROM.
pub(crate) struct Table {
    pub(crate) alias: String,
    pub(crate) columns: Vec<Column>,
}

/// The names known while a SELECT is written.
pub(crate) struct Scope<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) tables: Vec<Table>,
    pub(crate) aliases: Vec<(String, Expr)>,
}

/// A piece of SQLite SQL and its type.
pub(crate) type Typed = (String, Type);

impl Scope<'_> {
    /// The column of that name, if exactly one source has it.
    pub(crate) fn column(&self, table: Option<&str>, name: &str) -> Result<Option<Typed>, SqlError> {
        let mut found = None;
        for source in self
            .tables
            .iter()
            .filter(|source| table.is_none_or(|table| source.alias == table))
        {
            if let Some(column) = source.columns.iter().find(|column| column.name == name) {
                if found.is_some() {
                    return Err(SqlError::compilation(
                        "002028",
                        "42601",
                        &format!("ambiguous column name '{name}'"),
                    ));
                }
                found = Some((
                    format!("{}.{}", identifier(&source.alias), identifier(name)),
                    column.kind,
                ));
            }
        }
        Ok(found)
    }

    /// What the select list calls by that name.
    pub(crate) fn alias(&self, name: &str) -> Option<&Expr> {
        self.aliases
            .iter()
            .find(|(alias, _)| alias == name)
            .map(|(_, expr)| expr)
    }
}

/// A quoted SQLite identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted SQLite string.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
