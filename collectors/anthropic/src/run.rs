//! One call of `collect`: the bill day by day, then what was used. What is committed stays, whatever fails after it.

use crate::{
    api::Api, descriptor::SPEND, line::Line, mapping::Mapping, observe::observe, settings::Settings, usage,
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
    let used = settings
        .usage
        .then(|| usage::read(&api, window.period()))
        .flatten();
    let used = used.unwrap_or_default();
    let mut days = Daily::new(host, SPEND, &source, window, request.now);
    api.days(
        "the costs",
        "cost_report",
        &["workspace_id", "description"],
        window.period(),
        |bucket: Bucket<Line>| {
            let day = day_of(bucket.start);
            let tokens = usage::tokens(&used, day, &bucket.results);
            let lines = bucket.results.iter().zip(tokens);
            let records = lines.map(|(line, tokens)| mapping.record(day, line, tokens));
            days.day(bucket.start, records)
        },
    )?;
    let read = days.finish()?;
    let recent = match request.backfill {
        true => window,
        false => window.recent(),
    };
    observe(&api, &used, &source, recent.period(), request.now)?;
    Ok(Outcome::done().note(format_args!("days read: {read}")))
}
