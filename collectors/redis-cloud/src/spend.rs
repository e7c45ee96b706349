//! The bill by calendar month: a cost report each. What belongs to another month is left to that month's own report.
//! What must hold: a month is committed whole or not at all, and no line is in two of them.

use crate::{api::Api, descriptor::SPEND, report, settings::Settings};
use finops_collector::{
    CostRecord, Failure, Instant, PartitionWriter, Period, Request, Seal, Source, commit,
    descriptor::Grain,
    excerpt,
    focus::Lines,
    period::{DAY, day_of},
    record::{Finality, Sku},
};

/// Who sells it.
const PROVIDER: &str = "Redis";
/// Days after its end on which a month is taken to be final.
const FINAL: i64 = 5 * DAY;
/// ServiceCategory as FOCUS allows it.
const CATEGORIES: [&str; 19] = [
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Multicloud",
    "Networking",
    "Other",
    "Security",
    "Storage",
    "Web",
];

/// Reads and commits what is wanted, and gives how many lines there were.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<u64, Failure> {
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(0);
    };
    let mut lines = 0;
    for start in wanted.begun(Grain::Month, request.now) {
        let month = Period::around(start, Grain::Month);
        let name = day_of(start).strftime("%Y-%m").to_string();
        lines += of_month(api, request.now, settings, source, month)
            .map_err(|failure| failure.context(format_args!("the cost report of {name}")))?;
    }
    Ok(lines)
}

fn of_month(
    api: &Api<'_>,
    now: Instant,
    settings: &Settings,
    source: &Source,
    month: Period,
) -> Result<u64, Failure> {
    let today = Period::around(now, Grain::Day).start;
    // It is not said whether the last day is in the report: the day after the month is asked for, too, but no day to come.
    let last = month.end.min(today);
    if last <= month.start {
        api.host
            .info("the month has just begun: its first report is asked for tomorrow");
        return Ok(0);
    }
    let finality = match now >= month.end + FINAL {
        true => Finality::Final,
        false => Finality::Open,
    };
    let response = report::fetch(api, (day_of(month.start), day_of(last)), settings.report_timeout)?;
    let mut writer = PartitionWriter::open(api.host, SPEND, source, &[month.start])?;
    let mut others = 0_u64;
    let lines = Lines::new(api.host, (month, finality), &settings.account, PROVIDER).any_billing_period();
    let read = lines.read(response, |record| {
        if record.billing_account_id != settings.account {
            return Err(Failure::settings(format_args!(
                "the report is of the account {}: set [settings] account to it",
                excerpt(&record.billing_account_id, 40)
            )));
        }
        match month.contains(record.charge_period.start) {
            true => writer.write(adapted(api, settings, record)),
            false => {
                others += 1;
                Ok(())
            }
        }
    })?;
    if others > 0 {
        api.host.info(format_args!(
            "{others} lines begin in another month: they are read with that month's report"
        ));
    }
    commit(api.host, vec![writer.seal(&Seal::complete(now))?])?;
    Ok(read.saturating_sub(others))
}

/// Fills what the report leaves out.
fn adapted(api: &Api<'_>, settings: &Settings, mut record: CostRecord) -> CostRecord {
    let unit = record
        .pricing
        .as_ref()
        .and_then(|pricing| pricing.quantity.as_ref());
    let unit = unit.map(|quantity| quantity.unit.clone());
    if record.sku.is_none() {
        let id = match &unit {
            Some(unit) => format!("{} {unit}", record.service_name),
            None => record.service_name.clone(),
        };
        record.sku = Some(Sku {
            id: Some(id),
            ..Sku::default()
        });
    }
    if let Some(unit) = unit.filter(|unit| !matches!(unit.as_str(), "Hours" | "Months" | "Network")) {
        api.warn_once(format!(
            "the pricing unit `{}` is not known: it stands as it is",
            excerpt(&unit, 60)
        ));
    }
    if !record.service_name.starts_with("Redis Cloud") {
        api.warn_once(format!(
            "the service `{}` is not known: it stands as it is",
            excerpt(&record.service_name, 60)
        ));
    }
    if !CATEGORIES.contains(&record.service_category.as_str()) {
        api.warn_once(format!(
            "the service category `{}` is none of FOCUS: it is Other",
            excerpt(&record.service_category, 60)
        ));
        let given = std::mem::replace(&mut record.service_category, "Other".to_owned());
        record.extra.push(("x_ServiceCategory".to_owned(), given));
    }
    // Part of the key: quantities of two units cannot be one record.
    let consumed = record.consumed.as_ref().map(|quantity| quantity.unit.clone());
    record
        .extra
        .extend(consumed.map(|unit| ("x_ConsumedUnit".to_owned(), unit)));
    record.invoice_issuer = settings.invoice_issuer.clone().or(record.invoice_issuer);
    record
}
