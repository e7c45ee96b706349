//! One call of `collect`: the bill day by day, then what was used. What is committed stays, whatever fails after it.

use crate::{
    api::Api, descriptor::SPEND, line::Line, mapping::Mapping, projects::Projects, settings::Settings, usage,
};
use finops_collector::{
    Bucket, Daily, Failure, Host, Outcome, Request, Rereading, Source, Window,
    period::{DAY, HOUR, day_of},
};

/// When OpenAI's figures are whole is not documented: two days are taken.
const REREADING: Rereading = Rereading {
    latency: 2 * DAY,
    everything: 20 * HOUR,
    every_run: 4,
};

/// Reads and commits what is wanted.
pub(crate) fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
    let settings = Settings::of(request)?;
    let source = Source::new("openai", &settings.organization, "");
    let Some(wanted) = request.wanted(SPEND)? else {
        return Ok(Outcome::done());
    };
    let Some(window) = Window::of(wanted, &source, request.backfill, request.now, REREADING) else {
        return Ok(Outcome::done());
    };
    let api = Api::new(host, request.now);
    let projects = Projects::read(&api)?;
    let mapping = Mapping {
        api: &api,
        settings: &settings,
        projects: &projects,
        now: request.now,
    };
    let mut days = Daily::new(host, SPEND, &source, window, request.now);
    api.days(
        "the costs",
        "costs",
        &["project_id", "line_item"],
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
