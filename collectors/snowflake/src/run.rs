//! One call of `collect`: a month is read whole, then committed whole. What cannot be read is never taken for nothing.

use crate::{
    billed,
    book::{Book, Partition},
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
    Completeness, Failure, Host, Instant, Outcome, Period, Receipt, Request, Sealed, Source, commit,
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

/// The bill of a month.
enum Bill {
    /// Rows of the currency view.
    Rows(Vec<BilledRow>),
    /// The FOCUS view, read while it is written.
    Focus,
    /// None is there to be had: the estimate goes on counting.
    None,
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
    while let Some(month) = plan.month() {
        let bill = match plan.span(BILLED, month) {
            None => None,
            Some(span) => match call.bill(&plan, whole_days(span))? {
                Bill::None => {
                    plan.give_up(BILLED);
                    continue;
                }
                bill => Some(bill),
            },
        };
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
    fn bill(&self, plan: &Plan, days: Period) -> Result<Bill, Failure> {
        if self.settings.money == Money::FocusView {
            return Ok(Bill::Focus);
        }
        let locator =
            Some(self.identity.locator.as_str()).filter(|_| self.settings.accounts == Accounts::This);
        let missing = match views::billed(&self.session, days, locator) {
            Ok(rows) if !rows.is_empty() => return Ok(Bill::Rows(rows)),
            Ok(rows) => {
                let all = plan.asked(BILLED).map_or(days, whole_days);
                let elsewhere = all != days && !views::count_billed(&self.session, all, locator)?.is_zero();
                if elsewhere {
                    return Ok(Bill::Rows(rows));
                }
                Failure::provider(format_args!(
                    "{} is empty, as it is for customers of resellers: nothing of it was committed",
                    views::CURRENCY
                ))
            }
            Err(Refusal::Unreadable(failure)) => failure,
            Err(Refusal::Failed(failure)) => return Err(failure),
        };
        if self.settings.money == Money::CurrencyView {
            return Err(missing);
        }
        self.host
            .warn(format_args!("only the estimate is read: {missing}"));
        Ok(Bill::None)
    }

    /// Reads everything of a month, then writes it, then commits it.
    fn month(&self, plan: &Plan, month: Period, bill: Option<Bill>) -> Result<Vec<Receipt>, Failure> {
        let of_estimates = [ESTIMATED, HOURS, ROLES]
            .map(|stream| plan.span(stream, month))
            .into_iter()
            .fold(None, hull);
        let of_splits = match bill {
            Some(Bill::Rows(_)) => hull(plan.span(BILLED, month), plan.span(ESTIMATED, month)),
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
            sealed.extend(match bill {
                Bill::Rows(rows) => {
                    self.write_bill(&rows, days, &usage, &checkpoint(BILLED)?, &mut receipts)?
                }
                Bill::Focus => self.write_focus(days, &checkpoint(BILLED)?)?,
                Bill::None => Vec::new(),
            });
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

    /// Other accounts' bills are committed one by one on the way; this account's writers are given back.
    fn write_bill(
        &self,
        rows: &[BilledRow],
        days: Period,
        usage: &Usage,
        checkpoint: &[u8],
        receipts: &mut Vec<Receipt>,
    ) -> Result<Vec<Sealed<'h>>, Failure> {
        let mut accounts: BTreeMap<Source, Vec<&BilledRow>> =
            BTreeMap::from([(self.source.clone(), Vec::new())]);
        for row in rows {
            let source = match row.locator.eq_ignore_ascii_case(&self.identity.locator) {
                true => self.source.clone(),
                false => Source {
                    scope: row.account.clone(),
                    ..self.source.clone()
                },
            };
            accounts.entry(source).or_default().push(row);
        }
        // An account whose last rows are gone is named by nothing but the ledger.
        if self.settings.accounts == Accounts::All {
            for held in &self.request.stream(BILLED)?.committed {
                if days.contains(held.start) && held.source.billing_account == self.source.billing_account {
                    accounts.entry(held.source.clone()).or_default();
                }
            }
        }
        let now = self.request.now;
        let mut own = Vec::new();
        for (source, rows) in accounts {
            let is_own = source == self.source;
            let with_rows = rows.iter().map(|row| row.day).collect();
            let partitions = billed::partitions(&billed::begun(days, now), &with_rows, now);
            let mut book = Book::open(self.host, BILLED, &source, Grain::Day, &partitions)?;
            for row in rows {
                let usage = Some(usage).filter(|_| is_own);
                billed::records(row, &self.identity, usage, now, &self.warnings, |record| {
                    book.write(record)
                })?;
            }
            match is_own {
                true => own = book.seal(now, checkpoint)?,
                false => receipts.extend(commit(self.host, book.seal(now, &[])?)?),
            }
        }
        Ok(own)
    }

    fn write_focus(&self, days: Period, checkpoint: &[u8]) -> Result<Vec<Sealed<'h>>, Failure> {
        let now = self.request.now;
        let begun = billed::begun(days, now);
        let partitions = billed::partitions(&begun, &begun.iter().copied().collect(), now);
        let open = |account: &str| {
            let source = Source {
                scope: account.to_owned(),
                ..self.source.clone()
            };
            Book::open(self.host, BILLED, &source, Grain::Day, &partitions)
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
            &settled(span, grain, latency, now),
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
fn settled(span: Period, grain: Grain, latency: i64, now: Instant) -> Vec<Partition> {
    let begun = Period {
        end: span.end.min(now.saturating_add(1)),
        ..span
    };
    let completeness = |start: Instant| match Period::around(start, grain).end + latency < now {
        true => Completeness::Complete,
        false => Completeness::Partial,
    };
    begun
        .partitions(grain)
        .into_iter()
        .map(|start| (start, completeness(start)))
        .collect()
}
