//! The counted stream: the bill by day, subscription, charge type, service and meter. A month at a time.
//! What must hold: nothing is committed before all questions of a part are answered and add up; days of which Azure says nothing
//! at all stay as they are.

use crate::{
    charge_type::is_usage,
    checking::Told,
    cuts::{Cut, Plan, Subject, plan},
    descriptor::SPEND,
    mapping::Mapping,
    measures::{Costs, Measures},
    query::{Question, Questions},
    scope::Scope,
    settings::Settings,
};
use finops_collector::{
    Book, Completeness, Failure, Partitions, Request, Rereading, Source, StreamRequest, Window, commit,
    descriptor::Grain,
    jiff::civil::Date,
    period::{DAY, HOUR, day_of, start_of},
};
use std::collections::BTreeMap;

/// Azure's figures of a day are there within 24 hours of its end.
const REREADING: Rereading = Rereading {
    latency: DAY,
    everything: 20 * HOUR,
    every_run: 4,
};
/// Days that one question may ask for.
const DAYS: usize = 31;

/// What was read of some days: views are checked against it.
pub(crate) struct Reading {
    /// The days that were committed.
    pub(crate) days: Partitions,
    pub(crate) first: Date,
    /// The last day that was asked for.
    pub(crate) last: Date,
    /// By day, service and currency.
    pub(crate) sums: BTreeMap<(Date, String, String), Costs>,
}

/// What is the same for all that is read of a scope.
pub(crate) struct Bill<'a> {
    pub(crate) questions: &'a Questions<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) scope: &'a Scope,
    pub(crate) source: &'a Source,
    pub(crate) mapping: &'a Mapping<'a>,
}

/// Reads and commits what is wanted of the stream, in parts; gives what was read.
pub(crate) fn read(bill: &Bill<'_>, request: &Request) -> Result<Vec<Reading>, Failure> {
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(Vec::new());
    };
    let Some(window) = Window::of(wanted, bill.source, request.backfill, request.now, REREADING) else {
        return Ok(Vec::new());
    };
    let mut readings = Vec::new();
    let parts = window.parts(DAYS);
    let last = parts.len().saturating_sub(1);
    for (number, part) in parts.iter().enumerate() {
        // The bookmark says that everything was read, so that it goes with the last part.
        let checkpoint = match number == last {
            true => window.checkpoint()?,
            false => Vec::new(),
        };
        match read_part(bill, part, request, &checkpoint)? {
            Some(reading) => readings.push(reading),
            None => silent(bill, wanted, part)?,
        }
    }
    Ok(readings)
}

fn read_part(
    bill: &Bill<'_>,
    part: &Window,
    request: &Request,
    checkpoint: &[u8],
) -> Result<Option<Reading>, Failure> {
    let host = bill.questions.api.host;
    let (first, last) = (part.first, part.end.yesterday().map_err(Failure::internal)?);
    let ask = |cut: &Cut, filtered| {
        let question = Question {
            first,
            last,
            groups: &cut.groups(),
            filter: cut.filter(),
        };
        Measures::read(bill.questions, &question, filtered)
    };
    let overview = Cut::overview(bill.scope.subscription());
    let Some(whole) = ask(&overview, false)? else {
        return Ok(None);
    };
    let Some(days) = told(bill, part, &whole) else {
        return Ok(None);
    };
    let mut book = Book::open(host, SPEND, bill.source, Grain::Day, days.clone())?;
    let Plan {
        cuts,
        usage_as_is,
        rest_as_is,
    } = plan(&overview, &whole, bill.settings.detail, bill.settings.groupings());
    let mut sums: BTreeMap<(Date, String, String), Costs> = BTreeMap::new();
    let mut note = |day: Date, subject: &Subject<'_>, currency: &str, costs: &Costs| {
        let record = bill.mapping.record(day, subject, currency, costs);
        let of = (day, record.service_name.clone(), currency.to_owned());
        sums.entry(of)
            .or_default()
            .add(costs)
            .map_err(Failure::malformed)?;
        match costs.are_zero() {
            true => Ok(()),
            false => book.write(record),
        }
    };
    let (mut expected, mut found) = (Told::default(), Told::default());
    for row in whole.iter() {
        let subject = overview.subject(row.keys);
        let usage = is_usage(subject.charge_type);
        let of = (
            row.day,
            subject.subscription.to_owned(),
            usage,
            row.currency.to_owned(),
        );
        let as_is = if usage { usage_as_is } else { rest_as_is };
        if as_is {
            note(row.day, &subject, row.currency, &row.costs)?;
        } else {
            expected.add(of, &row.costs)?;
        }
    }
    for cut in &cuts {
        let Some(measures) = ask(cut, true)? else {
            continue;
        };
        for row in measures.iter() {
            let subject = cut.subject(row.keys);
            let usage = subject.charge_type.is_empty() || is_usage(subject.charge_type);
            let of = (
                row.day,
                subject.subscription.to_owned(),
                usage,
                row.currency.to_owned(),
            );
            found.add(of, &row.costs)?;
            note(row.day, &subject, row.currency, &row.costs)?;
        }
    }
    // Use that belongs to no subscription cannot be asked for; it is told as far as the overview tells it.
    for ((day, subscription, usage, currency), costs) in found.absent_from(&expected) {
        if subscription.is_empty() && *usage {
            note(*day, &Subject::default(), currency, &costs)?;
            found.add((*day, String::new(), true, currency.clone()), &costs)?;
        }
    }
    found.check(&expected)?;
    commit(host, book.seal(request.now, checkpoint)?)?;
    Ok(Some(Reading {
        days,
        first,
        last,
        sums,
    }))
}

/// The days that are replaced: from the first to the last that has a row. Between them a day without rows is empty; outside, Azure
/// may have cut the period short without a word. None where there are no rows.
fn told(bill: &Bill<'_>, part: &Window, whole: &Measures) -> Option<Partitions> {
    let (first, last) = (*whole.days().first()?, *whole.days().last()?);
    let inside = |start: &i64| (first..=last).contains(&day_of(*start));
    let all = part.partitions(Grain::Day);
    let (complete, before) = all.complete.into_iter().partition::<Vec<_>, _>(inside);
    let (partial, after) = all.partial.into_iter().partition::<Vec<_>, _>(inside);
    if let Some(day) = before.first() {
        bill.questions.api.host.info(format_args!(
            "Azure tells of {first} to {last} only: {} days from {} on stay as they are",
            before.len(),
            day_of(*day)
        ));
    }
    Some(Partitions {
        complete,
        partial,
        if_seen: before.into_iter().chain(after).collect(),
    })
}

/// Azure has nothing to say of some days: no failure for a new subscription, one where the ledger knows better.
fn silent(bill: &Bill<'_>, wanted: &StreamRequest, part: &Window) -> Result<(), Failure> {
    let (first, end) = (part.first, part.end);
    let held = wanted.committed.iter().any(|held| {
        held.source == *bill.source
            && held.completeness == Completeness::Complete
            && (start_of(first)..start_of(end)).contains(&held.start)
    });
    let says = format!(
        "Azure has no content for {first} to before {end}, which is not an empty bill: nothing was committed"
    );
    match held {
        true => Err(Failure::incomplete(format_args!(
            "{says}, since the ledger holds costs of these days (has the identity lost its role, or the scope changed?)"
        ))),
        false => {
            bill.questions.api.host.warn(format_args!(
                "{says} (a new subscription has no data for up to 48 h)"
            ));
            Ok(())
        }
    }
}
