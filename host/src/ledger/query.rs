//! Costs as they stand: exact sums over the current records that count. Reads only.

use super::{
    apart::Money,
    destination::Measure,
    dimension::Dimension,
    key,
    record::{ChargeCategory, Finality, Period, Source, basis_name},
    store::LedgerError,
    stream,
    tags::{self, Tags},
};
use crate::component::descriptor::Anchor;
use finops_decimal::Decimal;
use rusqlite::{Connection, params};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which costs, and by what.
#[derive(Clone, Debug, Default)]
pub struct CostFilter {
    /// Charges that begin within it; `None`: all.
    pub period: Option<Period>,
    /// Only of this provider.
    pub provider: Option<String>,
    /// Only of this source.
    pub source: Option<Source>,
    /// Only of this stream. Naming a view shows it.
    pub stream: Option<String>,
    /// The dimensions of the rows, in this order.
    pub group_by: Vec<Dimension>,
    /// Also the records of views. They show the same money again: group by stream then.
    pub include_views: bool,
    /// What counts, or what is kept apart; never both.
    pub money: Money,
    /// Charges of these categories are left out.
    pub exclude: Vec<ChargeCategory>,
}

/// One row of costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CostRow {
    /// The values of the dimensions asked for, in their order; empty where records have none.
    pub dims: Vec<String>,
    /// BillingCurrency. Rows never mix currencies.
    pub currency: String,
    /// Sum of BilledCost.
    pub billed: Decimal,
    /// Sum of EffectiveCost.
    pub effective: Decimal,
    /// Sum of ListCost, and of BilledCost where that is missing.
    pub list: Decimal,
    /// Sum of ContractedCost, and of BilledCost where that is missing.
    pub contracted: Decimal,
    /// Sums of ConsumedQuantity by ConsumedUnit.
    pub quantities: BTreeMap<String, Decimal>,
    /// Records that it sums.
    pub records: u64,
    /// Of these, how many may still change at the provider.
    pub open: u64,
    /// What the amounts stand on.
    pub bases: BTreeSet<&'static str>,
}

#[derive(Default)]
struct Sums {
    billed: Decimal,
    effective: Decimal,
    list: Decimal,
    contracted: Decimal,
    quantities: BTreeMap<String, Decimal>,
    records: u64,
    open: u64,
    bases: BTreeSet<&'static str>,
}

impl CostRow {
    /// The sum of a measure.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Decimal {
        match measure {
            Measure::Effective => self.effective,
            Measure::Billed => self.billed,
            Measure::List => self.list,
            Measure::Contracted => self.contracted,
        }
    }
}

/// The costs that a filter asks for, in the order of their dimensions.
///
/// # Errors
/// See [`LedgerError`].
pub fn costs(connection: &Connection, filter: &CostFilter) -> Result<Vec<CostRow>, LedgerError> {
    // Within a transaction of the caller's, all that it asks is of one state.
    let own = connection
        .is_autocommit()
        .then(|| connection.unchecked_transaction());
    let own = own.transpose()?;
    let view = own.as_deref().unwrap_or(connection);
    let mut groups: BTreeMap<(Vec<String>, String), Sums> = BTreeMap::new();
    for stream in streams(view, filter)? {
        add_stream(view, filter, &stream, &mut groups)?;
    }
    let row = |((dims, currency), sums): ((Vec<String>, String), Sums)| CostRow {
        dims,
        currency,
        billed: sums.billed,
        effective: sums.effective,
        list: sums.list,
        contracted: sums.contracted,
        quantities: sums.quantities,
        records: sums.records,
        open: sums.open,
        bases: sums.bases,
    };
    Ok(groups.into_iter().map(row).collect())
}

/// A stream that a filter lets through.
struct Selected {
    id: i64,
    name: String,
    anchor: Anchor,
    view: bool,
    source: Source,
    /// The operator's own tags, where the question is by tags.
    tags: Tags,
}

