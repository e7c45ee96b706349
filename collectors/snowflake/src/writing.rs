//! Turning a month's readings into sealed writers, a stream each.

use crate::{
    billed, cuts,
    descriptor::{BILLED, HOURS, ROLES},
    estimated, focus,
    run::{Call, Estimate},
    settings::Accounts,
    usage::Usage,
    views::{self, BilledRow},
};
use finops_collector::{
    Book, Failure, Instant, Partitions, Period, Receipt, Sealed, Source, commit,
    descriptor::Grain,
    period::{HOUR, day_of},
};
use std::collections::BTreeMap;

impl<'h> Call<'h> {
    /// This account's rows stream through and its writers are given back; other accounts' bills, which are not split and
    /// so are short, are kept until all is read and then committed one by one.
    pub(crate) fn write_bill(
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

    pub(crate) fn write_focus(&self, days: Period, checkpoint: &[u8]) -> Result<Vec<Sealed<'h>>, Failure> {
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

    pub(crate) fn write_estimate(
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
