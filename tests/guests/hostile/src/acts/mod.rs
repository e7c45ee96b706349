//! The acts, a file for each kind of rule that they try to break.

pub(crate) mod authority;
pub(crate) mod bill;
pub(crate) mod books;
pub(crate) mod calls;
pub(crate) mod effort;
pub(crate) mod replies;
pub(crate) mod words;

use crate::Settings;
use finops_collector::{CostRecord, Decimal, Failure, Host, Outcome, Period, Request, Source};

/// What every act has.
pub(crate) struct Scene<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) request: &'a Request,
    pub(crate) settings: Settings,
}

/// How an act ends; none where the file has no such act.
pub(crate) type Ended = Option<Result<Outcome, Failure>>;

/// Performs the act that the settings name.
pub(crate) fn perform(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    [
        bill::perform,
        books::perform,
        calls::perform,
        effort::perform,
        replies::perform,
        words::perform,
        authority::perform,
    ]
    .into_iter()
    .find_map(|family| family(scene))
    .unwrap_or_else(|| {
        let act = &scene.settings.act;
        Err(Failure::settings(format!("no act `{act}`")))
    })
}

impl Scene<'_> {
    /// The source that the settings name.
    fn source(&self) -> Source {
        Source::new("hostile", &self.settings.account, "")
    }

    /// The day that began so many days before yesterday's midnight.
    fn day(&self, offset: u64) -> Period {
        let now = self.request.now;
        let start = now - now.rem_euclid(86_400) - 86_400 * (1 + offset as i64);
        Period {
            start,
            end: start + 86_400,
        }
    }

    /// A record of a day.
    fn record(&self, period: Period, cost: Decimal) -> CostRecord {
        CostRecord::new(
            period,
            &self.settings.account,
            "Hostile",
            ("Things", "Other"),
            (cost, "USD"),
        )
    }

    fn amount(&self) -> Result<Decimal, Failure> {
        let amount = &self.settings.amount;
        amount
            .parse()
            .map_err(|_| Failure::settings("amount is no decimal"))
    }

    /// The numbers up to `count`; without an end if that is 0.
    fn times(&self) -> impl Iterator<Item = u64> {
        let end = match self.settings.count {
            0 => u64::MAX,
            count => count,
        };
        0..end
    }
}
