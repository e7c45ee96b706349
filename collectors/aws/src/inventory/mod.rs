//! What is running, region by region: observations, never money.
//! Dimensions name the thing; what changes about it is a number, since the newest number of the same dimensions is what counts.
//! What must hold: one service that may not be read keeps no other from being read, and is said at the end.

mod ec2;
mod eks;
mod lambda;
mod metrics;
mod query;
mod rds;
mod s3;
mod tags;

use crate::{
    api::Api,
    settings::{Kind, Settings},
};
use finops_collector::{Decimal, Failure, Instant, Observation, Source};

/// Observations in one call to the host.
const BATCH: usize = 1_000;
/// Tags that an observation takes along, in the order of their names.
const TAGS: usize = 40;

/// A region that is looked at.
pub(crate) struct Region<'a> {
    api: &'a Api<'a>,
    source: &'a Source,
    name: &'a str,
    now: Instant,
    cloudwatch: bool,
    bucket_tags: bool,
    seen: Vec<Observation>,
}

/// Looks at all that is configured; the first failure, once everything was tried.
pub(crate) fn observe(
    api: &Api<'_>,
    settings: &Settings,
    source: &Source,
    now: Instant,
) -> Result<(), Failure> {
    let mut first = Ok(());
    for name in &settings.regions {
        let mut region = Region {
            api,
            source,
            name,
            now,
            cloudwatch: settings.cloudwatch,
            bucket_tags: settings.bucket_tags,
            seen: Vec::new(),
        };
        for kind in settings.inventory() {
            let looked = match kind {
                Kind::Ec2 => ec2::instances(&mut region),
                Kind::Ebs => ec2::volumes(&mut region),
                Kind::Eks => eks::clusters(&mut region),
                Kind::Lambda => lambda::functions(&mut region),
                Kind::Rds => rds::databases(&mut region),
                Kind::S3 => s3::buckets(&mut region),
            };
            // What was seen before a failure is true all the same.
            let stored = region.store();
            if let Err(failure) = looked.and(stored) {
                let failure = failure.context(format_args!("inventory of {name}"));
                api.host.warn(&failure);
                first = first.and(Err(failure));
            }
        }
    }
    first
}

impl Region<'_> {
    /// The address of a service in the region.
    fn url(&self, service: &str) -> String {
        format!("https://{service}.{}.amazonaws.com/", self.name)
    }

    /// Notes a number. Dimensions without a value are left out.
    fn see(
        &mut self,
        (name, unit): (&str, &str),
        value: Decimal,
        dimensions: &[(&str, &str)],
        tags: &[(String, String)],
    ) {
        let mut all = vec![("region".to_owned(), self.name.to_owned())];
        let named = dimensions.iter().filter(|(_, value)| !value.is_empty());
        all.extend(named.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut tags: Vec<&(String, String)> = tags.iter().collect();
        tags.sort();
        if tags.len() > TAGS {
            self.api.warn_once(format!(
                "a resource has more than {TAGS} tags: the first {TAGS} are kept"
            ));
        }
        all.extend(
            tags.into_iter()
                .take(TAGS)
                .map(|(name, value)| (format!("tag:{name}"), value.clone())),
        );
        self.seen.push(Observation {
            name: name.to_owned(),
            source: self.source.clone(),
            at: self.now,
            dimensions: all,
            value,
            unit: unit.to_owned(),
        });
    }

    fn store(&mut self) -> Result<(), Failure> {
        let seen = std::mem::take(&mut self.seen);
        seen.chunks(BATCH)
            .try_for_each(|batch| self.api.host.observe(batch))
    }
}
