//! A stage for end-to-end tests: the simulated organization, and the program with an operator's file that leads to it.

use super::{Elastic, HOST, ORGANIZATION, State};
use crate::{
    Error,
    provider::{self, Start},
};
use std::net::SocketAddr;

/// The stage.
pub type Stage = provider::Stage<Elastic>;

/// The price list of the golden records `contract`.
pub const CONTRACT: &str = "currency = \"EUR\"\n\
    ecu-price = [{ from = \"2026-07-16\", price = \"0.8725\" }, { from = \"2026-01-01\", price = \"0.915\" }]";

/// The operator's file of the tests, with further settings and tables. Between calls nothing is waited for.
#[must_use]
pub fn config(addr: SocketAddr, settings: &str, tables: &str) -> String {
    format!(
        "[collector]\nname = \"elastic-test\"\n\n[settings]\norganization = \"{ORGANIZATION}\"\npause = 0\n{settings}\n\n\
         [[allow]]\nhost = \"{HOST}\"\npaths = [\"/api/v2/billing/organizations/{ORGANIZATION}/costs/instances\"]\n\
         credential = \"elastic\"\nconnect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n\
         [credentials.elastic]\nscheme = \"headers\"\n\
         headers = {{ Authorization = {{ file = \"secrets/authorization.txt\" }} }}\n\n{tables}\n"
    )
}

/// A stage at the first state; each product line stands so many times in a reply.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn stage(copies: u32, settings: &str, tables: &str) -> Result<Stage, Error> {
    let start = Start::at(State::Initial.now())?;
    let api = Elastic::new(copies)?;
    Stage::new("elastic", api, start, |addr| config(addr, settings, tables)).await
}
