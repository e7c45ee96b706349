//! What a grant means, stated anew over what a server saw: no code of the host, but its plain data.

use finops_host::egress::rule::{HostPattern, Matcher, Rule};
use finops_tests::hostile::{Received, Recorder};
use serde_json::Value;
use std::path::PathBuf;

/// The server of one host.
pub(crate) struct Server {
    pub(crate) ca: PathBuf,
    pub(crate) recorder: Recorder,
}

/// A request at the server that saw it.
pub(crate) struct Case<'a> {
    pub(crate) server: &'a Server,
    pub(crate) request: &'a Received,
    /// The secret of a credential.
    pub(crate) secret: &'a dyn Fn(&str) -> String,
}

/// Headers that the host's client sends by itself.
const HOSTS_OWN: [&str; 5] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "content-length",
];
/// Headers that any guest may set, beside `if-*`.
const ANYBODYS: [&str; 4] = ["accept", "accept-language", "content-type", "range"];

/// Whether a rule allows this request; otherwise why not.
pub(crate) fn satisfied(rule: &Rule, case: &Case<'_>) -> Result<(), String> {
    let Case {
        server,
        request,
        secret,
    } = case;
    let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };

    demand(
        rule.connect_to == Some(server.recorder.address()),
        "another server",
    )?;
    let authority = request.header("host").ok_or("no host, or several")?;
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| "no port")?),
        None => (authority.as_str(), if request.tls { 443 } else { 80 }),
    };
    let named = match &rule.host {
        HostPattern::Exact(name) => host == name,
        HostPattern::Below(suffix) => host.len() > suffix.len() + 1 && host.ends_with(&format!(".{suffix}")),
    };
    demand(named, "another host")?;
    demand(request.tls || rule.insecure_http, "in the clear")?;
    let default = if request.tls { 443 } else { 80 };
    demand(port == rule.port.unwrap_or(default), "another port")?;
    demand(
        rule.methods
            .iter()
            .any(|method| method.as_str() == request.method()),
        "another method",
    )?;
    demand(
        request
            .head
            .starts_with(&format!("{} {} HTTP/1.1\r\n", request.method(), request.target())),
        "a request line of its own",
    )?;

    let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
    path_lies_below(rule, path)?;
    let query = pairs(query)?;
    let signed = query.iter().map(|(name, _)| name.to_lowercase()).find(|name| {
        name.starts_with("x-amz-") || ["sig", "signature", "access_token"].contains(&name.as_str())
    });
    demand(signed.is_none(), "signed by the guest")?;
    all_once(&rule.query, &query)?;

    headers_are_allowed(rule, request)?;
    let authorization = request.header("authorization");
    let expected = rule
        .credential
        .as_ref()
        .map(|name| format!("Bearer {}", secret(name)));
    demand(authorization == expected, "another credential")?;
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap_or(usize::MAX));
    demand(length == request.body.len(), "another length")?;

    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_lowercase();
    if !rule.form.is_empty() {
        demand(media == "application/x-www-form-urlencoded", "no form")?;
        let text = std::str::from_utf8(&request.body).map_err(|_| "no text")?;
        all_once(&rule.form, &pairs(text)?)?;
    }
    if !rule.json.is_empty() {
        demand(media.contains("json"), "no JSON")?;
        all_once(&rule.json, &members(&request.body)?)?;
    }
    Ok(())
}

fn path_lies_below(rule: &Rule, path: &str) -> Result<(), String> {
    let segments: Vec<String> = path
        .strip_prefix('/')
        .ok_or("no slash first")?
        .split('/')
        .map(decoded)
        .collect::<Result<_, _>>()?;
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        let odd = segment.chars().any(|c| c.is_control() || c == '\\' || c == ';');
        let twisted = segment == "." || segment == ".." || odd || segment.is_empty() && !last;
        let slash = segment.contains('/') && !rule.encoded_slash;
        if twisted || slash {
            return Err(format!(
                "a segment that servers read in several ways: {segment:?}"
            ));
        }
    }
    let below = rule.paths.iter().any(|prefix| {
        let mut wanted = prefix.as_str().split('/').filter(|segment| !segment.is_empty());
        let mut given = segments.iter();
        wanted.all(|wanted| given.next().is_some_and(|given| given == wanted))
    });
    if below {
        Ok(())
    } else {
        Err("another path".to_owned())
    }
}

fn headers_are_allowed(rule: &Rule, request: &Received) -> Result<(), String> {
    let headers = request.headers();
    for (name, value) in &headers {
        let times = headers.iter().filter(|(other, _)| other == name).count();
        let matcher = rule.headers.iter().find(|matcher| matcher.name == *name);
        let known = HOSTS_OWN.contains(&name.as_str())
            || ANYBODYS.contains(&name.as_str())
            || name.starts_with("if-")
            || name == "authorization" && rule.credential.is_some()
            || matcher.is_some();
        if !known || times > 1 || !value.chars().all(|c| matches!(c, ' '..='~' | '\t')) {
            return Err(format!("header {name}: {value}"));
        }
    }
    let agent = request.header("user-agent").unwrap_or_default();
    if !agent.starts_with("finops-host/") {
        return Err(format!("user-agent {agent}"));
    }
    let demanded: Vec<_> = rule
        .headers
        .iter()
        .filter(|matcher| matcher.values.is_some())
        .cloned()
        .collect();
    all_once(&demanded, &headers)
}

/// Each matcher's name occurs once, however it is written, with a value that the rule lists.
fn all_once(matchers: &[Matcher], pairs: &[(String, String)]) -> Result<(), String> {
    for matcher in matchers {
        let named: Vec<_> = pairs
            .iter()
            .filter(|(name, _)| name.to_lowercase() == matcher.name.to_lowercase())
            .collect();
        let [(name, value)] = named.as_slice() else {
            return Err(format!("{} occurs {} times", matcher.name, named.len()));
        };
        let listed = matcher
            .values
            .as_ref()
            .is_none_or(|values| values.contains(value));
        if *name != matcher.name || !listed {
            return Err(format!("{name} is {value:?}"));
        }
    }
    Ok(())
}

/// Names and values of a query or form.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((lenient(name), lenient(value)))
        })
        .collect()
}

/// All members of a JSON object in their order, with the text of their values.
fn members(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    // Read by hand as far as the names go, so that repeated ones are seen.
    struct Members(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Each;
            impl<'de> serde::de::Visitor<'de> for Each {
                type Value = Members;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut found = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Value>()? {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        found.push((name, text));
                    }
                    Ok(Members(found))
                }
            }
            deserializer.deserialize_map(Each)
        }
    }
    serde_json::from_slice::<Members>(body)
        .map(|members| members.0)
        .map_err(|error| error.to_string())
}

/// Decodes percent escapes; every `%` must begin one, and the result be UTF-8.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: String = left.by_ref().take(2).map(char::from).collect();
        bytes.push(u8::from_str_radix(&digits, 16).map_err(|_| format!("a broken escape in {text}"))?);
    }
    String::from_utf8(bytes).map_err(|_| format!("no UTF-8 in {text}"))
}

/// As servers read names and values: `+` is a blank, and what is no escape stays.
fn lenient(text: &str) -> String {
    let text = text.replace('+', " ");
    decoded(&text).unwrap_or(text)
}
