//! The parsed form of a SELECT, as plain data.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// A column, perhaps with its table's alias before it.
    Column(Option<String>, String),
    /// A string.
    Text(String),
    /// A number, by its digits.
    Number(String),
    /// TRUE or FALSE.
    Boolean(bool),
    /// NULL.
    Null,
    /// The n-th question mark, from 1.
    Bind(usize),
    /// A function call; a `*` as the only argument stands as no argument.
    Call {
        name: String,
        distinct: bool,
        args: Vec<Expr>,
    },
    /// An infix operator, AND and OR among them.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// NOT.
    Not(Box<Expr>),
    /// A minus sign.
    Negative(Box<Expr>),
    /// IS NULL.
    IsNull(Box<Expr>),
    /// IN with a list.
    In(Box<Expr>, Vec<Expr>),
    /// LIKE.
    Like(Box<Expr>, Box<Expr>),
    /// CASE: whens, else.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    /// A cast to a type of that name, with its scale where given.
    Cast(Box<Expr>, String, Option<u32>),
}

/// One thing selected.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// `*`, perhaps of one table.
    All(Option<String>),
    /// An expression and the name that it gets.
    Named(Expr, String),
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A table or view by the parts of its name.
    View(Vec<String>),
    /// A SELECT in parentheses.
    Derived(Box<Select>),
}

/// A source in FROM.
#[derive(Clone, Debug)]
pub(crate) struct From {
    pub(crate) source: Source,
    pub(crate) alias: String,
    /// How it joins what stands before it; none for the first.
    pub(crate) join: Option<(Join, Expr)>,
}

/// Kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    Inner,
    Left,
}

/// GROUP BY.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    None,
    All,
    By(Vec<Expr>),
}

/// A SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<Item>,
    pub(crate) from: Vec<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) grouping: Grouping,
    pub(crate) having: Option<Expr>,
    /// Expression and whether descending.
    pub(crate) order: Vec<(Expr, bool)>,
    pub(crate) limit: Option<String>,
}

impl Expr {
    /// The expressions directly inside.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Call { args, .. } => args.iter().collect(),
            Self::Binary(_, a, b) | Self::Like(a, b) => vec![a, b],
            Self::Not(e) | Self::Negative(e) | Self::IsNull(e) | Self::Cast(e, ..) => vec![e],
            Self::In(e, list) => std::iter::once(&**e).chain(list).collect(),
            Self::Case(whens, otherwise) => whens
                .iter()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.as_deref())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether an aggregate function occurs in it.
    pub(crate) fn aggregates(&self) -> bool {
        const AGGREGATES: [&str; 7] = ["SUM", "COUNT", "MIN", "MAX", "AVG", "ANY_VALUE", "COUNT_IF"];
        matches!(self, Self::Call { name, .. } if AGGREGATES.contains(&name.as_str()))
            || self.children().into_iter().any(Self::aggregates)
    }

    /// Whether a column occurs in it.
    pub(crate) fn has_column(&self) -> bool {
        matches!(self, Self::Column(..)) || self.children().into_iter().any(Self::has_column)
    }
}
