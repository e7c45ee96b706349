//! Options of `costs`.

use super::one_of;
use crate::ledger::{destination::Measure, record::ChargeCategory};
use clap::{Args, builder::TypedValueParser};
use std::path::PathBuf;

/// Options of `costs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Costs {
    /// First day (UTC), or how many days back from today, such as 7d; default: the first that the ledger covers.
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) since: Option<Since>,
    /// Day after the last one (UTC); default: after the last that it covers.
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) until: Option<jiff::civil::Date>,
    /// Rows by these dimensions, joined by commas: provider, source, stream, service, category, charge-category, account,
    /// sub-account, region, resource, resource-name, resource-type, sku, user, basis, day, month, tag:NAME, x_NAME.
    #[arg(
        long,
        value_name = "DIMENSIONS",
        value_delimiter = ',',
        default_value = "service"
    )]
    pub(in crate::cli) by: Vec<String>,
    /// Only this provider.
    #[arg(long)]
    pub(in crate::cli) provider: Option<String>,
    /// Only this stream; a view is shown too if it is named.
    #[arg(long)]
    pub(in crate::cli) stream: Option<String>,
    /// Show this cost alone, the largest first; default: effective and billed, in the order of the dimensions.
    ///
    /// A record without list or contracted cost counts with what was billed.
    #[arg(long, value_parser = one_of(&Measure::ALL, Measure::name))]
    pub(in crate::cli) measure: Option<Measure>,
    /// Leave out charges of these categories, joined by commas: usage, purchase, tax, credit, adjustment.
    #[arg(long, value_name = "CATEGORIES", value_delimiter = ',', value_parser = charge_category())]
    pub(in crate::cli) exclude: Vec<ChargeCategory>,
    /// Show the largest so many rows of each currency, and the others as one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) top: Option<u32>,
    /// Beside each row, what it came to in the period before, which is as long.
    #[arg(long, value_name = "WITH")]
    pub(in crate::cli) compare: Option<Compare>,
    /// Also what was consumed, by unit.
    #[arg(long)]
    pub(in crate::cli) quantities: bool,
    /// What the providers had said by the end of that day (UTC), not what they say now.
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) as_of: Option<jiff::civil::Date>,
    /// Also the money of instances with `count = false`, apart and in no total.
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Draw bars beside a time series also where standard output is no terminal: rows by day or month.
    #[arg(long)]
    pub(in crate::cli) bars: bool,
    /// Write one page for browsers into this file instead: charts and tables, readable without a network or scripts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "bars", "all"])]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Where a period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Since {
    /// With this day.
    Day(jiff::civil::Date),
    /// With the day that lies so many days before today.
    DaysBack(u16),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(days) = text.strip_suffix('d') {
            return days.parse().map(Self::DaysBack).map_err(|_| {
                format!("{days:?} is no number of days; write 7d, or a day such as 2026-08-01")
            });
        }
        text.parse()
            .map(Self::Day)
            .map_err(|error| format!("{error}; write a day such as 2026-08-01, or 7d"))
    }
}

/// What costs are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Compare {
    /// The period before, which is as long.
    Previous,
}

/// A charge category in any case; `credits` is one, too.
fn charge_category() -> impl TypedValueParser<Value = ChargeCategory> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let wanted = text.to_lowercase();
        let found = ChargeCategory::ALL.into_iter().find(|category| {
            let name = category.name().to_lowercase();
            wanted == name || wanted.strip_suffix('s') == Some(&name)
        });
        found.ok_or("there are usage, purchase, tax, credit and adjustment")
    })
}
