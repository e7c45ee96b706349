//! Tokens to a [`Select`]: the part of Snowflake's grammar that a reader of usage views needs.
//!
//! What must hold: what is not understood is a syntax error as Snowflake words it, never skipped.

use super::{
    SqlError,
    ast::{Expr, From, Grouping, Item, Join, Select, Source},
    lexer::{Placed, Token, tokens},
};

/// Words that end an expression and so are never an alias without AS.
const RESERVED: [&str; 26] = [
    "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "BY", "LIMIT", "LEFT", "INNER", "JOIN", "OUTER",
    "ON", "AND", "OR", "NOT", "IN", "IS", "LIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "AS",
];

/// Binding strength of the infix operators, weakest first.
const LEVELS: [&[&str]; 4] = [&["OR"], &["AND"], &["+", "-", "||"], &["*", "/", "%"]];
const COMPARISONS: [&str; 7] = ["<=", ">=", "<>", "!=", "<", ">", "="];

/// Parses one statement; a semicolon may end it.
pub(crate) fn parse(sql: &str) -> Result<Select, SqlError> {
    let mut parser = Parser {
        sql,
        tokens: tokens(sql)?,
        next: 0,
        binds: 0,
    };
    if !matches!(parser.peek(), Some(Token::Word(word)) if word == "SELECT") {
        return match parser.peek() {
            Some(Token::Word(word))
                if ["USE", "ALTER", "PUT", "GET", "BEGIN", "COMMIT"].contains(&word.as_str()) =>
            {
                Err(SqlError::unsupported(word))
            }
            _ => Err(parser.unexpected()),
        };
    }
    let select = parser.select()?;
    if parser.symbol(";") && parser.peek().is_some() {
        return Err(SqlError::several_statements());
    }
    if parser.peek().is_some() {
        return Err(parser.unexpected());
    }
    Ok(select)
}

