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

/// The tokens and how far they are read.
pub(super) struct Parser<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: Vec<Placed>,
    pub(super) next: usize,
    pub(super) binds: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    pub(super) fn unexpected(&self) -> SqlError {
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

    pub(super) fn symbol(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(symbol)) if *symbol == wanted);
        self.next += usize::from(found);
        found
    }

    pub(super) fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.next += usize::from(found);
        found
    }

    pub(super) fn words(&mut self, wanted: &[&str]) -> bool {
        let before = self.next;
        let found = wanted.iter().all(|word| self.word(word));
        if !found {
            self.next = before;
        }
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// An identifier that is no reserved word.
    pub(super) fn name(&mut self) -> Option<String> {
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
            return Ok(Item::All(None));
        }
        let before = self.next;
        if let Some(table) = self.name()
            && self.symbol(".")
            && self.symbol("*")
        {
            return Ok(Item::All(Some(table)));
        }
        self.next = before;
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
}
