//! A parsed SELECT to SQLite SQL and the types of its columns.
//!
//! What must hold: every operator on numbers becomes an exact function; nothing is left to SQLite's own arithmetic.

use super::{
    Column, Session, SqlError, Translated, Type, Zone,
    ast::{Expr, Grouping, Item, Join, Select, Source},
    calls, parser,
    scope::{Scope, Table, Typed, identifier, literal},
};

/// Translates one statement.
pub(crate) fn translate(sql: &str, session: &Session<'_>) -> Result<Translated, SqlError> {
    let parsed = parser::parse(sql)?;
    let mut views = Vec::new();
    let (sql, columns) = select(&parsed, session, &mut views)?;
    Ok(Translated { sql, columns, views })
}

fn select(
    parsed: &Select,
    session: &Session<'_>,
    views: &mut Vec<String>,
) -> Result<(String, Vec<Column>), SqlError> {
    let mut scope = Scope {
        session,
        tables: Vec::new(),
        aliases: Vec::new(),
    };
    let mut from = String::new();
    for (at, source) in parsed.from.iter().enumerate() {
        let (text, columns) = match &source.source {
            Source::View(parts) => view(parts, session, views)?,
            Source::Derived(inner) => {
                let (sql, columns) = select(inner, session, views)?;
                (format!("({sql})"), columns)
            }
        };
        scope.tables.push(Table {
            alias: source.alias.clone(),
            columns,
        });
        let keyword = match (&source.join, at) {
            (_, 0) => " FROM ",
            (Some((Join::Left, _)), _) => " LEFT JOIN ",
            _ => " JOIN ",
        };
        from.push_str(&format!("{keyword}{text} AS {}", identifier(&source.alias)));
        if let Some((_, on)) = &source.join {
            from.push_str(&format!(" ON {}", condition(on, &scope)?));
        }
    }
    let items = items(parsed, &scope);
    scope.aliases = items
        .iter()
        .map(|(expr, name)| (name.clone(), expr.clone()))
        .collect();

    let mut written = Vec::new();
    let mut columns = Vec::new();
    for (expr, name) in &items {
        let (text, kind) = expression(expr, &scope)?;
        columns.push(Column {
            name: name.clone(),
            kind,
        });
        written.push(text);
    }
    let selected: Vec<String> = written
        .iter()
        .zip(&columns)
        .map(|(text, column)| format!("{text} AS {}", identifier(&column.name)))
        .collect();
    let distinct = if parsed.distinct { "DISTINCT " } else { "" };
    let mut sql = format!("SELECT {distinct}{}{from}", selected.join(", "));
    if let Some(filter) = &parsed.filter {
        sql.push_str(&format!(" WHERE {}", condition(filter, &scope)?));
    }
    let groups = groups(parsed, &items, &scope)?;
    let grouped = !groups.is_empty() || items.iter().any(|(expr, _)| expr.aggregates());
    if grouped {
        for ((expr, name), text) in items.iter().zip(&written) {
            if !expr.aggregates() && expr.has_column() && !groups.contains(text) {
                return Err(SqlError::not_grouped(name));
            }
        }
    }
    if !groups.is_empty() {
        sql.push_str(&format!(" GROUP BY {}", groups.join(", ")));
    }
    if let Some(having) = &parsed.having {
        sql.push_str(&format!(" HAVING {}", condition(having, &scope)?));
    }
    let mut order = Vec::new();
    for (key, descending) in &parsed.order {
        let (text, kind) = expression(positioned(key, &items).unwrap_or(key), &scope)?;
        let key = if kind.is_number() {
            format!("num_key({text})")
        } else {
            text
        };
        // NULL is the greatest value in Snowflake.
        order.push(format!(
            "{key} {}",
            if *descending {
                "DESC NULLS FIRST"
            } else {
                "ASC NULLS LAST"
            }
        ));
    }
    if !order.is_empty() {
        sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    if let Some(limit) = &parsed.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok((sql, columns))
}

fn view(
    parts: &[String],
    session: &Session<'_>,
    views: &mut Vec<String>,
) -> Result<(String, Vec<Column>), SqlError> {
    let missing = || SqlError::no_object(&parts.join("."));
    let (database, schema, name) = match parts {
        [database, schema, name] => (Some(database.as_str()), Some(schema.as_str()), name),
        [schema, name] => (session.database, Some(schema.as_str()), name),
        [name] => (session.database, session.schema, name),
        _ => return Err(missing()),
    };
    let (Some("SNOWFLAKE"), Some(schema)) = (database, schema) else {
        return Err(missing());
    };
    let view = (session.view)(schema, name).ok_or_else(missing)?;
    views.push(format!("{schema}.{name}"));
    Ok((view.from, view.columns))
}

/// The select list with `*` spelt out.
fn items(parsed: &Select, scope: &Scope<'_>) -> Vec<(Expr, String)> {
    let mut items = Vec::new();
    for item in &parsed.items {
        match item {
            Item::Named(expr, name) => items.push((expr.clone(), name.clone())),
            Item::All(wanted) => {
                let fits = |table: &&Table| wanted.as_ref().is_none_or(|wanted| *wanted == table.alias);
                for table in scope.tables.iter().filter(fits) {
                    for column in &table.columns {
                        let expr = Expr::Column(Some(table.alias.clone()), column.name.clone());
                        items.push((expr, column.name.clone()));
                    }
                }
            }
        }
    }
    items
}

fn groups(parsed: &Select, items: &[(Expr, String)], scope: &Scope<'_>) -> Result<Vec<String>, SqlError> {
    let groups: Vec<&Expr> = match &parsed.grouping {
        Grouping::None => Vec::new(),
        Grouping::All => items
            .iter()
            .map(|(expr, _)| expr)
            .filter(|expr| !expr.aggregates())
            .collect(),
        Grouping::By(list) => list
            .iter()
            .map(|expr| positioned(expr, items).unwrap_or(expr))
            .collect(),
    };
    groups
        .into_iter()
        .map(|expr| Ok(expression(expr, scope)?.0))
        .collect()
}

/// The item that an ordinal names.
fn positioned<'a>(expr: &Expr, items: &'a [(Expr, String)]) -> Option<&'a Expr> {
    let Expr::Number(digits) = expr else {
        return None;
    };
    let at: usize = digits.parse().ok()?;
    items.get(at.checked_sub(1)?).map(|(expr, _)| expr)
}

