//! Splitting one sum of money over who caused it. The parts add up to the sum exactly: what nobody caused is a part too.

use crate::{usage::Usage, views::WarehouseId};
use finops_collector::{CostRecord, Decimal, Failure, SplitError, jiff::civil::Date};

/// Digits after the point of a part.
pub(crate) const PLACES: u32 = 6;

/// The service of warehouses' compute credits.
pub(crate) const WAREHOUSES: &str = "WAREHOUSE_METERING";
/// The service of the cloud-services layer.
pub(crate) const CLOUD: &str = "CLOUD_SERVICES";
/// The service of stored bytes.
pub(crate) const STORAGE: &str = "STORAGE";

/// How a record says who caused it.
pub(crate) const ATTRIBUTION: &str = "x_Attribution";
/// How a storage record says what is stored.
const STORAGE_KIND: &str = "x_StorageKind";

/// A part of a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) amount: Decimal,
    share: Share,
}

/// Who or what a part falls to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Share {
    Whole,
    Unattributed,
    User {
        warehouse: WarehouseId,
        name: String,
        user: String,
    },
    Idle {
        warehouse: WarehouseId,
        name: String,
    },
    Warehouse {
        warehouse: WarehouseId,
        name: String,
    },
    CloudServices {
        warehouse: WarehouseId,
        name: String,
    },
    Stored {
        database: Option<String>,
        kind: &'static str,
    },
}

impl Part {
    /// Whether it is the sum itself, which then keeps its quantity.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.share, Share::Whole | Share::Unattributed)
    }

    /// The sum's record turned into this part's.
    pub(crate) fn onto(&self, record: CostRecord) -> CostRecord {
        let record = record.cost(self.amount);
        let at = |record: CostRecord, id: &WarehouseId, name: &str, attribution| {
            let record = record
                .resource(&id.text, name, "Warehouse")
                .tag("warehouse", name);
            record.extra(ATTRIBUTION, attribution)
        };
        match &self.share {
            Share::Whole => record,
            Share::Unattributed => record.extra(ATTRIBUTION, "unattributed"),
            Share::User {
                warehouse,
                name,
                user,
            } => {
                let record = at(record, warehouse, name, "query");
                if user.is_empty() {
                    record
                } else {
                    record.tag("user", user)
                }
            }
            Share::Idle { warehouse, name } => at(record, warehouse, name, "idle"),
            Share::Warehouse { warehouse, name } => at(record, warehouse, name, "unattributed"),
            Share::CloudServices { warehouse, name } => at(record, warehouse, name, "cloud-services"),
            Share::Stored {
                database: Some(name),
                kind,
            } => record.resource(name, name, "Database").extra(STORAGE_KIND, kind),
            Share::Stored { database: None, kind } => record.extra(STORAGE_KIND, kind),
        }
    }
}

/// The parts of a day's sum of a service; a service without a known split stays whole. Parts of zero are left out,
/// but a sum of zero is kept whole, so that it is seen that the provider has a figure.
pub(crate) fn parts(service: &str, day: Date, sum: Decimal, usage: &Usage) -> Result<Vec<Part>, Failure> {
    let parts = match service {
        _ if sum.is_zero() => Ok(Vec::new()),
        WAREHOUSES => warehouses(day, sum, usage),
        CLOUD => cloud(day, sum, usage),
        STORAGE => storage(day, sum, usage),
        _ => {
            return Ok(vec![Part {
                amount: sum,
                share: Share::Whole,
            }]);
        }
    };
    let parts =
        parts.map_err(|error| Failure::malformed(format_args!("splitting {service} of {day}: {error}")))?;
    if parts.is_empty() {
        return Ok(vec![Part {
            amount: sum,
            share: Share::Unattributed,
        }]);
    }
    Ok(parts)
}

fn warehouses(day: Date, sum: Decimal, usage: &Usage) -> Result<Vec<Part>, SplitError> {
    let known = usage
        .warehouses(day)
        .filter(|(id, credits)| !id.is_pseudo() && !credits.compute.is_zero());
    let known: Vec<_> = known.collect();
    let mut parts = Vec::new();
    for (amount, (id, credits)) in divided(sum, known, |(_, credits)| credits.compute)? {
        let (warehouse, name) = (id.clone(), credits.name.clone());
        let Some(users) = usage.users(day, id) else {
            parts.push(Part {
                amount,
                share: Share::Warehouse { warehouse, name },
            });
            continue;
        };
        let attributed = Decimal::sum(users.iter().map(|(_, used)| *used))?;
        let idle = credits.compute.checked_sub(attributed)?.max(Decimal::ZERO);
        let mut shares: Vec<(Share, Decimal)> = Vec::with_capacity(users.len() + 1);
        for (user, used) in users {
            let (warehouse, name, user) = (warehouse.clone(), name.clone(), user.to_owned());
            shares.push((
                Share::User {
                    warehouse,
                    name,
                    user,
                },
                used,
            ));
        }
        shares.push((Share::Idle { warehouse, name }, idle));
        parts.extend(named(divided(amount, shares, |(_, weight)| *weight)?));
    }
    Ok(parts)
}

fn cloud(day: Date, sum: Decimal, usage: &Usage) -> Result<Vec<Part>, SplitError> {
    let shares = usage.warehouses(day).map(|(id, credits)| {
        (
            Share::CloudServices {
                warehouse: id.clone(),
                name: credits.name.clone(),
            },
            credits.cloud,
        )
    });
    Ok(named(divided(sum, shares.collect(), |(_, weight)| *weight)?))
}

fn storage(day: Date, sum: Decimal, usage: &Usage) -> Result<Vec<Part>, SplitError> {
    let shares = usage.stored(day).map(|item| {
        (
            Share::Stored {
                database: item.database.map(str::to_owned),
                kind: item.kind,
            },
            item.bytes,
        )
    });
    Ok(named(divided(sum, shares.collect(), |(_, weight)| *weight)?))
}

fn named(parts: Vec<(Decimal, (Share, Decimal))>) -> Vec<Part> {
    parts
        .into_iter()
        .map(|(amount, (share, _))| Part { amount, share })
        .collect()
}

/// The sum over the items by weight, without items of zero; nothing where no item has a weight.
fn divided<T>(
    sum: Decimal,
    items: Vec<T>,
    weight: impl Fn(&T) -> Decimal,
) -> Result<Vec<(Decimal, T)>, SplitError> {
    let weights: Vec<Decimal> = items.iter().map(weight).collect();
    match sum.split(&weights, PLACES) {
        Ok(amounts) => Ok(amounts
            .into_iter()
            .zip(items)
            .filter(|(amount, _)| !amount.is_zero())
            .collect()),
        Err(SplitError::NoWeight) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
