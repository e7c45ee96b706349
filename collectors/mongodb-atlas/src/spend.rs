//! The invoices of the asked months. Each is read twice: once for what it adds up to, which tells how it is to be booked, and once
//! for its records, so that a million lines stand nowhere in memory.
//! What must hold: a month is committed with all its invoices or not at all; one that changed between its readings is not.

use crate::{
    api::{Api, Version},
    descriptor::SPEND,
    invoice::{Invoice, SHAPE, Status, Told},
    line::{Line, Totals},
    mapping::Booking,
    reading::{Discount, Reading},
    settings::Settings,
};
use finops_collector::{
    ControlTotals, Decimal, Failure, Instant, PartitionWriter, Request, Seal, Source, commit,
    descriptor::Grain,
    parts::{Part, parts, parts_of_each},
    period::day_of,
};
use std::collections::BTreeSet;

/// Where an invoice's lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// So many invoices stand before it in the reply of pending ones.
    Pending(usize),
    /// In a reply of its own.
    Own,
}

/// An invoice that was read once.
struct Surveyed {
    invoice: Invoice,
    totals: Totals,
    place: Place,
}

/// Reads and commits what is wanted, and gives how many invoices there were.
pub(crate) fn read(
    api: &Api<'_>,
    request: &Request,
    settings: &Settings,
    source: &Source,
) -> Result<usize, Failure> {
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(0);
    };
    let months = wanted.begun(Grain::Month, request.now);
    let invoices = Invoices {
        api,
        organization: &settings.organization,
    };
    let surveyed = invoices.survey(&months)?;
    for month in months {
        let of: Vec<&Surveyed> = surveyed
            .iter()
            .filter(|one| one.invoice.month() == month)
            .collect();
        let seal = Seal::complete(request.now);
        invoices
            .book(source, month, &of, seal)
            .map_err(|failure| failure.context(format_args!("the month from {} on", day_of(month))))?;
    }
    Ok(surveyed.len())
}

/// The way to an organization's invoices.
struct Invoices<'a> {
    api: &'a Api<'a>,
    organization: &'a str,
}

