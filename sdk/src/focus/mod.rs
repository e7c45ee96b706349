//! FOCUS files as providers export them: CSV, compressed or not, line by line.
//! What must hold: a million lines stand nowhere in memory, and a file that is cut off is never taken for a whole one.

mod columns;
mod line;

use crate::{CostRecord, Failure, Host, Period, Response, excerpt, http::failure_within, record::Finality};
use columns::Columns;
use flate2::read::MultiGzDecoder;
use std::{
    cell::RefCell,
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
};

/// What is the same for all lines of a month's files.
pub struct Lines<'a> {
    host: &'a dyn Host,
    month: Period,
    finality: Finality,
    account: &'a str,
    provider: &'a str,
    extra: &'static [&'static str],
    any_billing_period: bool,
    warned: RefCell<BTreeSet<String>>,
}

impl<'a> Lines<'a> {
    /// Lines of a billing period. The billed account and the provider stand where a line does not name its own.
    #[must_use]
    pub fn new(
        host: &'a dyn Host,
        (month, finality): (Period, Finality),
        account: &'a str,
        provider: &'a str,
    ) -> Self {
        Self {
            host,
            month,
            finality,
            account,
            provider,
            extra: &[],
            any_billing_period: false,
            warned: RefCell::default(),
        }
    }

    /// With these further columns (`x_...`) as dimensions of the records.
    #[must_use]
    pub fn extra(mut self, columns: &'static [&'static str]) -> Self {
        self.extra = columns;
        self
    }

    /// Lines of any billing period, each with its own: for files by the time of the charge. Without this, a line of another
    /// billing period than the month is a failure.
    #[must_use]
    pub fn any_billing_period(mut self) -> Self {
        self.any_billing_period = true;
        self
    }

    /// Calls `each` with every line of a file, and gives how many there were.
    ///
    /// # Errors
    /// `malformed-reply`, naming the line; the host's; what `each` returns.
    pub fn read(
        &self,
        response: Response,
        mut each: impl FnMut(CostRecord) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut reader = BufReader::with_capacity(64 * 1_024, response.reader());
        let compressed = reader
            .fill_buf()
            .map_err(failure_within)?
            .starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> = match compressed {
            true => Box::new(MultiGzDecoder::new(reader)),
            false => Box::new(reader),
        };
        let mut csv = csv::ReaderBuilder::new()
            .buffer_capacity(64 * 1_024)
            .from_reader(reader);
        let columns = Columns::of(csv.headers().map_err(broken)?, self.extra)?;
        let mut row = csv::StringRecord::new();
        let mut count = 0;
        while csv.read_record(&mut row).map_err(broken)? {
            let line = row.position().map_or(0, csv::Position::line);
            let record = self.record(&columns, &row);
            record
                .and_then(&mut each)
                .map_err(|failure| failure.context(format_args!("line {line}")))?;
            count += 1;
        }
        Ok(count)
    }

    fn warn_once(&self, warning: String) {
        if self.warned.borrow_mut().insert(warning.clone()) {
            self.host.warn(warning);
        }
    }
}

fn broken(error: csv::Error) -> Failure {
    let text = excerpt(&error.to_string(), 200);
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Failure>()) => {
            failure_within(error)
        }
        _ => Failure::malformed(format_args!("the file is cut off or no CSV: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        period::DAY,
        testing::{FakeHost, reply},
    };

    #[test]
    fn a_line_of_another_billing_period_is_refused_unless_any_is_taken() {
        let file = "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,\
                    EffectiveCost,ServiceName\n\
                    1,USD,1970-01-15T00:00:00Z,1970-02-15T00:00:00Z,Usage,1970-01-17T00:00:00Z,1970-01-16T00:00:00Z,1,Things\n";
        let host = FakeHost::new();
        let month = Period {
            start: 0,
            end: 31 * DAY,
        };
        let lines = || Lines::new(&host, (month, Finality::Open), "acct", "Example");
        let mut periods = Vec::new();
        let refused = lines().read(reply(200, file), |_| Ok(()));
        assert!(refused.is_err_and(|failure| failure.message.contains("billing period from 1970-01-15")));
        let read = lines().any_billing_period().read(reply(200, file), |record| {
            periods.push(record.billing_period);
            Ok(())
        });
        let own = Period {
            start: 14 * DAY,
            end: 45 * DAY,
        };
        assert_eq!((read, periods), (Ok(1), vec![Some(own)]));
    }
}
