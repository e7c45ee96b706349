//! A table for each scheme, for `init` to print: complete, so that only its values need a look.

use toml_edit::{InlineTable, Item, Table, Value, value};

/// The table of a scheme, whose secrets lie in files named after the credential.
pub(in crate::config) fn sample(scheme: &str, name: &str) -> Table {
    let file = |ending: &str| -> Value {
        let path = format!("secrets/{name}{ending}");
        InlineTable::from_iter([("file", Value::from(path))]).into()
    };
    let by_name = |key: &str| -> Value { InlineTable::from_iter([(key, file(""))]).into() };
    let keys: Vec<(&str, Value)> = match scheme {
        "basic" | "digest" => vec![("username", "USER".into()), ("password", file(""))],
        "headers" => vec![("headers", by_name("X-Api-Key"))],
        "query" => vec![("query", by_name("api_key"))],
        "snowflake-key-pair" => vec![
            ("account", "MYORG-ACCT".into()),
            ("user", "TELEMETRY".into()),
            ("private-key", file(".p8")),
        ],
        "oauth2-client-credentials" => vec![
            ("token-url", "https://login.example.com/oauth2/token".into()),
            ("client-id", "CLIENT".into()),
            ("client-secret", file("")),
        ],
        "jwt-bearer" => vec![
            ("token-url", "https://login.example.com/oauth2/token".into()),
            ("issuer", "ISSUER".into()),
            ("private-key", file(".p8")),
        ],
        "aws-sigv4" => vec![("access-key-id", file(".id")), ("secret-access-key", file(""))],
        "aws-profile" => vec![("credentials-file", file("")), ("profile", "default".into())],
        "aws-web-identity" => vec![
            ("role", "arn:aws:iam::123456789012:role/finops".into()),
            ("token", file("")),
        ],
        "aws-container" => vec![("endpoint", "http://169.254.170.23/v1/credentials".into())],
        "azure-client-secret" => vec![
            ("tenant", "contoso.onmicrosoft.com".into()),
            ("client-id", "CLIENT".into()),
            ("client-secret", file("")),
        ],
        "azure-client-certificate" => vec![
            ("tenant", "contoso.onmicrosoft.com".into()),
            ("client-id", "CLIENT".into()),
            ("certificate", file(".crt")),
            ("private-key", file(".p8")),
        ],
        "azure-workload-identity" => vec![
            ("tenant", "contoso.onmicrosoft.com".into()),
            ("client-id", "CLIENT".into()),
            ("token", file("")),
        ],
        "google-service-account" => vec![("key", file(".json"))],
        "google-workload-identity" => vec![
            (
                "audience",
                "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/prov".into(),
            ),
            ("token", file("")),
        ],
        "aws-instance" | "azure-managed-identity" | "google-metadata" => Vec::new(),
        _ => vec![("token", file(""))],
    };
    let keys = keys.into_iter().map(|(key, given)| (key, Item::Value(given)));
    std::iter::once(("scheme", value(scheme))).chain(keys).collect()
}
