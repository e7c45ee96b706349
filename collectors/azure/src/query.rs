//! The query of Cost Management: one question, all its pages, row by row.
//! What must hold: costs are read by their digits, columns by their names; a day that was not asked for is a failure, and "no
//! content" is told apart from an empty bill.

use crate::{
    api::Api,
    refusal::Refusal,
    settings::{CostColumn, Settings},
};
use finops_collector::{Decimal, Failure, HttpRequest, amount, excerpt, jiff::civil::Date, onward};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{cell::Cell, collections::BTreeSet};

/// What the sum of costs is called in a question.
const TOTAL: &str = "totalCost";

/// Which of Azure's two bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// As invoiced, purchases included.
    Actual,
    /// Purchases of commitments spread over what they cover.
    Amortized,
}

/// Something by which a question groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Dimension(&'static str),
    Tag(String),
}

impl Group {
    fn json(&self) -> Value {
        match self {
            Self::Dimension(name) => json!({"type": "Dimension", "name": name}),
            Self::Tag(name) => json!({"type": "TagKey", "name": name}),
        }
    }

    /// Names that its column may have.
    fn columns(&self) -> Vec<&str> {
        match self {
            Self::Dimension(name) => vec![name],
            Self::Tag(name) => vec!["TagValue", name],
        }
    }
}

/// A filter that a dimension has one of these values.
pub(crate) fn among(dimension: &str, values: &[String]) -> Value {
    json!({"dimensions": {"name": dimension, "operator": "In", "values": values}})
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) first: Date,
    /// The last day.
    pub(crate) last: Date,
    pub(crate) groups: &'a [Group],
    pub(crate) filter: Option<Value>,
}

/// One group of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) day: Date,
    pub(crate) keys: Vec<String>,
    pub(crate) cost: Decimal,
    pub(crate) currency: String,
}

/// Whether Azure said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Rows, or that there are none.
    Rows,
    /// 204: nothing, which is not an empty bill.
    NoContent,
}

/// Where questions go.
pub(crate) struct Questions<'a> {
    pub(crate) api: &'a Api<'a>,
    url: String,
    column: Cell<CostColumn>,
    /// Whether another column may still be tried.
    undecided: Cell<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timeframe: &'a str,
    time_period: Value,
    dataset: Dataset<'a>,
}

#[derive(Serialize)]
struct Dataset<'a> {
    granularity: &'a str,
    aggregation: Value,
    grouping: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a Value>,
}

