//! One call of `collect`: a month is read whole, then committed whole. What cannot be read is never taken for nothing.

use crate::{
    billed, cuts,
    descriptor::{BILLED, ESTIMATED, HOURS, ROLES},
    mapping::Warnings,
    observe::observe,
    plan::{Plan, hull, whole_days},
    prices::Prices,
    refusal::Refusal,
    settings::{Accounts, Money, Settings},
    statement::Session,
    usage::{Depth, Usage},
    views::{self, AttributionRow, Identity, MeteringRow},
};
use finops_collector::{
    Failure, Host, Outcome, Period, Receipt, Request, Source, commit, jiff::civil::Date, period::day_of,
};
use std::collections::BTreeSet;

/// Everything that stays the same in a call.
pub(crate) struct Call<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) request: &'h Request,
    pub(crate) settings: &'h Settings,
    pub(crate) session: Session<'h>,
    pub(crate) identity: Identity,
    pub(crate) source: Source,
    pub(crate) warnings: Warnings<'h>,
}

/// The view that the bill is read from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bill {
    /// Dollars by day and service.
    Currency,
    /// FOCUS rows.
    Focus,
}

/// The estimate's readings of a month.
pub(crate) struct Estimate<'s> {
    pub(crate) prices: Prices<'s>,
    pub(crate) metering: Option<Vec<MeteringRow>>,
    pub(crate) attribution: Option<Vec<AttributionRow>>,
}

/// Reads and commits the next month.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let session = Session::new(host, &settings)?;
    let identity = views::identity(&session)?;
    let source = Source::new("snowflake", &identity.organization, &identity.account);
    let mut plan = Plan::of(request, &settings, &source)?;
    let warnings = Warnings::new(host);
    let call = Call {
        host,
        request,
        settings: &settings,
        session,
        identity,
        source,
        warnings,
    };
    let bill = match plan.asked(BILLED) {
        None => None,
        Some(asked) => call.bill(whole_days(asked))?,
    };
    if bill.is_none() {
        plan.give_up(BILLED);
    }
    while let Some(month) = plan.month() {
        let receipts = call.month(&plan, month, bill)?;
        plan.advance(month);
        // A held commit leaves its checkpoint where it was: going on here keeps the run from going in a circle.
        let moved = !receipts.is_empty() && !receipts.iter().any(|receipt| receipt.held);
        if moved && plan.month().is_some() {
            return Ok(
                Outcome::more().note(format_args!("{} is read", day_of(month.start).strftime("%Y-%m")))
            );
        }
    }
    Ok(Outcome::done())
}

impl<'h> Call<'h> {
    /// Where the bill is read from; none where there is none to be had and the estimate shall go on counting.
    fn bill(&self, asked: Period) -> Result<Option<Bill>, Failure> {
        if self.settings.money == Money::FocusView {
            return Ok(Some(Bill::Focus));
        }
        let missing = match views::count_billed(&self.session, asked, self.locator()) {
            Ok(rows) if !rows.is_zero() => return Ok(Some(Bill::Currency)),
            Ok(_) => Failure::provider(format_args!(
                "{} is empty, as it is for customers of resellers: nothing of it was committed",
                views::CURRENCY
            )),
            Err(Refusal::Unreadable(failure)) => failure,
            Err(Refusal::Failed(failure)) => return Err(failure),
        };
        if self.settings.money == Money::CurrencyView {
            return Err(missing);
        }
        self.host
            .warn(format_args!("only the estimate is read: {missing}"));
        Ok(None)
    }

    /// The account to which the organization's views are restricted.
    pub(crate) fn locator(&self) -> Option<&str> {
        Some(self.identity.locator.as_str()).filter(|_| self.settings.accounts == Accounts::This)
    }

    /// Reads everything of a month, then writes it, then commits it.
    fn month(&self, plan: &Plan, month: Period, bill: Option<Bill>) -> Result<Vec<Receipt>, Failure> {
        let of_estimates = [ESTIMATED, HOURS, ROLES]
            .map(|stream| plan.span(stream, month))
            .into_iter()
            .fold(None, hull);
        let of_splits = match bill {
            Some(Bill::Currency) => hull(plan.span(BILLED, month), plan.span(ESTIMATED, month)),
            _ => plan.span(ESTIMATED, month),
        };
        let usage = match hull(of_estimates, of_splits) {
            None => Usage::default(),
            Some(span) => {
                let depth = if of_splits.is_some() {
                    Depth::Splits
                } else {
                    Depth::Warehouses
                };
                Usage::read(self.host, &self.session, whole_days(span), depth)?
            }
        };
        let estimate = match of_estimates {
            None => None,
            Some(span) => self.estimate(plan, month, whole_days(span), &usage)?,
        };

        let mut receipts = Vec::new();
        let mut sealed = Vec::new();
        let checkpoint = |stream| plan.checkpoint(stream, month);
        if let (Some(bill), Some(span)) = (bill, plan.span(BILLED, month)) {
            let days = whole_days(span);
            sealed = match bill {
                Bill::Currency => self.write_bill(days, &usage, &checkpoint(BILLED)?, &mut receipts)?,
                Bill::Focus => self.write_focus(days, &checkpoint(BILLED)?)?,
            };
        }
        let mut observed = BTreeSet::new();
        if let Some(estimate) = &estimate {
            for stream in [ESTIMATED, HOURS, ROLES] {
                if let Some(span) = plan.span(stream, month) {
                    observed.extend(billed::begun(span, self.request.now));
                    sealed.extend(self.write_estimate(
                        stream,
                        span,
                        estimate,
                        &usage,
                        &checkpoint(stream)?,
                    )?);
                }
            }
        }
        receipts.extend(commit(self.host, sealed)?);
        let observed: Vec<Date> = observed.into_iter().collect();
        observe(
            self.host,
            &self.session,
            self.settings,
            &self.source,
            &observed,
            &usage,
            self.request.now,
        )?;
        Ok(receipts)
    }

    /// What the estimate needs beside the usage; none where the account seems to have used nothing at all.
    fn estimate(
        &self,
        plan: &Plan,
        month: Period,
        days: Period,
        usage: &Usage,
    ) -> Result<Option<Estimate<'h>>, Failure> {
        let prices = Prices::read(self.host, &self.session, self.settings, &self.identity, days)?;
        let metering = match plan.span(ESTIMATED, month) {
            None => None,
            Some(span) => Some(views::metering(&self.session, whole_days(span))?),
        };
        if metering.as_ref().is_some_and(Vec::is_empty) && usage.is_empty() {
            self.host.warn(format_args!(
                "the views of ACCOUNT_USAGE are empty from {} on: nothing of them was committed",
                views::bounds(days).first().map_or("?", String::as_str)
            ));
            return Ok(None);
        }
        let attribution = match plan.span(ROLES, month) {
            None => None,
            Some(span) => cuts::attribution(self.host, &self.session, whole_days(span))?,
        };
        Ok(Some(Estimate {
            prices,
            metering,
            attribution,
        }))
    }
}
