//! One call of `collect`: the bill day by day, then what was used. What is committed stays, whatever fails after it.

use crate::{
    api::Api, descriptor::SPEND, line::Line, mapping::Mapping, settings::Settings, usage,
    workspaces::Workspaces,
};
use finops_collector::{
    Bucket, Daily, Failure, Host, Outcome, Request, Rereading, Source, Window,
    period::{DAY, HOUR, day_of},
};

/// Figures are there within minutes, sometimes later: a day is taken.
const REREADING: Rereading = Rereading {
    latency: DAY,
    everything: 20 * HOUR,
    every_run: 3,
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let source = Source::new("anthropic", &settings.organization, "");
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(Outcome::done());
    };
    let Some(window) = Window::of(wanted, &source, request.backfill, request.now, REREADING) else {
        return Ok(Outcome::done());
    };
    let api = Api::new(host);
    let workspaces = Workspaces::read(&api)?;
    let mapping = Mapping {
        api: &api,
        settings: &settings,
        workspaces: &workspaces,
        now: request.now,
    };
    let mut days = Daily::new(host, SPEND, &source, window, request.now);
    api.days(
        "the costs",
        "cost_report",
        &["workspace_id", "description"],
        window.period(),
        |bucket: Bucket<Line>| {
            let day = day_of(bucket.start);
            let records = bucket.results.iter().map(|line| mapping.record(day, line));
            days.day(bucket.start, records)
        },
    )?;
    let read = days.finish()?;
    if settings.usage {
        let days = match request.backfill {
            true => window,
            false => window.recent(),
        };
        usage::observe(&api, &source, days.period(), request.now)?;
    }
    Ok(Outcome::done().note(format_args!("days read: {read}")))
}