fn streams(connection: &Connection, filter: &CostFilter) -> Result<Vec<Selected>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT stream.id, name, definition, provider, billing_account, scope, view_of IS NOT NULL, source.id
         FROM stream JOIN source ON source.id = stream.source WHERE source.counts = ? ORDER BY stream.id",
    )?;
    let mut rows = statement.query([filter.money.counts()])?;
    let mut selected = Vec::new();
    let by_tags = filter.group_by.iter().any(Dimension::is_tag);
    while let Some(row) = rows.next()? {
        let definition = stream::definition(&row.get::<_, String>(2)?)?;
        let tags = match by_tags {
            true => tags::of_source(connection, row.get(7)?)?,
            false => Tags::new(),
        };
        let stream = Selected {
            id: row.get(0)?,
            name: row.get(1)?,
            anchor: definition.anchor,
            view: row.get(6)?,
            source: Source {
                provider: row.get(3)?,
                billing_account: row.get(4)?,
                scope: row.get(5)?,
            },
            tags,
        };
        let named = filter.stream.as_ref().map(|name| *name == stream.name);
        let wanted = named.unwrap_or(!stream.view || filter.include_views);
        let of = filter
            .provider
            .as_ref()
            .is_none_or(|name| *name == stream.source.provider);
        if wanted
            && of
            && filter
                .source
                .as_ref()
                .is_none_or(|source| *source == stream.source)
        {
            selected.push(stream);
        }
    }
    Ok(selected)
}