impl Invoices<'_> {
    /// The invoices that begin in these months, each read once.
    fn survey(&self, months: &[Instant]) -> Result<Vec<Surveyed>, Failure> {
        let Some(first) = months.first() else {
            return Ok(Vec::new());
        };
        // The pending ones first: one that closes meanwhile is then in the list as closed.
        let pending = self.survey_pending()?;
        let query = format!("&fromDate={}&viewLinkedInvoices=false", day_of(*first));
        let path = format!("/orgs/{}/invoices", self.organization);
        let listed: Vec<Told> = self.api.list(
            &path,
            &query,
            Version::V20230101,
            "the list of invoices",
            |told: &Told| told.id.clone(),
        )?;
        let listed = listed
            .into_iter()
            .map(Invoice::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut surveyed: Vec<Surveyed> = pending
            .into_iter()
            .filter(|one| {
                let known = listed.iter().find(|other| other.id == one.invoice.id);
                known.is_none_or(|known| known.status == Status::Pending)
            })
            .collect();
        let there: BTreeSet<String> = surveyed.iter().map(|one| one.invoice.id.clone()).collect();
        let own = |invoice: &&Invoice| !there.contains(&invoice.id) && months.contains(&invoice.month());
        for invoice in listed.iter().filter(own) {
            let mut totals = Totals::default();
            let invoice = self.read_own(&invoice.id, |line| totals.add(&line))?;
            surveyed.push(Surveyed {
                invoice,
                totals,
                place: Place::Own,
            });
        }
        surveyed.retain(|one| self.is_ours(&one.invoice));
        Ok(surveyed)
    }

    fn survey_pending(&self) -> Result<Vec<Surveyed>, Failure> {
        let mut surveyed = Vec::new();
        let mut totals = Totals::default();
        self.read_pending(|part| {
            match part {
                Part::Item(line) => totals.add(&line)?,
                Part::Rest(fields) => surveyed.push(Surveyed {
                    invoice: Invoice::of(fields)?,
                    totals: std::mem::take(&mut totals),
                    place: Place::Pending(surveyed.len()),
                }),
            }
            Ok(())
        })?;
        Ok(surveyed)
    }

    /// Linked organizations' charges are on invoices of their own: counted here, they would count twice.
    fn is_ours(&self, invoice: &Invoice) -> bool {
        let ours = invoice
            .organization
            .as_deref()
            .is_none_or(|organization| organization == self.organization);
        if !ours {
            self.api.warn_once(
                "invoices of linked organizations are not read here: give each organization a file of its own".to_owned(),
            );
        }
        ours
    }

    fn read_pending(&self, each: impl FnMut(Part<Line>) -> Result<(), Failure>) -> Result<(), Failure> {
        let what = "the pending invoices";
        let path = format!("/orgs/{}/invoices/pending", self.organization);
        let response = self.api.get(&path, Version::V20230101, what)?;
        parts_of_each(response.reader(), "results", SHAPE, each).map_err(|failure| failure.context(what))
    }

    fn read_own(
        &self,
        id: &str,
        mut each: impl FnMut(Line) -> Result<(), Failure>,
    ) -> Result<Invoice, Failure> {
        let what = format!("invoice {id}");
        let path = format!("/orgs/{}/invoices/{id}", self.organization);
        let response = self.api.get(&path, Version::V20230101, &what)?;
        let mut invoice = None;
        let read = parts(response.reader(), SHAPE, |part| match part {
            Part::Item(line) => each(line),
            Part::Rest(fields) => {
                invoice = Some(Invoice::of(fields)?);
                Ok(())
            }
        });
        read.map_err(|failure| failure.context(&what))?;
        match invoice {
            Some(invoice) if invoice.id == id => Ok(invoice),
            _ => Err(Failure::malformed(format_args!("{what}: another invoice came"))),
        }
    }

    /// Writes and commits a month.
    fn book(
        &self,
        source: &Source,
        month: Instant,
        invoices: &[&Surveyed],
        seal: Seal,
    ) -> Result<(), Failure> {
        let mut writer = PartitionWriter::open(self.api.host, SPEND, source, &[month])?;
        let mut sum = Decimal::ZERO;
        let mut seal = seal;
        // A total is told to the host only where MongoDB's own figures say it, so that books are never compared with themselves.
        let mut told = !invoices.is_empty();
        let mut pending: Vec<(usize, &Surveyed, Reading)> = Vec::new();
        for one in invoices {
            let reading = Reading::of(&one.invoice, &one.totals).map_err(Failure::malformed)?;
            sum = sum.checked_add(reading.sum).map_err(Failure::malformed)?;
            told &= reading.balances == Some(true);
            if self.doubts(&one.invoice, &reading) {
                seal.completeness = finops_collector::Completeness::Partial;
            }
            let booking = self.booking(&one.invoice, &reading);
            for record in booking.own()? {
                writer.write(record)?;
            }
            match one.place {
                Place::Pending(index) => pending.push((index, one, reading)),
                Place::Own => {
                    let mut totals = Totals::default();
                    let invoice = self.read_own(&one.invoice.id, |line| {
                        totals.add(&line)?;
                        let mut records = booking.line(&line)?.into_iter();
                        records.try_for_each(|record| writer.write(record))
                    })?;
                    unchanged(one, &invoice, &totals)?;
                }
            }
        }
        if !pending.is_empty() {
            self.book_pending(&pending, &mut writer)?;
        }
        if told {
            seal.control = Some(ControlTotals {
                rows: None,
                billed_cost: vec![("USD".to_owned(), sum)],
            });
        }
        commit(self.api.host, vec![writer.seal(&seal)?])?;
        Ok(())
    }

    fn book_pending(
        &self,
        pending: &[(usize, &Surveyed, Reading)],
        writer: &mut PartitionWriter<'_>,
    ) -> Result<(), Failure> {
        let mut index = 0;
        let mut left = pending.len();
        let mut totals = Totals::default();
        self.read_pending(|part| {
            let here = pending.iter().find(|(at, ..)| *at == index);
            match (part, here) {
                (Part::Item(line), Some((_, one, reading))) => {
                    totals.add(&line)?;
                    let mut records = self.booking(&one.invoice, reading).line(&line)?.into_iter();
                    return records.try_for_each(|record| writer.write(record));
                }
                (Part::Rest(fields), Some((_, one, _))) => {
                    unchanged(one, &Invoice::of(fields)?, &std::mem::take(&mut totals))?;
                    left -= 1;
                    index += 1;
                }
                (Part::Rest(_), None) => index += 1,
                (Part::Item(_), None) => {}
            }
            Ok(())
        })?;
        match left {
            0 => Ok(()),
            _ => Err(changed("a pending invoice")),
        }
    }

    fn booking<'b>(&'b self, invoice: &'b Invoice, reading: &'b Reading) -> Booking<'b> {
        Booking {
            api: self.api,
            organization: self.organization,
            invoice,
            reading,
        }
    }

    /// Warns of what is not as documented; true where a closed invoice lacks something.
    fn doubts(&self, invoice: &Invoice, reading: &Reading) -> bool {
        let id = &invoice.id;
        if let Status::Unknown(status) = &invoice.status {
            self.api.warn_once(format!(
                "invoice {id} has the status `{status}`, which is not known: it is taken for open"
            ));
        }
        if reading.discount == Discount::Included {
            self.api.warn_once(format!(
                "invoice {id} balances only if its lines' totals are after their discounts: it is booked so"
            ));
        }
        let doubted = reading.balances == Some(false) && invoice.status != Status::Pending;
        if doubted {
            self.api.warn_once(format!(
                "invoice {id}: its lines, tax and credits add up to {} USD, but MongoDB says that {} USD were billed: the month \
                 is committed as incomplete; compare it with the invoice in Atlas",
                reading.sum,
                invoice.billed.or(invoice.subtotal).unwrap_or_default()
            ));
        }
        doubted
    }
}

/// Fails where an invoice is not as it was at the first reading.
fn unchanged(before: &Surveyed, invoice: &Invoice, totals: &Totals) -> Result<(), Failure> {
    match before.invoice == *invoice && before.totals == *totals {
        true => Ok(()),
        false => Err(changed(&format!("invoice {}", before.invoice.id))),
    }
}

fn changed(what: &str) -> Failure {
    Failure::incomplete(format_args!(
        "{what} changed while it was read: nothing of its month was committed, the next run finds it whole"
    ))
}
