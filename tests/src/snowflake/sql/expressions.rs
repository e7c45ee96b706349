//! Expressions of the grammar, by precedence.

use super::{SqlError, ast::Expr, lexer::Token, parser::Parser};

/// Binding strength of the infix operators, weakest first.
const LEVELS: [&[&str]; 4] = [&["OR"], &["AND"], &["+", "-", "||"], &["*", "/", "%"]];
const COMPARISONS: [&str; 7] = ["<=", ">=", "<>", "!=", "<", ">", "="];

impl Parser<'_> {
    pub(super) fn list(&mut self) -> Result<Vec<Expr>, SqlError> {
        let mut list = vec![self.expr()?];
        while self.symbol(",") {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    pub(super) fn expr(&mut self) -> Result<Expr, SqlError> {
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
