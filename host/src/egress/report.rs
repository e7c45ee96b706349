//! What the operator is told of a run's calls. What must hold: no query, header value, body or secret; bounded.

use super::{
    budget::{Counts, Peaks},
    refusal::{Fault, RefusalKind},
};
use crate::{foreign::Foreign, sandbox::limits};
use finops_decimal::Decimal;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A run's calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Calls asked for by the guest.
    pub requests: u64,
    /// Attempts made, retries included.
    pub attempts: u64,
    /// Bytes of request bodies sent.
    pub sent: u64,
    /// Decoded bytes of replies read.
    pub received: u64,
    /// Attempts under a rule with a price.
    pub paid_calls: u64,
    /// What they cost, in USD.
    pub spent: Decimal,
    /// The most that was used at once, or by one call.
    pub peaks: Peaks,
    /// Calls that the grant did not allow.
    pub denied: Vec<Denied>,
    /// How many further denied calls are not listed.
    pub denied_unlisted: u64,
    /// Calls that were allowed but did not work, for other reasons than the provider's status.
    pub failed: Vec<Failed>,
    /// How many further failed calls are not listed.
    pub failed_unlisted: u64,
    /// Headers that ordinary HTTP clients in the guest set and that were left out: how often each name was.
    pub dropped_headers: BTreeMap<String, u64>,
    /// How many further headers were left out under other names.
    pub dropped_headers_unlisted: u64,
    /// Lines of rules that no call has used.
    pub unused_rules: Vec<usize>,
}

/// A call that the grant did not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denied {
    /// Its method.
    pub method: String,
    /// Its URL without the query, safe to show.
    pub url: String,
    /// Why, for the operator.
    pub why: String,
    /// The lines of the operator's file that would allow it, where lines can.
    pub remedy: Option<String>,
    /// How often it was tried.
    pub times: u64,
}

/// A call that was allowed but did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failed {
    /// Its method.
    pub method: String,
    /// Its URL without the query, safe to show.
    pub url: String,
    /// Why, for the operator.
    pub why: String,
    /// How often it happened.
    pub times: u64,
}

impl From<Denied> for Failed {
    fn from(call: Denied) -> Self {
        Self {
            method: call.method,
            url: call.url,
            why: call.why,
            times: call.times,
        }
    }
}

/// Collects what [`Report`] tells.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    denied: Listed,
    failed: Listed,
    dropped: BTreeMap<String, u64>,
    dropped_unlisted: u64,
    used: BTreeSet<usize>,
}

/// Calls, each once with its count, up to a limit.
#[derive(Debug, Default)]
struct Listed {
    calls: Vec<Denied>,
    unlisted: u64,
}

impl Listed {
    /// Whether the call is listed, or no more are listed.
    fn knows(&self, call: &Denied) -> bool {
        self.calls.len() >= limits::DENIED_REMEMBERED || self.calls.iter().any(|known| known.is(call))
    }

    fn add(&mut self, call: Denied) {
        if let Some(known) = self.calls.iter_mut().find(|known| known.is(&call)) {
            known.times += 1;
        } else if self.calls.len() < limits::DENIED_REMEMBERED {
            self.calls.push(call);
        } else {
            self.unlisted += 1;
        }
    }
}

impl Denied {
    fn is(&self, other: &Self) -> bool {
        (&self.method, &self.url, &self.why) == (&other.method, &other.url, &other.why)
    }
}

impl Journal {
    /// Notes that a rule was used.
    pub(super) fn used(&self, rule: usize) {
        self.entries().used.insert(rule);
    }

    /// Notes headers that were left out.
    pub(super) fn dropped(&self, names: &[String]) {
        let mut entries = self.entries();
        for name in names {
            let name = Foreign::from(name.to_ascii_lowercase()).to_string();
            if let Some(times) = entries.dropped.get_mut(&name) {
                *times += 1;
            } else if entries.dropped.len() < limits::HEADERS {
                entries.dropped.insert(name, 1);
            } else {
                entries.dropped_unlisted += 1;
            }
        }
    }

