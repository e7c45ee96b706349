//! What the environment asks for, in OpenTelemetry's own variables: where to send traces and metrics, with which headers.
//! What must hold: a header is a secret, and an address can hold one: what is wrong with either is told without its text.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{ffi::OsString, num::NonZeroU64, path::PathBuf, time::Duration};
use url::Url;
use zeroize::Zeroizing;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
/// How often metrics are sent unless something else is asked for: OpenTelemetry's own figure.
const USUAL_INTERVAL: Duration = Duration::from_secs(60);
/// How long one message may take unless something else is asked for: OpenTelemetry's own figure.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Oftener than this they are not sent.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// Looks a variable up.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A variable, and what it says.
type Said = (&'static str, Zeroizing<String>);

/// Why what is asked for cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// An address that is none.
    #[error("{0} is no http or https address; set it to one such as \"http://localhost:4318\", or unset it")]
    Endpoint(&'static str),
    /// A protocol that is not spoken here.
    #[error(
        "{0} asks for another protocol than \"http/protobuf\", which is the only one here; set it to that, or unset it"
    )]
    Protocol(&'static str),
    /// A list of headers that cannot be read.
    #[error(
        "{name} is no list of headers, at its entry {entry}; write name=value,name=value with the values percent-encoded"
    )]
    Headers {
        /// The variable.
        name: &'static str,
        /// Which entry, from 1.
        entry: usize,
    },
    /// Not a time.
    #[error("{0} is no whole number of milliseconds, 1 or more; set it to one such as 10000, or unset it")]
    Millis(&'static str),
    /// A file of certificates that cannot be used.
    #[error("{name}: {why}; set it to a file of PEM certificates, or unset it")]
    Certificate {
        /// The variable.
        name: &'static str,
        /// Why, without the file's name.
        why: String,
    },
    /// A text that is not Unicode.
    #[error("{0} is not UTF-8")]
    Text(&'static str),
    /// There is no client for it.
    #[error("{name}: {why}")]
    Client {
        /// The variable.
        name: &'static str,
        /// Why.
        why: String,
    },
}

/// A place that takes one kind of messages.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The variable that names it.
    pub(super) variable: &'static str,
    pub(super) url: Url,
    /// Marked as secret, and wiped when they are no longer needed.
    pub(super) headers: HeaderMap,
    /// The file of the only certificates that it is trusted by, and the variable that names it; `None`: the system's.
    pub(super) certificate: Option<(&'static str, PathBuf)>,
    /// Until the answer's head, from the beginning.
    pub(super) timeout: Duration,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) traces: Option<Place>,
    pub(super) metrics: Option<Place>,
    /// How often metrics are sent.
    pub(super) interval: Duration,
}

