//! The keys of the Google schemes.

use super::{
    schemes::{minting_url, required, text},
    secrets::secret,
};
use crate::{
    config::{reading::Reading, section::Section},
    egress::credential::{Federated, Google, GoogleIdentity, Scheme, TokenUrl},
};
use std::net::SocketAddr;

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const STS_URL: &str = "https://sts.googleapis.com/v1/token";
const METADATA: &str = "http://metadata.google.internal/";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// What tokens are for where the file does not say: to read.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform.read-only";
const SCOPES: &str = "a list of scopes such as [\"https://www.googleapis.com/auth/bigquery\"]";

/// Reads the keys of a Google scheme.
pub(super) fn read(
    scheme: &str,
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    let identity = match scheme {
        "google-metadata" => metadata(section),
        "google-workload-identity" => federated(section, reading, connect_to)
            .map(|federated| GoogleIdentity::Federated(Box::new(federated))),
        _ => {
            let key = secret(section, "key", reading);
            let token_url = url(section, "token-url", TOKEN_URL, reading, connect_to);
            Some(GoogleIdentity::ServiceAccount {
                key: key?,
                token_url: token_url?,
            })
        }
    };
    // The metadata server gives what the machine was given, unless asked for less.
    let unsaid = if scheme == "google-metadata" { "" } else { SCOPE };
    let scope = match section.take("scopes") {
        None => Some(unsaid.to_owned()),
        Some(item) => item.list(SCOPES).and_then(|items| {
            let scopes: Vec<_> = items.iter().filter_map(|item| item.text(SCOPES)).collect();
            (scopes.len() == items.len()).then(|| scopes.join(" "))
        }),
    };
    let identity = identity?;
    let scope = scope?;
    Some(Scheme::Google(Google { identity, scope }))
}

fn metadata(section: &Section<'_>) -> Option<GoogleIdentity> {
    let Some(item) = section.take("endpoint") else {
        return METADATA.parse().ok().map(|url| GoogleIdentity::Metadata { url });
    };
    let text = item.text("the address of the metadata server")?;
    let url = text.parse().ok().filter(TokenUrl::is_of_this_machine);
    if url.is_none() {
        item.problem(
            "a metadata server is at a documented address or on loopback, over http",
            "remove it",
        );
    }
    url.map(|url| GoogleIdentity::Metadata { url })
}

fn federated(
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Federated> {
    let remedy = "write the provider's full name, such as audience = \"//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/prov\"";
    let audience = required(section, "audience", remedy, reading);
    let token = secret(section, "token", reading);
    let token_type = text(section, "token-type", reading);
    let token_url = url(section, "token-url", STS_URL, reading, connect_to);
    let impersonate = match section.take("impersonate") {
        None => Some(None),
        Some(item) => {
            let email = item.text("the address of a service account")?;
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '@');
            let url = format!(
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
            );
            if email.contains('@') && email.chars().all(good) {
                url.parse().ok().map(Some)
            } else {
                item.problem(
                    "this is no address of a service account",
                    "write such as impersonate = \"reader@project.iam.gserviceaccount.com\"",
                );
                None
            }
        }
    };
    Some(Federated {
        audience: audience?,
        token: token?,
        token_type: token_type?.unwrap_or_else(|| JWT.to_owned()),
        token_url: token_url?,
        impersonate: impersonate?,
    })
}

/// The URL of a server that is shown secrets, with Google's own where the table is silent.
fn url(
    section: &Section<'_>,
    key: &'static str,
    own: &str,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<TokenUrl> {
    match section.take(key) {
        None => own.parse().ok(),
        Some(item) => minting_url(&item, &format!("such as {key} = \"{own}\""), reading, connect_to),
    }
}
