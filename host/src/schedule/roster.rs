//! The roster: which instances there are, which of them run, and when the others do next.
//!
//! What must hold: an instance never runs twice at once; whatever the clock does, none waits for more than a turn of its own.

use super::when::{Past, Rhythm};
use crate::sandbox::RunError;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A clock that goes back by more than this was set, not corrected.
const SET_BACK: SignedDuration = SignedDuration::from_secs(5);

/// All instances and their times.
#[derive(Debug, Default)]
pub struct Roster {
    entries: BTreeMap<String, Entry>,
    /// The latest time that was seen.
    latest: Option<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    rhythm: Rhythm,
    last_start: Option<Timestamp>,
    past: Past,
    /// When it runs next; `None`: never again.
    next: Option<Timestamp>,
    running: bool,
}

/// An instance whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its name.
    pub name: String,
    /// When its time came.
    pub since: Timestamp,
}

impl Roster {
    /// Takes an instance in, or its new rhythm. One that has failed is given another chance at once, where it is to be tried
    /// `again`.
    pub fn take(
        &mut self,
        name: &str,
        rhythm: Rhythm,
        again: bool,
        last_start: Option<Timestamp>,
        now: Timestamp,
    ) {
        match self.entries.get_mut(name) {
            Some(entry) => {
                entry.rhythm = rhythm;
                if again && entry.past != Past::Well {
                    entry.past = Past::Well;
                    entry.next = Some(now);
                } else if entry.past == Past::Well {
                    entry.next = entry.rhythm.next(entry.last_start, entry.past, now);
                }
            }
            None => {
                let past = Past::Well;
                let entry = Entry {
                    next: rhythm.next(last_start, past, now),
                    rhythm,
                    last_start,
                    past,
                    running: false,
                };
                self.entries.insert(name.to_owned(), entry);
            }
        }
    }

    /// Lets go of all instances but these. A run of one that is let go ends by itself.
    pub fn keep(&mut self, names: &BTreeSet<&str>) {
        self.entries.retain(|name, _| names.contains(name.as_str()));
    }

    /// The instances whose time has come, the longest due first. They count as running from now on.
    pub fn due(&mut self, now: Timestamp) -> Vec<Due> {
        if self.latest.is_some_and(|latest| now < latest - SET_BACK) {
            for entry in self.entries.values_mut() {
                entry.next = entry.rhythm.next(entry.last_start, entry.past, now);
            }
        }
        self.latest = Some(now);
        let mut due: Vec<Due> = Vec::new();
        for (name, entry) in &mut self.entries {
            if let (false, Some(since)) = (entry.running, entry.next.filter(|next| *next <= now)) {
                entry.running = true;
                due.push(Due {
                    name: name.clone(),
                    since,
                });
            }
        }
        due.sort_by_key(|due| due.since);
        due
    }

    /// A run has ended that began at `started`. Says when the instance runs next, and how often in a row it has failed.
    pub fn ended(
        &mut self,
        name: &str,
        started: Timestamp,
        end: &Result<(), RunError>,
        now: Timestamp,
    ) -> Option<(Timestamp, u32)> {
        let entry = self.entries.get_mut(name)?;
        entry.running = false;
        entry.last_start = Some(started);
        entry.past = entry.past.then(end);
        entry.next = entry.rhythm.next(entry.last_start, entry.past, now);
        let failures = match entry.past {
            Past::Well => 0,
            Past::Failed { times, .. } => times,
        };
        entry.next.map(|next| (next, failures))
    }

