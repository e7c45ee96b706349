//! A stage for end-to-end tests: the simulated organization, the program with an operator's file that leads to it, and states.

use super::{Anthropic, HOST, ORGANIZATION, Options};
use crate::{
    Error,
    provider::{self, Start, golden::Golden},
};
use std::net::SocketAddr;

/// States of the organization, each following the one before: moments of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// 2026-08-03.
    Initial,
    /// 2026-08-04: 2 August is restated, 31 July has a late line.
    Restated,
    /// 2026-08-09: July is settled, with a credit and without a line that was withdrawn.
    Closed,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Restated, Self::Closed];

    /// The time of the run that finds this state.
    #[must_use]
    pub fn now(self) -> &'static str {
        match self {
            Self::Initial => "2026-08-03T12:00:00Z",
            Self::Restated => "2026-08-04T12:00:00Z",
            Self::Closed => "2026-08-09T12:00:00Z",
        }
    }

    /// The expected records.
    ///
    /// # Errors
    /// Where a committed file is damaged.
    pub fn golden(self) -> Result<Golden, Error> {
        Golden::read(match self {
            Self::Initial => include_str!("../../golden/anthropic/initial.json"),
            Self::Restated => include_str!("../../golden/anthropic/restated.json"),
            Self::Closed => include_str!("../../golden/anthropic/closed.json"),
        })
    }
}

/// The operator's file of the tests; `settings` and `more` are put into their places.
#[must_use]
pub fn config(addr: SocketAddr, settings: &str, more: &str) -> String {
    format!(
        r#"[collector]
name = "anthropic-test"

[settings]
organization = "{ORGANIZATION}"
{settings}

[[allow]]
host = "{HOST}"
paths = ["/v1/organizations/cost_report", "/v1/organizations/workspaces", "/v1/organizations/usage_report/messages"]
headers = {{ "anthropic-version" = ["2023-06-01"] }}
credential = "anthropic"
connect-to = "{addr}"
ca = "secrets/ca.pem"

[credentials.anthropic]
scheme = "headers"
headers = {{ "x-api-key" = {{ file = "secrets/admin-key.txt" }} }}

{more}
"#
    )
}

/// A stage at the first state.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn stage(
    options: Options,
    settings: &str,
    more: &str,
) -> Result<provider::Stage<Anthropic>, Error> {
    let start = Start::at(State::Initial.now())?;
    let api = Anthropic::new(options)?;
    provider::Stage::new("anthropic", api, start, |addr| config(addr, settings, more)).await
}
