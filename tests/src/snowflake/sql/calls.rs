//! Operators, casts and functions: what each becomes in SQLite and the type that it gives.

use super::{
    SqlError, Type, Zone,
    ast::Expr,
    emit::expression,
    scope::{Scope, Typed, literal},
};

/// An infix operator.
pub(crate) fn binary(
    operator: &str,
    left: Typed,
    right: Typed,
    scope: &Scope<'_>,
) -> Result<Typed, SqlError> {
    let ((a, kind_a), (b, kind_b)) = (left, right);
    let number = |name: &str, scale: u32| {
        let kind = if kind_a == Type::Float || kind_b == Type::Float {
            Type::Float
        } else {
            Type::Fixed(scale)
        };
        let digits = if kind == Type::Float { 18 } else { scale };
        Ok((format!("{name}({a}, {b}, {digits})"), kind))
    };
    let (scale_a, scale_b) = (kind_a.scale(), kind_b.scale());
    match operator {
        "AND" | "OR" => Ok((format!("({a} {operator} {b})"), Type::Boolean)),
        "||" => Ok((
            format!("({} || {})", text((a, kind_a), scope), text((b, kind_b), scope)),
            Type::Text,
        )),
        "+" | "-" if kind_a == Type::Date && kind_b.is_number() => {
            let sign = if operator == "-" {
                "num_sub('0', "
            } else {
                "num_add('0', "
            };
            Ok((format!("at_add({a}, 0, 'DAY', {sign}{b}, 0))"), Type::Date))
        }
        "+" => number("num_add", scale_a.max(scale_b)),
        "-" => number("num_sub", scale_a.max(scale_b)),
        "*" => number("num_mul", (scale_a + scale_b).min(12.max(scale_a).max(scale_b))),
        "/" => number("num_div", scale_a.max((scale_a + 6).min(12))),
        "%" => Err(SqlError::no_function("%")),
        _ => {
            let operator = if operator == "!=" { "<>" } else { operator };
            compare(operator, (a, kind_a), (b, kind_b), scope)
        }
    }
}

fn compare(
    operator: &str,
    (a, kind_a): Typed,
    (b, kind_b): Typed,
    scope: &Scope<'_>,
) -> Result<Typed, SqlError> {
    let text = if kind_a.is_number() || kind_b.is_number() {
        format!("(num_cmp({a}, {b}) {operator} 0)")
    } else {
        let kind = match (kind_a, kind_b) {
            // A text is read as what it is compared with.
            (Type::Text, moment @ (Type::Date | Type::Timestamp(_)))
            | (moment @ (Type::Date | Type::Timestamp(_)), Type::Text) => moment,
            _ => kind_a.common(kind_b),
        };
        format!(
            "({} {operator} {})",
            coerced((a, kind_a), kind, scope),
            coerced((b, kind_b), kind, scope)
        )
    };
    Ok((text, Type::Boolean))
}

/// The value as that kind of moment; anything else stays as it is.
fn coerced((value, from): Typed, to: Type, scope: &Scope<'_>) -> String {
    let offset = scope.session.offset;
    match (from, to) {
        (Type::Text | Type::Timestamp(_), Type::Date) => format!("at_date({value}, {offset})"),
        (Type::Text | Type::Date, Type::Timestamp(_)) => format!("at_time({value}, {offset})"),
        _ => value,
    }
}

/// A cast.
pub(crate) fn cast(
    value: Typed,
    name: &str,
    scale: Option<u32>,
    scope: &Scope<'_>,
) -> Result<Typed, SqlError> {
    let kind = match name {
        "DATE" => Type::Date,
        "TIMESTAMP_LTZ" => Type::Timestamp(Zone::Local),
        "TIMESTAMP_TZ" => Type::Timestamp(Zone::Explicit),
        "TIMESTAMP_NTZ" | "TIMESTAMP" | "DATETIME" => Type::Timestamp(Zone::None),
        "STRING" | "VARCHAR" | "TEXT" | "CHAR" => return Ok((text(value, scope), Type::Text)),
        "NUMBER" | "DECIMAL" | "NUMERIC" | "INT" | "INTEGER" | "BIGINT" => {
            let scale = scale.unwrap_or(0);
            return Ok((
                format!("num_round({}, '0', {scale})", value.0),
                Type::Fixed(scale),
            ));
        }
        "FLOAT" | "DOUBLE" | "REAL" => return Ok((format!("num_add({}, '0', 18)", value.0), Type::Float)),
        "BOOLEAN" => return Ok((value.0, Type::Boolean)),
        other => {
            return Err(SqlError::compilation(
                "002040",
                "42601",
                &format!("Unsupported data type '{other}'."),
            ));
        }
    };
    Ok((coerced(value, kind, scope), kind))
}

