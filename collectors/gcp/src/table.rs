//! The export's table: its name, which goes into queries as text, and what BigQuery says of it.
//! What must hold: no name reaches a query that is not made of letters, digits, hyphens and underscores.

use crate::{api::Api, refusal::Refusal};
use finops_collector::{Failure, HttpRequest, escaped};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Which export it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Standard,
    Detailed,
    Focus,
}

/// `project.dataset.table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) project: String,
    dataset: String,
    table: String,
    /// The billing account: `0123AB-4567CD-89EF01`.
    pub(crate) account: String,
    kind: Kind,
}

impl TableName {
    /// Reads `project.dataset.table`; none where it is no table of an export.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, table) = text.rsplit_once('.')?;
        let (project, dataset) = path.rsplit_once('.')?;
        let kinds = [
            ("gcp_billing_export_resource_v1_", Kind::Detailed),
            ("gcp_billing_export_v1_", Kind::Standard),
            ("gcp_billing_export_focus_", Kind::Focus),
        ];
        let (account, kind) = kinds
            .into_iter()
            .find_map(|(prefix, kind)| Some((table.strip_prefix(prefix)?, kind)))?;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let of_project = |byte: u8| word(byte) || matches!(byte, b'-' | b'.' | b':');
        let of_account = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'_';
        let fits = !project.is_empty()
            && project.bytes().all(of_project)
            && !dataset.is_empty()
            && dataset.bytes().all(word)
            && !account.is_empty()
            && account.bytes().all(of_account);
        fits.then(|| Self {
            project: project.to_owned(),
            dataset: dataset.to_owned(),
            table: table.to_owned(),
            account: account.replace('_', "-"),
            kind,
        })
    }

    pub(crate) fn is_focus(&self) -> bool {
        self.kind == Kind::Focus
    }

    pub(crate) fn is_detailed(&self) -> bool {
        self.kind == Kind::Detailed
    }

    /// As it stands in a query, between backquotes.
    pub(crate) fn quoted(&self) -> String {
        format!("`{}.{}.{}`", self.project, self.dataset, self.table)
    }
}

/// What BigQuery says of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// Where its dataset lies.
    pub(crate) location: Option<String>,
    /// Whether it has `_PARTITIONTIME`.
    pub(crate) by_arrival: bool,
    columns: BTreeSet<String>,
}

impl Table {
    /// Asks for it, which costs nothing.
    pub(crate) fn read(api: &Api<'_>, name: &TableName) -> Result<Self, Refusal> {
        let url = format!(
            "https://bigquery.googleapis.com/bigquery/v2/projects/{}/datasets/{}/tables/{}",
            escaped(&name.project),
            name.dataset,
            name.table
        );
        let found: Found = api.json(&HttpRequest::get(url), "the export's table")?;
        let mut columns = BTreeSet::new();
        for field in &found.schema.fields {
            columns.insert(field.name.clone());
            columns.extend(
                field
                    .fields
                    .iter()
                    .map(|inner| format!("{}.{}", field.name, inner.name)),
            );
        }
        Ok(Self {
            location: found.location,
            by_arrival: found.time_partitioning.is_some_and(|by| by.field.is_none()),
            columns,
        })
    }

    /// Whether it has the column, `project.id` for one inside a record.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.contains(column)
    }

    /// Fails where a column is missing that no bill can do without.
    pub(crate) fn require(&self, columns: &[&str]) -> Result<(), Failure> {
        match columns.iter().find(|column| !self.has(column)) {
            None => Ok(()),
            Some(column) => Err(Failure::malformed(format_args!(
                "the export's table has no column `{column}`: it is no table that Cloud Billing writes"
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(default)]
    location: Option<String>,
    schema: Schema,
    #[serde(default)]
    time_partitioning: Option<Partitioning>,
}

#[derive(Deserialize)]
struct Schema {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Partitioning {
    #[serde(default)]
    field: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_names_of_exports_are_taken() {
        let name =
            TableName::parse("acme.com:fin.billing.gcp_billing_export_resource_v1_0123AB_4567CD_89EF01")
                .unwrap();
        assert_eq!(
            (name.project.as_str(), name.account.as_str(), name.is_detailed()),
            ("acme.com:fin", "0123AB-4567CD-89EF01", true)
        );
        assert!(
            TableName::parse("p.d.gcp_billing_export_focus_0123AB")
                .unwrap()
                .is_focus()
        );
        for wrong in [
            "",
            "p.d.t",
            "d.gcp_billing_export_v1_0",
            "p`.d.gcp_billing_export_v1_0",
            "p.d`.gcp_billing_export_v1_0",
            "p.d.gcp_billing_export_v1_0` UNION ALL SELECT",
            "p.d.gcp_billing_export_v1_",
            "p..gcp_billing_export_v1_0",
        ] {
            assert_eq!(TableName::parse(wrong), None, "{wrong}");
        }
    }
}
