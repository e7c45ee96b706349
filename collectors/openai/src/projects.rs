//! The names of the organization's projects, archived ones too. They are no part of a record's key: costs are read without them
//! where the key may not list projects.

use crate::api::{Api, BASE};
use finops_collector::{Failure, FailureKind, names_by_id};
use std::collections::BTreeMap;

/// Names by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Projects(BTreeMap<String, String>);

impl Projects {
    /// All names; none, with a warning, where the key may not list them.
    ///
    /// # Errors
    /// What else went wrong.
    pub(crate) fn read(api: &Api<'_>) -> Result<Self, Failure> {
        let url = format!("{BASE}/projects?limit=100&include_archived=true");
        let what = "the projects";
        match names_by_id(&url, "after", |url| api.get(url, what)) {
            Ok(names) => Ok(Self(names)),
            Err(failure) if matches!(failure.status, Some(403 | 404)) => {
                api.warnings
                    .once(format_args!("projects are booked without their names: {failure}"));
                Ok(Self::default())
            }
            Err(failure) if failure.kind == FailureKind::MalformedReply => Err(failure.context(what)),
            Err(failure) => Err(failure),
        }
    }

    /// The name of one.
    pub(crate) fn name(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}
