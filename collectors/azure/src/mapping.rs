//! Rows of Cost Management as cost records. Names that are not known pass through as they are.

use crate::{api::Api, category, charge_type, cuts::Subject, measures::Costs};
use finops_collector::{
    CostRecord, Instant, Period, excerpt,
    jiff::civil::Date,
    period::DAY,
    record::{ChargeCategory, Finality, Sku, SubAccount},
};

/// ServiceProviderName.
pub(crate) const PROVIDER: &str = "Microsoft";
/// ServiceName where Azure gives none.
pub(crate) const UNASSIGNED: &str = "Unassigned";
/// Charges may move until the 5th of the next month; after it a month's figures are taken to be final.
const CLOSED: i64 = 5 * DAY;

/// What is the same for all records.
pub(crate) struct Mapping<'a> {
    pub(crate) api: &'a Api<'a>,
    /// BillingAccountId.
    pub(crate) account: &'a str,
    pub(crate) now: Instant,
}

/// Whether a month's figures no longer change.
pub(crate) fn is_closed(day: Date, now: Instant) -> bool {
    now >= Period::of_month(day).end + CLOSED
}

impl Mapping<'_> {
    /// What every record has.
    pub(crate) fn base(&self, day: Date, service: &str, currency: &str, costs: &Costs) -> CostRecord {
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let shown = excerpt(currency, 20);
            self.api.warn_once(format!(
                "the currency `{shown}` is no ISO 4217 code: it is passed on as it is"
            ));
        }
        let service = if service.is_empty() { UNASSIGNED } else { service };
        CostRecord {
            effective_cost: costs.effective,
            finality: match is_closed(day, self.now) {
                true => Finality::Final,
                false => Finality::Open,
            },
            ..CostRecord::new(
                Period::of_day(day),
                self.account,
                PROVIDER,
                (service, category::of(self.api, service)),
                (costs.billed, currency),
            )
        }
    }

    /// A record of the counted stream. No charge type: use.
    pub(crate) fn record(
        &self,
        day: Date,
        subject: &Subject<'_>,
        currency: &str,
        costs: &Costs,
    ) -> CostRecord {
        let mut record = self.base(day, subject.service, currency, costs);
        record.sub_account = (!subject.subscription.is_empty()).then(|| SubAccount {
            id: subject.subscription.to_ascii_lowercase(),
            name: None,
            kind: Some("Subscription".to_owned()),
        });
        if !subject.meter.is_empty() {
            record.sku = Some(Sku {
                meter: Some(subject.meter.to_owned()),
                ..Sku::default()
            });
        }
        if subject == &Subject::default() {
            self.api.warn_once(
                "some use belongs to no subscription, and is told without service and meter".to_owned(),
            );
            record = record.extra("x_Attribution", "unattributed");
        }
        let charge_type = match subject.charge_type {
            "" => "Usage",
            other => other,
        };
        let known = charge_type::category(charge_type);
        if known.is_none() {
            let shown = excerpt(charge_type, 60);
            self.api.warn_once(format!(
                "the charge type `{shown}` is not known: its money counts as Adjustment, labelled x_ChargeType"
            ));
        }
        (record.category, record.frequency) = known.unwrap_or((ChargeCategory::Adjustment, None));
        record.correction = charge_type::is_correction(charge_type);
        match charge_type::is_usage(charge_type) {
            true => record,
            false => record.extra("x_ChargeType", charge_type),
        }
    }
}