struct Parser<'a> {
    sql: &'a str,
    tokens: Vec<Placed>,
    next: usize,
    binds: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    fn unexpected(&self) -> SqlError {
        let (at, what) = match self.tokens.get(self.next) {
            Some(placed) => (
                placed.at,
                match &placed.token {
                    Token::Word(text) | Token::Quoted(text) | Token::Text(text) | Token::Number(text) => {
                        text.clone()
                    }
                    Token::Symbol(symbol) => (*symbol).to_owned(),
                },
            ),
            None => (self.sql.len(), "<EOF>".to_owned()),
        };
        SqlError::syntax(self.sql, at, &what)
    }

    fn symbol(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(symbol)) if *symbol == wanted);
        self.next += usize::from(found);
        found
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.next += usize::from(found);
        found
    }

    fn words(&mut self, wanted: &[&str]) -> bool {
        let before = self.next;
        let found = wanted.iter().all(|word| self.word(word));
        if !found {
            self.next = before;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// An identifier that is no reserved word.
    fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            Token::Quoted(name) => name.clone(),
            Token::Word(word) if !RESERVED.contains(&word.as_str()) => word.clone(),
            _ => return None,
        };
        self.next += 1;
        Some(name)
    }

    fn alias(&mut self) -> Result<Option<String>, SqlError> {
        if self.word("AS") {
            return self.name().map(Some).ok_or_else(|| self.unexpected());
        }
        Ok(self.name())
    }

    fn select(&mut self) -> Result<Select, SqlError> {
        self.expect_word("SELECT")?;
        let distinct = self.word("DISTINCT");
        let mut items = Vec::new();
        loop {
            items.push(self.item()?);
            if !self.symbol(",") {
                break;
            }
        }
        let from = if self.word("FROM") {
            self.sources()?
        } else {
            Vec::new()
        };
        let filter = if self.word("WHERE") {
            Some(self.expr()?)
        } else {
            None
        };
        let grouping = if !self.words(&["GROUP", "BY"]) {
            Grouping::None
        } else if self.word("ALL") {
            Grouping::All
        } else {
            Grouping::By(self.list()?)
        };
        let having = if self.word("HAVING") {
            Some(self.expr()?)
        } else {
            None
        };
        let mut order = Vec::new();
        if self.words(&["ORDER", "BY"]) {
            loop {
                let key = self.expr()?;
                let descending = self.word("DESC");
                if !descending {
                    self.word("ASC");
                }
                order.push((key, descending));
                if !self.symbol(",") {
                    break;
                }
            }
        }
        let limit = if self.word("LIMIT") {
            match self.peek().cloned() {
                Some(Token::Number(digits)) => {
                    self.next += 1;
                    Some(digits)
                }
                _ => return Err(self.unexpected()),
            }
        } else {
            None
        };
        Ok(Select {
            distinct,
            items,
            from,
            filter,
            grouping,
            having,
            order,
            limit,
        })
    }

    fn item(&mut self) -> Result<Item, SqlError> {
        if self.symbol("*") {
            return Ok(Item::All);
        }
        let start = self.tokens.get(self.next).map_or(0, |placed| placed.at);
        let expr = self.expr()?;
        let end = self
            .tokens
            .get(self.next)
            .map_or(self.sql.len(), |placed| placed.at);
        let name = match (self.alias()?, &expr) {
            (Some(alias), _) => alias,
            (None, Expr::Column(_, name)) => name.clone(),
            // Snowflake names such a column by its text in upper case.
            (None, _) => self.sql.get(start..end).unwrap_or("").trim().to_uppercase(),
        };
        Ok(Item::Named(expr, name))
    }

    fn sources(&mut self) -> Result<Vec<From>, SqlError> {
        let mut sources = vec![self.source()?];
        loop {
            let kind = if self.words(&["LEFT", "OUTER", "JOIN"]) || self.words(&["LEFT", "JOIN"]) {
                Join::Left
            } else if self.words(&["INNER", "JOIN"]) || self.word("JOIN") {
                Join::Inner
            } else {
                return Ok(sources);
            };
            let mut source = self.source()?;
            self.expect_word("ON")?;
            source.join = Some((kind, self.expr()?));
            sources.push(source);
        }
    }

    fn source(&mut self) -> Result<From, SqlError> {
        let (source, own_name) = if self.symbol("(") {
            let derived = self.select()?;
            self.expect(")")?;
            (Source::Derived(Box::new(derived)), String::new())
        } else {
            let mut parts = vec![self.name().ok_or_else(|| self.unexpected())?];
            while self.symbol(".") {
                parts.push(self.name().ok_or_else(|| self.unexpected())?);
            }
            let own_name = parts.last().cloned().unwrap_or_default();
            (Source::View(parts), own_name)
        };
        let alias = self.alias()?.unwrap_or(own_name);
        Ok(From {
            source,
            alias,
            join: None,
        })
    }

    fn list(&mut self) -> Result<Vec<Expr>, SqlError> {
        let mut list = vec![self.expr()?];
        while self.symbol(",") {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    fn expr(&mut self) -> Result<Expr, SqlError> {
        self.infix(0)
    }

    fn infix(&mut self, level: usize) -> Result<Expr, SqlError> {
        // NOT and the comparisons stand between AND and the sums.
        if level == 2 {
            return self.comparison();
        }
        let operators = LEVELS.get(if level > 2 { level - 1 } else { level });
        let Some(operators) = operators else {
            return self.unary();
        };
        let mut left = self.infix(level + 1)?;
        loop {
            let found = operators
                .iter()
                .find(|operator| self.symbol(operator) || self.word(operator));
            let Some(operator) = found else {
                return Ok(left);
            };
            let right = self.infix(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn comparison(&mut self) -> Result<Expr, SqlError> {
        if self.word("NOT") {
            return Ok(Expr::Not(Box::new(self.comparison()?)));
        }
        let left = self.infix(3)?;
        if let Some(operator) = COMPARISONS.iter().find(|operator| self.symbol(operator)) {
            let right = self.infix(3)?;
            return Ok(Expr::Binary(operator, Box::new(left), Box::new(right)));
        }
        if self.word("IS") {
            let negated = self.word("NOT");
            self.expect_word("NULL")?;
            return Ok(negate(Expr::IsNull(Box::new(left)), negated));
        }
        let negated = self.word("NOT");
        let test = if self.word("IN") {
            self.expect("(")?;
            let list = self.list()?;
            self.expect(")")?;
            Expr::In(Box::new(left), list)
        } else if self.word("LIKE") {
            Expr::Like(Box::new(left), Box::new(self.infix(3)?))
        } else if self.word("BETWEEN") {
            let low = self.infix(3)?;
            self.expect_word("AND")?;
            let high = self.infix(3)?;
            let from = Expr::Binary(">=", Box::new(left.clone()), Box::new(low));
            let to = Expr::Binary("<=", Box::new(left), Box::new(high));
            Expr::Binary("AND", Box::new(from), Box::new(to))
        } else if negated {
            return Err(self.unexpected());
        } else {
            return Ok(left);
        };
        Ok(negate(test, negated))
    }

    fn unary(&mut self) -> Result<Expr, SqlError> {
        if self.symbol("-") {
            return Ok(Expr::Negative(Box::new(self.unary()?)));
        }
        let mut expr = self.primary()?;
        while self.symbol("::") {
            let (name, scale) = self.type_name()?;
            expr = Expr::Cast(Box::new(expr), name, scale);
        }
        Ok(expr)
    }

    fn type_name(&mut self) -> Result<(String, Option<u32>), SqlError> {
        let name = self.name().ok_or_else(|| self.unexpected())?;
        if !self.symbol("(") {
            return Ok((name, None));
        }
        let numbers = self.list()?;
        self.expect(")")?;
        let scale = match numbers.get(1) {
            Some(Expr::Number(digits)) => digits.parse().ok(),
            _ => None,
        };
        Ok((name, scale))
    }

    fn primary(&mut self) -> Result<Expr, SqlError> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.next += 1;
                Ok(Expr::Text(text))
            }
            Some(Token::Number(digits)) => {
                self.next += 1;
                Ok(Expr::Number(digits))
            }
            Some(Token::Symbol("?")) => {
                self.next += 1;
                self.binds += 1;
                Ok(Expr::Bind(self.binds))
            }
            Some(Token::Symbol("(")) => {
                self.next += 1;
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Word(word)) => match word.as_str() {
                "NULL" => self.constant(Expr::Null),
                "TRUE" => self.constant(Expr::Boolean(true)),
                "FALSE" => self.constant(Expr::Boolean(false)),
                "CASE" => self.case(),
                _ => self.named(),
            },
            Some(Token::Quoted(_)) => self.named(),
            _ => Err(self.unexpected()),
        }
    }

    fn constant(&mut self, value: Expr) -> Result<Expr, SqlError> {
        self.next += 1;
        Ok(value)
    }

    fn case(&mut self) -> Result<Expr, SqlError> {
        self.expect_word("CASE")?;
        let mut whens = Vec::new();
        while self.word("WHEN") {
            let when = self.expr()?;
            self.expect_word("THEN")?;
            whens.push((when, self.expr()?));
        }
        let otherwise = if self.word("ELSE") {
            Some(Box::new(self.expr()?))
        } else {
            None
        };
        self.expect_word("END")?;
        if whens.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Expr::Case(whens, otherwise))
    }

    /// A function call, a cast written as one, or a column.
    fn named(&mut self) -> Result<Expr, SqlError> {
        let name = self.name().ok_or_else(|| self.unexpected())?;
        if self.symbol(".") {
            let column = self.name().ok_or_else(|| self.unexpected())?;
            return Ok(Expr::Column(Some(name), column));
        }
        if !self.symbol("(") {
            return Ok(Expr::Column(None, name));
        }
        if name == "CAST" {
            let inner = self.expr()?;
            self.expect_word("AS")?;
            let (name, scale) = self.type_name()?;
            self.expect(")")?;
            return Ok(Expr::Cast(Box::new(inner), name, scale));
        }
        let distinct = self.word("DISTINCT");
        let args = if self.symbol("*") || matches!(self.peek(), Some(Token::Symbol(")"))) {
            Vec::new()
        } else {
            self.list()?
        };
        self.expect(")")?;
        Ok(Expr::Call { name, distinct, args })
    }
}

fn negate(test: Expr, negated: bool) -> Expr {
    if negated { Expr::Not(Box::new(test)) } else { test }
}
