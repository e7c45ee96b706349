//! The Resource Groups Tagging API: the tags of many resources of a region in one list, without a look into any of them.

use super::Region;
use crate::api::Json;
use finops_collector::Failure;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// How every name of AWS begins.
const ARN: &str = "arn:aws";

/// Tags by the name of what has them.
pub(super) type Tags = BTreeMap<String, Vec<(String, String)>>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    resource_tag_mapping_list: Vec<Tagged>,
    #[serde(default)]
    pagination_token: Option<String>,
}

#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags", default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// The tags of the region's buckets. One without any is not among them.
pub(super) fn buckets(region: &Region<'_>) -> Result<Tags, Failure> {
    let mut tags = Tags::new();
    let mut token = String::new();
    loop {
        let page: Page = region.api.json(
            Json::Version11,
            &region.url("tagging"),
            "ResourceGroupsTaggingAPI_20170126.GetResources",
            &json!({"ResourceTypeFilters": ["s3"], "ResourcesPerPage": 100, "PaginationToken": token}),
        )?;
        for tagged in page.resource_tag_mapping_list {
            // arn:aws:s3:::lake, in other partitions arn:aws-cn:s3:::lake
            let name = match tagged.arn.split_once(":s3:::") {
                Some((partition, name)) if partition.starts_with(ARN) && !name.contains('/') => name,
                _ => continue,
            };
            let of = tagged.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            tags.insert(name.to_owned(), of);
        }
        match page.pagination_token.filter(|next| !next.is_empty()) {
            None => return Ok(tags),
            Some(next) if next == token => {
                return Err(Failure::malformed("GetResources: the pages lead in a circle"));
            }
            Some(next) => token = next,
        }
    }
}
