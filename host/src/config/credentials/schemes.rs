//! The keys of each scheme. All that is wrong with them is said, and a scheme comes out only if nothing is.

use super::{
    aws, azure, google,
    secrets::{header_name, name, optional, parameters, secret, secret_ref},
};
use crate::{
    config::{
        reading::Reading,
        section::{Item, Section},
        suggest,
    },
    egress::credential::{
        ClientAuth, ClientCredentials, JwtBearer, Scheme, SecretRef, TokenUrl, Value, can_be_digest_user,
    },
};
use std::{net::SocketAddr, time::Duration};

pub(super) const PLAIN: &str = "text, or { env = \"NAME\" }";
const TOKEN_URL: &str =
    "the provider's token URL, such as token-url = \"https://login.example.com/oauth2/token\"";
/// How long an assertion is valid where the file does not say.
const LIFETIME: Duration = Duration::from_secs(300);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads the keys of a known scheme.
pub(super) fn read(
    scheme: &str,
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    match scheme {
        "basic" => basic(section, reading),
        "headers" => {
            let remedy = "name them and where their values are, such as headers = { \"DD-API-KEY\" = { file = \"secrets/dd\" } }";
            let headers = secrets_by_name(section, "headers", remedy, reading, header_name)?;
            Some(Scheme::Headers { headers })
        }
        "query" => {
            let remedy = "name them and where their values are, such as query = { api_key = { file = \"secrets/key\" } }";
            let parameters = secrets_by_name(section, "query", remedy, reading, parameter_name)?;
            Some(Scheme::Query { parameters })
        }
        "digest" => digest(section, reading),
        "snowflake-key-pair" => snowflake(section, reading),
        "oauth2-client-credentials" => client_credentials(section, reading, connect_to),
        "jwt-bearer" => jwt_bearer(section, reading, connect_to),
        named if named.starts_with("aws-") => aws::read(named, section, reading, connect_to),
        named if named.starts_with("azure-") => azure::read(named, section, reading, connect_to),
        named if named.starts_with("google-") => google::read(named, section, reading, connect_to),
        _ => secret(section, "token", reading).map(|token| Scheme::Bearer { token }),
    }
}

fn basic(section: &Section<'_>, reading: &Reading<'_>) -> Option<Scheme> {
    let username = name(section, "username", reading);
    let password = match username {
        // Some providers take their key as the user name, and no password.
        Some(Value::Secret(_)) => optional(section, "password", reading),
        _ => secret(section, "password", reading).map(Some),
    };
    if let Some(Value::Plain(text)) = &username
        && text.contains(':')
    {
        section
            .take("username")?
            .problem("a user name holds no colon", "what follows it is the password");
        return None;
    }
    Some(Scheme::Basic {
        username: username?,
        password: password?,
    })
}

fn digest(section: &Section<'_>, reading: &Reading<'_>) -> Option<Scheme> {
    let username = name(section, "username", reading);
    let password = secret(section, "password", reading);
    if let Some(Value::Plain(text)) = &username
        && !can_be_digest_user(text)
    {
        let what = "a user name for digest is printable ASCII without `\"`, `\\` and `:`";
        section
            .take("username")?
            .problem(what, "remove the other characters");
        return None;
    }
    Some(Scheme::Digest {
        username: username?,
        password: password?,
    })
}

fn snowflake(section: &Section<'_>, reading: &Reading<'_>) -> Option<Scheme> {
    let account = required(
        section,
        "account",
        "write the account identifier, such as account = \"MYORG-ACCT\"",
        reading,
    );
    let user = required(
        section,
        "user",
        "write the user that holds the public key, such as user = \"TELEMETRY\"",
        reading,
    );
    let private_key = secret(section, "private-key", reading);
    let passphrase = optional(section, "passphrase", reading);
    Some(Scheme::SnowflakeKeyPair {
        account: account?,
        user: user?,
        private_key: private_key?,
        passphrase: passphrase?,
    })
}

