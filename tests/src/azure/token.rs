//! Entra's token endpoint, and which token opens which host.

use super::{Tenant, reply::Reply};
use crate::aws::sigv4::decoded;
use serde_json::json;

/// The tenant.
pub const TENANT: &str = "33333333-aaaa-4bbb-8ccc-000000000003";
/// The app registration.
pub const CLIENT: &str = "44444444-aaaa-4bbb-8ccc-000000000004";
/// Its secret.
pub const SECRET: &str = "Qx~8Q~simulated-client-secret_0123456789";

/// The projected token of a service account that Entra trusts.
pub const FEDERATED: &str = "eyJhbGciOiJSUzI1NiJ9.simulated-projected-token.c2ln";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Audience {
    Management,
    Storage,
}

fn refused(status: u16, error: &str, code: u32, text: &str) -> Reply {
    let description = format!("AADSTS{code}: {text}");
    let body = json!({"error": error, "error_description": description, "error_codes": [code],
        "timestamp": "2026-08-03 12:00:00Z", "trace_id": "t", "correlation_id": "c"});
    Reply::json(&body).status(status)
}

/// `POST /{tenant}/oauth2/v2.0/token` with a form.
pub(crate) fn mint(tenant: &Tenant, path: &str, form: &[u8]) -> Reply {
    if path != format!("/{TENANT}/oauth2/v2.0/token") {
        return refused(400, "invalid_request", 90_002, "Tenant not found.");
    }
    let form = std::str::from_utf8(form).unwrap_or_default();
    let field = |name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        String::from_utf8(decoded(&value.replace('+', " "))).ok()
    };
    let audience = match field("scope").as_deref() {
        Some("https://management.azure.com/.default") => Audience::Management,
        Some("https://storage.azure.com/.default") => Audience::Storage,
        _ => return refused(400, "invalid_scope", 70_011, "The provided scope is not valid."),
    };
    if field("grant_type").as_deref() != Some("client_credentials")
        || field("client_id").as_deref() != Some(CLIENT)
    {
        return refused(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory.",
        );
    }
    let federated = field("client_assertion_type").as_deref()
        == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        && field("client_assertion").as_deref() == Some(FEDERATED);
    if !federated && field("client_secret").as_deref() != Some(tenant.secret().as_str()) {
        return refused(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        );
    }
    let token = tenant.issue(audience);
    Reply::json(
        &json!({"token_type": "Bearer", "expires_in": 3_599, "ext_expires_in": 3_599, "access_token": token}),
    )
}
