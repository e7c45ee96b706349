//! The operator's settings, as the descriptor describes them, parsed whole before anything is called.

use crate::{
    card::{Card, Rate},
    fields::Fields,
    meter::{Meter, same_unit},
};
use finops_collector::{Failure, Request, Source, descriptor::Basis, excerpt};
use serde::Deserialize;

/// Positive where targets were scraped all through the hour before: at each of its minutes there was an `up`.
pub(crate) const HEALTH: &str = "min_over_time((count(up) or vector(0))[1h:1m])";

/// What is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Metrics at the rates of the card.
    #[default]
    Prometheus,
    /// Lines of cost.
    Csv,
    /// Lines of cost.
    Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    scheme: Option<String>,
    host: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    path: String,
    account: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    provider: Option<String>,
    currency: String,
    #[serde(default)]
    invoiced: bool,
    #[serde(default)]
    rates: Vec<String>,
    #[serde(default)]
    meters: Vec<String>,
    #[serde(default)]
    health: Option<String>,
    #[serde(default)]
    resource_labels: Vec<String>,
    #[serde(default)]
    sub_account_label: Option<String>,
    #[serde(default)]
    region_label: Option<String>,
    #[serde(default)]
    zone_label: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    rows: String,
    #[serde(default)]
    separator: Option<String>,
    #[serde(default)]
    billed: bool,
}

/// What the operator set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What is read.
    pub(crate) kind: Kind,
    /// `https://host:port`.
    pub(crate) origin: String,
    /// Of Prometheus what stands before `/api/v1`; of a file its path, with `{day}` or `{month}`.
    pub(crate) path: String,
    /// BillingAccountId.
    pub(crate) account: String,
    scope: String,
    /// ServiceProviderName.
    pub(crate) provider: String,
    /// BillingCurrency, of lines that name no other.
    pub(crate) currency: String,
    /// Whether the amounts of metrics are invoiced.
    pub(crate) invoiced: bool,
    /// The rates.
    pub(crate) card: Card,
    /// The meters that the rates name.
    pub(crate) meters: Vec<Meter>,
    /// PromQL that is positive where an hour was observed all through; none: not asked.
    pub(crate) health: Option<String>,
    /// Labels that make a resource's id.
    pub(crate) resource_labels: Vec<String>,
    /// The label that is the SubAccountId.
    pub(crate) sub_account_label: String,
    /// The label that is the RegionId.
    pub(crate) region_label: String,
    /// The label that is the AvailabilityZone.
    pub(crate) zone_label: String,
    /// What a line's cells are.
    pub(crate) fields: Fields,
    /// Where the rows stand in a JSON document.
    pub(crate) rows: Vec<String>,
    /// What parts the cells of CSV.
    pub(crate) separator: u8,
    /// What the amounts of lines stand on.
    pub(crate) basis: Basis,
}

fn wrong(key: &str, what: impl std::fmt::Display) -> Failure {
    Failure::settings(format_args!("[settings] {key}: {what}"))
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let written: Written = request.settings()?;
        let origin = origin(&written)?;
        let path = written.path.trim_end_matches('/');
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#' | b'\\');
        if !(path.is_empty() || path.starts_with('/')) || path.bytes().any(odd) {
            return Err(wrong("path", "give a path that begins with `/`, without a query"));
        }
        let currency = written.currency.trim();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("currency", "give three capitals of ISO 4217, such as EUR"));
        }
        for (key, text) in [
            ("account", &written.account),
            ("provider", &written.provider.clone().unwrap_or_else(provider)),
        ] {
            if text.trim().is_empty() {
                return Err(wrong(key, "it is empty"));
            }
        }
        let (card, meters) = priced(&written)?;
        let separator = match written.separator.as_deref().unwrap_or(",").as_bytes() {
            [one] if one.is_ascii() && *one != b'"' => *one,
            _ => return Err(wrong("separator", "give one character, such as `;`")),
        };
        let fields = match written.kind {
            Kind::Prometheus => Fields::default(),
            Kind::Csv | Kind::Json => Fields::parse(&written.fields)?,
        };
        let label = |set: Option<String>, default: &str| set.unwrap_or_else(|| default.to_owned());
        Ok(Self {
            kind: written.kind,
            origin,
            path: path.to_owned(),
            account: written.account,
            scope: written.scope,
            provider: written.provider.unwrap_or_else(provider),
            currency: currency.to_owned(),
            invoiced: written.invoiced,
            card,
            meters,
            health: Some(label(written.health, HEALTH)).filter(|query| !query.trim().is_empty()),
            resource_labels: written.resource_labels,
            sub_account_label: label(written.sub_account_label, "namespace"),
            region_label: label(written.region_label, "dc"),
            zone_label: label(written.zone_label, "rack"),
            fields,
            rows: written
                .rows
                .split('.')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            separator,
            basis: match written.billed {
                true => Basis::Billed,
                false => Basis::Estimated,
            },
        })
    }

    /// Whose money it is.
    pub(crate) fn source(&self) -> Source {
        Source::new("generic", &self.account, &self.scope)
    }
}

fn provider() -> String {
    "On-Premises".to_owned()
}

