//! A stage for end-to-end tests: the simulated account and an operator's file that leads to it, and the states of the golden
//! records.

use super::{ACCOUNT, Datadog, HOST, Options};
use crate::{
    Error,
    provider::{Stage, Start, golden::Golden},
};
use std::net::SocketAddr;

/// The states of the bill, each after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// July and the first of August are estimated.
    Initial,
    /// The totals of days of July are changed.
    Restated,
    /// July is billed, and something of August taken back.
    Billed,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Restated, Self::Billed];

    /// When.
    #[must_use]
    pub fn now(self) -> &'static str {
        match self {
            Self::Initial => "2026-08-03T12:00:00Z",
            Self::Restated => "2026-08-05T12:00:00Z",
            Self::Billed => "2026-08-16T12:00:00Z",
        }
    }

    /// The records expected.
    ///
    /// # Errors
    /// Where the file is damaged.
    pub fn golden(self) -> Result<Golden, Error> {
        Golden::read(match self {
            Self::Initial => include_str!("../../golden/datadog/initial.json"),
            Self::Restated => include_str!("../../golden/datadog/restated.json"),
            Self::Billed => include_str!("../../golden/datadog/billed.json"),
        })
    }
}

/// July by team, expected from 19 August on.
///
/// # Errors
/// Where the file is damaged.
pub fn by_tag() -> Result<Golden, Error> {
    Golden::read(include_str!("../../golden/datadog/by-tag.json"))
}

/// The operator's file; `settings` goes into its settings, `more` to its end.
#[must_use]
pub fn config(addr: SocketAddr, settings: &str, more: &str) -> String {
    format!(
        "[collector]\nname = \"datadog-test\"\n\n[settings]\naccount = \"{ACCOUNT}\"\nsite = \"datadoghq.eu\"\npace = 0\n{settings}\n\n\
         [[allow]]\nhost = \"{HOST}\"\npaths = [\"/api/v2/usage/estimated_cost\", \"/api/v2/usage/historical_cost\", \
         \"/api/v2/usage/hourly_usage\", \"/api/v2/cost_by_tag/monthly_cost_attribution\"]\ncredential = \"datadog\"\n\
         connect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n\
         [credentials.datadog]\nscheme = \"headers\"\nheaders = {{ DD-API-KEY = {{ file = \"secrets/api-key.txt\" }}, \
         DD-APPLICATION-KEY = {{ file = \"secrets/app-key.txt\" }} }}\n{more}"
    )
}

/// A stage at the first state.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn stage(options: Options, settings: &str, more: &str) -> Result<Stage<Datadog>, Error> {
    let start = Start::at(State::Initial.now())?;
    Stage::new("datadog", Datadog::new(options)?, start, |addr| {
        config(addr, settings, more)
    })
    .await
}
