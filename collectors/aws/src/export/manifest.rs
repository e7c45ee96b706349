//! The manifest of a month's delivery. AWS writes it after all data files, so that what it names is there.

use crate::{api::Api, settings::Delivery};
use finops_collector::{Failure, HttpRequest, excerpt};
use serde_json::Value;

/// What a delivery consists of.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Keys of its data files.
    pub(super) files: Vec<String>,
    /// What tells it from others: ETag and date, since one that names the same files has the same bytes.
    pub(super) mark: Option<String>,
    /// Its Last-Modified: data files are older.
    pub(super) modified: Option<String>,
}

/// The manifest of a month (`2026-07`); none where there is none.
pub(super) fn read(api: &Api<'_>, delivery: &Delivery, month: &str) -> Result<Option<Manifest>, Failure> {
    let key = format!(
        "{}BILLING_PERIOD={month}/{}-Manifest.json",
        delivery.folder("metadata"),
        delivery.name
    );
    let response = match api.send(&HttpRequest::get(delivery.url(&key)), "GetObject") {
        Ok(response) => response,
        Err(refusal) if refusal.code == "NoSuchKey" => return Ok(None),
        Err(refusal) => {
            let failure = match &refusal.bucket_region {
                Some(region) => refusal
                    .failure
                    .clone()
                    .context(format_args!("the bucket lies in {region}")),
                None => refusal.failure.clone(),
            };
            return Err(failure.context("the export's manifest"));
        }
    };
    let modified = response.header("last-modified").map(str::to_owned);
    let mark = response
        .header("etag")
        .zip(modified.as_deref())
        .map(|(etag, modified)| format!("{etag} {modified}"));
    let body: Value = response
        .json()
        .map_err(|failure| failure.context("the export's manifest"))?;
    let files = files(&body, delivery).map_err(|failure| failure.context("the export's manifest"))?;
    Ok(Some(Manifest {
        files,
        mark,
        modified,
    }))
}

/// The keys of the data files. The layout is not published: the names that are known from AWS's exports are taken.
fn files(body: &Value, delivery: &Delivery) -> Result<Vec<String>, Failure> {
    let lists = ["dataFiles", "reportKeys", "files"];
    let list = lists.iter().find_map(|name| body.get(name)?.as_array());
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return Err(Failure::malformed("it names no data files"));
    };
    list.iter().map(|entry| key(entry, delivery)).collect()
}

fn key(entry: &Value, delivery: &Delivery) -> Result<String, Failure> {
    let inner = ["path", "key", "name"]
        .iter()
        .find_map(|name| entry.get(name)?.as_str());
    let Some(text) = entry.as_str().or(inner) else {
        return Err(Failure::malformed("a data file has no path"));
    };
    let key = match text.strip_prefix("s3://") {
        None => text,
        Some(rest) => match rest.split_once('/') {
            Some((bucket, key)) if bucket == delivery.bucket => key,
            _ => {
                return Err(Failure::malformed(format_args!(
                    "a data file lies in another bucket and is not read: {}",
                    excerpt(text, 120)
                )));
            }
        },
    };
    let key = key.trim_start_matches('/');
    if !key.starts_with(&delivery.folder("data"))
        || key.split('/').any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(Failure::malformed(format_args!(
            "a data file lies outside {} and is not read: {}",
            excerpt(&delivery.folder("data"), 120),
            excerpt(text, 120)
        )));
    }
    if key.ends_with(".parquet") {
        return Err(Failure::settings(
            "the export is delivered as Parquet, which is not read: choose text/csv with gzip when creating it",
        ));
    }
    Ok(key.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn delivery() -> Delivery {
        Delivery {
            bucket: "acme".to_owned(),
            region: "eu-west-1".to_owned(),
            prefix: "focus".to_owned(),
            name: "daily".to_owned(),
        }
    }

    #[test]
    fn files_are_taken_from_the_exports_own_folder_alone() {
        let good =
            json!({"dataFiles": ["s3://acme/focus/daily/data/BILLING_PERIOD=2026-07/daily-00001.csv.gz"]});
        assert_eq!(
            files(&good, &delivery()).unwrap(),
            ["focus/daily/data/BILLING_PERIOD=2026-07/daily-00001.csv.gz"]
        );
        for bad in [
            json!({}),
            json!({"dataFiles": []}),
            json!({"dataFiles": ["s3://evil/focus/daily/data/x.csv"]}),
            json!({"dataFiles": ["focus/daily/data/../../other.csv"]}),
            json!({"dataFiles": ["elsewhere/x.csv"]}),
            json!({"dataFiles": ["focus/daily/data/x.parquet"]}),
            json!({"dataFiles": [7]}),
        ] {
            assert!(files(&bad, &delivery()).is_err(), "{bad}");
        }
    }
}
