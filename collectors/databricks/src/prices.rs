//! Which price list is joined, and in which currency.
//! What must hold: there is one currency, so that no line is priced twice.

use crate::{
    refusal::Refusal,
    settings::{PriceChoice, Settings, is_currency},
    statement::{Select, Statement},
    warehouse::Warehouse,
};
use finops_collector::{Failure, Host, excerpt};
use std::collections::BTreeSet;

/// Public prices.
pub(crate) const LIST: &str = "system.billing.list_prices";
/// The account's own prices: a private preview.
pub(crate) const ACCOUNT: &str = "system.billing.account_prices";

/// What usage is multiplied by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) currency: String,
    /// Whether the account's own prices are joined, too.
    pub(crate) negotiated: bool,
}

impl Prices {
    /// Looks which prices there are.
    ///
    /// # Errors
    /// `settings` where the currency has to be chosen, or negotiated prices are asked for and cannot be read.
    pub(crate) fn read(
        host: &dyn Host,
        warehouse: &Warehouse<'_>,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let listed = currencies(warehouse, LIST)?;
        let negotiated = match settings.prices {
            PriceChoice::List => BTreeSet::new(),
            choice => match (currencies(warehouse, ACCOUNT), choice) {
                (Ok(found), _) => found,
                (Err(Refusal::Unreadable(failure)), PriceChoice::Account) => return Err(failure),
                (Err(Refusal::Unreadable(failure)), _) => {
                    host.info(format_args!("list prices are taken: {failure}"));
                    BTreeSet::new()
                }
                (Err(refusal), _) => return Err(refusal.into()),
            },
        };
        let all: BTreeSet<&String> = listed.union(&negotiated).collect();
        let found: Vec<String> = all.iter().map(|code| excerpt(code, 10)).collect();
        let found = found.join(", ");
        let currency = match (&settings.currency, found.is_empty()) {
            (_, true) => {
                return Err(Failure::provider(format_args!(
                    "{LIST} is empty: nothing was priced and nothing committed"
                )));
            }
            (Some(code), _) if all.contains(code) => code.clone(),
            (Some(code), _) => {
                return Err(Failure::settings(format_args!(
                    "[settings] currency: there are no prices in {code}, only in {found}"
                )));
            }
            (None, _) if all.len() == 1 => found,
            (None, _) => {
                return Err(Failure::settings(format_args!(
                    "prices come in several currencies ({found}): choose one by `currency` in [settings]"
                )));
            }
        };
        if !is_currency(&currency) {
            return Err(Failure::malformed(format_args!(
                "{LIST} has prices in `{currency}`, which is no ISO 4217 code"
            )));
        }
        let negotiated = negotiated.contains(&currency);
        if settings.prices == PriceChoice::Account && !negotiated {
            return Err(Failure::settings(format_args!(
                "{ACCOUNT} has no price in {currency}; list prices are taken with `prices = \"list\"`"
            )));
        }
        Ok(Self { currency, negotiated })
    }
}

fn currencies(warehouse: &Warehouse<'_>, table: &'static str) -> Result<BTreeSet<String>, Refusal> {
    let mut select = Select::default();
    select.group("currency_code", "currency");
    select.measure("CAST(COUNT(*) AS STRING)", "prices");
    let what = match table {
        ACCOUNT => "the account's prices",
        _ => "the price list",
    };
    let statement: Statement = select.statement(what, "", table);
    let mut found = BTreeSet::new();
    warehouse.read(&statement, |row| {
        found.insert(row.must("currency")?.to_owned());
        Ok(())
    })?;
    Ok(found)
}