/// The value as text.
fn text((value, kind): Typed, scope: &Scope<'_>) -> String {
    let offset = scope.session.offset;
    match kind {
        Type::Fixed(scale) => format!("num_text({value}, {scale})"),
        Type::Boolean => format!("(CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"),
        Type::Timestamp(Zone::None) => format!("at_text({value}, {offset}, 'YYYY-MM-DD HH24:MI:SS.FF3')"),
        Type::Timestamp(_) => format!("at_text({value}, {offset}, 'YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM')"),
        Type::Float | Type::Text | Type::Date | Type::Null => value,
    }
}

/// A function call.
pub(crate) fn call(name: &str, distinct: bool, args: &[Expr], scope: &Scope<'_>) -> Result<Typed, SqlError> {
    let session = scope.session;
    if let (Some((_, value)), []) = (
        session.context.iter().find(|(function, _)| *function == name),
        args,
    ) {
        return Ok((literal(value), Type::Text));
    }
    let offset = session.offset;
    let wrong = || SqlError::bad_arguments(name);
    let argument = |at: usize| expression(args.get(at).ok_or_else(wrong)?, scope);
    let unit = |at: usize| match args.get(at) {
        Some(Expr::Column(None, unit) | Expr::Text(unit)) => Ok(literal(unit)),
        _ => Err(wrong()),
    };
    match name {
        "COUNT" if args.is_empty() => Ok(("COUNT(*)".to_owned(), Type::Fixed(0))),
        "COUNT" => {
            let distinct = if distinct { "DISTINCT " } else { "" };
            Ok((format!("COUNT({distinct}{})", argument(0)?.0), Type::Fixed(0)))
        }
        "COUNT_IF" => Ok((
            format!("COUNT(CASE WHEN {} THEN 1 END)", argument(0)?.0),
            Type::Fixed(0),
        )),
        "SUM" | "AVG" | "MIN" | "MAX" => aggregate(name, argument(0)?),
        "ANY_VALUE" => aggregate("MIN", argument(0)?),
        "COALESCE" | "NVL" | "IFNULL" => {
            let (values, kind) = several(args, scope)?;
            Ok((format!("COALESCE({}, NULL)", values.join(", ")), kind))
        }
        "ZEROIFNULL" => {
            let (value, kind) = argument(0)?;
            Ok((format!("COALESCE({value}, '0')"), kind))
        }
        "NULLIF" => {
            let (value, kind) = argument(0)?;
            let equal = binary("=", (value.clone(), kind), argument(1)?, scope)?.0;
            Ok((format!("(CASE WHEN {equal} THEN NULL ELSE {value} END)"), kind))
        }
        "GREATEST" | "LEAST" => {
            let (values, kind) = several(args, scope)?;
            let function = match (kind.is_number(), name) {
                (true, "GREATEST") => "num_greatest",
                (true, _) => "num_least",
                (false, "GREATEST") => "max",
                (false, _) => "min",
            };
            Ok((format!("{function}({})", values.join(", ")), kind))
        }
        "IFF" => {
            let (yes, kind) = argument(1)?;
            let (no, other) = argument(2)?;
            let text = format!("(CASE WHEN {} THEN {yes} ELSE {no} END)", argument(0)?.0);
            Ok((text, kind.common(other)))
        }
        "ABS" => {
            let (value, kind) = argument(0)?;
            Ok((format!("num_greatest({value}, num_sub('0', {value}, 0))"), kind))
        }
        "ROUND" => {
            let places = match args.get(1) {
                None => 0,
                Some(Expr::Number(digits)) => digits.parse().map_err(|_| wrong())?,
                Some(_) => return Err(wrong()),
            };
            Ok((
                format!("num_round({}, '0', {places})", argument(0)?.0),
                Type::Fixed(places),
            ))
        }
        "UPPER" | "LOWER" | "TRIM" => Ok((format!("{name}({})", argument(0)?.0), Type::Text)),
        "CONCAT" => {
            let mut parts = Vec::new();
            for at in 0..args.len() {
                parts.push(text(argument(at)?, scope));
            }
            Ok((format!("({})", parts.join(" || ")), Type::Text))
        }
        "TO_CHAR" | "TO_VARCHAR" => match args {
            [value] => Ok((text(expression(value, scope)?, scope), Type::Text)),
            [value, Expr::Text(format)] => {
                let (value, kind) = expression(value, scope)?;
                if !matches!(kind, Type::Date | Type::Timestamp(_) | Type::Null) {
                    return Err(wrong());
                }
                Ok((
                    format!("at_text({value}, {offset}, {})", literal(format)),
                    Type::Text,
                ))
            }
            _ => Err(wrong()),
        },
        "TO_DATE" | "DATE" => cast(argument(0)?, "DATE", None, scope),
        "TO_TIMESTAMP_TZ" | "TO_TIMESTAMP_LTZ" | "TO_TIMESTAMP_NTZ" | "TO_TIMESTAMP" => cast(
            argument(0)?,
            name.strip_prefix("TO_").unwrap_or(name),
            None,
            scope,
        ),
        "TO_NUMBER" => cast(argument(0)?, "NUMBER", None, scope),
        "DATE_TRUNC" => {
            let (value, kind) = moment(argument(1)?, name)?;
            Ok((format!("at_trunc({value}, {offset}, {})", unit(0)?), kind))
        }
        "DATE_PART" => {
            let (value, _) = moment(argument(1)?, name)?;
            Ok((
                format!("at_part({value}, {offset}, {})", unit(0)?),
                Type::Fixed(0),
            ))
        }
        "YEAR" | "MONTH" | "DAY" | "HOUR" => {
            let (value, _) = moment(argument(0)?, name)?;
            Ok((format!("at_part({value}, {offset}, '{name}')"), Type::Fixed(0)))
        }
        "DATEADD" | "TIMESTAMPADD" => {
            let (value, kind) = moment(argument(2)?, name)?;
            Ok((
                format!("at_add({value}, {offset}, {}, {})", unit(0)?, argument(1)?.0),
                kind,
            ))
        }
        "DATEDIFF" | "TIMESTAMPDIFF" => {
            let (from, to) = (moment(argument(1)?, name)?.0, moment(argument(2)?, name)?.0);
            Ok((
                format!("at_diff({from}, {offset}, {}, {to})", unit(0)?),
                Type::Fixed(0),
            ))
        }
        "CURRENT_TIMESTAMP" | "SYSDATE" => Ok((literal(&session.now), Type::Timestamp(Zone::Local))),
        "CURRENT_DATE" => Ok((
            format!("at_date({}, {offset})", literal(&session.now)),
            Type::Date,
        )),
        _ => Err(SqlError::no_function(name)),
    }
}