    /// A run could not begin, for no fault of the instance: it is tried again after a while.
    pub fn put_off(&mut self, name: &str, until: Timestamp) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.running = false;
            entry.next = Some(until);
        }
    }

    /// When the next instance is due that does not run.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let waiting = self.entries.values().filter(|entry| !entry.running);
        waiting.filter_map(|entry| entry.next).min()
    }

    /// When this instance runs next, where it waits.
    #[must_use]
    pub fn next_of(&self, name: &str) -> Option<Timestamp> {
        self.entries.get(name).filter(|entry| !entry.running)?.next
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn rhythm(name: &str, keys: &str) -> Rhythm {
        let text = format!("[collector]\nname = \"{name}\"\n{keys}\njitter = \"0s\"\n");
        let config = Config::parse(&text, Path::new("acme.toml")).unwrap();
        Rhythm::of(&config, &crate::component::samples::saying("x"))
    }

    fn hourly(names: &[&str], now: Timestamp) -> Roster {
        let mut roster = Roster::default();
        for name in names {
            roster.take(name, rhythm(name, "interval = \"1h\""), false, Some(now), now);
        }
        roster
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn names(due: &[Due]) -> Vec<&str> {
        due.iter().map(|due| due.name.as_str()).collect()
    }

    #[test]
    fn an_instance_that_runs_is_not_due_again_until_it_has_ended() {
        let now = at("2026-08-03T12:00:00Z");
        let mut roster = hourly(&["acme", "zeta"], now);
        assert!(roster.due(now).is_empty());
        let then = at("2026-08-03T13:00:00Z");
        assert_eq!(roster.next(), Some(then));
        assert_eq!(names(&roster.due(then)), ["acme", "zeta"]);
        assert!(roster.due(at("2026-08-03T15:00:00Z")).is_empty());
        assert_eq!(roster.next(), None);
        let ended = roster.ended("acme", then, &Ok(()), at("2026-08-03T15:10:00Z"));
        // It ran over two turns: one run makes up for both.
        assert_eq!(ended, Some((at("2026-08-03T15:10:00Z"), 0)));
        assert_eq!(names(&roster.due(at("2026-08-03T15:10:00Z"))), ["acme"]);
    }

    #[test]
    fn a_clock_set_back_by_a_year_does_not_silence_an_instance_for_a_year() {
        let now = at("2026-08-03T12:00:00Z");
        let mut roster = hourly(&["acme"], now);
        assert!(roster.due(now).is_empty());
        let earlier = at("2025-08-03T12:10:00Z");
        assert!(roster.due(earlier).is_empty());
        assert_eq!(roster.next(), Some(at("2025-08-03T13:00:00Z")));
    }

    #[test]
    fn a_failing_instance_whose_file_changed_runs_at_once_and_one_whose_file_did_not_waits() {
        let now = at("2026-08-03T12:00:00Z");
        let mut roster = hourly(&["acme"], now);
        let then = at("2026-08-03T13:00:00Z");
        assert_eq!(roster.due(then).len(), 1);
        let failed = roster.ended("acme", then, &Err(RunError::Grant("no".to_owned())), then);
        assert_eq!(failed, Some((at("2026-08-03T14:00:00Z"), 1)));
        let keys = rhythm("acme", "interval = \"1h\"");
        roster.take("acme", keys.clone(), false, None, then);
        assert_eq!(roster.next(), Some(at("2026-08-03T14:00:00Z")));
        roster.take("acme", keys, true, None, then);
        assert_eq!(roster.next(), Some(then));
    }

    #[test]
    fn an_instance_that_is_gone_is_never_due_and_the_end_of_its_run_changes_nothing() {
        let now = at("2026-08-03T12:00:00Z");
        let mut roster = hourly(&["acme", "zeta"], now);
        roster.keep(&BTreeSet::from(["zeta"]));
        assert_eq!(names(&roster.due(at("2026-08-03T13:00:00Z"))), ["zeta"]);
        assert_eq!(roster.ended("acme", now, &Ok(()), now), None);
    }

    #[test]
    fn a_run_that_could_not_begin_is_put_off_and_no_failure() {
        let now = at("2026-08-03T12:00:00Z");
        let mut roster = Roster::default();
        roster.take("acme", rhythm("acme", "interval = \"1h\""), false, None, now);
        assert_eq!(names(&roster.due(now)), ["acme"]);
        let later = at("2026-08-03T12:01:00Z");
        roster.put_off("acme", later);
        assert!(roster.due(now).is_empty());
        assert_eq!(names(&roster.due(later)), ["acme"]);
    }
}
