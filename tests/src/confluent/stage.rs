//! A stage for end-to-end tests: the simulated organization, and the program with an operator's file that leads to it.

use super::{Confluent, HOST, Options, State};
use crate::{
    Error,
    provider::{self, Start},
};
use std::net::SocketAddr;

/// The stage.
pub type Stage = provider::Stage<Confluent>;

/// The operator's file of the tests, with further settings and tables. Between calls nothing is waited for.
#[must_use]
pub fn config(addr: SocketAddr, settings: &str, tables: &str) -> String {
    format!(
        "[collector]\nname = \"confluent-test\"\n\n[settings]\norganization = \"b0a1c2d3-org\"\npause = 0\n{settings}\n\n\
         [[allow]]\nhost = \"{HOST}\"\npaths = [\"/billing/v1/costs\"]\ncredential = \"confluent\"\nconnect-to = \"{addr}\"\n\
         ca = \"secrets/ca.pem\"\n\n\
         [credentials.confluent]\nscheme = \"basic\"\nusername = {{ file = \"secrets/key.txt\" }}\n\
         password = {{ file = \"secrets/secret.txt\" }}\n\n{tables}\n"
    )
}

/// A stage at the first state.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn stage(options: Options, settings: &str, tables: &str) -> Result<Stage, Error> {
    let start = Start::at(State::Initial.now())?;
    let api = Confluent::new(options)?;
    Stage::new("confluent", api, start, |addr| config(addr, settings, tables)).await
}