fn aggregate(name: &str, (value, kind): Typed) -> Result<Typed, SqlError> {
    match (name, kind) {
        ("SUM", Type::Fixed(_) | Type::Float | Type::Null) => Ok((format!("dec_sum({value})"), kind)),
        ("AVG", Type::Fixed(scale)) => Ok((format!("dec_avg({value})"), Type::Fixed(scale.max(12)))),
        ("AVG", Type::Float) => Ok((format!("dec_avg({value})"), kind)),
        ("SUM" | "AVG", _) => Err(SqlError::bad_arguments(name)),
        (_, Type::Fixed(_) | Type::Float) => Ok((format!("dec_{}({value})", name.to_lowercase()), kind)),
        _ => Ok((format!("{name}({value})"), kind)),
    }
}

fn several(args: &[Expr], scope: &Scope<'_>) -> Result<(Vec<String>, Type), SqlError> {
    let mut values = Vec::new();
    let mut kind = Type::Null;
    for arg in args {
        let (value, next) = expression(arg, scope)?;
        values.push(value);
        kind = kind.common(next);
    }
    Ok((values, kind))
}

fn moment((value, kind): Typed, function: &str) -> Result<Typed, SqlError> {
    match kind {
        Type::Date | Type::Timestamp(_) | Type::Null => Ok((value, kind)),
        // A text is taken for a timestamp.
        Type::Text => Ok((value, Type::Timestamp(Zone::None))),
        _ => Err(SqlError::bad_arguments(function)),
    }
}

impl Type {
    fn scale(self) -> u32 {
        match self {
            Self::Fixed(scale) => scale,
            _ => 0,
        }
    }
}
