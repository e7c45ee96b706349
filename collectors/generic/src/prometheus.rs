//! Prometheus's range query, an hour's end a step, over one day and the days around it.
//! What must hold: a warning of the server is never lost, since it says that data may be missing.

use crate::{
    descriptor::SETTLING,
    refusal,
    series::{Series, Written},
    settings::Settings,
};
use finops_collector::{
    Failure, Host, HttpRequest, Instant, excerpt,
    json::each_at,
    period::{DAY, HOUR},
};

/// What a query gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its series.
    pub(crate) series: Vec<Series>,
    /// What the server warned of, if it did.
    pub(crate) warning: Option<String>,
}

/// Asks for the hours of the day that begins at `day`, with the days before and after it; `what` is for messages.
pub(crate) fn ask(
    host: &dyn Host,
    settings: &Settings,
    (what, query): (&str, &str),
    day: Instant,
    now: Instant,
) -> Result<Answer, Failure> {
    let settling = i64::try_from(SETTLING).unwrap_or_default();
    let settled = (now - settling).div_euclid(HOUR) * HOUR;
    let (start, end) = (day - DAY + HOUR, settled.min(day + 2 * DAY));
    let url = format!("{}{}/api/v1/query_range", settings.origin, settings.path);
    let fields = [
        ("query", query),
        ("start", &start.to_string()),
        ("end", &end.to_string()),
        ("step", &HOUR.to_string()),
    ];
    let request = HttpRequest::post(url).form(&fields).repeatable();
    let response = host.send(&request).map_err(|failure| failure.context(what))?;
    if !(200..300).contains(&response.status) {
        return Err(refusal::of(response, what));
    }
    let mut answer = Answer::default();
    let beside = each_at(response.reader(), &["data", "result"], |written: Written| {
        answer.series.push(written.over(day)?);
        Ok(())
    });
    let beside = beside.map_err(|failure| failure.context(what))?;
    if beside.get("status").and_then(|status| status.as_str()) != Some("success") {
        return Err(Failure::malformed(format_args!(
            "{what}: the reply does not say that it is a success"
        )));
    }
    let notes = |name: &str| {
        let notes = beside.get(name).and_then(|notes| notes.as_array());
        let first = notes
            .and_then(|notes| notes.first())
            .and_then(|note| note.as_str());
        first.map(|note| excerpt(note, 200))
    };
    if let Some(note) = notes("infos") {
        host.info(format_args!("{what}: the server notes: {note}"));
    }
    answer.warning = notes("warnings");
    Ok(answer)
}
