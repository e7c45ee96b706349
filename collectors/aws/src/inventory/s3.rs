//! S3: the buckets of a region with their tags where those are wanted, and their size and number of objects where CloudWatch may
//! be asked.

use super::{
    Region,
    metrics::{self, Metric},
    query::{at, descendants, get, parsed},
    tags,
};
use crate::percent::encoded;
use finops_collector::{Decimal, Failure};

const OPERATION: &str = "ListBuckets";
/// Classes of storage that CloudWatch counts apart.
const STORAGE: [&str; 8] = [
    "StandardStorage",
    "StandardIAStorage",
    "OneZoneIAStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "GlacierInstantRetrievalStorage",
    "GlacierStorage",
    "DeepArchiveStorage",
];

pub(super) fn buckets(region: &mut Region<'_>) -> Result<(), Failure> {
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let after = token
            .as_deref()
            .map(|token| format!("&continuation-token={}", encoded(token)));
        let url = format!(
            "{}?bucket-region={}&max-buckets=1000{}",
            region.url("s3"),
            region.name,
            after.unwrap_or_default()
        );
        let text = get(region.api, &url, OPERATION)?;
        let document = parsed(&text).map_err(|failure| failure.context(OPERATION))?;
        for bucket in descendants(document.root_element(), "Bucket") {
            let (name, of) = (at(bucket, "Name"), at(bucket, "BucketRegion"));
            // A server that does not know the filter sends the buckets of all regions.
            if name.is_empty() || !(of.is_empty() || of == region.name) {
                continue;
            }
            names.push(name.to_owned());
        }
        let next = at(document.root_element(), "ContinuationToken");
        match Some(next.to_owned()).filter(|next| !next.is_empty()) {
            None => break,
            same if same == token => {
                return Err(Failure::malformed(format_args!(
                    "{OPERATION}: the pages lead in a circle"
                )));
            }
            next => token = next,
        }
    }
    let tags = match region.bucket_tags {
        true => tags::buckets(region),
        false => Ok(tags::Tags::new()),
    };
    // Without its tags a bucket would be another one in the books.
    if let Ok(tags) = &tags {
        for name in &names {
            let own = tags.get(name).map_or(&[][..], Vec::as_slice);
            region.see(("bucket", "Buckets"), Decimal::ONE, &[("bucket", name)], own);
        }
    }
    if region.cloudwatch {
        sizes(region, &names)?;
    }
    tags.map(|_| ())
}

/// CloudWatch has one point a day, which comes a day or two late.
fn sizes(region: &mut Region<'_>, names: &[String]) -> Result<(), Failure> {
    let days = metrics::last_days(region.now);
    let mut asked = Vec::new();
    for name in names {
        for storage in STORAGE {
            let dimensions = [("BucketName", name.as_str()), ("StorageType", storage)];
            asked.push(Metric::new(
                "AWS/S3",
                "BucketSizeBytes",
                &dimensions,
                "Average",
                days,
            ));
        }
        let dimensions = [("BucketName", name.as_str()), ("StorageType", "AllStorageTypes")];
        asked.push(Metric::new(
            "AWS/S3",
            "NumberOfObjects",
            &dimensions,
            "Average",
            days,
        ));
    }
    let values = metrics::read(region, &asked)?;
    let per_bucket = STORAGE.len() + 1;
    for (name, values) in names.iter().zip(values.chunks(per_bucket)) {
        let kinds = STORAGE.into_iter().map(Some).chain([None]);
        for (storage, value) in kinds.zip(values) {
            match (storage, value) {
                (Some(storage), Some(bytes)) => {
                    let dimensions = [("bucket", name.as_str()), ("storage", storage)];
                    let size = bytes
                        .div_rounded(Decimal::from(1_000_000_000_u32), 9)
                        .map_err(Failure::malformed)?;
                    region.see(("bucket-size", "GB"), size, &dimensions, &[]);
                }
                (None, Some(objects)) => {
                    region.see(("bucket-objects", "Objects"), *objects, &[("bucket", name)], &[]);
                }
                (_, None) => {}
            }
        }
    }
    Ok(())
}
