//! A collector that misbehaves in the way its setting `act` says: each act tries to break one rule of the sandbox.
//! The tests assert that the act failed and that the host lives on.

use finops_collector::{
    Collector, CostRecord, Decimal, Descriptor, Failure, Host, HttpRequest, Outcome, PartitionWriter, Period,
    Progress, Request, Seal, Source, commit,
    descriptor::{Basis, Grain, HostWish, Setting, SettingKind, Stream},
};
use serde::Deserialize;
use std::time::Duration;

struct Hostile;

#[derive(Deserialize)]
struct Settings {
    act: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    amount: String,
}

impl Collector for Hostile {
    fn describe() -> Descriptor {
        Descriptor {
            name: "hostile".into(),
            version: "0.1.0".into(),
            provider: "hostile".into(),
            text: "Misbehaves as its settings say.".into(),
            settings: vec![
                Setting::required("act", SettingKind::Text, "What to do."),
                Setting::optional("url", SettingKind::Text, "Where to call.").default_value(""),
                Setting::optional("count", SettingKind::Integer, "How often.").default_value(0),
                Setting::optional("amount", SettingKind::Text, "An amount of money.").default_value("1"),
            ],
            streams: vec![Stream::new("spend", "Money.", Grain::Day, Basis::Billed)],
            hosts: vec![HostWish {
                host: "api.example".into(),
                methods: vec!["GET".into()],
                paths: vec!["/".into()],
                text: "To misuse it.".into(),
                ..HostWish::default()
            }],
            ..Descriptor::default()
        }
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings: Settings = request.settings()?;
        let source = Source::new("hostile", "acct", "");
        let day = |offset: u64| {
            let start = request.now - request.now.rem_euclid(86_400) - 86_400 * (1 + offset as i64);
            Period {
                start,
                end: start + 86_400,
            }
        };
        let record = |period: Period, cost: Decimal| {
            CostRecord::new(period, "acct", "Hostile", ("Things", "Other"), (cost, "USD"))
        };
        match settings.act.as_str() {
            // Good manners, to show that the host still serves others.
            "behave" => {
                let cost = settings
                    .amount
                    .parse()
                    .map_err(|_| Failure::settings("amount is no decimal"))?;
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day(0).start])?;
                writer.write(record(day(0), cost))?;
                commit(host, vec![writer.seal(&Seal::complete(request.now))?])?;
            }
            "spin" => loop {
                std::hint::black_box(0);
            },
            "sleep" => host.sleep(Duration::from_secs(86_400)),
            "grow" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&hoard);
                }
            }
            "panic" => panic!("on purpose"),
            "recurse" => {
                std::hint::black_box(recurse(settings.count.wrapping_add(1)));
            }
            "flood-log" => {
                for _ in 0..settings.count {
                    host.info("x".repeat(4096));
                }
            }
            "flood-stdout" => {
                for _ in 0..settings.count {
                    println!("{}", "y".repeat(1000));
                }
            }
            "forge-log" => host.info("\u{1b}[2Jfine\n{\"level\":\"INFO\"} forged"),
            "call" => {
                let reply = host.send(&HttpRequest::get(&settings.url))?;
                let body = reply.start_of_body(1 << 20);
                host.info(format!("reply: {body}"));
            }
            "call-often" => {
                for _ in 0..settings.count {
                    host.send(&HttpRequest::get(&settings.url))?;
                }
            }
            "records" => {
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day(0).start])?;
                for number in 0..settings.count {
                    let mut record = record(day(0), Decimal::ONE);
                    record.line_id = Some(number.to_string());
                    writer.write(record)?;
                }
                commit(host, vec![writer.seal(&Seal::complete(request.now))?])?;
            }
            "writers" => {
                let mut open = Vec::new();
                for number in 0..settings.count {
                    open.push(PartitionWriter::open(
                        host,
                        "spend",
                        &source,
                        &[day(number).start],
                    )?);
                }
            }
            "partitions" => {
                let starts: Vec<i64> = (0..settings.count).map(|number| day(number).start).collect();
                PartitionWriter::open(host, "spend", &source, &starts)?;
            }
            "outside-partition" => {
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day(1).start])?;
                writer.write(record(day(0), Decimal::ONE))?;
                commit(host, vec![writer.seal(&Seal::complete(request.now))?])?;
            }
            "half-written" => {
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day(0).start])?;
                writer.write(record(day(0), Decimal::ONE))?;
                let _sealed = writer.seal(&Seal::complete(request.now))?;
                panic!("before the commit");
            }
            "wrong-provider" => {
                PartitionWriter::open(
                    host,
                    "spend",
                    &Source::new("snowflake", "acct", ""),
                    &[day(0).start],
                )?;
            }
            "unknown-stream" => {
                PartitionWriter::open(host, "no-such-stream", &source, &[day(0).start])?;
            }
            "huge-record" => {
                let mut writer = PartitionWriter::open(host, "spend", &source, &[day(0).start])?;
                let mut record = record(day(0), Decimal::ONE);
                record.description = Some("z".repeat(40 << 20));
                writer.write(record)?;
                writer.seal(&Seal::complete(request.now))?;
            }
            "reveal" => {
                let secret = host.reveal("api")?;
                host.info(secret);
            }
            "environment" => {
                let variables = std::env::vars().count();
                let arguments = std::env::args().count();
                let root = std::fs::read_dir("/").is_ok();
                let socket = std::net::TcpStream::connect("127.0.0.1:1")
                    .map(|_| ())
                    .map_err(|error| error.kind());
                let resolved = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 80)).is_ok();
                if variables + arguments > 0 || root || socket.is_ok() || resolved {
                    return Err(Failure::internal("the sandbox leaks"));
                }
            }
            "forever-more" => {
                return Ok(Outcome {
                    progress: Progress::More,
                    note: None,
                });
            }
            other => return Err(Failure::settings(format!("no act `{other}`"))),
        }
        Ok(Outcome::done())
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(depth) + recurse(depth + 1)
}

finops_collector::export!(Hostile);
