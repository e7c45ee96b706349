//! The keys of the Azure schemes. What AKS and App Service tell by documented environment variables stands in for keys that the
//! table leaves out.

use super::{
    schemes::{PLAIN, minting_url, text},
    secrets::{optional, secret},
};
use crate::{
    config::{reading::Reading, section::Section},
    egress::credential::{App, Azure, AzureIdentity, Scheme, SecretRef, TokenUrl},
};
use std::net::SocketAddr;

/// What tokens are for where the file does not say: Azure Resource Manager.
const SCOPE: &str = "https://management.azure.com/.default";
const AUTHORITY: &str = "https://login.microsoftonline.com/";
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Reads the keys of an Azure scheme.
pub(super) fn read(
    scheme: &str,
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    let identity = match scheme {
        "azure-client-certificate" => {
            let app = app(section, reading, connect_to);
            let certificate = secret(section, "certificate", reading);
            let private_key = secret(section, "private-key", reading);
            let passphrase = optional(section, "passphrase", reading);
            Some(AzureIdentity::Certificate {
                app: app?,
                certificate: certificate?,
                private_key: private_key?,
                passphrase: passphrase?,
            })
        }
        "azure-workload-identity" => {
            let app = app(section, reading, connect_to);
            let token = match section.take("token") {
                Some(_) => secret(section, "token", reading),
                None => reading
                    .told(section, "token", "AZURE_FEDERATED_TOKEN_FILE")
                    .map(|path| reading.told_file(section, "token", &path)),
            };
            Some(AzureIdentity::Federated {
                app: app?,
                token: token?,
            })
        }
        "azure-managed-identity" => managed(section, reading),
        _ => {
            let app = app(section, reading, connect_to);
            let client_secret = secret(section, "client-secret", reading);
            Some(AzureIdentity::Secret {
                app: app?,
                client_secret: client_secret?,
            })
        }
    };
    let scope = text(section, "scope", reading)?.unwrap_or_else(|| SCOPE.to_owned());
    let identity = identity?;
    Some(Scheme::Azure(Azure { identity, scope }))
}

/// The app: in its tenant, or at a token URL written out.
fn app(section: &Section<'_>, reading: &Reading<'_>, connect_to: Option<SocketAddr>) -> Option<App> {
    let written = |key: &'static str, name: &str| match section.take(key) {
        Some(item) => reading.text_or_env(&item, PLAIN),
        None => reading.told(section, key, name),
    };
    let client_id = written("client-id", "AZURE_CLIENT_ID");
    let token_url = match section.take("token-url") {
        Some(item) => {
            let example = "the tenant's token URL, such as token-url = \"https://login.microsoftonline.com/TENANT/oauth2/v2.0/token\"";
            minting_url(&item, example, reading, connect_to)
        }
        None => {
            let authority = reading.told_if_set(section, "token-url", "AZURE_AUTHORITY_HOST");
            let authority = authority.unwrap_or_else(|| AUTHORITY.to_owned());
            written("tenant", "AZURE_TENANT_ID").and_then(|tenant| in_tenant(section, &authority, &tenant))
        }
    };
    Some(App {
        token_url: token_url?,
        client_id: client_id?,
    })
}

fn in_tenant(section: &Section<'_>, authority: &str, tenant: &str) -> Option<TokenUrl> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if tenant.is_empty() || !tenant.chars().all(good) || tenant.chars().all(|c| c == '.') {
        section.problem(
            "`tenant` is no tenant's id or domain",
            "write such as tenant = \"contoso.onmicrosoft.com\"",
        );
        return None;
    }
    let url = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/')).parse();
    let url = url.ok().filter(|url: &TokenUrl| url.is_safe(None));
    if url.is_none() {
        section.problem(
            "AZURE_AUTHORITY_HOST is no https URL",
            "write `token-url` instead, or correct the variable",
        );
    }
    url
}

fn managed(section: &Section<'_>, reading: &Reading<'_>) -> Option<AzureIdentity> {
    let client_id = text(section, "client-id", reading);
    let header = "IDENTITY_HEADER";
    let (url, header) = match section.take("endpoint") {
        Some(item) => (item.text("the address of the metadata service")?.to_owned(), None),
        None => match reading.told_if_set(section, "endpoint", "IDENTITY_ENDPOINT") {
            Some(url) => {
                reading.told(section, "endpoint", header)?;
                (url, Some(SecretRef::Env(header.to_owned())))
            }
            None => (METADATA.to_owned(), None),
        },
    };
    let url = url.parse().ok().filter(TokenUrl::is_of_this_machine);
    if url.is_none() {
        section.problem(
            "the endpoint of a managed identity is at a documented address or on loopback, over http",
            "remove `endpoint`, or correct the variable IDENTITY_ENDPOINT",
        );
    }
    Some(AzureIdentity::Managed {
        url: url?,
        header,
        client_id: client_id?,
    })
}