    /// Tells the operator of a call that did not work. Only what is newly listed is logged: a guest cannot flood the log.
    pub(super) fn failed(&self, method: &str, url: &str, fault: &Fault) {
        let call = Denied {
            method: Foreign::from(method).to_string(),
            url: Foreign::from(url).to_string(),
            why: Foreign::from(fault.why.as_str()).to_string(),
            remedy: fault.remedy.clone(),
            times: 1,
        };
        let Denied { method, url, why, .. } = &call;
        let mut entries = self.entries();
        let list = if fault.listed {
            &mut entries.denied
        } else {
            &mut entries.failed
        };
        if !list.knows(&call) {
            let kind = fault.refusal.kind;
            match kind {
                RefusalKind::Echoed => {
                    tracing::error!(%method, %url, %why, "a reply repeats a secret and is withheld")
                }
                _ => {
                    tracing::warn!(%method, %url, %why, ?kind, remedy = fault.remedy, "call refused or failed")
                }
            }
        }
        list.add(call);
    }

    /// The report so far; `lines` are those of the rules, in order.
    pub(super) fn report(&self, counts: Counts, lines: impl Iterator<Item = usize>) -> Report {
        let entries = self.entries();
        Report {
            requests: counts.requests,
            attempts: counts.attempts,
            sent: counts.sent,
            received: counts.received,
            paid_calls: counts.paid,
            spent: counts.spent,
            peaks: counts.peaks,
            denied: entries.denied.calls.clone(),
            denied_unlisted: entries.denied.unlisted,
            failed: entries.failed.calls.iter().cloned().map(Failed::from).collect(),
            failed_unlisted: entries.failed.unlisted,
            dropped_headers: entries.dropped.clone(),
            dropped_headers_unlisted: entries.dropped_unlisted,
            unused_rules: lines
                .enumerate()
                .filter(|(index, _)| !entries.used.contains(index))
                .map(|(_, line)| line)
                .collect(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Counts = Counts {
        requests: 0,
        attempts: 0,
        sent: 0,
        received: 0,
        paid: 0,
        spent: Decimal::ZERO,
        peaks: Peaks {
            concurrent_requests: 0,
            in_flight: 0,
            url: 0,
            headers: 0,
            header_bytes: 0,
            request_body: 0,
            response: 0,
        },
    };

    #[test]
    fn denied_calls_are_remembered_up_to_a_limit_then_counted() {
        let journal = Journal::default();
        for path in 0..limits::DENIED_REMEMBERED + 5 {
            for _ in 0..2 {
                journal.failed(
                    "GET",
                    &format!("https://h.example/{path}"),
                    &Fault::denied("no rule"),
                );
            }
        }
        let report = journal.report(NONE, [].into_iter());
        assert_eq!(report.denied.len(), limits::DENIED_REMEMBERED);
        assert!(report.denied.iter().all(|denied| denied.times == 2));
        assert_eq!(report.denied_unlisted, 10);
    }

    #[test]
    fn dropped_headers_are_counted_by_name_up_to_a_limit() {
        let journal = Journal::default();
        let names: Vec<String> = (0..limits::HEADERS + 3).map(|n| format!("X-{n}")).collect();
        journal.dropped(&names);
        journal.dropped(&["x-0".to_owned()]);
        let report = journal.report(NONE, [].into_iter());
        assert_eq!(report.dropped_headers.len(), limits::HEADERS);
        assert_eq!(report.dropped_headers.get("x-0"), Some(&2));
        assert_eq!(report.dropped_headers_unlisted, 3);
    }

    #[test]
    fn rules_that_no_call_used_are_named_by_line() {
        let journal = Journal::default();
        journal.used(1);
        assert_eq!(journal.report(NONE, [3, 9, 20].into_iter()).unused_rules, [3, 20]);
    }
}
