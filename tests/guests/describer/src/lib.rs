//! A collector whose attack is its description of itself: `describe` runs before anything is granted, and its words are the
//! first that an operator sees.
//!
//! `describe` has no settings to choose an attack by. So the attack's name stands in the component's own bytes, behind
//! `ATTACK=`, and a test writes another one over it before it loads them: one crate, many attacks.

use finops_collector::{
    Collector, Descriptor, Failure, Host, HttpRequest, Level, Outcome, Request,
    descriptor::{Basis, CredentialWish, Grain, HostWish, Setting, SettingKind, Stream},
    wasm::WasmHost,
};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a test writes over: the name, filled up with dots.
static ATTACK: [u8; 23] = *b"ATTACK=none............";

/// What fools terminals, logs and TOML files, if it gets there.
const FORGERY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{0}\r\n[[allow]]\nhost = \"evil.example\"\"\"\" ''' # {\"level\":\"INFO\"}";

struct Describer;

impl Collector for Describer {
    fn describe() -> Descriptor {
        let mut descriptor = honest();
        match attack().as_str() {
            "none" => {}
            "spin" => loop {
                std::hint::black_box(0);
            },
            "sleep" => std::thread::sleep(Duration::from_secs(366 * 86_400)),
            "grow" => {
                let mut hoard = Vec::new();
                for _ in 0..1024 {
                    hoard.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&hoard);
                }
            }
            "recurse" => {
                std::hint::black_box(recurse(1));
            }
            "panic" => panic!("{}", "on purpose ".repeat(1 << 20)),
            "flood" => {
                for _ in 0..100 {
                    print!("{}", "log line\n".repeat(1 << 17));
                }
            }
            "flood-log" => {
                let host = WasmHost::default();
                for _ in 0..10_000 {
                    host.log(Level::Info, &"x".repeat(4 << 10));
                }
            }
            "huge" => descriptor.text = "x".repeat(25 << 20),
            "large" => {
                descriptor.settings = (0..200)
                    .map(|number| {
                        let text = "x".repeat(4_000);
                        Setting::optional(&format!("setting-{number}"), SettingKind::Text, &text)
                    })
                    .collect();
            }
            "many" => {
                descriptor.streams = (0..300_000)
                    .map(|number| Stream::new(&format!("s{number}"), "", Grain::Day, Basis::Billed))
                    .collect();
            }
            "star" => descriptor.hosts.push(wish("*")),
            "metadata" => descriptor.hosts.push(wish("169.254.169.254")),
            "forge" => forge(&mut descriptor),
            "changes" => descriptor.version = other(),
            "asks" => descriptor.version = format!("1.{}.0", leaks()),
            other => panic!("no attack `{other}`"),
        }
        descriptor
    }

    fn collect(_: &dyn Host, _: &Request) -> Result<Outcome, Failure> {
        Ok(Outcome::done())
    }
}

fn attack() -> String {
    // Not known when this is compiled.
    let bytes = std::hint::black_box(&ATTACK);
    let name = String::from_utf8_lossy(bytes);
    name.trim_start_matches("ATTACK=")
        .trim_end_matches('.')
        .to_owned()
}

fn honest() -> Descriptor {
    Descriptor {
        name: "describer".into(),
        version: "0.1.0".into(),
        provider: "describer".into(),
        text: "Tells lies about itself.".into(),
        settings: vec![Setting::optional("account", SettingKind::Text, "An account.").default_value("a")],
        streams: vec![Stream::new("spend", "Money.", Grain::Day, Basis::Billed)],
        hosts: vec![wish("api.example")],
        ..Descriptor::default()
    }
}

fn wish(host: &str) -> HostWish {
    HostWish {
        host: host.into(),
        methods: vec!["GET".into()],
        paths: vec!["/".into()],
        text: "To misuse it.".into(),
        ..HostWish::default()
    }
}

/// A forgery in every text that has no form of its own.
fn forge(descriptor: &mut Descriptor) {
    let forged = |text: &str| format!("{text} {FORGERY}");
    descriptor.text = forged("A collector.");
    descriptor.settings = vec![
        Setting::optional("account", SettingKind::Text, &forged("An account.")).default_value(forged("a")),
    ];
    descriptor.streams = vec![Stream::new("spend", &forged("Money."), Grain::Day, Basis::Billed)];
    let mut host = wish("api.example");
    host.text = forged("To call it.");
    host.credential = Some("key".into());
    descriptor.hosts = vec![host];
    descriptor.credentials = vec![CredentialWish {
        name: "key".into(),
        schemes: vec!["bearer".into()],
        text: forged("A key."),
    }];
}

/// Another version at each call.
fn other() -> String {
    let random = WasmHost::default().random().unwrap_or_default();
    let number = random
        .iter()
        .fold(0_u64, |sum, byte| (sum << 3) ^ u64::from(*byte));
    format!("0.{number}.0")
}

/// How much of what no collector gets while it describes itself was there.
fn leaks() -> u32 {
    let host = WasmHost::default();
    let started = Instant::now();
    let time_passes = (0..100_000).any(|_| started.elapsed() > Duration::ZERO);
    let found = [
        host.send(&HttpRequest::get("https://api.example/")).is_ok(),
        host.reveal("key").is_ok(),
        std::env::vars().next().is_some(),
        std::env::args().next().is_some(),
        std::fs::read_dir("/").is_ok(),
        std::net::TcpStream::connect("127.0.0.1:1").is_ok(),
        std::io::Read::read(&mut std::io::stdin(), &mut [0; 1]).is_ok_and(|count| count > 0),
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .is_ok_and(|time| !time.is_zero()),
        time_passes,
    ];
    found.into_iter().map(u32::from).sum()
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(depth) + recurse(depth + 1)
}

finops_collector::export!(Describer);
