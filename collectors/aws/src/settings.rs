//! The operator's settings, as the descriptor describes them.

use crate::percent;
use finops_collector::{Failure, Request};
use serde::Deserialize;
use std::time::Duration;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The account that pays.
    pub(crate) account: String,
    /// Whether costs are taken after private discounts.
    #[serde(default = "yes")]
    pub(crate) net: bool,
    /// Milliseconds between two paid calls.
    #[serde(default = "second")]
    pace: u32,
    /// Whether the hourly view is read.
    #[serde(default)]
    pub(crate) hourly: bool,
    /// Key of the tag of the view by tag.
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Name of the cost category of the view by cost category.
    #[serde(default)]
    pub(crate) cost_category: Option<String>,
    /// Services of the view by resource.
    #[serde(default)]
    pub(crate) resource_services: Vec<String>,
    #[serde(default)]
    export_bucket: Option<String>,
    #[serde(default = "virginia")]
    export_region: String,
    #[serde(default)]
    export_prefix: String,
    #[serde(default)]
    export_name: Option<String>,
    /// Regions whose inventory is observed.
    #[serde(default)]
    pub(crate) regions: Vec<String>,
    /// What of it; empty: all.
    #[serde(default)]
    inventory: Vec<Kind>,
    /// Whether CloudWatch is asked, which costs by the metric.
    #[serde(default)]
    pub(crate) cloudwatch: bool,
    /// Whether the tags of buckets are asked for.
    #[serde(default)]
    pub(crate) bucket_tags: bool,
}

/// A kind of inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Instances.
    Ec2,
    /// Volumes.
    Ebs,
    /// Clusters and node groups.
    Eks,
    /// Functions.
    Lambda,
    /// Databases.
    Rds,
    /// Buckets.
    S3,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Ec2, Self::Ebs, Self::Eks, Self::Lambda, Self::Rds, Self::S3];
}

/// Where AWS delivers an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The bucket.
    pub(crate) bucket: String,
    /// Its region.
    pub(crate) region: String,
    /// The prefix of the export, without slashes around it.
    pub(crate) prefix: String,
    /// Its name.
    pub(crate) name: String,
}

impl Delivery {
    /// `prefix/name/data/`, as keys begin.
    pub(crate) fn folder(&self, kind: &str) -> String {
        match self.prefix.is_empty() {
            true => format!("{}/{kind}/", self.name),
            false => format!("{}/{}/{kind}/", self.prefix, self.name),
        }
    }

    /// The address of an object.
    pub(crate) fn url(&self, key: &str) -> String {
        let Self { bucket, region, .. } = self;
        format!(
            "https://{bucket}.s3.{region}.amazonaws.com/{}",
            percent::path(key)
        )
    }
}

fn virginia() -> String {
    "us-east-1".to_owned()
}

fn yes() -> bool {
    true
}

fn second() -> u32 {
    1_000
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let account = &settings.account;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::settings(
                "[settings] account: give the 12 digits of the account that pays (of the organization's management account)",
            ));
        }
        if !settings.regions.iter().all(|region| is_label(region)) {
            return Err(Failure::settings(
                "[settings] regions: give regions such as eu-west-1",
            ));
        }
        Ok(settings)
    }

    /// What of the inventory is observed.
    pub(crate) fn inventory(&self) -> Vec<Kind> {
        match self.inventory.is_empty() {
            true => Kind::ALL.to_vec(),
            false => self.inventory.clone(),
        }
    }

    /// Where the export lies; none where the bill comes from Cost Explorer.
    ///
    /// # Errors
    /// `settings`, where the bucket or the region cannot stand in a host name, or the export has no name.
    pub(crate) fn delivery(&self) -> Result<Option<Delivery>, Failure> {
        let Some(bucket) = &self.export_bucket else {
            return Ok(None);
        };
        if !is_label(bucket) {
            return Err(Failure::settings(
                "[settings] export-bucket: lower-case letters, digits and hyphens (a name with dots fits no certificate of S3)",
            ));
        }
        if !is_label(&self.export_region) {
            return Err(Failure::settings(
                "[settings] export-region: give a region such as eu-west-1",
            ));
        }
        let name = self.export_name.clone().filter(|name| !name.is_empty());
        Ok(Some(Delivery {
            bucket: bucket.clone(),
            region: self.export_region.clone(),
            prefix: self.export_prefix.trim_matches('/').to_owned(),
            name: name.ok_or_else(|| {
                Failure::settings("[settings] export-name: give the name of the export in the bucket")
            })?,
        }))
    }

    /// Time between two paid calls.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_millis(self.pace.into())
    }
}

/// Whether it can be one label of a host name.
pub(crate) fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}
