//! The bill line by line, from a FOCUS export that AWS delivers to S3. A month is read whole, its manifest first, and replaces
//! what Cost Explorer said of it.
//! What must hold: files of two deliveries are never mixed, and a million lines stand nowhere in memory.

mod manifest;

use crate::mapping::PROVIDER;
use crate::{
    api::Api,
    descriptor::EXPORT,
    settings::{Delivery, Settings},
};
use finops_collector::{
    Failure, HttpRequest, PartitionWriter, Period, Request, Response, Seal, Source, commit,
    descriptor::Grain,
    excerpt,
    focus::Lines,
    period::{DAY, day_of},
    record::Finality,
};
use manifest::Manifest;
use std::collections::BTreeMap;

/// Days after its end on which a month is taken to be closed.
const CLOSED: i64 = 6 * DAY;
/// AWS's own columns that are dimensions of the records.
const EXTRA: &[&str] = &["x_UsageType", "x_Operation", "x_ServiceCode"];

/// What is kept between runs: by month (`2026-07`) what told the manifest that was read from others.
type Seen = BTreeMap<String, String>;

/// Reads and commits the months that are wanted and have changed.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    delivery: &Delivery,
    source: &Source,
) -> Result<(), Failure> {
    let Some(wanted) = request.wanted(EXPORT)? else {
        return Ok(());
    };
    let mut seen: Seen = wanted
        .checkpoint(source)
        .and_then(|value| serde_json::from_slice(value).ok())
        .unwrap_or_default();
    let months = wanted.begun(Grain::Month, request.now);
    let mut found = 0_usize;
    for start in &months {
        let month = Period::around(*start, Grain::Month);
        let name = day_of(*start).strftime("%Y-%m").to_string();
        let Some(manifest) = manifest::read(api, delivery, &name)? else {
            api.host.info(format_args!("there is no export of {name} yet"));
            continue;
        };
        found += 1;
        let held = wanted
            .committed
            .iter()
            .any(|held| held.start == *start && held.source == *source);
        let same = manifest.mark.is_some() && seen.get(&name) == manifest.mark.as_ref();
        if held && same && !request.backfill {
            continue;
        }
        if let Some(mark) = &manifest.mark {
            seen.insert(name.clone(), mark.clone());
        }
        of_month(
            api,
            request,
            settings,
            delivery,
            source,
            (month, &manifest, &seen),
        )
        .map_err(|failure| failure.context(format_args!("the export of {name}")))?;
    }
    if found == 0 && !months.is_empty() {
        return Err(Failure::provider(format_args!(
            "there is no manifest under {}: check export-bucket, export-prefix and export-name (the first delivery takes up \
             to a day)",
            excerpt(&delivery.folder("metadata"), 200)
        )));
    }
    Ok(())
}

fn of_month(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    delivery: &Delivery,
    source: &Source,
    (month, manifest, seen): (Period, &Manifest, &Seen),
) -> Result<(), Failure> {
    let mut writer = PartitionWriter::open(api.host, EXPORT, source, &[month.start])?;
    let finality = match request.now >= month.end + CLOSED {
        true => Finality::Final,
        false => Finality::Open,
    };
    let lines = Lines::new(api.host, (month, finality), &settings.account, PROVIDER).extra(EXTRA);
    for key in &manifest.files {
        let response = get(api, delivery, key, manifest.modified.as_deref())?;
        let file = excerpt(key.rsplit('/').next().unwrap_or(key), 100);
        let taken = lines.read(response, |record| {
            if record.billing_account_id != settings.account {
                return Err(Failure::settings(format_args!(
                    "the export is of the account {}: set [settings] account to it",
                    excerpt(&record.billing_account_id, 20)
                )));
            }
            writer.write(record)
        });
        taken.map_err(|failure| failure.context(file))?;
    }
    let checkpoint = serde_json::to_vec(seen).map_err(Failure::internal)?;
    let sealed = writer.seal(&Seal::complete(request.now).checkpoint(Some(checkpoint)))?;
    commit(api.host, vec![sealed])?;
    Ok(())
}

/// GetObject; with a date only if the object is not younger.
fn get(
    api: &Api<'_>,
    delivery: &Delivery,
    key: &str,
    unmodified_since: Option<&str>,
) -> Result<Response, Failure> {
    let mut request = HttpRequest::get(delivery.url(key));
    if let Some(date) = unmodified_since {
        request = request.header("If-Unmodified-Since", date);
    }
    api.send(&request, "GetObject").map_err(|refusal| {
        if refusal.failure.status == Some(412) {
            return Failure::incomplete(
                "AWS is delivering the export anew: nothing was committed, the next run finds it whole",
            );
        }
        match refusal.bucket_region {
            Some(region) => refusal
                .failure
                .context(format_args!("the bucket lies in {region}")),
            None => refusal.failure,
        }
    })
}

#[cfg(test)]
mod tests;