fn client_credentials(
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    let token_url = token_url(section, reading, connect_to);
    let client_id = name(section, "client-id", reading);
    let client_secret = secret(section, "client-secret", reading);
    let client_auth = section
        .take("client-auth")
        .map_or(Some(ClientAuth::Header), |item| client_auth(&item));
    let scope = text(section, "scope", reading);
    let audience = text(section, "audience", reading);
    let parameters = parameters(section, &["scope", "audience"]);
    Some(Scheme::OAuth2ClientCredentials(ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        client_auth: client_auth?,
        scope: scope?,
        audience: audience?,
        parameters,
    }))
}

fn client_auth(item: &Item<'_>) -> Option<ClientAuth> {
    match item.text("\"header\" or \"body\"")? {
        "header" => Some(ClientAuth::Header),
        "body" => Some(ClientAuth::Body),
        other => {
            item.problem(
                "a client authenticates in the `header` or in the `body`",
                suggest::remedy(other, &["header", "body"]),
            );
            None
        }
    }
}

fn jwt_bearer(
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    let token_url = token_url(section, reading, connect_to);
    let remedy = "write who signs, such as issuer = \"reader@project.iam.example.com\"";
    let issuer = required(section, "issuer", remedy, reading);
    let subject = text(section, "subject", reading);
    let audience = text(section, "audience", reading);
    let scope = text(section, "scope", reading);
    let key_id = text(section, "key-id", reading);
    let private_key = secret(section, "private-key", reading);
    let passphrase = optional(section, "passphrase", reading);
    let lifetime = section
        .take("lifetime")
        .map_or(Some(LIFETIME), |item| item.duration(SHORTEST, LONGEST));
    let parameters = parameters(section, &[]);
    Some(Scheme::JwtBearer(JwtBearer {
        token_url: token_url?,
        issuer: issuer?,
        subject: subject?,
        audience: audience?,
        scope: scope?,
        private_key: private_key?,
        passphrase: passphrase?,
        key_id: key_id?,
        lifetime: lifetime?,
        parameters,
    }))
}

fn token_url(
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<TokenUrl> {
    let item = section.require("token-url", &format!("write {TOKEN_URL}"))?;
    minting_url(&item, TOKEN_URL, reading, connect_to)
}

/// The URL of a server that is shown secrets.
pub(super) fn minting_url(
    item: &Item<'_>,
    example: &str,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<TokenUrl> {
    match reading.text_or_env(item, PLAIN)?.parse::<TokenUrl>() {
        Ok(url) if url.is_safe(connect_to) => Some(url),
        Ok(_) => {
            item.problem("plain http would send the secret in the clear", "write https");
            None
        }
        Err(error) => {
            item.problem(
                format!("this is no token URL: {error}"),
                format!("write {example}"),
            );
            None
        }
    }
}

pub(super) fn required(
    section: &Section<'_>,
    key: &'static str,
    remedy: &str,
    reading: &Reading<'_>,
) -> Option<String> {
    section
        .require(key, remedy)
        .and_then(|item| reading.text_or_env(&item, PLAIN))
}

/// Text that may be left out: absent, or there and readable, or there and wrong.
pub(super) fn text(
    section: &Section<'_>,
    key: &'static str,
    reading: &Reading<'_>,
) -> Option<Option<String>> {
    match section.take(key) {
        None => Some(None),
        Some(item) => reading.text_or_env(&item, PLAIN).map(Some),
    }
}

/// A table whose keys are names and whose values are secrets.
fn secrets_by_name(
    section: &Section<'_>,
    key: &'static str,
    remedy: &str,
    reading: &Reading<'_>,
    named: impl Fn(&Item<'_>) -> Option<String>,
) -> Option<Vec<(String, SecretRef)>> {
    let table = section
        .require(key, remedy)?
        .section("a table of names and secrets")?;
    let mut found = Vec::new();
    let mut all = true;
    for item in table.items() {
        match (named(&item), secret_ref(&item, reading)) {
            (Some(name), Some(at)) => found.push((name, at)),
            _ => all = false,
        }
    }
    if table.items().next().is_none() {
        table.problem("it names nothing", remedy);
        all = false;
    }
    all.then_some(found)
}

fn parameter_name(item: &Item<'_>) -> Option<String> {
    if item.name.is_empty() || !item.name.bytes().all(|byte| byte.is_ascii_graphic()) {
        item.at_key(
            "this is no name of a query parameter",
            "write a name such as \"api_key\"",
        );
        return None;
    }
    Some(item.name.to_owned())
}
