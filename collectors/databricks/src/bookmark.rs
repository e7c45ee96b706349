//! What is kept between runs: which lines the books hold of each day. It moves in the transaction that commits the day.

use crate::{overview::Overview, prices::Prices, settings::Settings};
use finops_collector::{
    Failure, Instant, Source, StreamRequest,
    jiff::civil::Date,
    period::{DAY, start_of},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days older than this are forgotten; when something comes for one, it is read again.
const KEPT: i64 = 500 * DAY;

/// The stream's checkpoint. Days stand as their first instants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    /// The mark of each day that is in the books.
    days: BTreeMap<Instant, String>,
    /// When everything was last read.
    pub(crate) full_at: Instant,
    /// The newest day on which a line came that was looked at.
    pub(crate) ingested: Option<Instant>,
    /// The first day that the books cover.
    pub(crate) since: Option<Instant>,
    /// What the settings make of the stream: after a change everything is read again.
    made_of: String,
}

impl Bookmark {
    /// The bookmark of the source, if it was made with the same settings; else an empty one.
    pub(crate) fn of(stream: &StreamRequest, source: &Source, prices: &Prices, settings: &Settings) -> Self {
        let made_of = format!(
            "{} {} {}",
            prices.currency,
            if prices.negotiated { "negotiated" } else { "listed" },
            if settings.job_runs { "runs" } else { "no runs" }
        );
        let stored = stream
            .checkpoint(source)
            .and_then(|value| serde_json::from_slice::<Self>(value).ok());
        stored
            .filter(|bookmark| bookmark.made_of == made_of)
            .unwrap_or(Self {
                made_of,
                ..Self::default()
            })
    }

    /// Whether the books hold the day as the table has it.
    pub(crate) fn holds(&self, day: Date, mark: &str) -> bool {
        self.days.get(&start_of(day)).is_some_and(|held| held == mark)
    }

    /// These days are in the books as the overview has them.
    pub(crate) fn take(&mut self, days: impl Iterator<Item = Date>, overview: &Overview, now: Instant) {
        self.days.retain(|day, _| *day >= now - KEPT);
        for day in days {
            let start = start_of(day);
            if let Some(seen) = overview.days.get(&day) {
                self.days.insert(start, seen.mark.clone());
            }
            self.since = Some(self.since.map_or(start, |since| since.min(start)));
        }
    }

    /// As the ledger keeps it.
    ///
    /// # Errors
    /// `internal`.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(Failure::internal)
    }
}
