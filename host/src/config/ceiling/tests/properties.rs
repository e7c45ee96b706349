//! Whatever ceiling and file: what is taken lies within.

use super::*;
use proptest::prelude::*;

fn any_of(texts: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(texts.to_vec())
}

prop_compose! {
    fn any_ceiling()(
        hosts in prop::sample::subsequence(vec!["\"a.example.com\"", "\"*.example.com\"", "\"*.x.example.com\"", "\"localhost\"", "\"127.0.0.1\"", "\"10.1.2.3\""], 0..=6),
        addresses in prop::sample::subsequence(vec!["\"10.0.0.0/8\"", "\"10.1.0.0/16\"", "\"127.0.0.0/8\"", "\"::1/128\"", "\"fd00::/8\""], 0..=5),
        schemes in prop::sample::subsequence(vec!["\"bearer\"", "\"headers\""], 0..=2),
        prefix in any_of(&["", "env-prefix = \"A_\"", "env-prefix = \"A_B_\""]),
        destinations in prop::sample::subsequence(vec!["\"http://d:1\"", "\"https://d/a\""], 0..=2),
        reveal in any::<bool>(),
        insecure in any::<bool>(),
        limits in any_of(&["", "memory = \"64MiB\"", "memory = \"1GiB\"\nrequests = 5", "spend = { per-day = \"2\", per-month = \"9\" }"]),
    ) -> String {
        format!(
            "[[directory]]\npath = \"a\"\nhosts = [{}]\naddresses = [{}]\nschemes = [{}]\ndestinations = [{}]\nreveal = {reveal}\ninsecure-http = {insecure}\n{prefix}\n[directory.limits]\n{limits}\n",
            hosts.join(","), addresses.join(","), schemes.join(","), destinations.join(","),
        )
        // an empty list of addresses is a slip
        .replace("addresses = []\n", "")
    }
}

prop_compose! {
    fn any_file()(
        host in any_of(&["a.example.com", "b.example.com", "*.example.com", "*.x.example.com", "y.x.example.com", "example.com", "localhost", "127.0.0.1", "10.1.2.3", "[::1]", "evil.test"]),
        addresses in any_of(&["", "addresses = [\"10.1.0.0/16\"]", "addresses = [\"10.0.0.0/8\", \"fd00::/8\"]", "addresses = [\"0.0.0.0/0\"]"]),
        connect in any_of(&["", "connect-to = \"127.0.0.1:1\"", "connect-to = \"10.1.0.1:1\"", "connect-to = \"8.8.8.8:1\"", "connect-to = \"[::ffff:10.2.0.1]:1\"", "connect-to = \"[::1]:1\""]),
        insecure in any::<bool>(),
        credential in any_of(&["", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"A_T\" }\n", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"A_B_T\" }\nreveal = true\n", "[credentials.c]\nscheme = \"headers\"\nheaders = { x-k = { file = \"k\" } }\nconnect-to = \"10.1.0.1:1\"\n", "[credentials.c]\nscheme = \"bearer\"\ntoken = { env = \"HOME\" }\n"]),
        settings in any_of(&["", "[settings]\na = { env = \"A_X\" }\n", "[settings]\na = [{ env = \"AX\" }]\n"]),
        limits in any_of(&["", "memory = \"32MiB\"", "memory = \"512MiB\"", "requests = 6", "spend = { per-month = \"10\" }", "spend = { per-day = \"1\" }"]),
        destination in any_of(&["", "[openfinops]\nendpoint = \"http://d:1/x\"\n", "[openfinops]\nendpoint = \"https://d/a\"\n", "[openfinops]\nendpoint = \"https://d/ab\"\n"]),
    ) -> String {
        format!("{settings}{credential}[[allow]]\nhost = \"{host}\"\ninsecure-http = {insecure}\n{addresses}\n{connect}\n[limits]\n{limits}\n{destination}")
    }
}

/// Whether the secrets of a grant are bound to roots yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roots {
    Bound,
    NotYet,
}