fn add_stream(
    connection: &Connection,
    filter: &CostFilter,
    stream: &Selected,
    groups: &mut BTreeMap<(Vec<String>, String), Sums>,
) -> Result<(), LedgerError> {
    // Only where the charge's start routes records do a partition's bounds say when its charges begin.
    let bounds = match (filter.period, stream.anchor) {
        (Some(period), Anchor::ChargeStart) => (period.start().as_second(), period.end().as_second()),
        _ => (i64::MIN, i64::MAX),
    };
    let mut statement = connection.prepare_cached(
        "SELECT content FROM whole_record AS record JOIN partition ON partition.id = record.partition
         WHERE stream = ? AND stop > ? AND start < ? AND until_commit IS NULL AND (record.counts = 1 OR ?)",
    )?;
    let mut rows = statement.query(params![stream.id, bounds.0, bounds.1, stream.view])?;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let mut record = key::record(content)?;
        if filter
            .period
            .is_some_and(|period| !period.contains(record.charge_period.start()))
            || filter.exclude.contains(&record.charge_category)
        {
            continue;
        }
        tags::join(&mut record, &stream.tags);
        let dims = filter.group_by.iter().map(|dimension| {
            let value = dimension.value(&stream.source, &stream.name, &record);
            value.into_owned()
        });
        let group = (dims.collect(), record.billing_currency.clone());
        let sums = groups.entry(group).or_default();
        let add = |sum: Decimal, cost| {
            sum.checked_add(cost)
                .map_err(|error| LedgerError::TooLarge(format!("sum of costs: {error}")))
        };
        sums.billed = add(sums.billed, record.billed_cost)?;
        sums.effective = add(sums.effective, record.effective_cost)?;
        sums.list = add(sums.list, Measure::List.of(&record))?;
        sums.contracted = add(sums.contracted, Measure::Contracted.of(&record))?;
        if let (Some(quantity), Some(unit)) = (record.consumed_quantity, &record.consumed_unit) {
            let sum = sums.quantities.entry(unit.clone()).or_default();
            *sum = add(*sum, quantity)?;
        }
        sums.records += 1;
        sums.open += u64::from(record.finality == Finality::Open);
        sums.bases.insert(basis_name(record.basis));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{
        component::descriptor::{Grain, Stream},
        ledger::{record::CostRecord, sample, store},
    };

    const DAY: &str = "2026-08-01T00:00:00Z";
    const NEXT: &str = "2026-08-02T00:00:00Z";

    fn bench() -> sample::Bench {
        let bench = sample::Bench::new();
        let euros = CostRecord {
            billing_currency: "EUR".to_owned(),
            finality: Finality::Final,
            ..sample::record(DAY, "Compute", "5")
        };
        let records = vec![
            sample::record(DAY, "Compute", "0.1"),
            sample::record(NEXT, "Compute", "0.2"),
            sample::record(NEXT, "Storage", "1"),
            euros,
        ];
        bench
            .commit(&sample::stream("daily", Grain::Day), &[DAY, NEXT], records)
            .unwrap();
        let view = Stream {
            view_of: Some("daily".to_owned()),
            ..sample::stream("by-tag", Grain::Day)
        };
        let shown = vec![sample::record(DAY, "Compute", "7")];
        bench.commit(&view, &[DAY], shown).unwrap();
        bench
    }

    fn ask(bench: &sample::Bench, filter: &CostFilter) -> Vec<String> {
        let connection = store::open_read_only(bench.directory.path()).unwrap();
        let rows = costs(&connection, filter).unwrap();
        rows.iter()
            .map(|row| {
                let dims = row.dims.join(",");
                format!(
                    "{dims} {} {} {}/{}",
                    row.billed, row.currency, row.open, row.records
                )
            })
            .collect()
    }

    #[test]
    fn costs_are_exact_and_per_currency_and_leave_views_out() {
        let bench = bench();
        let filter = CostFilter {
            group_by: vec![Dimension::Service],
            ..CostFilter::default()
        };
        let rows = ask(&bench, &filter);
        assert_eq!(
            rows,
            ["Compute 5 EUR 0/1", "Compute 0.3 USD 2/2", "Storage 1 USD 1/1"]
        );
    }

    #[test]
    fn a_period_and_a_stream_narrow_the_question() {
        let bench = bench();
        let filter = CostFilter {
            period: Some(Period::covering(
                sample::at(NEXT),
                sample::at("2026-09-01T00:00:00Z"),
            )),
            group_by: vec![Dimension::Day, Dimension::Provider],
            ..CostFilter::default()
        };
        assert_eq!(ask(&bench, &filter), ["2026-08-02,acme 1.2 USD 2/2"]);
        let filter = CostFilter {
            stream: Some("by-tag".to_owned()),
            ..CostFilter::default()
        };
        assert_eq!(ask(&bench, &filter), [" 7 USD 1/1"]);
        let filter = CostFilter {
            provider: Some("other".to_owned()),
            ..CostFilter::default()
        };
        assert_eq!(ask(&bench, &filter), [""; 0]);
        let filter = CostFilter {
            group_by: vec![Dimension::Stream, Dimension::Source],
            include_views: true,
            source: Some(sample::source()),
            ..CostFilter::default()
        };
        let rows = ask(&bench, &filter);
        assert_eq!(rows.first().unwrap(), "by-tag,acme/ORG 7 USD 1/1");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn categories_can_be_left_out_and_quantities_are_summed_by_unit() {
        let bench = sample::Bench::new();
        let used = |service: &str, hours: &str, list: Option<&str>| CostRecord {
            consumed_quantity: Some(hours.parse().unwrap()),
            consumed_unit: Some("Hours".to_owned()),
            list_cost: list.map(|cost| cost.parse().unwrap()),
            ..sample::record(DAY, service, "1")
        };
        let credit = CostRecord {
            charge_category: ChargeCategory::Credit,
            ..sample::record(DAY, "Compute", "-0.5")
        };
        let records = vec![
            used("Compute", "1.5", Some("3")),
            used("Storage", "0.25", None),
            credit,
        ];
        let stream = sample::stream("daily", Grain::Day);
        bench.commit(&stream, &[DAY], records).unwrap();
        let connection = store::open_read_only(bench.directory.path()).unwrap();
        let ask = |exclude| {
            let filter = CostFilter {
                exclude,
                ..CostFilter::default()
            };
            costs(&connection, &filter).unwrap().remove(0)
        };
        let all = ask(Vec::new());
        assert_eq!((all.effective.to_string(), all.records), ("1.5".to_owned(), 3));
        let gross = ask(vec![ChargeCategory::Credit, ChargeCategory::Tax]);
        assert_eq!((gross.effective.to_string(), gross.records), ("2".to_owned(), 2));
        assert_eq!(
            gross.of(Measure::List).to_string(),
            "4",
            "3, and 1 as it was billed"
        );
        assert_eq!(gross.quantities["Hours"].to_string(), "1.75");
    }
}
