//! Statements that were submitted: their state, and what a test may ask about them afterwards.
//!
//! What must hold: a request id that comes again with `retry=true` never runs a statement twice.

use super::{result::ResultSet, sql::SqlError};
use std::collections::{BTreeMap, HashMap};

/// How a statement stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// So many polls are still answered by 202.
    Running(u32),
    Finished,
    Cancelled,
}

/// A submitted statement.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) record: Record,
    pub(crate) state: State,
    pub(crate) outcome: Result<ResultSet, SqlError>,
    pub(crate) nullable: bool,
}

/// What was submitted, for tests.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Record {
    /// The statement's handle.
    pub handle: String,
    /// `requestId` of the submission.
    pub request_id: Option<String>,
    /// The SQL text.
    pub statement: String,
    /// The role it ran under.
    pub role: String,
    /// The warehouse it ran on.
    pub warehouse: String,
    /// Session parameters of the request.
    pub parameters: BTreeMap<String, String>,
    /// The `timeout` of the request, in seconds.
    pub timeout: Option<u64>,
    /// Submissions answered by this statement: more than one where it was retried.
    pub submissions: u32,
    /// Whether it was cancelled.
    pub cancelled: bool,
}

/// All statements of a simulator.
#[derive(Default)]
pub(crate) struct Statements {
    all: Vec<Statement>,
    by_handle: HashMap<String, usize>,
    by_request: HashMap<String, usize>,
}

impl Statements {
    /// A handle for the next statement.
    pub(crate) fn next_handle(&self) -> String {
        format!("01b2c3d4-0000-5e6f-0000-{:012x}", self.all.len() + 1)
    }

    pub(crate) fn add(&mut self, statement: Statement) {
        let at = self.all.len();
        self.by_handle.insert(statement.record.handle.clone(), at);
        if let Some(request_id) = &statement.record.request_id {
            self.by_request.insert(request_id.clone(), at);
        }
        self.all.push(statement);
    }

    pub(crate) fn get(&mut self, handle: &str) -> Option<&mut Statement> {
        let at = *self.by_handle.get(handle)?;
        self.all.get_mut(at)
    }

    pub(crate) fn of_request(&mut self, request_id: &str) -> Option<&mut Statement> {
        let at = *self.by_request.get(request_id)?;
        self.all.get_mut(at)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.all
            .iter()
            .map(|statement| statement.record.clone())
            .collect()
    }
}
