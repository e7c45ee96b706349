//! Lines of the cost report as cost records. What is not known passes through, labelled and warned of.

use crate::{
    api::Api,
    line::{Line, told},
    money,
    settings::Settings,
    workspaces::Workspaces,
};
use finops_collector::{
    CostRecord, Decimal, Failure, Instant, Period, excerpt,
    jiff::civil::Date,
    period::DAY,
    record::{ChargeCategory, ChargeFrequency, Finality, Location, Quantity, Sku, SubAccount},
};
use serde_json::Value;

/// ServiceProviderName.
const PROVIDER: &str = "Anthropic";
/// ServiceName and ServiceCategory of all lines.
const SERVICE: (&str, &str) = ("Claude API", "AI and Machine Learning");
/// SubAccountId of what belongs to no workspace of its own.
pub(crate) const DEFAULT_WORKSPACE: &str = "default";
/// A model that runs where it runs: no region.
const NO_GEO: &str = "not_available";
/// A month's figures are taken as final so long after its end.
const SETTLED: i64 = 7 * DAY;

const COST_TYPES: [&str; 4] = ["tokens", "web_search", "code_execution", "session_usage"];
const TOKEN_TYPES: [&str; 5] = [
    "uncached_input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
];
const TIERS: [&str; 2] = ["standard", "batch"];
const CONTEXTS: [&str; 2] = ["0-200k", "200k-1M"];

/// What is the same for all lines.
pub(crate) struct Mapping<'a> {
    pub(crate) api: &'a Api<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) workspaces: &'a Workspaces,
    pub(crate) now: Instant,
}

impl Mapping<'_> {
    /// The record of a line, with the tokens that the usage report has for it.
    ///
    /// # Errors
    /// `malformed-reply` for a line without an amount.
    pub(crate) fn record(
        &self,
        day: Date,
        line: &Line,
        tokens: Option<Decimal>,
    ) -> Result<CostRecord, Failure> {
        let currency = line.currency.to_ascii_uppercase();
        let cost = self.cost(line, &currency)?;
        let mut record = CostRecord::new(
            Period::of_day(day),
            &self.settings.organization,
            PROVIDER,
            SERVICE,
            (cost, &currency),
        );
        record.finality = match Period::of_month(day).end + SETTLED <= self.now {
            true => Finality::Final,
            false => Finality::Open,
        };
        match cost.is_negative() {
            true => record.category = ChargeCategory::Credit,
            false => {
                record.frequency = Some(ChargeFrequency::UsageBased);
                record.consumed = tokens.map(|tokens| Quantity::new(tokens, "Tokens"));
            }
        }
        record.sub_account = Some(self.workspace(line));
        record.description = told(&line.description).map(str::to_owned);
        self.warn_of_unknown(line);
        record.sku = line.sku().map(|id| Sku {
            id: Some(id),
            price_id: None,
            meter: told(&line.token_type)
                .or(told(&line.cost_type))
                .map(str::to_owned),
        });
        if let Some(geo) = told(&line.inference_geo).filter(|geo| *geo != NO_GEO) {
            record.region = Some(Location {
                id: geo.to_owned(),
                ..Location::default()
            });
            record = record.tag("inference_geo", geo);
        }
        if let Some(model) = told(&line.model) {
            record = record.resource(model, model, "Model").tag("model", model);
        }
        if let Some(tier) = told(&line.service_tier) {
            record = record.tag("service_tier", tier);
        }
        Ok(record)
    }

    /// The cost in dollars: the report writes cents.
    fn cost(&self, line: &Line, currency: &str) -> Result<Decimal, Failure> {
        let text = match &line.amount {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if currency != "USD" {
            self.api.warnings.once(format_args!(
                "the currency `{}` is new in Anthropic's costs: its amounts are taken as its lowest unit, as those in USD are",
                excerpt(currency, 20)
            ));
        }
        money::whole_units(&text, money::places(currency))?.ok_or_else(|| {
            let shown = excerpt(
                told(&line.description).unwrap_or("a line without a description"),
                80,
            );
            Failure::malformed(format_args!("`{shown}` has no amount"))
        })
    }

    fn workspace(&self, line: &Line) -> SubAccount {
        let (id, name) = match told(&line.workspace_id) {
            Some(id) => (id, self.workspaces.name(id)),
            None => (DEFAULT_WORKSPACE, Some("Default workspace")),
        };
        SubAccount {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            kind: Some("Workspace".to_owned()),
        }
    }

    fn warn_of_unknown(&self, line: &Line) {
        if line.sku().is_none() {
            self.api
                .warnings
                .once("the costs have lines that name neither model nor type: they are booked without SkuId");
        }
        for (what, value, known) in [
            ("cost type", &line.cost_type, COST_TYPES.as_slice()),
            ("token type", &line.token_type, &TOKEN_TYPES),
            ("service tier", &line.service_tier, &TIERS),
            ("context window", &line.context_window, &CONTEXTS),
        ] {
            if let Some(value) = told(value).filter(|value| !known.contains(value)) {
                self.api.warnings.once(format_args!(
                    "the {what} `{}` is not known: it is passed on as it is",
                    excerpt(value, 60)
                ));
            }
        }
    }
}
