//! How the lines of an export are added up: for the counted stream and for each of its views.
//! What must hold: a credit never multiplies the cost of its line. Each line is taken apart into one piece for its cost and one for
//! every credit, and the pieces are added up, so that all of it comes from one scan.

use crate::{
    descriptor::{BY_LABEL, BY_RESOURCE, FOCUS, SPEND},
    focus,
    statement::{Parameter, Select, Statement, exact},
    table::{Table, TableName},
};
use finops_collector::jiff::{ToSpan, civil::Date};

/// The columns that place a line in time.
pub(crate) struct Dialect {
    used: &'static str,
    pub(crate) exported: &'static str,
}

/// The export of Google's own schema.
const NATIVE: Dialect = Dialect {
    used: "usage_start_time",
    exported: "export_time",
};
/// The FOCUS export.
const OF_FOCUS: Dialect = Dialect {
    used: "ChargePeriodStart",
    exported: "x_ExportTime",
};

impl Dialect {
    pub(crate) fn of(table: &TableName) -> &'static Self {
        if table.is_focus() { &OF_FOCUS } else { &NATIVE }
    }

    /// The day in UTC; that of the export for a line without a time of use, so that its money is not lost.
    pub(crate) fn day(&self) -> String {
        format!("DATE(IFNULL({}, {}))", self.used, self.exported)
    }

    /// The columns without which there is no reading.
    pub(crate) fn columns(&self) -> [&'static str; 2] {
        [self.used, self.exported]
    }
}

/// One way to add the lines up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut<'a> {
    /// By project, service, SKU, region, kind of cost and credit.
    Spend,
    /// By the values of a label, and by service.
    ByLabel(&'a str),
    /// As spend, and by resource.
    ByResource,
    /// FOCUS rows by all their dimensions but tags.
    Focus,
}

impl Cut<'_> {
    pub(crate) fn stream(&self) -> &'static str {
        match self {
            Self::Spend => SPEND,
            Self::ByLabel(_) => BY_LABEL,
            Self::ByResource => BY_RESOURCE,
            Self::Focus => FOCUS,
        }
    }

    /// What changes with the settings: after a change everything is read again.
    pub(crate) fn mark(&self) -> String {
        match self {
            Self::ByLabel(label) => (*label).to_owned(),
            _ => String::new(),
        }
    }

    /// The statement that gives these days, of what was exported until then.
    pub(crate) fn statement(
        &self,
        name: &TableName,
        table: &Table,
        days: &[Date],
        through: i64,
    ) -> Statement {
        let dialect = Dialect::of(name);
        let mut conditions = vec![
            format!("{} IN UNNEST(@days)", dialect.day()),
            format!("{} <= TIMESTAMP_MICROS(@through)", dialect.exported),
        ];
        let mut parameters = vec![
            Parameter::Days("days", days.to_vec()),
            Parameter::Integer("through", through),
        ];
        // Lines never lie in a partition long before their use; two days are a wide margin. Those that have just come lie in none.
        if let Some(first) = days.iter().min().filter(|_| table.by_arrival) {
            conditions.push("(_PARTITIONTIME IS NULL OR DATE(_PARTITIONTIME) >= @arrived)".to_owned());
            parameters.push(Parameter::Day("arrived", first.saturating_sub(2.days())));
        }
        if let Self::ByLabel(label) = self {
            parameters.push(Parameter::Text("label", (*label).to_owned()));
        }
        let (select, from) = match self {
            Self::Focus => (focus::select(table, &dialect.day()), String::new()),
            _ => (self.select(table, &dialect.day()), pieces(table)),
        };
        Statement {
            what: self.what(),
            sql: select.sql(name, &from, &conditions),
            parameters,
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Spend => "the bill",
            Self::ByLabel(_) => "the bill by label",
            Self::ByResource => "the bill by resource",
            Self::Focus => "the FOCUS rows",
        }
    }

    fn select(&self, table: &Table, day: &str) -> Select {
        let mut select = Select::default();
        select.group(day, "day");
        // A constant cannot be grouped by.
        let mut group = |column: &str, name: &str| match table.has(column) {
            true => select.group(column, name),
            false => select.measure("MAX(CAST(NULL AS STRING))", name),
        };
        group("billing_account_id", "account");
        group("invoice.month", "invoice_month");
        group("currency", "currency_code");
        group("service.id", "service_id");
        let detailed = !matches!(self, Self::ByLabel(_));
        if detailed {
            group("cost_type", "kind");
            group("project.id", "project_id");
            group("sku.id", "sku_id");
            group("location.region", "region");
            group("transaction_type", "transaction");
            group("seller_name", "seller");
        }
        if *self == Self::ByResource {
            group("resource.global_name", "resource_id");
            group("location.zone", "zone");
        }
        if detailed {
            match table.has("adjustment_info.id") {
                true => select.group(
                    "IFNULL(adjustment_info.id IS NOT NULL AND FORMAT_TIMESTAMP('%Y%m', usage_start_time, \
                     'America/Los_Angeles') < invoice.month, FALSE)",
                    "corrected",
                ),
                false => select.measure("LOGICAL_OR(FALSE)", "corrected"),
            }
            select.group("IF(piece.is_credit, CAST(NULL AS STRING), usage.unit)", "unit");
            select.group(
                "IF(piece.is_credit, CAST(NULL AS STRING), usage.pricing_unit)",
                "pricing_unit",
            );
            for name in ["is_credit", "credit_type", "credit_id"] {
                select.group(&format!("piece.{name}"), name);
            }
        } else {
            let value = "(SELECT MAX(label.value) FROM UNNEST(labels) AS label WHERE label.key = @label)";
            select.group(value, "label_value");
        }
        select.measure("MAX(service.description)", "service_name");
        if detailed {
            select.measure("MAX(project.name)", "project_name");
            select.measure("MAX(sku.description)", "sku_name");
            select.measure("MAX(piece.credit_name)", "credit_name");
            for name in ["list_cost", "amount", "priced"] {
                let whole = format!("IF(COUNT(piece.{name}) = COUNT(*), SUM(piece.{name}), NULL)");
                select.measure(&format!("CAST({whole} AS STRING)"), name);
            }
        }
        if *self == Self::ByResource {
            select.measure("MAX(resource.name)", "resource_name");
        }
        select.measure("COUNTIF(NOT piece.is_credit)", "line_count");
        select.measure("CAST(SUM(piece.cost) AS STRING)", "cost");
        select
    }
}

/// The pieces of each line.
fn pieces(table: &Table) -> String {
    let none = "CAST(NULL AS BIGNUMERIC)";
    let list = match table.has("cost_at_list") {
        true => exact("cost_at_list"),
        false => none.to_owned(),
    };
    format!(
        " CROSS JOIN UNNEST(ARRAY_CONCAT([STRUCT(FALSE AS is_credit, CAST(NULL AS STRING) AS credit_type, \
         CAST(NULL AS STRING) AS credit_id, CAST(NULL AS STRING) AS credit_name, {} AS cost, {list} AS list_cost, \
         {} AS amount, {} AS priced)], ARRAY(SELECT STRUCT(TRUE AS is_credit, credit.type AS credit_type, \
         credit.id AS credit_id, credit.full_name AS credit_name, {} AS cost, {none} AS list_cost, {none} AS amount, \
         {none} AS priced) FROM UNNEST(credits) AS credit))) AS piece",
        exact("cost"),
        exact("usage.amount"),
        exact("usage.amount_in_pricing_units"),
        exact("credit.amount"),
    )
}