fn origin(written: &Written) -> Result<String, Failure> {
    let scheme = match written.scheme.as_deref() {
        None | Some("https") => "https",
        Some("http") => "http",
        Some(_) => return Err(wrong("scheme", "give https or http")),
    };
    let host = written.host.trim();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']' | b':');
    let literal = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || !host.bytes().all(plain) || (host.contains(':') && !literal) {
        return Err(wrong(
            "host",
            "give a name or an address alone; scheme, port and path have settings of their own",
        ));
    }
    let port = written.port.map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{scheme}://{host}{port}"))
}

/// The card, and the meters that it names, in its order.
fn priced(written: &Written) -> Result<(Card, Vec<Meter>), Failure> {
    let own = written
        .meters
        .iter()
        .map(|line| Meter::parse(line))
        .collect::<Result<Vec<_>, _>>()?;
    let rates = written
        .rates
        .iter()
        .map(|line| Rate::parse(line))
        .collect::<Result<Vec<_>, _>>()?;
    if rates.is_empty() && written.kind == Kind::Prometheus {
        return Err(wrong(
            "rates",
            "without any rate nothing is read; give lines such as `cpu: 0.0310 per core-hour`",
        ));
    }
    let mut meters: Vec<Meter> = Vec::new();
    for rate in &rates {
        let known = own.iter().find(|meter| meter.name == rate.meter).cloned();
        let meter = known.or_else(|| Meter::built_in(&rate.meter)).ok_or_else(|| {
            wrong(
                "rates",
                format_args!(
                    "there is no meter `{}`: write it in meters, or use one of {}",
                    rate.meter,
                    Meter::names()
                ),
            )
        })?;
        if !same_unit(&rate.unit, &meter.unit) {
            return Err(wrong(
                "rates",
                format_args!(
                    "the rate of `{}` is per {}, but the meter counts {}",
                    meter.name,
                    excerpt(&rate.unit, 30),
                    meter.unit
                ),
            ));
        }
        if meters.iter().all(|taken| taken.name != meter.name) {
            meters.push(meter);
        }
    }
    for (index, meter) in own.iter().enumerate() {
        let others = own.iter().skip(index + 1);
        if others.clone().any(|other| other.name == meter.name) {
            return Err(wrong("meters", format_args!("there are two of `{}`", meter.name)));
        }
        if meters.iter().all(|taken| taken.name != meter.name) {
            return Err(wrong(
                "meters",
                format_args!("`{}` has no rate: give it a line in rates, even at 0", meter.name),
            ));
        }
    }
    Ok((Card::new(rates)?, meters))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn settings(more: Value) -> Result<Settings, Failure> {
        let mut value = json!({"host": "prom.internal", "account": "hq", "currency": "EUR", "rates": ["cpu: 1 per core-hour"]});
        value
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Settings::of(&Request {
            settings: value.to_string(),
            ..Request::default()
        })
    }

    #[test]
    fn the_address_is_made_of_its_parts() {
        for (more, origin) in [
            (json!({}), "https://prom.internal"),
            (
                json!({"scheme": "http", "port": 9090}),
                "http://prom.internal:9090",
            ),
            (
                json!({"host": "[fd00::1]", "port": 9090}),
                "https://[fd00::1]:9090",
            ),
        ] {
            assert_eq!(settings(more).unwrap().origin, origin);
        }
        assert_eq!(
            settings(json!({"path": "/prometheus/"})).unwrap().path,
            "/prometheus"
        );
    }

    #[test]
    fn rates_and_meters_that_do_not_fit_together_are_refused() {
        let own = "rack-power in kWh as Power = x";
        for (more, says) in [
            (json!({"rates": []}), "nothing is read"),
            (json!({"rates": ["cpus: 1 per core-hour"]}), "no meter `cpus`"),
            (json!({"rates": ["cpu: 1 per hour"]}), "counts Core-Hours"),
            (json!({"meters": [own]}), "`rack-power` has no rate"),
            (
                json!({"meters": [own, own], "rates": ["rack-power: 1 per kWh"]}),
                "two of `rack-power`",
            ),
            (json!({"currency": "€"}), "ISO 4217"),
            (json!({"host": "https://prom.internal"}), "alone"),
            (json!({"host": "a@b"}), "alone"),
            (json!({"host": "prom.internal:9090"}), "alone"),
            (json!({"path": "prometheus"}), "begins with `/`"),
            (json!({"path": "/x?y"}), "without a query"),
            (json!({"account": " "}), "empty"),
            (json!({"kind": "csv"}), "fields"),
        ] {
            let failure = settings(more.clone()).unwrap_err();
            assert!(failure.message.contains(says), "{more}: {failure}");
        }
    }

    #[test]
    fn a_meter_of_the_operators_own_stands_in_for_a_built_in_one() {
        let settings =
            settings(json!({"meters": ["cpu in Core-Hours as Compute sparse = my_query"]})).unwrap();
        assert_eq!(settings.meters.len(), 1);
        let meter = settings.meters.first().unwrap();
        assert_eq!((meter.query.as_str(), meter.sparse), ("my_query", true));
        assert_eq!(settings.health.as_deref(), Some(HEALTH));
    }
}