fn condition(expr: &Expr, scope: &Scope<'_>) -> Result<String, SqlError> {
    Ok(expression(expr, scope)?.0)
}

/// An expression as SQLite SQL.
pub(crate) fn expression(expr: &Expr, scope: &Scope<'_>) -> Result<Typed, SqlError> {
    match expr {
        Expr::Column(table, name) => column(table.as_deref(), name, scope),
        Expr::Text(text) => Ok((literal(text), Type::Text)),
        Expr::Number(digits) => {
            let scale = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            Ok((literal(digits), Type::Fixed(u32::try_from(scale).unwrap_or(18))))
        }
        Expr::Boolean(value) => Ok((i32::from(*value).to_string(), Type::Boolean)),
        Expr::Null => Ok(("NULL".to_owned(), Type::Null)),
        Expr::Bind(number) => {
            let bind = number.checked_sub(1).and_then(|at| scope.session.binds.get(at));
            let bind = bind.ok_or_else(|| {
                SqlError::compilation(
                    "002049",
                    "42601",
                    &format!("error line 1 at position 0\nBind variable ?{number} not set."),
                )
            })?;
            Ok((
                bind.value.as_deref().map_or_else(|| "NULL".to_owned(), literal),
                bind.kind,
            ))
        }
        Expr::Call { name, distinct, args } => calls::call(name, *distinct, args, scope),
        Expr::Binary(operator, left, right) => calls::binary(
            operator,
            expression(left, scope)?,
            expression(right, scope)?,
            scope,
        ),
        Expr::Not(inner) => Ok((format!("(NOT {})", condition(inner, scope)?), Type::Boolean)),
        Expr::Negative(inner) => {
            let (text, kind) = expression(inner, scope)?;
            Ok((format!("num_sub('0', {text}, 0)"), kind))
        }
        Expr::IsNull(inner) => Ok((
            format!("({} IS NULL)", expression(inner, scope)?.0),
            Type::Boolean,
        )),
        Expr::In(inner, list) => {
            let wanted = expression(inner, scope)?;
            let mut tests = Vec::new();
            for item in list {
                tests.push(calls::binary("=", wanted.clone(), expression(item, scope)?, scope)?.0);
            }
            Ok((format!("({})", tests.join(" OR ")), Type::Boolean))
        }
        Expr::Like(inner, pattern) => {
            let (text, pattern) = (expression(inner, scope)?.0, expression(pattern, scope)?.0);
            Ok((format!("({text} LIKE {pattern})"), Type::Boolean))
        }
        Expr::Case(whens, otherwise) => {
            let mut text = "CASE".to_owned();
            let mut kind = Type::Null;
            for (when, then) in whens {
                let (value, next) = expression(then, scope)?;
                text.push_str(&format!(" WHEN {} THEN {value}", condition(when, scope)?));
                kind = kind.common(next);
            }
            if let Some(otherwise) = otherwise {
                let (value, next) = expression(otherwise, scope)?;
                text.push_str(&format!(" ELSE {value}"));
                kind = kind.common(next);
            }
            Ok((format!("({text} END)"), kind))
        }
        Expr::Cast(inner, name, scale) => calls::cast(expression(inner, scope)?, name, *scale, scope),
    }
}

fn column(table: Option<&str>, name: &str, scope: &Scope<'_>) -> Result<Typed, SqlError> {
    if let Some(found) = scope.column(table, name)? {
        return Ok(found);
    }
    match (table, scope.alias(name), name) {
        (None, Some(Expr::Column(None, own)), _) if own == name => Err(SqlError::no_identifier(name)),
        (None, Some(aliased), _) => expression(aliased, scope),
        (None, None, "CURRENT_DATE" | "CURRENT_TIMESTAMP") => calls::call(name, false, &[], scope),
        _ => Err(SqlError::no_identifier(
            &table.map_or_else(|| name.to_owned(), |table| format!("{table}.{name}")),
        )),
    }
}

impl Type {
    /// Whether it is held as digits.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Fixed(_) | Self::Float)
    }

    /// The type of a value that may be of either.
    pub(crate) fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, known) | (known, Self::Null) => known,
            (Self::Fixed(a), Self::Fixed(b)) => Self::Fixed(a.max(b)),
            (Self::Float, Self::Fixed(_)) | (Self::Fixed(_), Self::Float) => Self::Float,
            (Self::Date, Self::Timestamp(zone)) | (Self::Timestamp(zone), Self::Date) => {
                Self::Timestamp(zone)
            }
            (a, b) if a == b => a,
            (Self::Timestamp(_), Self::Timestamp(_)) => Self::Timestamp(Zone::Local),
            _ => Self::Text,
        }
    }
}
