//! The keys of the AWS schemes: whose keys sign, what they sign for, and the role that they assume.
//!
//! Where a platform tells a program who it is by documented environment variables (EKS, ECS), those stand in for keys that the
//! table leaves out. What must hold: they count as variables and files that the table names, so that a ceiling judges them.

use super::{
    schemes::{PLAIN, minting_url, required, text},
    secrets::{optional, secret},
};
use crate::{
    config::{
        reading::Reading,
        section::{Item, Section},
    },
    egress::credential::{
        AssumeRole, AwsIdentity, AwsSigV4, Canonical, Scheme, Scope, SecretRef, Signed, TokenUrl, WebIdentity,
    },
};
use std::{net::SocketAddr, time::Duration};

/// Name of a session where the file does not say.
const SESSION: &str = "finops-host";
/// EC2's metadata service.
const INSTANCE: &str = "http://169.254.169.254/";
/// What ECS's relative address is relative to.
const CONTAINER: &str = "http://169.254.170.2";
/// Where STS is without a region: one that cannot be switched off.
const STS_REGION: &str = "us-east-1";
/// How long a role's keys may be asked to hold (STS's own bounds).
const SHORTEST: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// Reads the keys of an AWS scheme.
pub(super) fn read(
    scheme: &str,
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<Scheme> {
    let identity = match scheme {
        "aws-profile" => profile(section, reading),
        "aws-web-identity" => web_identity(section, reading).map(AwsIdentity::WebIdentity),
        "aws-container" => container(section, reading, connect_to),
        "aws-instance" => instance(section),
        _ => keys(section, reading),
    };
    let region = scope_part(section, "region", reading);
    let service = scope_part(section, "service", reading);
    let s3 = section.take("s3").map_or(Some(false), |item| item.boolean());
    let role = match section.take("assume-role") {
        None => Some(None),
        Some(item) => assume_role(&item, reading).map(Some),
    };
    let sts = match section.take("sts-url") {
        None => Some(None),
        Some(item) => {
            let example = "the address of STS, such as sts-url = \"https://sts.eu-west-1.amazonaws.com/\"";
            minting_url(&item, example, reading, connect_to).map(Some)
        }
    };
    let (identity, region, service, role) = (identity?, region?, service?, role?);
    let asks_sts = role.is_some() || matches!(identity, AwsIdentity::WebIdentity(_));
    let sts = match (sts?, asks_sts) {
        (None, true) => Some(sts_of(region.as_deref().unwrap_or(STS_REGION))?),
        (Some(_), false) => {
            section.take("sts-url")?.at_key(
                "STS is asked by `aws-web-identity` and for `assume-role` alone",
                "remove it",
            );
            return None;
        }
        (given, _) => given,
    };
    let scope = match (region, service, s3?) {
        (Some(region), Some(service), s3) => Scope::Fixed(Signed {
            region,
            service,
            canonical: if s3 { Canonical::S3 } else { Canonical::Usual },
        }),
        (_, None, false) => Scope::OfHost,
        (_, None, true) => {
            section.take("s3")?.at_key(
                "without `service`, the host's name tells whether this is S3",
                "remove it, or write `service`",
            );
            return None;
        }
        (None, Some(_), _) => {
            section.take("service")?.at_key(
                "a service is signed for in a region",
                "write region = \"us-east-1\", too, or neither: then the host's name tells both",
            );
            return None;
        }
    };
    Some(Scheme::AwsSigV4(AwsSigV4 {
        identity,
        role,
        sts,
        scope,
    }))
}

fn keys(section: &Section<'_>, reading: &Reading<'_>) -> Option<AwsIdentity> {
    let access_key_id = secret(section, "access-key-id", reading);
    let secret_access_key = secret(section, "secret-access-key", reading);
    let session_token = optional(section, "session-token", reading);
    Some(AwsIdentity::Keys {
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        session_token: session_token?,
    })
}

fn profile(section: &Section<'_>, reading: &Reading<'_>) -> Option<AwsIdentity> {
    let file = secret(section, "credentials-file", reading);
    let profile = text(section, "profile", reading)?;
    Some(AwsIdentity::Profile {
        file: file?,
        profile: profile.unwrap_or_else(|| "default".to_owned()),
    })
}

fn web_identity(section: &Section<'_>, reading: &Reading<'_>) -> Option<WebIdentity> {
    let role = match section.take("role") {
        Some(item) => arn(&item, reading),
        None => reading.told(section, "role", "AWS_ROLE_ARN"),
    };
    let token = match section.take("token") {
        Some(_) => secret(section, "token", reading),
        None => reading
            .told(section, "token", "AWS_WEB_IDENTITY_TOKEN_FILE")
            .map(|path| reading.told_file(section, "token", &path)),
    };
    Some(WebIdentity {
        role: role?,
        token: token?,
        session: session(section, reading)?,
    })
}

fn container(
    section: &Section<'_>,
    reading: &Reading<'_>,
    connect_to: Option<SocketAddr>,
) -> Option<AwsIdentity> {
    let url = match section.take("endpoint") {
        Some(item) => {
            let written = item.text(ENDPOINT)?;
            endpoint(written, connect_to, &|what, remedy| item.problem(what, remedy))
        }
        None => {
            let full =
                match reading.told_if_set(section, "endpoint", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
                    Some(path) => Some(format!("{CONTAINER}{path}")),
                    None => reading.told(section, "endpoint", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                };
            endpoint(&full?, connect_to, &|what, remedy| section.problem(what, remedy))
        }
    };
    let token = match section.take("token") {
        Some(_) => secret(section, "token", reading).map(Some),
        None => Some(
            reading
                .told_if_set(section, "token", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
                .map(|path| reading.told_file(section, "token", &path))
                .or_else(|| {
                    let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
                    let set = reading.told_if_set(section, "token", name);
                    set.map(|_| SecretRef::Env(name.to_owned()))
                }),
        ),
    };
    Some(AwsIdentity::Container {
        url: url?,
        token: token?,
    })
}

const ENDPOINT: &str = "the endpoint of a container, such as \"http://169.254.170.23/v1/credentials\"";

/// A container's endpoint: https, or http that stays on this machine.
fn endpoint(
    text: &str,
    connect_to: Option<SocketAddr>,
    tell: &dyn Fn(&'static str, &'static str),
) -> Option<TokenUrl> {
    let good = |url: &TokenUrl| url.is_of_this_machine() || url.is_safe(connect_to);
    let url = text.parse().ok().filter(good);
    if url.is_none() {
        tell(
            "a container's endpoint is an https URL, or an http one at a documented address (169.254.170.2, 169.254.170.23, [fd00:ec2::23]) or on loopback",
            "write such as endpoint = \"http://169.254.170.23/v1/credentials\"",
        );
    }
    url
}

fn instance(section: &Section<'_>) -> Option<AwsIdentity> {
    let written = match section.take("endpoint") {
        None => return INSTANCE.parse().ok().map(|url| AwsIdentity::Instance { url }),
        Some(item) => item,
    };
    let text = written.text("the address of the metadata service")?;
    let url = text.parse().ok().filter(TokenUrl::is_of_this_machine);
    if url.is_none() {
        written.problem(
            "a metadata service is at a documented address or on loopback, over http",
            "remove it, or write endpoint = \"http://[fd00:ec2::254]/\"",
        );
    }
    url.map(|url| AwsIdentity::Instance { url })
}

fn assume_role(item: &Item<'_>, reading: &Reading<'_>) -> Option<AssumeRole> {
    let section = item.section("a table such as { role = \"arn:aws:iam::123456789012:role/finops\" }")?;
    let role = section.require("role", ROLE).and_then(|item| arn(&item, reading));
    let external_id = text(&section, "external-id", reading);
    let session = session(&section, reading);
    let duration = match section.take("duration") {
        None => Some(None),
        Some(item) => item.duration(SHORTEST, LONGEST).map(Some),
    };
    section.finish();
    Some(AssumeRole {
        role: role?,
        external_id: external_id?,
        session: session?,
        duration: duration?,
    })
}

const ROLE: &str = "write its ARN, such as role = \"arn:aws:iam::123456789012:role/finops\"";

fn arn(item: &Item<'_>, reading: &Reading<'_>) -> Option<String> {
    let text = reading.text_or_env(item, PLAIN)?;
    if text.starts_with("arn:") && text.contains(":role/") {
        return Some(text);
    }
    item.problem("this is no ARN of a role", ROLE);
    None
}

fn session(section: &Section<'_>, reading: &Reading<'_>) -> Option<String> {
    let Some(given) = text(section, "session-name", reading)? else {
        return Some(SESSION.to_owned());
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if (2..=64).contains(&given.len()) && given.chars().all(good) {
        return Some(given);
    }
    section.take("session-name")?.problem(
        "a session's name has 2 to 64 letters, digits and characters of `+=,.@_-`",
        "remove the other characters",
    );
    None
}

/// STS of a region.
fn sts_of(region: &str) -> Option<TokenUrl> {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://sts.{region}.{domain}/").parse().ok()
}

/// A part of a signature's scope, which may be left out: a slash would make it another one.
fn scope_part(section: &Section<'_>, key: &'static str, reading: &Reading<'_>) -> Option<Option<String>> {
    let Some(item) = section.take(key) else {
        return Some(None);
    };
    let text = required(section, key, "write what is signed for", reading)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if text.chars().all(good) && !text.is_empty() {
        return Some(Some(text));
    }
    item.problem(
        "it holds other than lower-case letters, digits and `-`",
        "write such as region = \"us-east-1\" and service = \"ce\"",
    );
    None
}
