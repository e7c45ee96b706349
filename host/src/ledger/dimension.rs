//! The dimensions by which people ask for costs, and their values of a record.

use super::record::{CostRecord, Source, basis_name};
use std::{borrow::Cow, fmt, str::FromStr};

/// A dimension of a cost query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The source's provider.
    Provider,
    /// The source: provider, billing account, scope.
    Source,
    /// The stream.
    Stream,
    /// ServiceName.
    Service,
    /// ServiceCategory.
    Category,
    /// BillingAccountId.
    Account,
    /// SubAccountId: a linked account, a subscription, a project, a workspace.
    SubAccount,
    /// RegionId.
    Region,
    /// ResourceId.
    Resource,
    /// ResourceName; ResourceId where there is none.
    ResourceName,
    /// ResourceType.
    ResourceType,
    /// SkuId; SkuMeter where there is none.
    Sku,
    /// The tag `user`.
    User,
    /// The basis of the amounts.
    Basis,
    /// ChargeCategory.
    ChargeCategory,
    /// The day, in UTC, on which the charge begins.
    Day,
    /// The month, in UTC, in which the charge begins.
    Month,
    /// The value of a tag.
    Tag(String),
    /// The value of an `x_` column; the name begins with `x_`.
    Extra(String),
}

/// A text that names no dimension.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no dimension; there are provider, source, stream, service, category, account, sub-account, region, resource, \
     resource-name, resource-type, sku, user, basis, charge-category, day, month, tag:NAME and x_NAME"
)]
pub struct UnknownDimension(String);

impl Dimension {
    /// Whether it is the value of a tag.
    pub(super) fn is_tag(&self) -> bool {
        matches!(self, Self::Tag(_) | Self::User)
    }

    /// The value for a record of a stream of a source; empty where the record has none.
    pub(super) fn value<'a>(&self, source: &Source, stream: &'a str, record: &'a CostRecord) -> Cow<'a, str> {
        let optional = |text: &'a Option<String>| Cow::Borrowed(text.as_deref().unwrap_or_default());
        let start = |length: usize| {
            let mut text = record.charge_period.start().to_string();
            text.truncate(length);
            Cow::Owned(text)
        };
        match self {
            Self::Provider => Cow::Owned(source.provider.clone()),
            Self::Source => {
                let mut text = format!("{}/{}", source.provider, source.billing_account);
                if !source.scope.is_empty() {
                    text.push('/');
                    text.push_str(&source.scope);
                }
                Cow::Owned(text)
            }
            Self::Stream => Cow::Borrowed(stream),
            Self::Service => Cow::Borrowed(&record.service_name),
            Self::Category => Cow::Borrowed(&record.service_category),
            Self::Account => Cow::Borrowed(&record.billing_account_id),
            Self::SubAccount => optional(&record.sub_account_id),
            Self::Region => optional(&record.region_id),
            Self::Resource => optional(&record.resource_id),
            Self::ResourceName if record.resource_name.is_none() => optional(&record.resource_id),
            Self::ResourceName => optional(&record.resource_name),
            Self::ResourceType => optional(&record.resource_type),
            Self::Sku if record.sku_id.is_none() => optional(&record.sku_meter),
            Self::Sku => optional(&record.sku_id),
            Self::User => Cow::Borrowed(record.tags.get("user").map_or("", String::as_str)),
            Self::Basis => Cow::Borrowed(basis_name(record.basis)),
            Self::ChargeCategory => Cow::Borrowed(record.charge_category.name()),
            Self::Day => start("2026-08-01".len()),
            Self::Month => start("2026-08".len()),
            Self::Tag(name) => Cow::Borrowed(record.tags.get(name).map_or("", String::as_str)),
            Self::Extra(name) => Cow::Borrowed(record.extra.get(name).map_or("", String::as_str)),
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provider => "provider",
            Self::Source => "source",
            Self::Stream => "stream",
            Self::Service => "service",
            Self::Category => "category",
            Self::Account => "account",
            Self::SubAccount => "sub-account",
            Self::Region => "region",
            Self::Resource => "resource",
            Self::ResourceName => "resource-name",
            Self::ResourceType => "resource-type",
            Self::Sku => "sku",
            Self::User => "user",
            Self::Basis => "basis",
            Self::ChargeCategory => "charge-category",
            Self::Day => "day",
            Self::Month => "month",
            Self::Tag(name) => return write!(f, "tag:{name}"),
            Self::Extra(name) => name,
        })
    }
}

impl FromStr for Dimension {
    type Err = UnknownDimension;

    fn from_str(text: &str) -> Result<Self, UnknownDimension> {
        let plain = [
            Self::Provider,
            Self::Source,
            Self::Stream,
            Self::Service,
            Self::Category,
            Self::Account,
            Self::SubAccount,
            Self::Region,
            Self::Resource,
            Self::ResourceName,
            Self::ResourceType,
            Self::Sku,
            Self::User,
            Self::Basis,
            Self::ChargeCategory,
            Self::Day,
            Self::Month,
        ];
        if let Some(found) = plain.into_iter().find(|dimension| dimension.to_string() == text) {
            return Ok(found);
        }
        let named = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(name) = named("tag:") {
            return Ok(Self::Tag(name.to_owned()));
        }
        named("x_")
            .map(|_| Self::Extra(text.to_owned()))
            .ok_or_else(|| UnknownDimension(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_reads_back_and_others_are_told_which_there_are() {
        for name in [
            "provider",
            "source",
            "stream",
            "service",
            "category",
            "sub-account",
            "region",
            "resource",
            "basis",
            "charge-category",
            "day",
            "month",
            "tag:team",
            "tag:a:b",
            "x_warehouse",
        ] {
            assert_eq!(name.parse::<Dimension>().unwrap().to_string(), name);
        }
        for name in ["", "Service", "tag:", "x_", "colour"] {
            let error = name.parse::<Dimension>().unwrap_err().to_string();
            assert!(error.contains("sub-account"), "{error}");
        }
    }
}