/// The ceiling, stated anew over what the file grants: hosts by examples, addresses one by one.
fn is_within(ceiling: &Ceiling, config: &Config, file: &str, roots: Roots) -> bool {
    let examples = [
        "a.example.com",
        "b.example.com",
        "y.x.example.com",
        "z.y.x.example.com",
        "x.example.com",
        "example.com",
        "localhost",
        "127.0.0.1",
        "10.1.2.3",
        "[::1]",
        "evil.test",
    ];
    let probes: Vec<IpAddr> = [
        "10.0.0.1",
        "10.1.0.1",
        "10.2.0.1",
        "127.0.0.1",
        "::1",
        "fd00::1",
        "8.8.8.8",
        "192.168.0.1",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    let reachable = |address: &IpAddr| ceiling.addresses.iter().any(|range| range.contains(address));
    let rules = config.rules.iter().all(|rule| {
        let hosts = examples.iter().all(|name| {
            !rule.host.matches(name) || ceiling.hosts.iter().any(|allowed| allowed.matches(name))
        });
        let ranges = probes
            .iter()
            .all(|probe| !rule.addresses.iter().any(|range| range.contains(probe)) || reachable(probe));
        let dialled = rule
            .connect_to
            .is_none_or(|to| reachable(&to.ip().to_canonical()));
        let machine = rule.connect_to.is_some()
            || match rule.host.to_string().as_str() {
                "localhost" => reachable(&"127.0.0.1".parse().unwrap()) && reachable(&"::1".parse().unwrap()),
                "127.0.0.1" => reachable(&"127.0.0.1".parse().unwrap()),
                "[::1]" => reachable(&"::1".parse().unwrap()),
                _ => true,
            };
        hosts && ranges && dialled && machine && (ceiling.insecure_http || !rule.insecure_http)
    });
    let credentials = config.credentials.iter().all(|spec| {
        let secret = match &spec.scheme {
            Scheme::Bearer { token } => ("bearer", token),
            Scheme::Headers { headers } => ("headers", &headers[0].1),
            _ => return false,
        };
        let placed = match secret.1 {
            SecretRef::Env(name) => ceiling
                .env_prefix
                .as_ref()
                .is_some_and(|prefix| name.starts_with(prefix)),
            SecretRef::Below { roots, .. } => *roots == ceiling.secrets,
            SecretRef::File(_) => roots == Roots::NotYet,
        };
        placed
            && ceiling.schemes.iter().any(|name| name == secret.0)
            && (ceiling.reveal || !spec.reveal)
            && spec
                .connect_to
                .is_none_or(|to| reachable(&to.ip().to_canonical()))
    });
    let sent = config
        .openfinops
        .as_ref()
        .is_none_or(|it| match it.endpoint.as_str() {
            "http://d:1/x" => ceiling
                .destinations
                .iter()
                .any(|url| url.as_str() == "http://d:1/"),
            "https://d/a" => ceiling
                .destinations
                .iter()
                .any(|url| url.as_str() == "https://d/a"),
            _ => false,
        });
    let mut variables = file.split("env = \"").skip(1);
    let named = variables.all(|rest| {
        let prefix = ceiling.env_prefix.as_deref();
        prefix.is_some_and(|prefix| rest.starts_with(prefix))
    });
    let (limits, most) = (&config.limits, &ceiling.limits);
    let money = |asked: Option<finops_decimal::Decimal>, most: Option<finops_decimal::Decimal>| {
        most.is_none_or(|most| asked.is_some_and(|asked| asked <= most))
    };
    rules
        && named
        && credentials
        && sent
        && limits.memory <= most.memory
        && limits.requests <= most.requests
        && money(limits.spend.per_day, most.spend.per_day)
        && money(limits.spend.per_month, most.spend.per_month)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_file_is_accepted_grants_no_more_than_its_ceiling(ceiling in any_ceiling(), file in any_file()) {
        let ceiling = ceilings(&ceiling).unwrap().remove(0);
        let around = Around {
            environment: &|_| Some(String::new()),
            files: Files::Left,
            ceiling: None,
        };
        let path = Path::new("/etc/finops/a/one.toml");
        let alone = super::super::super::read(&file, path, &around).unwrap();
        match under(&ceiling, &file) {
            Ok(config) => prop_assert!(is_within(&ceiling, &config, &file, Roots::Bound), "{config:?}\n{ceiling:?}"),
            // Not refused for nothing: the file alone, with limits lowered and roots set, would break the ceiling.
            Err(shown) => {
                let mut alone = alone;
                let given = |key: &str| alone.limits_at.iter().any(|(name, _)| name == key);
                let (asked, low) = (alone.limits, lowered(&alone.limits, &ceiling.limits));
                alone.limits = Limits {
                    memory: if given("memory") { asked.memory } else { low.memory },
                    requests: if given("requests") { asked.requests } else { low.requests },
                    spend: crate::sandbox::limits::Spend {
                        per_day: asked.spend.per_day.or(low.spend.per_day),
                        per_month: asked.spend.per_month.or(low.spend.per_month),
                    },
                    ..low
                };
                let placed = shown.contains("host.toml:1");
                prop_assert!(placed && !is_within(&ceiling, &alone, &file, Roots::NotYet), "{shown}\n{ceiling:?}");
            }
        }
    }

    #[test]
    fn lowered_limits_are_never_above_either(a in any_limits(), b in any_limits()) {
        let both = lowered(&a, &b);
        prop_assert!(limits::beyond(&both, &a).is_empty());
        prop_assert!(limits::beyond(&both, &b).is_empty());
    }
}

prop_compose! {
    fn any_limits()(
        memory in 1_u64..4, requests in 1_u64..4, wall in 1_u64..4, in_flight in 1_u64..4,
        day in prop::option::of(0_i128..4), month in prop::option::of(0_i128..4),
    ) -> Limits {
        Limits {
            memory, requests, in_flight,
            wall: Duration::from_secs(wall),
            spend: crate::sandbox::limits::Spend {
                per_day: day.map(finops_decimal::Decimal::from_units),
                per_month: month.map(finops_decimal::Decimal::from_units),
            },
            ..Limits::default()
        }
    }
}
