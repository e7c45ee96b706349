//! A collector that misbehaves in the way its setting `act` says: each act tries to break one rule of the sandbox.
//! The tests assert that the act failed and that the host lives on. Acts lie in `acts`, a file for each kind of rule.

mod acts;

use acts::Scene;
use finops_collector::{
    Collector, Descriptor, Failure, Host, Outcome, Request,
    descriptor::{Basis, Grain, HostWish, ObservationKind, Setting, SettingKind, Stream},
};
use serde::Deserialize;

struct Hostile;

/// What to do, and with what. Each act takes the ones it needs.
#[derive(Deserialize)]
struct Settings {
    act: String,
    method: String,
    url: String,
    headers: Vec<String>,
    body: String,
    count: u64,
    size: u64,
    amount: String,
    text: String,
    account: String,
}

impl Collector for Hostile {
    fn describe() -> Descriptor {
        Descriptor {
            name: "hostile".into(),
            version: "0.1.0".into(),
            provider: "hostile".into(),
            text: acts::words::trickery("Misbehaves as its settings say."),
            settings: vec![
                Setting::required("act", SettingKind::Text, "What to do."),
                Setting::optional("method", SettingKind::Text, "How to call.").default_value("GET"),
                Setting::optional("url", SettingKind::Text, "Where to call.").default_value(""),
                Setting::optional(
                    "headers",
                    SettingKind::Text,
                    "Headers of calls, as `name: value`.",
                )
                .list()
                .default_value(Vec::<String>::new()),
                Setting::optional("body", SettingKind::Text, "The body of calls.").default_value(""),
                Setting::optional("count", SettingKind::Integer, "How often; 0: for ever.").default_value(0),
                Setting::optional("size", SettingKind::Integer, "How large.").default_value(0),
                Setting::optional("amount", SettingKind::Text, "An amount of money.").default_value("1"),
                Setting::optional("text", SettingKind::Text, &acts::words::trickery("What to say."))
                    .default_value(acts::words::trickery("nothing")),
                Setting::optional("account", SettingKind::Text, "The billing account.").default_value("acct"),
            ],
            streams: vec![Stream::new(
                "spend",
                &acts::words::trickery("Money."),
                Grain::Day,
                Basis::Billed,
            )],
            observations: vec![ObservationKind::new(
                "state",
                "Things",
                &acts::words::trickery("What is there."),
            )],
            hosts: vec![HostWish {
                host: "api.example".into(),
                methods: vec!["GET".into()],
                paths: vec!["/".into()],
                text: acts::words::trickery("To misuse it."),
                ..HostWish::default()
            }],
            ..Descriptor::default()
        }
    }

    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        let settings: Settings = request.settings()?;
        let scene = Scene {
            host,
            request,
            settings,
        };
        acts::perform(&scene)
    }
}

finops_collector::export!(Hostile);
