//! What pays for an instance's priced calls: the operator's `[limits] spend`, kept in the ledger.

use crate::{
    egress::SpendLedger,
    ledger::{Ledger, spend::Reservation},
    sandbox::limits::Spend,
};
use finops_decimal::Decimal;
use futures::future::BoxFuture;

/// The purse of one instance.
#[derive(Debug)]
pub(super) struct Purse {
    pub(super) ledger: Ledger,
    pub(super) instance: String,
    pub(super) limits: Spend,
}

impl SpendLedger for Purse {
    fn reserve(&self, usd: Decimal) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let reserved = self.ledger.reserve_spend(&self.instance, usd, self.limits).await;
            match reserved {
                Ok(Reservation::Made) => Ok(()),
                Ok(Reservation::Refused { per, limit, spent }) => Err(format!(
                    "a call of {usd} USD would pass `[limits] spend` {per} = \"{limit}\", of which {spent} is spent"
                )),
                // Without a place to write it down, nothing is spent.
                Err(error) => Err(error.to_string()),
            }
        })
    }
}
