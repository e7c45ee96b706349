//! The manifest of a month's delivery. Each run of an export writes a folder of its own, its manifest last, so that what it names
//! is there.

use super::blobs::{self, Blob};
use crate::{api::Api, settings::Delivery};
use finops_collector::{
    Failure, Instant, Period, excerpt,
    period::{DAY, day_of},
};
use serde::Deserialize;

/// The newest manifest of a month, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    name: String,
    modified: Instant,
    /// What tells it from others.
    pub(super) mark: String,
}

/// What a delivery consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) files: Vec<File>,
    /// Its Last-Modified: data files are not younger.
    pub(super) modified: String,
}

/// A data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    /// How many lines it has.
    pub(super) rows: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    blobs: Vec<Part>,
    #[serde(default)]
    delivery_config: DeliveryConfig,
    #[serde(default)]
    data_row_count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryConfig {
    #[serde(default)]
    file_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    blob_name: String,
    #[serde(default)]
    data_row_count: Option<u64>,
}

/// The newest manifest of a month; none where there is none.
pub(super) fn newest(api: &Api<'_>, delivery: &Delivery, month: Period) -> Result<Option<Found>, Failure> {
    let days = (day_of(month.start), day_of(month.end - DAY));
    let (first, last) = (days.0.strftime("%Y%m%d"), days.1.strftime("%Y%m%d"));
    let folder = format!("{}/{first}-{last}/", delivery.folder);
    let blobs = blobs::below(api, delivery, &folder)?;
    let manifests = blobs
        .into_iter()
        .filter(|blob| blob.name.ends_with("/manifest.json"));
    let newest = manifests.max_by(|one, other| (one.modified, &one.name).cmp(&(other.modified, &other.name)));
    Ok(newest.map(|Blob { name, modified, etag }| Found {
        mark: format!("{name} {modified} {etag}"),
        name,
        modified,
    }))
}

/// What a manifest names.
pub(super) fn read(api: &Api<'_>, delivery: &Delivery, found: &Found) -> Result<Manifest, Failure> {
    let response = blobs::get(api, delivery, &found.name, None)?;
    let modified = response.header("last-modified").map(str::to_owned);
    let body: Body = response
        .json()
        .map_err(|failure| failure.context("its manifest"))?;
    let modified = modified.unwrap_or_else(|| {
        let at = finops_collector::jiff::Timestamp::from_second(found.modified).unwrap_or_default();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    });
    let (folder, _) = found.name.rsplit_once('/').unwrap_or_default();
    let files = files(body, folder).map_err(|failure| failure.context("its manifest"))?;
    Ok(Manifest { files, modified })
}

fn files(body: Body, folder: &str) -> Result<Vec<File>, Failure> {
    let parquet = |name: &str| name.to_ascii_lowercase().ends_with(".parquet");
    let format = body.delivery_config.file_format.unwrap_or_default();
    if format.eq_ignore_ascii_case("parquet") || body.blobs.iter().any(|part| parquet(&part.blob_name)) {
        return Err(Failure::settings(
            "the export is delivered as Parquet, which is not read: choose CSV (none or gzip) when creating it",
        ));
    }
    if body.blobs.is_empty() && body.data_row_count != Some(0) {
        return Err(Failure::malformed("it names no data files"));
    }
    // Without a count of its own, a single file has the count of all.
    let only = body.data_row_count.filter(|_| body.blobs.len() == 1);
    let file = |part: Part| {
        let name = part.blob_name.trim_start_matches('/');
        let inside = name
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|file| !file.is_empty() && !file.contains('/') && file != "..");
        match inside {
            true => Ok(File {
                name: name.to_owned(),
                rows: part.data_row_count.or(only),
            }),
            false => Err(Failure::malformed(format_args!(
                "a data file lies outside its folder and is not read: {}",
                excerpt(name, 160)
            ))),
        }
    };
    body.blobs.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn files_are_taken_from_the_manifests_own_folder_alone() {
        let read = |body: serde_json::Value| files(serde_json::from_value(body).unwrap(), "costs/daily/run");
        let good = json!({"blobs": [{"blobName": "costs/daily/run/part_0_0001.csv.gz", "dataRowCount": 7}]});
        let [file] = <[File; 1]>::try_from(read(good).unwrap()).unwrap();
        assert_eq!(
            (file.name.as_str(), file.rows),
            ("costs/daily/run/part_0_0001.csv.gz", Some(7))
        );
        for bad in [
            json!({"blobs": []}),
            json!({"blobs": [{"blobName": "costs/daily/other/part.csv"}]}),
            json!({"blobs": [{"blobName": "costs/daily/run/../part.csv"}]}),
            json!({"blobs": [{"blobName": "costs/daily/run/part.parquet"}]}),
            json!({"blobs": [{"blobName": "costs/daily/run/part"}], "deliveryConfig": {"fileFormat": "Parquet"}}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
