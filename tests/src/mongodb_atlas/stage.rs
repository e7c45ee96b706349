//! The operator's file for the simulated organization, with its key pair.

use super::{HOST, ORGANIZATION};
use std::net::SocketAddr;

/// The file; `more` stands at its end.
#[must_use]
pub fn config(addr: SocketAddr, more: &str) -> String {
    format!(
        "[collector]\nname = \"atlas-test\"\n\n[settings]\norganization = \"{ORGANIZATION}\"\n\n\
         [[allow]]\nhost = \"{HOST}\"\npaths = [\"/api/atlas/v2/orgs/{ORGANIZATION}/invoices\", \"/api/atlas/v2/groups\"]\n\
         credential = \"atlas\"\nconnect-to = \"{addr}\"\nca = \"secrets/ca.pem\"\n\n[credentials.atlas]\nscheme = \"digest\"\n\
         username = {{ file = \"secrets/public-key.txt\" }}\npassword = {{ file = \"secrets/private-key.txt\" }}\n\n{more}\n"
    )
}
