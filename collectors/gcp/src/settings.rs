//! The operator's settings, as the descriptor describes them.

use crate::table::TableName;
use finops_collector::{Failure, Request};
use serde::Deserialize;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    focus_table: Option<String>,
    #[serde(default)]
    job_project: Option<String>,
    /// Location of the jobs, where it is not to be taken from the table.
    #[serde(default)]
    pub(crate) location: Option<String>,
    /// What one query may read, in bytes.
    #[serde(default = "bytes")]
    pub(crate) max_bytes_billed: u64,
    /// Seconds for which a query is waited for.
    #[serde(default = "patience")]
    pub(crate) query_timeout: u32,
    /// Key of the label of the view by label.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// Whether the view by resource is read.
    #[serde(default)]
    pub(crate) resources: bool,
    /// Projects whose inventory is observed.
    #[serde(default)]
    pub(crate) projects: Vec<String>,
    /// Whether their buckets are, too.
    #[serde(default)]
    pub(crate) buckets: bool,
    /// Whether their running instances are estimated until the export has lines of the day.
    #[serde(default)]
    pub(crate) estimates: bool,
    /// The currency of the catalog's prices.
    #[serde(default = "dollars")]
    pub(crate) estimate_currency: String,
}

fn dollars() -> String {
    "USD".to_owned()
}

fn bytes() -> u64 {
    20_000_000_000
}

fn patience() -> u32 {
    300
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let named = settings.projects.iter().map(|name| ("projects", name));
        let job = settings.job_project.iter().map(|name| ("job-project", name));
        for (key, name) in named.chain(job) {
            if !is_project(name) {
                return Err(Failure::settings(format_args!(
                    "[settings] {key}: give project ids (6 to 30 lower-case letters, digits and hyphens)"
                )));
            }
        }
        let code = settings.estimate_currency.as_bytes();
        if code.len() != 3 || !code.iter().all(u8::is_ascii_uppercase) {
            return Err(Failure::settings(
                "[settings] estimate-currency: give an ISO 4217 code such as USD",
            ));
        }
        if settings.estimates && settings.projects.is_empty() {
            return Err(Failure::settings(
                "[settings] estimates: what runs in which projects? Give them in projects",
            ));
        }
        Ok(settings)
    }

    /// The table that the bill is read from: the FOCUS table where one is set.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn table(&self) -> Result<TableName, Failure> {
        let (key, text) = match (&self.focus_table, &self.table) {
            (Some(text), _) => ("focus-table", text),
            (None, Some(text)) => ("table", text),
            (None, None) => {
                return Err(Failure::settings(
                    "[settings] table: give the table of the billing export, project.dataset.table",
                ));
            }
        };
        let table = TableName::parse(text).ok_or_else(|| {
            Failure::settings(format_args!(
                "[settings] {key}: give project.dataset.table; the table is named gcp_billing_export_resource_v1_, \
                 gcp_billing_export_v1_ or gcp_billing_export_focus_ and the billing account with underscores"
            ))
        })?;
        if table.is_focus() != self.focus_table.is_some() {
            return Err(Failure::settings(format_args!(
                "[settings] {key}: a FOCUS table belongs into focus-table, any other into table"
            )));
        }
        if self.resources && !table.is_detailed() {
            return Err(Failure::settings(
                "[settings] resources: only the detailed table (gcp_billing_export_resource_v1_) knows resources",
            ));
        }
        Ok(table)
    }

    /// The project that runs, and pays for, the queries.
    pub(crate) fn job_project<'a>(&'a self, table: &'a TableName) -> &'a str {
        self.job_project.as_deref().unwrap_or(&table.project)
    }
}

/// Whether it can be a project's id; old ones are `domain.example:name`.
fn is_project(text: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}
