//! An invoice without its lines. Amounts come in cents of US dollars and are dollars here.
//! What must hold: an invoice without an id or a period is a failure; a status that is not known is taken for open.

use finops_collector::{
    Decimal, Failure, Instant, Period, amount, descriptor::Grain, excerpt, jiff::Timestamp, parts::Shape,
    record::Finality,
};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::settings::is_id;

/// What of an invoice with its lines is read.
pub(crate) const SHAPE: Shape<'_> = Shape {
    array: "lineItems",
    keep: &[
        "id",
        "orgId",
        "statusName",
        "startDate",
        "endDate",
        "subtotalCents",
        "amountBilledCents",
        "creditsCents",
        "salesTaxCents",
        "startingBalanceCents",
    ],
};

/// A hundredth.
const CENT: Decimal = Decimal::from_units(10_000_000_000_000_000);

/// How far an invoice is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The open month.
    Pending,
    /// All charges are there.
    Closed,
    /// Not documented.
    Unknown(String),
}

/// An invoice as Atlas writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    org_id: Option<String>,
    #[serde(default)]
    status_name: Option<String>,
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default)]
    end_date: Option<String>,
    #[serde(default)]
    subtotal_cents: Option<Number>,
    #[serde(default)]
    amount_billed_cents: Option<Number>,
    #[serde(default)]
    credits_cents: Option<Number>,
    #[serde(default)]
    sales_tax_cents: Option<Number>,
    #[serde(default)]
    starting_balance_cents: Option<Number>,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    /// Whose it is, where it says so.
    pub(crate) organization: Option<String>,
    pub(crate) status: Status,
    /// The billing period.
    pub(crate) period: Period,
    pub(crate) subtotal: Option<Decimal>,
    pub(crate) billed: Option<Decimal>,
    /// What was credited, above zero.
    pub(crate) credits: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) starting_balance: Decimal,
}

impl Invoice {
    /// The invoice of an object's fields.
    ///
    /// # Errors
    /// `malformed-reply`.
    pub(crate) fn of(fields: Map<String, Value>) -> Result<Self, Failure> {
        let told: Told = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Failure::malformed(format_args!("an invoice is not as documented: {error}")))?;
        told.try_into()
    }

    /// The start of the month that it is booked in.
    pub(crate) fn month(&self) -> Instant {
        Period::around(self.period.start, Grain::Month).start
    }

    pub(crate) fn finality(&self) -> Finality {
        match self.status {
            Status::Closed => Finality::Final,
            Status::Pending | Status::Unknown(_) => Finality::Open,
        }
    }
}

impl TryFrom<Told> for Invoice {
    type Error = Failure;

    fn try_from(told: Told) -> Result<Self, Failure> {
        let id = told
            .id
            .filter(|id| is_id(id))
            .ok_or_else(|| Failure::malformed("an invoice has no id of 24 hexadecimal digits"))?;
        let within = |failure: Failure| failure.context(format_args!("invoice {id}"));
        let start = told
            .start_date
            .as_deref()
            .ok_or_else(|| Failure::malformed("it has no startDate"))
            .and_then(instant)
            .map_err(within)?;
        let month = Period::around(start, Grain::Month);
        let end = told
            .end_date
            .as_deref()
            .map(instant)
            .transpose()
            .map_err(within)?;
        let end = end.filter(|end| *end > start).unwrap_or(month.end);
        let known = |cents: &Option<Number>| dollars(cents.as_ref()).map_err(within);
        let or_none = |cents: &Option<Number>| known(cents).map(Option::unwrap_or_default);
        Ok(Self {
            organization: told.org_id,
            status: match told.status_name.as_deref().unwrap_or_default() {
                "PENDING" => Status::Pending,
                "CLOSED" | "INVOICED" | "PAID" | "PREPAID" | "FREE" | "FAILED" | "FORGIVEN" => Status::Closed,
                other => Status::Unknown(excerpt(other, 40)),
            },
            period: Period { start, end },
            subtotal: known(&told.subtotal_cents)?,
            billed: known(&told.amount_billed_cents)?,
            credits: or_none(&told.credits_cents)?.abs(),
            tax: or_none(&told.sales_tax_cents)?,
            starting_balance: or_none(&told.starting_balance_cents)?,
            id,
        })
    }
}

/// A number by its digits.
pub(crate) fn number(number: Option<&Number>) -> Result<Option<Decimal>, Failure> {
    number.map_or(Ok(None), |number| amount(&number.to_string()))
}

/// Cents as dollars.
pub(crate) fn dollars(cents: Option<&Number>) -> Result<Option<Decimal>, Failure> {
    let dollars = |cents: Decimal| cents.checked_mul(CENT).map_err(Failure::malformed);
    number(cents)?.map(dollars).transpose()
}

/// `2026-08-01T00:00:00Z`.
pub(crate) fn instant(text: &str) -> Result<Instant, Failure> {
    text.parse::<Timestamp>()
        .map(Timestamp::as_second)
        .map_err(|_| Failure::malformed(format_args!("`{}` is no time", excerpt(text, 40))))
}
