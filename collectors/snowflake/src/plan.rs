//! What a run reads, month by month. Where it stands is kept in each stream's checkpoint, so that a long backfill goes on
//! where it was, and the next run starts anew.
//! What must hold: a run ends even where nothing can be committed.

use crate::{
    descriptor::{BILLED, ESTIMATED, HOURS, ROLES},
    settings::{Money, Settings},
};
use finops_collector::{
    Failure, Instant, Period, Request, Source,
    descriptor::Grain,
    period::{DAY, day_of},
};
use serde::{Deserialize, Serialize};

/// A reading that was broken off is gone on with for this long; later it starts anew, since the provider restates.
const RESUMABLE: i64 = DAY;

/// Where the reading of a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bookmark {
    /// Start of the period that was asked for.
    start: Instant,
    /// Where to go on; none when it was read to its end.
    next: Option<Instant>,
    /// When that was.
    at: Instant,
}

struct Task {
    stream: &'static str,
    asked: Period,
    left: Period,
}

/// What is left to read.
pub(crate) struct Plan {
    tasks: Vec<Task>,
    now: Instant,
}

impl Plan {
    /// What the request wants, less what this run has read already.
    pub(crate) fn of(request: &Request, settings: &Settings, source: &Source) -> Result<Self, Failure> {
        let now = request.now;
        let mut tasks = Vec::new();
        for stream in [BILLED, ESTIMATED, HOURS, ROLES] {
            let unused = match settings.money {
                Money::Estimate => stream == BILLED,
                // Its service names need not be those of the credits: an estimate beside it might count twice.
                Money::FocusView => stream == ESTIMATED,
                Money::Auto | Money::CurrencyView => false,
            };
            let Some(wanted) = request.wanted(stream)?.filter(|_| !unused) else {
                continue;
            };
            let asked = Period {
                end: wanted.period.end.min(now.saturating_add(1)),
                ..wanted.period
            };
            let bookmark: Option<Bookmark> = wanted
                .checkpoint(source)
                .and_then(|value| serde_json::from_slice(value).ok());
            let resumed = bookmark.filter(|mark| mark.start == asked.start && now - mark.at < RESUMABLE);
            let start = resumed
                .and_then(|mark| mark.next)
                .unwrap_or(asked.start)
                .max(asked.start);
            tasks.push(Task {
                stream,
                asked,
                left: Period { start, ..asked },
            });
        }
        let mut plan = Self { tasks, now };
        plan.tidy();
        Ok(plan)
    }

    fn tidy(&mut self) {
        self.tasks.retain(|task| task.left.start < task.left.end);
    }

    /// The earliest month with something to read.
    pub(crate) fn month(&self) -> Option<Period> {
        let start = self.tasks.iter().map(|task| task.left.start).min()?;
        Some(Period::of_month(day_of(start)))
    }

    /// What is to be read of a stream in the month.
    pub(crate) fn span(&self, stream: &str, month: Period) -> Option<Period> {
        self.tasks
            .iter()
            .find(|task| task.stream == stream)?
            .left
            .intersect(&month)
    }

    /// The whole period that was asked of a stream.
    pub(crate) fn asked(&self, stream: &str) -> Option<Period> {
        Some(self.tasks.iter().find(|task| task.stream == stream)?.asked)
    }

    /// The checkpoint of a stream once the month is committed.
    pub(crate) fn checkpoint(&self, stream: &str, month: Period) -> Result<Vec<u8>, Failure> {
        let Some(task) = self.tasks.iter().find(|task| task.stream == stream) else {
            return Ok(Vec::new());
        };
        let next = Some(month.end).filter(|next| *next < task.left.end);
        serde_json::to_vec(&Bookmark {
            start: task.asked.start,
            next,
            at: self.now,
        })
        .map_err(Failure::internal)
    }

    /// The month is read.
    pub(crate) fn advance(&mut self, month: Period) {
        for task in &mut self.tasks {
            task.left.start = task.left.start.max(month.end);
        }
        self.tidy();
    }

    /// The stream cannot be read in this run.
    pub(crate) fn give_up(&mut self, stream: &str) {
        self.tasks.retain(|task| task.stream != stream);
    }
}

/// The whole days that a span touches.
pub(crate) fn whole_days(span: Period) -> Period {
    let start = Period::around(span.start, Grain::Day).start;
    let end = Period::around(span.end.saturating_sub(1), Grain::Day).end;
    Period { start, end }
}

/// The smallest period that holds both.
pub(crate) fn hull(a: Option<Period>, b: Option<Period>) -> Option<Period> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Period {
            start: a.start.min(b.start),
            end: a.end.max(b.end),
        }),
        (one, other) => one.or(other),
    }
}
