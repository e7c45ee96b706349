//! One call of `collect`: a month is read whole, then committed whole. What cannot be read is never taken for nothing.

use crate::{
    billed,
    book::{Book, Partitions},
    cuts,
    descriptor::{BILLED, ESTIMATED, HOURS, ROLES},
    estimated, focus,
    mapping::Warnings,
    observe::observe,
    plan::{Plan, hull, whole_days},
    prices::Prices,
    refusal::Refusal,
    settings::{Accounts, Money, Settings},
    statement::Session,
    usage::{Depth, Usage},
    views::{self, AttributionRow, BilledRow, Identity, MeteringRow},
};
use finops_collector::{
    Failure, Host, Instant, Outcome, Period, Receipt, Request, Sealed, Source, commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{HOUR, day_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that stays the same in a call.
struct Call<'h> {
    host: &'h dyn Host,
    request: &'h Request,
    settings: &'h Settings,
    session: Session<'h>,
    identity: Identity,
    source: Source,
    warnings: Warnings<'h>,
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
struct Estimate<'s> {
    prices: Prices<'s>,
    metering: Option<Vec<MeteringRow>>,
    attribution: Option<Vec<AttributionRow>>,
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
    fn locator(&self) -> Option<&str> {
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

    /// This account's rows stream through and its writers are given back; other accounts' bills, which are not split and
    /// so are short, are kept until all is read and then committed one by one.
    fn write_bill(
        &self,
        days: Period,
        usage: &Usage,
        checkpoint: &[u8],
        receipts: &mut Vec<Receipt>,
    ) -> Result<Vec<Sealed<'h>>, Failure> {
        let now = self.request.now;
        let open = |source: &Source| {
            Book::open(
                self.host,
                BILLED,
                source,
                Grain::Day,
                billed::partitions(days, now),
            )
        };
        let mut own = open(&self.source)?;
        let mut others: BTreeMap<Source, Vec<BilledRow>> = BTreeMap::new();
        views::billed(&self.session, days, self.locator(), |row| {
            if row.locator.eq_ignore_ascii_case(&self.identity.locator) {
                let write = |record| own.write(record);
                return billed::records(&row, &self.identity, Some(usage), now, &self.warnings, write);
            }
            let source = Source {
                scope: row.account.clone(),
                ..self.source.clone()
            };
            others.entry(source).or_default().push(row);
            Ok(())
        })?;
        // An account whose last rows are gone is named by nothing but the ledger.
        if self.settings.accounts == Accounts::All {
            for held in &self.request.stream(BILLED)?.committed {
                let of_organization = held.source.billing_account == self.source.billing_account;
                if days.contains(held.start) && of_organization && held.source != self.source {
                    others.entry(held.source.clone()).or_default();
                }
            }
        }
        for (source, rows) in others {
            let mut book = open(&source)?;
            for row in rows {
                billed::records(&row, &self.identity, None, now, &self.warnings, |record| {
                    book.write(record)
                })?;
            }
            receipts.extend(commit(self.host, book.seal(now, &[])?)?);
        }
        own.seal(now, checkpoint)
    }

    fn write_focus(&self, days: Period, checkpoint: &[u8]) -> Result<Vec<Sealed<'h>>, Failure> {
        let now = self.request.now;
        let open = |account: &str| {
            let source = Source {
                scope: account.to_owned(),
                ..self.source.clone()
            };
            Book::open(
                self.host,
                BILLED,
                &source,
                Grain::Day,
                billed::partitions(days, now),
            )
        };
        let own = self.identity.account.as_str();
        let mut books = BTreeMap::from([(own.to_owned(), open(own)?)]);
        let accounts = self.settings.accounts;
        let rows = focus::read(
            &self.session,
            days,
            &self.identity,
            accounts,
            &self.warnings,
            |account, mut record| {
                record.finality = billed::finality(day_of(record.charge_period.start), now);
                if !books.contains_key(account) {
                    books.insert(account.to_owned(), open(account)?);
                }
                let book = books
                    .get_mut(account)
                    .ok_or_else(|| Failure::internal("no book for the account"))?;
                book.write(record)
            },
        )?;
        if rows == 0 {
            self.host
                .warn("the FOCUS view is empty for these days: nothing of it was committed");
            return Ok(Vec::new());
        }
        let mut sealed = Vec::new();
        for (account, book) in books {
            sealed.extend(book.seal(now, if account == own { checkpoint } else { &[] })?);
        }
        Ok(sealed)
    }

    fn write_estimate(
        &self,
        stream: &'static str,
        span: Period,
        estimate: &Estimate<'_>,
        usage: &Usage,
        checkpoint: &[u8],
    ) -> Result<Vec<Sealed<'h>>, Failure> {
        let (now, identity, prices) = (self.request.now, &self.identity, &estimate.prices);
        let (grain, latency) = match stream {
            HOURS => (Grain::Hour, 6 * HOUR),
            ROLES => (Grain::Day, 8 * HOUR),
            _ => (Grain::Day, 3 * HOUR),
        };
        let mut book = Book::open(
            self.host,
            stream,
            &self.source,
            grain,
            settled(span, grain, latency, now),
        )?;
        let days = billed::begun(span, now);
        match stream {
            HOURS => {
                let begun = Period {
                    end: span.end.min(now.saturating_add(1)),
                    ..span
                };
                let start = Period::around(begun.start, Grain::Hour).start;
                let begun = Period { start, ..begun };
                cuts::hourly(begun, usage, prices, identity, |record| book.write(record))?;
            }
            ROLES => {
                let rows = estimate.attribution.as_deref();
                for day in days {
                    cuts::by_role(day, rows, usage, prices, identity, |record| book.write(record))?;
                }
            }
            _ => {
                let metering = estimate.metering.as_deref().unwrap_or_default();
                for day in days {
                    let write = |record| book.write(record);
                    estimated::records(day, metering, usage, prices, identity, &self.warnings, write)?;
                }
            }
        }
        book.seal(now, checkpoint)
    }
}

/// The partitions of a span that have begun; complete once the latency after their end has passed.
fn settled(span: Period, grain: Grain, latency: i64, now: Instant) -> Partitions {
    let begun = Period {
        end: span.end.min(now.saturating_add(1)),
        ..span
    };
    let complete = |start: &Instant| Period::around(*start, grain).end + latency < now;
    let (complete, partial) = begun.partitions(grain).into_iter().partition(complete);
    Partitions {
        complete,
        partial,
        ..Partitions::default()
    }
}
