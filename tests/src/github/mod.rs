//! A simulated GitHub: the usage report of one organization over HTTPS, written from the fact sheet.
//!
//! It checks token, headers and names as GitHub does, answers by day, month or year, and writes its limits as 403 or 429. Its
//! lines lie in tests/data/github, the golden records made from them in tests/golden/github. A line is shown from one moment to
//! another, so that a state of the bill is a moment of the clock.

mod report;
pub mod stage;

pub use report::{LARGE_NET, Line};

use crate::{
    Error,
    provider::{Api, Asked, Reply},
};
use finops_decimal::Decimal;
use jiff::{Timestamp, civil::Date};
use serde_json::json;

/// The organization.
pub const ORGANIZATION: &str = "acme";
/// A fine-grained token that may read the bill.
pub const FINE_GRAINED: &str = "github_pat_11SIMULATED0000000000_5mUlAtEd";
/// A classic one.
pub const CLASSIC: &str = "ghp_s1mulatedClassic0000000000000000000";

/// Which tokens GitHub takes: its pages differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// Both kinds.
    #[default]
    Both,
    /// As its tutorial says.
    ClassicOnly,
    /// As organizations can demand.
    FineGrainedOnly,
}

/// How a simulator is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Which tokens it takes.
    pub takes: Takes,
    /// Lines on a page, if there are pages.
    pub page: Option<usize>,
    /// Further lines a day, each of [`LARGE_NET`].
    pub large: usize,
}

/// The simulated GitHub.
pub struct GitHub {
    options: Options,
    lines: Vec<Line>,
}

impl GitHub {
    /// With the lines of its data.
    ///
    /// # Errors
    /// Where they are damaged.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            lines: report::load()?,
        })
    }

    /// What is invoiced for the days, as the report stands at a moment.
    ///
    /// # Errors
    /// Where the sum does not fit.
    pub fn invoice(&self, days: std::ops::Range<Date>, now: Timestamp) -> Result<Decimal, Error> {
        let inside = self
            .lines
            .iter()
            .filter(|line| line.is_shown(now) && days.contains(&line.day));
        let nets = inside.map(Line::net).collect::<Result<Vec<_>, Error>>()?;
        Ok(Decimal::sum(nets)?)
    }

    fn token(asked: &Asked) -> &str {
        asked
            .header("authorization")
            .strip_prefix("Bearer ")
            .unwrap_or_default()
    }

    /// Why GitHub would not answer, as it says so.
    fn refused(&self, asked: &Asked) -> Option<Reply> {
        let token = Self::token(asked);
        if asked.header("user-agent").is_empty() {
            return Some(error(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            ));
        }
        let (classic, fine_grained) = (token == CLASSIC, token == FINE_GRAINED);
        if !classic && !fine_grained {
            return Some(error(401, "Bad credentials"));
        }
        if asked.header("x-github-api-version") != "2022-11-28" {
            return Some(error(400, "This API version is not supported"));
        }
        let account = asked.segments().get(1).map(|name| name.to_ascii_lowercase());
        if account.as_deref() != Some(ORGANIZATION) || self.operation(asked) != "usage" {
            return Some(error(404, "Not Found"));
        }
        match self.options.takes {
            Takes::ClassicOnly if fine_grained => {
                Some(error(403, "Resource not accessible by personal access token"))
            }
            Takes::FineGrainedOnly if classic => Some(error(
                403,
                "`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal \
                 access token with fine-grained permissions.",
            )),
            _ => None,
        }
    }

    /// The headers that come with every answer.
    fn dressed(asked: &Asked, reply: Reply) -> Reply {
        let reset = asked.now.as_second() + 1_800;
        let reply = reply
            .with("x-ratelimit-limit", "5000")
            .with("x-ratelimit-remaining", "4987")
            .with("x-ratelimit-reset", &reset.to_string());
        match Self::token(asked) {
            CLASSIC => reply.with("x-oauth-scopes", "read:org"),
            FINE_GRAINED => reply.with(
                "x-accepted-github-permissions",
                "organization_administration=read",
            ),
            _ => reply,
        }
    }
}

impl Api for GitHub {
    fn hosts(&self) -> Vec<String> {
        vec!["api.github.com".to_owned()]
    }

    fn secrets(&self) -> Vec<(&'static str, String)> {
        vec![
            ("token.txt", FINE_GRAINED.to_owned()),
            ("classic.txt", CLASSIC.to_owned()),
        ]
    }

    fn operation(&self, asked: &Asked) -> String {
        let segments = asked.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["organizations", _, "settings", "billing", "usage"] => "usage".to_owned(),
            _ => "other".to_owned(),
        }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let reply = match self.refused(asked) {
            Some(refused) => refused,
            None => report::answer(&self.lines, &self.options, asked),
        };
        Self::dressed(asked, reply)
    }
}

/// An error as GitHub writes it.
#[must_use]
pub fn error(status: u16, message: &str) -> Reply {
    let body = json!({
        "message": message, "documentation_url": "https://docs.github.com/rest/billing", "status": status.to_string(),
    });
    Reply::json(status, &body)
}

/// The hour's calls are used up: 403, and when there are new ones.
#[must_use]
pub fn used_up(reset: i64) -> Reply {
    error(403, "API rate limit exceeded for user ID 1.")
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", &reset.to_string())
}
