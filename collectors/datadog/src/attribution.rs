//! A billed month by the values of one tag. Datadog tells it by the 19th of the next month.
//! What must hold: each organization's product adds up to what `spend` was billed for it; what no value takes is said to be
//! unattributed.

use crate::{
    api::Api,
    costs::{Costs, month_name},
    descriptor::BY_TAG,
    mapping::{Origin, base},
    spend::{Billed, is_out},
};
use finops_collector::{
    CostRecord, Decimal, Double, Failure, PartitionWriter, Period, Request, Seal, Source, commit, escaped,
    excerpt, record::Finality,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// On this day of the next month attribution is there.
const OUT_FROM: i8 = 19;
/// The end of the one field of each product that is money and no part of another.
const TOTAL: &str = "_total_cost";

#[derive(Deserialize)]
struct Row {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    org_name: Option<String>,
    #[serde(default)]
    public_id: Option<String>,
    month: String,
    /// Null where the reply is not divided by the tag.
    #[serde(default)]
    tags: Option<BTreeMap<String, Option<Vec<String>>>>,
    values: BTreeMap<String, Option<Double>>,
}

/// Reads and commits the view of the months that were just read as billed.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    source: &Source,
    billed: &[Billed],
) -> Result<(), Failure> {
    let Some(tag) = &api.settings.tag else {
        return Ok(());
    };
    let Some(wanted) = request.wanted(BY_TAG)? else {
        return Ok(());
    };
    let inside = |billed: &&Billed| wanted.period.contains(Period::of_month(billed.month).start);
    for month in billed.iter().filter(inside) {
        if is_out(month.month, OUT_FROM, request.now) {
            read_month(api, request, source, tag, month)?;
        }
    }
    Ok(())
}

/// Organization, product, value of the tag; none: unattributed.
type Shares = BTreeMap<(String, String, Option<String>), Decimal>;

fn read_month(
    api: &Api<'_>,
    request: &Request,
    source: &Source,
    tag: &str,
    billed: &Billed,
) -> Result<(), Failure> {
    let name = month_name(billed.month);
    let what = format!("the cost of {name} by {}", excerpt(tag, 60));
    let asked = format!(
        "/api/v2/cost_by_tag/monthly_cost_attribution?start_month={name}&end_month={name}&fields=%2A&tag_breakdown_keys={}\
         &include_descendants=true",
        escaped(tag)
    );
    let mut shares = Shares::new();
    let mut rows = 0_u64;
    api.each(&asked, "next_record_id", &what, |row: Row| {
        rows += 1;
        add(api, &mut shares, row.attributes, tag, &name)
    })?;
    if rows == 0 {
        api.host.warn(format_args!(
            "Datadog attributes nothing of {name}: is the tag configured under Plan & Usage > Usage Attribution?"
        ));
        return Ok(());
    }
    let mut left: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for ((org, product), cost) in billed.costs.products().map_err(Failure::malformed)? {
        left.insert((org.to_owned(), product.to_owned()), cost);
    }
    let period = Period::of_month(billed.month);
    let mut writer = PartitionWriter::open(api.host, BY_TAG, source, &[period.start])?;
    for ((org, product, value), cost) in &shares {
        let Some(value) = value else { continue };
        let rest = left.entry((org.clone(), product.clone())).or_default();
        *rest = rest.checked_sub(*cost).map_err(Failure::malformed)?;
        if cost.is_zero() {
            continue;
        }
        let record = record(api, period, &billed.costs, org, product, *cost);
        let record = record
            .tag(tag, value)
            .extra("x_TagKey", tag)
            .extra("x_TagValue", value);
        writer.write(record)?;
    }
    for ((org, product), cost) in &left {
        if !cost.is_zero() {
            let record = record(api, period, &billed.costs, org, product, *cost);
            writer.write(
                record
                    .extra("x_TagKey", tag)
                    .extra("x_Attribution", "unattributed"),
            )?;
        }
    }
    commit(api.host, vec![writer.seal(&Seal::complete(request.now))?])?;
    Ok(())
}

fn record(
    api: &Api<'_>,
    period: Period,
    costs: &Costs,
    org: &str,
    product: &str,
    cost: Decimal,
) -> CostRecord {
    base(
        api,
        period,
        (org, costs.orgs.get(org)),
        product,
        (cost, Origin::Attribution, Finality::Final),
    )
}

fn add(api: &Api<'_>, shares: &mut Shares, row: Attributes, tag: &str, month: &str) -> Result<(), Failure> {
    if !row.month.starts_with(month) {
        return Err(Failure::malformed(format_args!(
            "a row is of `{}`, not of {month}",
            excerpt(&row.month, 40)
        )));
    }
    let id = row.public_id.filter(|id| !id.is_empty());
    let org = id.or(row.org_name).unwrap_or_default();
    if row.tags.is_none() {
        api.warnings.once(format_args!(
            "Datadog does not divide by the tag `{}`: is it configured for usage attribution?",
            excerpt(tag, 60)
        ));
    }
    let values = row
        .tags
        .and_then(|mut tags| tags.remove(tag))
        .flatten()
        .unwrap_or_default();
    let value = Some(values.join(",")).filter(|value| !value.is_empty());
    for (field, cost) in row.values {
        // Parts and percentages of the same money are other fields.
        let (Some(product), Some(cost)) = (field.strip_suffix(TOTAL), cost) else {
            continue;
        };
        let share = shares
            .entry((org.clone(), product.to_owned(), value.clone()))
            .or_default();
        *share = share.checked_add(cost.0).map_err(Failure::malformed)?;
    }
    Ok(())
}
