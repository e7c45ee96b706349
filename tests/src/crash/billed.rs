//! One day of one account's bill, line by line, and the program that collects and delivers it: for tests that say what the
//! provider says. What must hold: each reading is whole, and time passes only between runs.

use super::errand::Errand;
use crate::{
    Error,
    hostile::{Answer, Recorder},
    program::Ran,
};
use finops_decimal::Decimal;
use jiff::SignedDuration;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// The day of the bill: 2026-08-01.
const DAY: i64 = 1_785_542_400;
/// Runs that may be needed until all is delivered: a batch of unknown fate is looked up twice.
const LAST_RUNS: usize = 12;

/// A line: its id, service, cost and currency.
pub type Line<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A provider with a bill, and an errand that brings it to a destination.
pub struct Billed {
    /// The program, its place and its destination.
    pub errand: Errand,
    provider: Recorder,
    page: Arc<Mutex<String>>,
}

impl Billed {
    /// A provider that says this.
    ///
    /// # Errors
    /// Where provider or destination cannot be started.
    pub async fn new(lines: &[Line<'_>]) -> Result<Self, Error> {
        let page = Arc::new(Mutex::new(page(lines)));
        let answers = Arc::clone(&page);
        let provider = Recorder::plain(move |_| {
            let page = answers.lock().unwrap_or_else(PoisonError::into_inner);
            Answer::ok(page.clone())
        })
        .await?;
        Ok(Self {
            errand: Errand::new()?,
            provider,
            page,
        })
    }

    /// The destination is reached at another address.
    #[must_use]
    pub fn at(mut self, endpoint: &str) -> Self {
        self.errand = self.errand.at(endpoint);
        self
    }

    /// From now on the provider says this.
    pub fn says(&self, lines: &[Line<'_>]) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = page(lines);
    }

    /// A run three minutes later, ready for more arguments.
    ///
    /// # Errors
    /// Where the program cannot be built.
    pub fn command(&mut self) -> Result<std::process::Command, Error> {
        self.errand.pass(SignedDuration::from_mins(3))?;
        let settings = format!(
            "act = \"bill\"\nurl = \"http://bill.example\"\ncount = 1\n\n\
             [[allow]]\nhost = \"bill.example\"\nconnect-to = \"{}\"\ninsecure-http = true\n",
            self.provider.address()
        );
        let mut command = self.errand.command("errand", &settings)?;
        command.args(["--since", "2026-08-01"]);
        Ok(command)
    }

    /// A run with these variables in the program's environment.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn run(&mut self, environment: &[(&str, &str)]) -> Result<Ran, Error> {
        let mut command = self.command()?;
        command.args(["--deliver-for", "2s"]);
        command.envs(environment.iter().copied());
        Ok(Ran::of(&command.output()?))
    }

    /// Ordinary runs until one has delivered all; the laws hold then. A law that was broken on the way stays broken.
    ///
    /// # Errors
    /// Where it cannot be started.
    #[track_caller]
    pub fn assert_delivers(&mut self) -> Result<(), Error> {
        let mut last = None;
        for _ in 0..LAST_RUNS {
            let ran = self.run(&[])?;
            if ran.code == Some(0) {
                return self.errand.assert_lawful();
            }
            assert_eq!(ran.code, Some(75), "{ran:?}");
            last = Some(ran);
        }
        Err(format!("it does not end: {last:?}").into())
    }
}

/// The sum of lines that are in one currency.
///
/// # Errors
/// Where a cost is no decimal.
pub fn sum(lines: &[Line<'_>]) -> Result<Decimal, Error> {
    let costs = lines.iter().map(|(_, _, cost, _)| cost.parse::<Decimal>());
    Ok(Decimal::sum(costs.collect::<Result<Vec<_>, _>>()?)?)
}

fn page(lines: &[Line<'_>]) -> String {
    let lines = lines.iter().map(|(id, service, cost, currency)| {
        json!({"id": id, "service": service, "cost": cost, "currency": currency})
    });
    let lines: Vec<_> = lines.collect();
    json!({"account": "one", "start": DAY, "records": lines, "more": false, "final": true}).to_string()
}
