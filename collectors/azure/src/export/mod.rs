//! The bill line by line, from a FOCUS export that Azure delivers to blob storage. A month is read whole, its manifest first, and
//! replaces what the queries said of it.
//! What must hold: files of two deliveries are never mixed, and a file with too few lines is never taken for a whole one.

mod blobs;
mod manifest;

use crate::{
    api::Api,
    descriptor::EXPORT,
    mapping::{self, PROVIDER},
    scope::Scope,
    settings::Delivery,
    views::resource,
};
use finops_collector::{
    CostRecord, Failure, PartitionWriter, Period, Request, Seal, Source, commit, descriptor::Grain, excerpt,
    focus::Lines, period::day_of, record::Finality,
};
use manifest::Manifest;
use std::collections::BTreeMap;

/// Microsoft's own columns that say more than FOCUS's.
const EXTRA: &[&str] = &[
    "x_ResourceGroupName",
    "x_SkuMeterCategory",
    "x_SkuMeterSubcategory",
    "x_CostCenter",
];

/// What is kept between runs: by month (`2026-07`) what told the manifest that was read from others.
type Seen = BTreeMap<String, String>;

/// Reads and commits the months that are wanted and have changed.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    scope: &Scope,
    delivery: &Delivery,
) -> Result<(), Failure> {
    let Some(wanted) = request.wanted(EXPORT)? else {
        return Ok(());
    };
    let source = scope.source();
    let mut seen: Seen = wanted
        .checkpoint(&source)
        .and_then(|value| serde_json::from_slice(value).ok())
        .unwrap_or_default();
    let months = wanted.begun(Grain::Month, request.now);
    let mut found = 0_usize;
    for start in &months {
        let month = Period::around(*start, Grain::Month);
        let name = day_of(*start).strftime("%Y-%m").to_string();
        let within = |failure: Failure| failure.context(format_args!("the export of {name}"));
        let Some(blob) = manifest::newest(api, delivery, month).map_err(within)? else {
            api.host.info(format_args!("there is no export of {name} yet"));
            continue;
        };
        found += 1;
        let held = wanted
            .committed
            .iter()
            .any(|held| held.start == *start && held.source == source);
        if held && seen.get(&name) == Some(&blob.mark) && !request.backfill {
            continue;
        }
        seen.insert(name.clone(), blob.mark.clone());
        let manifest = manifest::read(api, delivery, &blob).map_err(within)?;
        let finality = match mapping::is_closed(day_of(*start), request.now) {
            true => Finality::Final,
            false => Finality::Open,
        };
        let lines = Lines::new(api.host, (month, finality), &source.billing_account, PROVIDER).extra(EXTRA);
        let checkpoint = serde_json::to_vec(&seen).map_err(Failure::internal)?;
        let seal = Seal::complete(request.now).checkpoint(Some(checkpoint));
        of_month(api, scope, delivery, (&source, month), &manifest, &lines, &seal).map_err(within)?;
    }
    if found == 0 && !months.is_empty() {
        return Err(Failure::provider(format_args!(
            "there is no manifest under {}/: check export-container, export-path and export-name (the first delivery takes up to \
             a day)",
            excerpt(&delivery.folder, 200)
        )));
    }
    Ok(())
}

fn of_month(
    api: &Api<'_>,
    scope: &Scope,
    delivery: &Delivery,
    (source, month): (&Source, Period),
    manifest: &Manifest,
    lines: &Lines<'_>,
    seal: &Seal,
) -> Result<(), Failure> {
    let mut writer = PartitionWriter::open(api.host, EXPORT, source, &[month.start])?;
    for file in &manifest.files {
        let response = blobs::get(api, delivery, &file.name, Some(&manifest.modified))?;
        let shown = excerpt(file.name.rsplit('/').next().unwrap_or(&file.name), 100);
        let count = lines
            .read(response, |record| writer.write(adapted(scope, record)?))
            .map_err(|failure| failure.context(&shown))?;
        if file.rows.is_some_and(|rows| rows != count) {
            return Err(Failure::incomplete(format_args!(
                "{shown} has {count} lines where its manifest says {}: nothing was committed",
                file.rows.unwrap_or_default()
            )));
        }
    }
    commit(api.host, vec![writer.seal(seal)?])?;
    Ok(())
}

/// Azure writes ids in several ways; here they are as the queries' records have them.
fn adapted(scope: &Scope, mut record: CostRecord) -> Result<CostRecord, Failure> {
    if let Some(account) = &mut record.sub_account {
        let id = account.id.to_ascii_lowercase();
        account.id = id.strip_prefix("/subscriptions/").unwrap_or(&id).to_owned();
        if scope.subscription().is_some_and(|own| own != account.id) {
            return Err(Failure::settings(format_args!(
                "the export is of another scope, it has costs of the subscription {}: set [settings] scope to the export's",
                excerpt(&account.id, 40)
            )));
        }
    }
    if let Some(given) = record.resource.take() {
        record.resource = resource(&given.id).map(|plain| finops_collector::record::Resource {
            name: given.name.or(plain.name),
            kind: given.kind.or(plain.kind),
            id: plain.id,
        });
    }
    Ok(record)
}

#[cfg(test)]
mod tests;