/// The variables of one kind of messages: each its own, and the one for both that stands in.
struct Names {
    exporter: &'static str,
    endpoint: [&'static str; 2],
    headers: [&'static str; 2],
    protocol: [&'static str; 2],
    certificate: [&'static str; 2],
    timeout: [&'static str; 2],
    path: &'static str,
}

const TRACES: Names = Names {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ENDPOINT],
    headers: ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", HEADERS],
    protocol: ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", PROTOCOL],
    certificate: ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", CERTIFICATE],
    timeout: ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", TIMEOUT],
    path: "v1/traces",
};

const METRICS: Names = Names {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ENDPOINT],
    headers: ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", HEADERS],
    protocol: ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", PROTOCOL],
    certificate: ["OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", CERTIFICATE],
    timeout: ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", TIMEOUT],
    path: "v1/metrics",
};

impl Asked {
    /// Reads the variables. Without an endpoint nothing is asked for.
    pub(super) fn of(variable: Variable<'_>) -> Result<Self, AskedError> {
        if text(variable, "OTEL_SDK_DISABLED")?.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let interval = match text(variable, INTERVAL)? {
            None => USUAL_INTERVAL,
            Some(text) => millis(INTERVAL, &text)?.max(LEAST_INTERVAL),
        };
        Ok(Self {
            traces: place(variable, &TRACES)?,
            metrics: place(variable, &METRICS)?,
            interval,
        })
    }
}

fn place(variable: Variable<'_>, names: &Names) -> Result<Option<Place>, AskedError> {
    if text(variable, names.exporter)?.is_some_and(|text| *text == "none") {
        return Ok(None);
    }
    let Some((name, address)) = first(variable, names.endpoint)? else {
        return Ok(None);
    };
    let mut url: Url = address.parse().map_err(|_| AskedError::Endpoint(name))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(AskedError::Endpoint(name));
    }
    if name == ENDPOINT {
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}", names.path));
    }
    if let Some((name, protocol)) = first(variable, names.protocol)?
        && *protocol != "http/protobuf"
    {
        return Err(AskedError::Protocol(name));
    }
    let headers = match first(variable, names.headers)? {
        Some((name, list)) => read_headers(&list).map_err(|entry| AskedError::Headers { name, entry })?,
        None => HeaderMap::new(),
    };
    let certificate = first(variable, names.certificate)?;
    let timeout = match first(variable, names.timeout)? {
        Some((name, text)) => millis(name, &text)?,
        None => USUAL_TIMEOUT,
    };
    Ok(Some(Place {
        variable: name,
        url,
        headers,
        certificate: certificate.map(|(name, path)| (name, PathBuf::from(path.as_str()))),
        timeout,
    }))
}

fn millis(name: &'static str, text: &str) -> Result<Duration, AskedError> {
    let millis: NonZeroU64 = text.parse().map_err(|_| AskedError::Millis(name))?;
    Ok(Duration::from_millis(millis.get()))
}

/// The first of these variables that says something, and what.
fn first(variable: Variable<'_>, names: [&'static str; 2]) -> Result<Option<Said>, AskedError> {
    for name in names {
        if let Some(text) = text(variable, name)? {
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

/// A variable's text; an empty one is as good as none.
fn text(variable: Variable<'_>, name: &'static str) -> Result<Option<Zeroizing<String>>, AskedError> {
    let Some(text) = variable(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.into_string().map_err(|_| AskedError::Text(name))?;
    Ok(Some(Zeroizing::new(text)))
}

/// Reads `name=value,name=value` with percent-encoded values; an error is the number of the entry.
fn read_headers(list: &str) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    for (place, entry) in list.split(',').enumerate() {
        if entry.trim().is_empty() {
            continue;
        }
        let (name, value) = header(entry).ok_or(place + 1)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(entry: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = entry.split_once('=')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let value = bytes::Bytes::from_owner(decoded(value.trim())?);
    let mut value = HeaderValue::from_maybe_shared(value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// The bytes that a percent-encoded text stands for.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(variables: &[(&str, &str)]) -> Result<Asked, AskedError> {
        let find = |name: &str| {
            let (_, text) = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(text))
        };
        Asked::of(&find)
    }

    fn urls(variables: &[(&str, &str)]) -> [Option<String>; 2] {
        let asked = asked(variables).unwrap();
        [asked.traces, asked.metrics].map(|place| Some(place?.url.to_string()))
    }

    #[test]
    fn one_endpoint_is_for_both_and_each_may_have_its_own() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(urls(&[]), [None, None]);
        assert_eq!(urls(&[(ENDPOINT, "")]), [None, None]);
        for (base, below) in [
            ("http://c:4318", ""),
            ("http://c:4318/", ""),
            ("http://c:4318/a/", "/a"),
        ] {
            let expected = ["traces", "metrics"].map(|kind| Some(format!("http://c:4318{below}/v1/{kind}")));
            assert_eq!(urls(&[(ENDPOINT, base)]), expected);
        }
        let own = [(ENDPOINT, "http://c/"), (TRACES.endpoint[0], "https://t/x")];
        assert_eq!(urls(&own), [some("https://t/x"), some("http://c/v1/metrics")]);
        assert_eq!(
            urls(&[(METRICS.endpoint[0], "https://m")]),
            [None, some("https://m/")]
        );
        let off = [(ENDPOINT, "http://c/"), (METRICS.exporter, "none")];
        assert_eq!(urls(&off), [some("http://c/v1/traces"), None]);
        assert_eq!(
            urls(&[(ENDPOINT, "http://c/"), ("OTEL_SDK_DISABLED", "True")]),
            [None, None]
        );
    }

    #[test]
    fn headers_are_decoded_marked_as_secret_and_the_kinds_own_come_first() {
        let both = [
            (ENDPOINT, "http://c/"),
            (HEADERS, "authorization=Bearer%20a%3D=b, x-other = 1 ,"),
            (METRICS.headers[0], "api-key=m"),
        ];
        let asked = asked(&both).unwrap();
        let traces = asked.traces.unwrap().headers;
        assert_eq!(traces.get("authorization").unwrap(), "Bearer a==b");
        assert_eq!(traces.get("x-other").unwrap(), "1");
        assert!(!format!("{traces:?}").contains("Bearer"));
        let metrics = asked.metrics.unwrap().headers;
        assert_eq!(
            (metrics.len(), metrics.get("api-key").unwrap().as_bytes()),
            (1, &b"m"[..])
        );
    }

    #[test]
    fn a_certificate_and_a_timeout_are_for_both_or_for_one() {
        let both = [
            (ENDPOINT, "https://c/"),
            (CERTIFICATE, "ca.pem"),
            (TRACES.certificate[0], "traces.pem"),
            (METRICS.timeout[0], "250"),
        ];
        let asked = asked(&both).unwrap();
        let (traces, metrics) = (asked.traces.unwrap(), asked.metrics.unwrap());
        assert_eq!(
            [&traces, &metrics].map(|place| place.certificate.clone().unwrap()),
            [
                (TRACES.certificate[0], "traces.pem".into()),
                (CERTIFICATE, "ca.pem".into())
            ]
        );
        assert_eq!(
            [traces.timeout, metrics.timeout],
            [USUAL_TIMEOUT, Duration::from_millis(250)]
        );
    }

    #[test]
    fn what_cannot_be_done_names_the_variable_and_never_its_text() {
        for (name, text) in [
            (ENDPOINT, "canary"),
            (ENDPOINT, "ftp://user:canary@host/"),
            (ENDPOINT, "http://"),
            (PROTOCOL, "canary"),
            (TRACES.protocol[0], "grpc"),
            (HEADERS, "canary"),
            (HEADERS, "a=b,x=%zcanary"),
            (HEADERS, "ca nary=1"),
            (HEADERS, "a=%0acanary"),
            (INTERVAL, "canary"),
            (INTERVAL, "0"),
            (TIMEOUT, "-1"),
            (METRICS.timeout[0], "1.5s"),
        ] {
            let variables = [(name, text), (ENDPOINT, "http://localhost:4318")];
            let error = asked(&variables).unwrap_err().to_string();
            assert!(error.starts_with(name) && !error.contains("canary"), "{error}");
        }
    }
}
