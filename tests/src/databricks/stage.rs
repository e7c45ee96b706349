//! The operator's file that leads to the simulated workspace, and a stage to run it on.

use super::{ACCOUNT, CLIENT_ID, HOST, Options, WAREHOUSE, Workspace};
use crate::{
    Error,
    provider::{Stage, Start},
};
use std::net::SocketAddr;

/// The personal access token as a credential.
pub const BEARER: &str = "scheme = \"bearer\"\ntoken = { file = \"secrets/token.txt\" }";

/// The service principal as a credential, whose tokens come from the workspace at that address.
#[must_use]
pub fn principal(addr: SocketAddr) -> String {
    format!(
        r#"scheme = "oauth2-client-credentials"
token-url = "https://{HOST}/oidc/v1/token"
client-id = "{CLIENT_ID}"
client-secret = {{ file = "secrets/client-secret.txt" }}
scope = "all-apis"
connect-to = "{addr}"
ca = "secrets/ca.pem""#
    )
}

/// The operator's file; `more` is put into its settings, `end` at its end.
#[must_use]
pub fn config(addr: SocketAddr, credential: &str, more: &str, end: &str) -> String {
    let rule = |methods: &str, paths: &str| {
        format!(
            "[[allow]]\nhost = \"{HOST}\"\nmethods = [{methods}]\npaths = [{paths}]\ncredential = \"databricks\"\n\
             connect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n"
        )
    };
    let statements = rule("\"GET\", \"POST\"", "\"/api/2.0/sql/statements\"");
    let lists = rule(
        "\"GET\"",
        "\"/api/2.0/sql/warehouses\", \"/api/2.1/clusters/list\", \"/api/2.0/pipelines\", \"/api/2.2/jobs/runs/list\"",
    );
    format!(
        "[collector]\nname = \"databricks-test\"\n\n[settings]\nhost = \"{HOST}\"\naccount-id = \"{ACCOUNT}\"\n\
         warehouse-id = \"{WAREHOUSE}\"\n{more}\n\n{statements}{lists}[credentials.databricks]\n{credential}\n\n{end}"
    )
}

/// A stage at that time with a personal access token.
///
/// # Errors
/// Where the simulator cannot start.
pub async fn at(now: &str, options: Options, settings: &str) -> Result<Stage<Workspace>, Error> {
    let workspace = Workspace::new(options)?;
    let config = |addr| config(addr, BEARER, settings, "");
    Stage::new("databricks", workspace, Start::at(now)?, config).await
}
