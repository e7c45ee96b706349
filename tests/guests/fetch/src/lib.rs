//! A collector that calls out over `wasi:http`, as ordinary HTTP clients do. Its setting `act` says what it makes of that:
//! a record, as a collector would, or an attack on the host. What came of it is the outcome's note.

mod attacks;
mod client;

use client::Call;
use finops_collector::{
    Collector, CostRecord, Descriptor, Failure, FailureKind, Host, Outcome, PartitionWriter, Period, Request,
    Seal, Source, commit,
    descriptor::{Basis, Grain, HostWish, Setting, SettingKind, Stream},
};
use serde::Deserialize;
use wasip2::http::types::ErrorCode;

struct Fetch;

/// Where tests write a URL into the built component, for `describe` to call: it has no settings.
static WHILE_DESCRIBING: [u8; 96] =
    *b"FETCH-WHILE-DESCRIBING:                                                                         ";

#[derive(Deserialize)]
struct Settings {
    act: String,
    url: String,
    method: String,
    /// `name: value`, parted by `|`.
    headers: String,
    body: String,
    count: u64,
    bytes: u64,
    /// Milliseconds.
    timeout: u64,
}

impl Settings {
    fn call(&self) -> Call {
        let headers = self
            .headers
            .split('|')
            .filter_map(|header| header.split_once(": "));
        let mut body = self.body.clone().into_bytes();
        body.resize(body.len().max(self.bytes as usize), b'x');
        Call {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body,
            first_byte_timeout: (self.timeout > 0).then_some(self.timeout * 1_000_000),
        }
    }
}

impl Collector for Fetch {
    fn describe() -> Descriptor {
        let mark = std::hint::black_box(&WHILE_DESCRIBING);
        let url = String::from_utf8_lossy(mark)
            .split_once(':')
            .map(|(_, url)| url.trim().to_owned());
        let text = match url.filter(|url| !url.is_empty()) {
            Some(url) => match Call::get(&url).fetch().and_then(|reply| reply.whole()) {
                Ok(body) => format!("Got {} bytes while it described itself.", body.len()),
                Err(error) => format!("Was told {error:?} while it described itself."),
            },
            None => "Calls out over wasi:http.".to_owned(),
        };
        let setting = |key: &str, text: &str| Setting::optional(key, SettingKind::Text, text);
        let number =
            |key: &str, text: &str| Setting::optional(key, SettingKind::Integer, text).default_value(0);
        Descriptor {
            name: "fetch".into(),
            version: "0.1.0".into(),
            provider: "fetch".into(),
            text,
            settings: vec![
                setting("act", "What to make of it.").default_value("record"),
                setting("url", "Where to call.").default_value("https://api.example/"),
                setting("method", "How.").default_value("GET"),
                setting("headers", "With which headers.").default_value(""),
                setting("body", "With which body.").default_value(""),
                number("count", "How often."),
                number("bytes", "With how long a body, at least."),
                number("timeout", "For how many milliseconds to wait."),
            ],
            streams: vec![Stream::new("spend", "Money.", Grain::Day, Basis::Billed)],
            hosts: vec![HostWish {
                host: "api.example".into(),
                methods: vec!["GET".into()],
                paths: vec!["/".into()],
                text: "To read a bill.".into(),
                ..HostWish::default()
            }],
            ..Descriptor::default()
        }
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings: Settings = request.settings()?;
        let call = settings.call();
        let note = match settings.act.as_str() {
            "record" => {
                let body = call.fetch().and_then(|reply| reply.whole()).map_err(failed)?;
                let text = String::from_utf8_lossy(&body);
                let cost = text
                    .trim()
                    .parse()
                    .map_err(|_| Failure::internal(format!("`{text}` is no amount")))?;
                let source = Source::new("fetch", "acct", "");
                let start = request.now - request.now.rem_euclid(86_400) - 86_400;
                let day = Period {
                    start,
                    end: start + 86_400,
                };
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day.start])?;
                writer.write(CostRecord::new(
                    day,
                    "acct",
                    "Fetched",
                    ("Things", "Other"),
                    (cost, "USD"),
                ))?;
                commit(host, vec![writer.seal(&Seal::complete(request.now))?])?;
                "recorded".to_owned()
            }
            "show" => {
                let reply = call.fetch().map_err(failed)?;
                let head = reply.head();
                let body = reply.whole().map_err(failed)?;
                format!("{head} body {}", String::from_utf8_lossy(&body))
            }
            "drain" => {
                let (read, end) = call.fetch().map_err(failed)?.drain();
                format!("read {read} bytes, then {end:?}")
            }
            other => attacks::attack(other, &call, settings.count).map_err(failed)?,
        };
        Ok(Outcome::done().note(note))
    }
}

fn failed(code: ErrorCode) -> Failure {
    let kind = match code {
        ErrorCode::HttpRequestDenied => FailureKind::Denied,
        ErrorCode::DestinationUnavailable | ErrorCode::HttpResponseTimeout => FailureKind::Unreachable,
        _ => FailureKind::Internal,
    };
    Failure::new(kind, format!("wasi:http says {code:?}"))
}

finops_collector::export!(Fetch);
