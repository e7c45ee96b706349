//! One call of `collect`: a report and a commit for each day. What is committed stays, whatever fails after it.

use crate::{
    api::Api,
    descriptor::{LATENCY, SPEND},
    mapping::Mapping,
    minutes::OfDay,
    settings::Settings,
};
use finops_collector::{
    Failure, Host, Outcome, PartitionWriter, Request, Rereading, Seal, Warnings, Window, commit,
    descriptor::Grain,
    period::{HOUR, start_of},
};

/// A day that has just become whole is among those that every run reads.
const REREADING: Rereading = Rereading {
    latency: LATENCY,
    everything: 20 * HOUR,
    every_run: 4,
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let source = settings.source();
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(Outcome::done());
    };
    let Some(window) = Window::of(wanted, &source, request.backfill, request.now, REREADING) else {
        return Ok(Outcome::done());
    };
    let api = Api::new(host, &settings);
    let warnings = Warnings::new(host);
    let mapping = Mapping {
        settings: &settings,
        warnings: &warnings,
        now: request.now,
    };
    let mut days = window.period().days();
    // Gaps first: a long reading that is cut off is whole after some runs.
    let missing = wanted.missing(&source, Grain::Day, request.now);
    days.sort_by_key(|day| missing.binary_search(&start_of(*day)).is_err());
    let last = days.last().copied();
    for day in &days {
        let mut writer = PartitionWriter::open(host, SPEND, &source, &[start_of(*day)])?;
        let mut minutes = OfDay::default();
        let read = api.each_line(*day, |line| {
            let (record, of_line) = mapping.record(*day, &line)?;
            of_line.map_or(Ok(()), |of_line| minutes.add(of_line))?;
            writer.write(record)
        });
        read.map_err(|failure| failure.context(format_args!("the usage report of {day}")))?;
        let seal = match window.is_whole(*day) {
            true => Seal::complete(request.now),
            false => Seal::partial(request.now),
        };
        // Only the last one tells that all was read.
        let checkpoint = (last == Some(*day)).then(|| window.checkpoint()).transpose()?;
        commit(host, vec![writer.seal(&seal.checkpoint(checkpoint))?])?;
        minutes.observe(host, &warnings, &source, *day, request.now)?;
    }
    Ok(Outcome::done().note(format_args!("days read: {}", days.len())))
}
