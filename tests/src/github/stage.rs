//! A stage for end-to-end tests: the simulated GitHub and an operator's file that leads to it, and the states of the golden
//! records.

use super::{GitHub, Options};
use crate::{
    Error,
    provider::{Stage, Start, golden::Golden},
};
use std::net::SocketAddr;

/// The states of the bill, each after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it is first read.
    Initial,
    /// Lines of the last days are changed and taken back.
    Restated,
    /// July is final, with a late line.
    Closed,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Initial, Self::Restated, Self::Closed];

    /// When.
    #[must_use]
    pub fn now(self) -> &'static str {
        match self {
            Self::Initial => "2026-08-03T12:00:00Z",
            Self::Restated => "2026-08-03T18:30:00Z",
            Self::Closed => "2026-08-07T12:00:00Z",
        }
    }

    /// The records expected.
    ///
    /// # Errors
    /// Where the file is damaged.
    pub fn golden(self) -> Result<Golden, Error> {
        Golden::read(match self {
            Self::Initial => include_str!("../../golden/github/initial.json"),
            Self::Restated => include_str!("../../golden/github/restated.json"),
            Self::Closed => include_str!("../../golden/github/closed.json"),
        })
    }
}

/// The operator's file; `more` goes to its end.
#[must_use]
pub fn config(addr: SocketAddr, token: &str, more: &str) -> String {
    format!(
        "[collector]\nname = \"github-test\"\n\n[settings]\naccount = \"acme\"\n\n\
         [[allow]]\nhost = \"api.github.com\"\npaths = [\"/organizations/acme/settings/billing/usage\"]\n\
         headers = {{ x-github-api-version = [\"2022-11-28\"] }}\ncredential = \"github\"\n\
         connect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n\
         [credentials.github]\nscheme = \"bearer\"\ntoken = {{ file = \"secrets/{token}\" }}\n{more}"
    )
}

/// A stage at the first state, with the fine-grained token.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn stage(options: Options, more: &str) -> Result<Stage<GitHub>, Error> {
    let start = Start::at(State::Initial.now())?;
    Stage::new("github-actions", GitHub::new(options)?, start, |addr| {
        config(addr, "token.txt", more)
    })
    .await
}
