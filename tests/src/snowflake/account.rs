//! The account behind the server: its data, statements, faults, clock, and what was asked of it.

use super::{
    CURRENCY_VIEW, Options, Patch, catalog::Catalog, faults::Faults, identity, statements::Statements,
};
use crate::Error;
use axum::http::{Method, Uri};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Where the clock started, at which moment of the machine's.
enum Clock {
    Machine,
    Started(Timestamp, Instant),
}

/// The account behind the server.
pub(super) struct Account {
    pub(super) faults: Faults,
    catalog: Mutex<Catalog>,
    statements: Mutex<Statements>,
    arrivals: Mutex<BTreeMap<String, u64>>,
    refusals: Mutex<Vec<String>>,
    clock: Mutex<Clock>,
    pub(super) roles: BTreeMap<String, BTreeSet<String>>,
    pub(super) partition_size: usize,
    pub(super) copies: usize,
}

impl Account {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let catalog = Catalog::load()?;
        let copies = match options.currency_rows {
            None => 1,
            Some(wanted) => wanted.div_ceil(usize::try_from(catalog.rows(CURRENCY_VIEW)?)?.max(1)),
        };
        let granted = options.database_roles.iter().cloned().collect();
        let roles = [
            (identity::ROLE.to_owned(), granted),
            ("PUBLIC".to_owned(), BTreeSet::new()),
        ];
        Ok(Self {
            faults: Faults::default(),
            catalog: Mutex::new(catalog),
            statements: Mutex::default(),
            arrivals: Mutex::default(),
            refusals: Mutex::default(),
            clock: Mutex::new(
                options
                    .now
                    .map_or(Clock::Machine, |now| Clock::Started(now, Instant::now())),
            ),
            roles: roles.into(),
            partition_size: options.partition_rows.max(1),
            copies: copies.max(1),
        })
    }

    /// The simulated time: it goes on from where it was set.
    pub(super) fn now(&self) -> Timestamp {
        match &*locked(&self.clock) {
            Clock::Machine => Timestamp::now(),
            Clock::Started(from, at) => from.checked_add(at.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }

    pub(super) fn set_now(&self, now: Timestamp) {
        *locked(&self.clock) = Clock::Started(now, Instant::now());
    }

    pub(super) fn apply(&self, patch: Patch) -> Result<(), Error> {
        self.catalog().apply(patch.text())
    }

    pub(super) fn arrived(&self, method: &Method, uri: &Uri) {
        *locked(&self.arrivals)
            .entry(format!("{method} {}", uri.path()))
            .or_default() += 1;
    }

    pub(super) fn requests(&self) -> BTreeMap<String, u64> {
        locked(&self.arrivals).clone()
    }

    pub(super) fn refusals(&self) -> MutexGuard<'_, Vec<String>> {
        locked(&self.refusals)
    }

    pub(super) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        locked(&self.catalog)
    }

    pub(super) fn statements(&self) -> MutexGuard<'_, Statements> {
        locked(&self.statements)
    }

    pub(super) fn statement_text(&self, handle: &str) -> String {
        self.statements()
            .get(handle)
            .map_or_else(String::new, |statement| statement.record.statement.clone())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
