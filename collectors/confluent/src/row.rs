//! A row of the cost list as Confluent writes it: little of it is required, and environments come in two shapes.

use finops_collector::{Decimal, Double, Failure, excerpt, jiff::civil::Date};
use serde::Deserialize;
use serde_json::Value;

/// A row. Amounts are dollars.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Row {
    start_date: String,
    end_date: String,
    product: Option<String>,
    line_type: Option<String>,
    network_access_type: Option<String>,
    unit: Option<String>,
    price: Option<Double>,
    quantity: Option<Double>,
    original_amount: Option<Double>,
    discount_amount: Option<Double>,
    amount: Option<Double>,
    resource: Option<Resource>,
    /// Organizations of before May 2024 have the environment here.
    environment: Option<Value>,
}

/// What was used.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Resource {
    id: Option<String>,
    display_name: Option<String>,
    environment: Option<Value>,
}

impl Row {
    pub(crate) fn start(&self) -> Result<Date, Failure> {
        day("start_date", &self.start_date)
    }

    pub(crate) fn end(&self) -> Result<Date, Failure> {
        day("end_date", &self.end_date)
    }

    pub(crate) fn product(&self) -> Option<&str> {
        filled(self.product.as_deref())
    }

    pub(crate) fn line_type(&self) -> Option<&str> {
        filled(self.line_type.as_deref())
    }

    pub(crate) fn network_access(&self) -> Option<&str> {
        filled(self.network_access_type.as_deref())
    }

    pub(crate) fn unit(&self) -> Option<&str> {
        filled(self.unit.as_deref())
    }

    pub(crate) fn resource_id(&self) -> Option<&str> {
        filled(self.resource.as_ref()?.id.as_deref())
    }

    pub(crate) fn resource_name(&self) -> Option<&str> {
        filled(self.resource.as_ref()?.display_name.as_deref())
    }

    /// The environment's id: from the object at the top, where there is one, else from the resource, which may hold an object or
    /// a text.
    pub(crate) fn environment(&self) -> Option<&str> {
        let inside = self
            .resource
            .as_ref()
            .and_then(|resource| resource.environment.as_ref());
        [self.environment.as_ref(), inside]
            .into_iter()
            .flatten()
            .find_map(|value| {
                let id = value.get("id").unwrap_or(value);
                filled(id.as_str())
            })
    }

    pub(crate) fn price(&self) -> Option<Decimal> {
        self.price.map(|double| double.0)
    }

    pub(crate) fn quantity(&self) -> Option<Decimal> {
        self.quantity.map(|double| double.0)
    }

    pub(crate) fn original(&self) -> Option<Decimal> {
        self.original_amount.map(|double| double.0)
    }

    pub(crate) fn discount(&self) -> Option<Decimal> {
        self.discount_amount.map(|double| double.0)
    }

    pub(crate) fn amount(&self) -> Option<Decimal> {
        self.amount.map(|double| double.0)
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// A date; of a time its day.
fn day(name: &str, text: &str) -> Result<Date, Failure> {
    let date = text.get(..10).and_then(|date| date.parse().ok());
    date.ok_or_else(|| Failure::malformed(format_args!("{name} `{}` is no date", excerpt(text, 40))))
}