#[derive(Deserialize)]
struct Page {
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default)]
    next_link: Option<String>,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(api: &'a Api<'a>, settings: &Settings, scope: &str) -> Self {
        let path = format!(
            "{scope}/providers/Microsoft.CostManagement/query?api-version={}",
            settings.api_version
        );
        Self {
            api,
            url: settings.management_url(&path),
            column: Cell::new(settings.cost_column.unwrap_or(CostColumn::Cost)),
            undecided: Cell::new(settings.cost_column.is_none()),
        }
    }

    /// Asks, and gives every row of every page to `each` as it comes.
    pub(crate) fn ask(
        &self,
        metric: Metric,
        question: &Question<'_>,
        each: impl FnMut(Row) -> Result<(), Failure>,
    ) -> Result<Said, Failure> {
        let operation = match metric {
            Metric::Actual => "query of actual costs",
            Metric::Amortized => "query of amortized costs",
        };
        self.pages(metric, question, operation, each)
            .map_err(|refusal| match refusal.code.is_empty() {
                true => refusal
                    .failure
                    .context(format_args!("{} to {}", question.first, question.last)),
                false => refusal.failure,
            })
    }

    fn pages(
        &self,
        metric: Metric,
        question: &Question<'_>,
        operation: &str,
        mut each: impl FnMut(Row) -> Result<(), Failure>,
    ) -> Result<Said, Refusal> {
        let Some((mut response, body)) = self.first(metric, question, operation)? else {
            return Ok(Said::NoContent);
        };
        let mut seen = BTreeSet::from([self.url.clone()]);
        loop {
            let page: Page = response.json().map_err(|failure| failure.context(operation))?;
            let Properties {
                next_link,
                columns,
                rows,
            } = page.properties;
            let columns = Columns::of(&columns, question, self.column.get())
                .map_err(|failure| failure.context(operation))?;
            for row in rows {
                let row = columns
                    .row(question, row)
                    .map_err(|failure| failure.context(operation))?;
                each(row)?;
            }
            let Some(link) = next_link.filter(|link| !link.is_empty()) else {
                return Ok(Said::Rows);
            };
            let url = onward(&self.url, &link).map_err(|failure| failure.context(operation))?;
            if !seen.insert(url.clone()) {
                return Err(
                    Failure::malformed(format_args!("{operation}: the pages lead in a circle")).into(),
                );
            }
            self.api.pace();
            // Azure wants the question again, and says "Dataset is invalid or not supplied" otherwise.
            response = self.api.send(&request(&url, body.clone()), operation)?;
            if response.status == 204 {
                let failure = Failure::incomplete(format_args!("{operation}: a page has no content"));
                return Err(failure.into());
            }
        }
    }

    /// The first page and the question as it was asked; none where there is no content.
    fn first(
        &self,
        metric: Metric,
        question: &Question<'_>,
        operation: &str,
    ) -> Result<Option<(finops_collector::Response, Vec<u8>)>, Refusal> {
        loop {
            let column = self.column.get();
            let body = serde_json::to_vec(&body(metric, question, column))
                .map_err(|error| Failure::internal(format_args!("request body: {error}")))?;
            self.api.pace();
            match self.api.send(&request(&self.url, body.clone()), operation) {
                Ok(response) => {
                    self.undecided.set(false);
                    return Ok((response.status != 204).then_some((response, body)));
                }
                Err(refusal) if self.undecided.get() && names_column(&refusal) => {
                    self.undecided.set(false);
                    self.column.set(match column {
                        CostColumn::Cost => CostColumn::PreTaxCost,
                        CostColumn::PreTaxCost => CostColumn::Cost,
                    });
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }
}

/// Whether Azure says that the agreement has no such column of costs. Its words are not published: any complaint about what is
/// summed counts, since the other column is tried once only.
fn names_column(refusal: &Refusal) -> bool {
    let message = refusal.message.to_ascii_lowercase();
    refusal.failure.status == Some(400) && message.contains("aggregation")
}

fn request(url: &str, body: Vec<u8>) -> HttpRequest {
    let mut request = HttpRequest::post(url)
        .header("Content-Type", "application/json")
        .repeatable();
    request.body = Some(body);
    request
}

fn body<'a>(metric: Metric, question: &'a Question<'_>, column: CostColumn) -> Body<'a> {
    let (first, last) = (question.first, question.last);
    Body {
        kind: match metric {
            Metric::Actual => "ActualCost",
            Metric::Amortized => "AmortizedCost",
        },
        timeframe: "Custom",
        time_period: json!({"from": format!("{first}T00:00:00Z"), "to": format!("{last}T23:59:59Z")}),
        dataset: Dataset {
            granularity: "Daily",
            aggregation: json!({TOTAL: {"name": column.name(), "function": "Sum"}}),
            grouping: question.groups.iter().map(Group::json).collect(),
            filter: question.filter.as_ref(),
        },
    }
}

/// Where the columns stand in one page: their order is Azure's choice.
struct Columns {
    cost: usize,
    day: usize,
    currency: usize,
    groups: Vec<usize>,
    width: usize,
}

impl Columns {
    fn of(columns: &[Column], question: &Question<'_>, cost: CostColumn) -> Result<Self, Failure> {
        let position = |names: &[&str]| {
            let at = |name: &&str| {
                columns
                    .iter()
                    .position(|column| column.name.eq_ignore_ascii_case(name))
            };
            names.iter().find_map(at).ok_or_else(|| {
                let found: Vec<String> = columns.iter().map(|column| excerpt(&column.name, 30)).collect();
                Failure::malformed(format_args!(
                    "the reply has no column {}, only {}",
                    names.first().copied().unwrap_or_default(),
                    excerpt(&found.join(", "), 300)
                ))
            })
        };
        let groups = question.groups.iter();
        Ok(Self {
            // Versions of the API differ in whether the sum has its own name or that of what is summed.
            cost: position(&[TOTAL, cost.name(), "Cost", "PreTaxCost"])?,
            day: position(&["UsageDate"])?,
            currency: position(&["Currency"])?,
            groups: groups
                .map(|group| position(&group.columns()))
                .collect::<Result<_, _>>()?,
            width: columns.len(),
        })
    }

    fn row(&self, question: &Question<'_>, mut cells: Vec<Value>) -> Result<Row, Failure> {
        if cells.len() != self.width {
            return Err(Failure::malformed(format_args!(
                "a row has {} cells for {} columns",
                cells.len(),
                self.width
            )));
        }
        let mut take = |at: usize| cells.get_mut(at).map(Value::take).unwrap_or_default();
        let cost = match take(self.cost) {
            Value::Number(number) => amount(&number.to_string())?,
            Value::String(text) => amount(&text)?,
            _ => None,
        };
        let cost = cost.ok_or_else(|| Failure::malformed("a row has no cost"))?;
        let day = day(&take(self.day))?;
        if day < question.first || day > question.last {
            return Err(Failure::malformed(format_args!(
                "Azure answered with {day}, which was not asked for: it has shifted the dates; nothing was committed"
            )));
        }
        Ok(Row {
            day,
            cost,
            currency: text(take(self.currency)),
            keys: self.groups.iter().map(|at| text(take(*at))).collect(),
        })
    }
}

/// The text of a cell; empty for null.
fn text(cell: Value) -> String {
    match cell {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `20260713`, or a text that begins with `2026-07-13`.
fn day(cell: &Value) -> Result<Date, Failure> {
    let written = match cell {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let parts = match written.len() {
        8 => (written.get(..4), written.get(4..6), written.get(6..8)),
        _ => (written.get(..4), written.get(5..7), written.get(8..10)),
    };
    let (Some(year), Some(month), Some(day)) = parts else {
        return Err(no_day(&written));
    };
    format!("{year}-{month}-{day}")
        .parse()
        .map_err(|_| no_day(&written))
}

fn no_day(written: &str) -> Failure {
    Failure::malformed(format_args!(
        "the reply's UsageDate `{}` is no day",
        excerpt(written, 30)
    ))
}
