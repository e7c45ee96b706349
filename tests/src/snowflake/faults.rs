//! What goes wrong on demand: a plan of faults, each met at a place, for a view, so many times.
//!
//! The same plan is filled by tests in Rust and by JSON over the control port.

use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Where a fault is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// Any request.
    #[default]
    Any,
    /// POST of a statement.
    Submit,
    /// GET of a statement's state or first partition.
    Poll,
    /// GET with `partition`.
    Partition,
    /// POST of a cancellation.
    Cancel,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// 401 as for a bad token.
    Unauthorized,
    /// That status with an HTML body, and with `Retry-After` where given: 429, 503, 404 and so on.
    Status {
        /// The HTTP status.
        status: u16,
        /// Seconds or a date.
        retry_after: Option<String>,
    },
    /// 422 with that code and message.
    SqlError {
        /// Snowflake's error code.
        code: String,
        /// Snowflake's message.
        message: String,
    },
    /// 200 with a login page.
    Html,
    /// The right answer, cut in the middle, as a complete response.
    TruncatedJson,
    /// The right answer, the connection lost in the middle of its body.
    Reset,
    /// No answer until [`Faults::release`], then the right one.
    Hang,
    /// 202 at first and for so many polls.
    Pending {
        /// Polls that are answered by 202.
        polls: u32,
    },
    /// A partition with one row less than it should have.
    ShortPartition,
    /// One cell of the result says something else: no number, 40 digits, another day.
    Cell {
        /// The column's name in the result.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What it says.
        text: String,
    },
    /// The view has no rows, as for a reseller's customer.
    Empty,
    /// The role cannot read the view.
    Unreadable,
}

/// A fault in the plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    act: Act,
    #[serde(default)]
    at: At,
    /// Only statements that read this view (the last part of its name).
    view: Option<String>,
    /// So many meetings pass before it happens.
    #[serde(default)]
    skip: u32,
    /// So many times; absent: always.
    times: Option<u32>,
}

impl Fault {
    /// A fault that happens at every request, for every view, always.
    #[must_use]
    pub fn new(act: Act) -> Self {
        Self {
            act,
            at: At::Any,
            view: None,
            skip: 0,
            times: None,
        }
    }

    /// Only there.
    #[must_use]
    pub fn at(self, at: At) -> Self {
        Self { at, ..self }
    }

    /// Only for statements that read this view (the last part of its name).
    #[must_use]
    pub fn view(self, view: &str) -> Self {
        Self {
            view: Some(view.to_owned()),
            ..self
        }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Only after it was passed so many times.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Counts a meeting; gives the act if it happens now.
    fn meet(&mut self) -> Option<Act> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => return None,
            Some(times) => *times -= 1,
            None => {}
        }
        Some(self.act.clone())
    }
}

impl Act {
    /// Whether it changes what is found rather than how it is answered.
    fn concerns_data(&self) -> bool {
        matches!(
            self,
            Self::Pending { .. } | Self::ShortPartition | Self::Cell { .. } | Self::Empty | Self::Unreadable
        )
    }
}

/// The plan of faults.
#[derive(Debug)]
pub struct Faults {
    plan: Mutex<Vec<Fault>>,
    releases: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            plan: Mutex::new(Vec::new()),
            releases: watch::Sender::new(0),
        }
    }
}

impl Faults {
    /// Adds a fault to the plan. Of several that fit, the first added happens.
    pub fn add(&self, fault: Fault) {
        self.plan().push(fault);
    }

    /// Empties the plan and lets go what hangs.
    pub fn clear(&self) {
        self.plan().clear();
        self.release();
    }

    /// Lets go what hangs.
    pub fn release(&self) {
        self.releases.send_modify(|count| *count += 1);
    }

    /// Waits for the next release.
    pub(crate) fn hang(&self) -> impl Future<Output = ()> + use<> {
        let mut releases = self.releases.subscribe();
        async move {
            // Both the release and the end of the simulator let go.
            let _ended = releases.changed().await;
        }
    }

    /// How this request is answered wrongly, if it is.
    pub(crate) fn reply(&self, at: At, statement: &str) -> Option<Act> {
        self.met(at, statement, |act| !act.concerns_data()).next()
    }

    /// What is wrong with the data of this statement or partition.
    pub(crate) fn data(&self, at: At, statement: &str) -> Vec<Act> {
        self.met(at, statement, Act::concerns_data).collect()
    }

    fn met(&self, at: At, statement: &str, kind: impl Fn(&Act) -> bool) -> impl Iterator<Item = Act> {
        let mut acts = Vec::new();
        for fault in self.plan().iter_mut().filter(|fault| kind(&fault.act)) {
            let here = fault.at == At::Any || fault.at == at;
            let reads = fault.view.as_deref().is_none_or(|view| reads(statement, view));
            // An answer can only be wrong in one way: the next fault waits for the next request.
            let taken = !fault.act.concerns_data() && !acts.is_empty();
            if here && reads && !taken {
                acts.extend(fault.meet());
            }
        }
        acts.into_iter()
    }

    fn plan(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the statement names the view.
pub(crate) fn reads(statement: &str, view: &str) -> bool {
    let statement = statement.to_uppercase();
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    statement.match_indices(&view.to_uppercase()).any(|(at, found)| {
        let before = statement.get(..at).and_then(|text| text.chars().next_back());
        let after = statement
            .get(at + found.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}
