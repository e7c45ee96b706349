//! What the collector says of itself: settings, streams, observations, and the one host of the operator's.

use crate::settings::HEALTH;
use finops_collector::descriptor::{
    Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Setting, SettingKind,
    Stream,
};

/// Metrics at the rates of the card, by hour.
pub(crate) const USAGE: &str = "usage";
/// Lines of a file, by day.
pub(crate) const LINES: &str = "lines";
/// Use that no rate fits.
pub(crate) const UNPRICED: &str = "unpriced";

const HOUR: u64 = 3_600;
/// An hour is read so many seconds after its end: the last scrapes have arrived.
pub(crate) const SETTLING: u64 = 300;
/// A day of a file is whole so many seconds after its end.
pub(crate) const LINES_LATENCY: u64 = 24 * HOUR;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "generic".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "generic".to_owned(),
        text: "What has no bill of its own. Usage of hosts, CPU, memory, disks, containers, GPUs and any other metric, read by hour from \
               Prometheus or what speaks like it, at the rates of your own dated card; or lines of cost from a JSON or CSV file at a \
               URL of yours."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: vec![ObservationKind::new(
            UNPRICED,
            "Units",
            "Use of a day, by meter and labels, that no rate fits; in the meter's unit.",
        )],
        hosts: hosts(),
        credentials: vec![CredentialWish {
            name: "source".to_owned(),
            schemes: ["basic", "bearer", "headers", "oauth2-client-credentials"].map(str::to_owned).to_vec(),
            text: "May read query_range, or the file; nothing else. Not needed where the server asks for none.".to_owned(),
        }],
    }
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::optional("kind", Text, "What is read: metrics, or a file of lines.")
            .one_of(&["prometheus", "csv", "json"])
            .default_value("prometheus"),
        Setting::required("host", Text, "Host of the server: a name or an address alone."),
        Setting::optional("port", Integer, "Its port; default: the scheme's. The rule in [[allow]] names it too."),
        Setting::optional("scheme", Text, "http only where the rule says insecure-http = true.")
            .one_of(&["https", "http"])
            .default_value("https"),
        Setting::optional(
            "path",
            Text,
            "Of Prometheus what stands before /api/v1 (Mimir: /prometheus). Of a file its path; {day} and {month} stand for 2026-08-31 and \
             2026-08.",
        ),
        Setting::required("account", Text, "BillingAccountId: your name for whose costs these are."),
        Setting::optional(
            "scope",
            Text,
            "What part of the account this instance reads, such as the cluster. Two instances of one account need two.",
        ),
        Setting::optional("provider", Text, "ServiceProviderName.").default_value("On-Premises"),
        Setting::required("currency", Text, "Currency of the rates, and of lines that name none: EUR."),
        Setting::optional(
            "invoiced",
            Boolean,
            "Whether somebody is invoiced what metrics cost: then it is BilledCost too, else that is 0.",
        )
        .default_value(false),
        Setting::optional(
            "rates",
            Text,
            "The rate card, a line each: METER: PRICE per UNIT [list PRICE] [from DAY] [where LABEL = VALUE [and ...]]. What it names is read.",
        )
        .list(),
        Setting::optional(
            "meters",
            Text,
            "Meters of your own, a line each: NAME in UNIT as SERVICE [category CATEGORY] [sparse] = PROMQL over the hour before its time.",
        )
        .list(),
        Setting::optional(
            "health",
            Text,
            "PromQL, positive where an hour was observed all through; empty: not asked.",
        )
        .default_value(HEALTH),
        Setting::optional("resource-labels", Text, "Labels that make the ResourceId; default: pod, instance, Hostname or node.").list(),
        Setting::optional("sub-account-label", Text, "Label that is the SubAccountId.").default_value("namespace"),
        Setting::optional("region-label", Text, "Label that is the RegionId.").default_value("dc"),
        Setting::optional("zone-label", Text, "Label that is the AvailabilityZone.").default_value("rack"),
        Setting::optional(
            "fields",
            Text,
            "Of a file, what its columns are, a line each: FIELD = COLUMN, or FIELD = 'the same text for all'. day, cost and service are needed.",
        )
        .list(),
        Setting::optional("rows", Text, "Of a JSON file, where its rows stand: data.items; empty: the document is the list."),
        Setting::optional("separator", Text, "Of a CSV file, what parts its cells.").default_value(","),
        Setting::optional("billed", Boolean, "Whether the lines of a file are a bill: then their basis is billed, else estimated.")
            .default_value(false),
    ]
}

fn streams() -> Vec<Stream> {
    vec![
        Stream {
            latency: SETTLING,
            look_back: LookBack::Days(3),
            cadence: Some(HOUR),
            ..Stream::new(
                USAGE,
                "Metrics at the rates of the card, by hour and series.",
                Grain::Hour,
                Basis::Estimated,
            )
        },
        Stream {
            latency: LINES_LATENCY,
            look_back: LookBack::Months {
                previous: 1,
                until_day: Some(10),
            },
            cadence: Some(12 * HOUR),
            ..Stream::new(
                LINES,
                "Lines of a JSON or CSV file, by day.",
                Grain::Day,
                Basis::Estimated,
            )
        },
    ]
}

fn hosts() -> Vec<HostWish> {
    let wish = |method: &str, path: &str, text: &str| HostWish {
        host: "{host}".to_owned(),
        methods: vec![method.to_owned()],
        paths: vec![path.to_owned()],
        headers: Vec::new(),
        credential: Some("source".to_owned()),
        text: text.to_owned(),
    };
    vec![
        wish(
            "POST",
            "/api/v1/query_range",
            "Where kind = \"prometheus\": runs the meters' queries.",
        ),
        wish(
            "GET",
            "/",
            "Where kind is csv or json: reads the file. Name its folder instead of /.",
        ),
    ]
}
