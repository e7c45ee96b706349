//! Watches one run of the program from outside, and kills it at the moment that was aimed at.
//! What must hold: no signal goes to a process that was waited for; what the network tells after the kill is not counted,
//! since the program no longer knew of it, and what the log tells is, since it was written before.

use super::phase::Phase;
use crate::openfinops::{Event, Route};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Something that a run was seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// It writes its first line.
    Started,
    /// It asks the provider for a page.
    Asked,
    /// It has staged a page's records.
    Written,
    /// It begins to seal and commit a part.
    Committing,
    /// It has committed a part.
    Committed,
    /// The collector is done.
    Collected,
    /// An exchange with the destination; of answers to batches just those that settle.
    Delivery(Event),
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    pub(super) at: Moment,
    /// So many moments of the kind are let pass.
    pub(super) skip: u64,
    pub(super) delay: Duration,
}

/// What was seen of a run.
#[derive(Default)]
pub(super) struct Watcher(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    process: Option<Pid>,
    aim: Option<Aim>,
    killed: bool,
    /// The furthest moment of collecting, by part and step.
    collecting: Option<((u64, u64), Moment)>,
    delivery: Option<Event>,
    /// Whether the destination's last answer to a batch settles it.
    success: bool,
}

impl Watcher {
    /// A run begins.
    pub(super) fn begin(&self, process: Pid, aim: Option<Aim>) {
        *self.seen() = Seen {
            process: Some(process),
            aim,
            ..Seen::default()
        };
    }

    /// The run has closed its output and may be waited for from here on: says whether it was killed.
    pub(super) fn end(&self) -> bool {
        let mut seen = self.seen();
        seen.process = None;
        seen.killed
    }

    /// What the destination is about to answer to a batch.
    pub(super) fn answers(&self, success: bool) {
        self.seen().success = success;
    }

    /// An exchange with the destination goes on.
    pub(super) fn delivery(&self, event: Event) {
        {
            let mut seen = self.seen();
            if seen.killed || seen.process.is_none() {
                return;
            }
            seen.delivery = Some(event);
            if event == Event::Answered(Route::Ingest) && !seen.success {
                return;
            }
        }
        self.strike(Moment::Delivery(event));
    }

    /// The provider is asked for a page.
    pub(super) fn asked(&self, part: u64, page: u64) {
        if self.seen().killed {
            return;
        }
        self.collecting((part + 1, 2 * page), Moment::Asked);
    }

    /// A line of the program's log.
    pub(super) fn line(&self, line: &str) {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else {
            return;
        };
        let message = line.get("message").and_then(serde_json::Value::as_str);
        let Some(message) = message else { return };
        let mut words = message.split(' ');
        if words.next() != Some("bill:") {
            self.collecting((0, 0), Moment::Started);
            return;
        }
        let word = words.next();
        let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0_u64);
        let (part, page) = (number() + 1, number());
        match word {
            Some("written") => self.collecting((part, 2 * page + 1), Moment::Written),
            Some("committing") => self.collecting((part, u64::MAX - 1), Moment::Committing),
            Some("committed") => self.collecting((part, u64::MAX), Moment::Committed),
            Some("collected") => self.collecting((u64::MAX, 0), Moment::Collected),
            _ => {}
        }
    }

    /// Where the run stood when it was killed. `ambiguous`: its ledger holds a batch of unknown fate.
    pub(super) fn phase(&self, ambiguous: bool) -> Phase {
        let seen = self.seen();
        match (seen.delivery, seen.collecting) {
            (Some(Event::Begun(Route::Ingest)), _) => Phase::WhileItIsSent,
            (Some(Event::Recorded(Route::Ingest)), _) => Phase::StoredAndNotAnswered,
            (Some(Event::Answered(Route::Ingest)), _) => match (seen.success, ambiguous) {
                (true, true) => Phase::InSettling,
                (true, false) => Phase::WhileABatchIsSealed,
                (false, _) => Phase::WhileItIsLookedUp,
            },
            (
                Some(
                    Event::Begun(Route::Recent)
                    | Event::Recorded(Route::Recent)
                    | Event::Answered(Route::Recent),
                ),
                _,
            ) => Phase::WhileItIsLookedUp,
            (Some(_), _) | (None, Some((_, Moment::Collected | Moment::Delivery(_)))) => {
                Phase::WhileABatchIsSealed
            }
            (None, None | Some((_, Moment::Started))) => Phase::BeforeTheFirstRequest,
            (None, Some((_, Moment::Asked))) => Phase::WhilePagesAreRead,
            (None, Some((_, Moment::Written))) => Phase::WhileRecordsAreStaged,
            (None, Some((_, Moment::Committing))) => Phase::InCommit,
            (None, Some((_, Moment::Committed))) => Phase::BetweenCommits,
        }
    }

    fn collecting(&self, place: (u64, u64), moment: Moment) {
        {
            let mut seen = self.seen();
            if seen.collecting.is_none_or(|(before, _)| before < place) {
                seen.collecting = Some((place, moment));
            }
        }
        self.strike(moment);
    }

    /// Kills the process if this is the moment.
    fn strike(&self, moment: Moment) {
        let delay = {
            let mut seen = self.seen();
            let Some(aim) = seen.aim.as_mut().filter(|aim| aim.at == moment) else {
                return;
            };
            if aim.skip > 0 {
                aim.skip -= 1;
                return;
            }
            let delay = aim.delay;
            seen.aim = None;
            delay
        };
        // Not a wait for something to happen: the drawn point lies so far behind the moment.
        let until = Instant::now() + delay;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let mut seen = self.seen();
        if let Some(process) = seen.process {
            seen.killed = kill_process(process, Signal::KILL).is_ok();
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
