//! Elastic's reply for a window: instances with their product lines. Amounts are ECU.

use finops_collector::{Decimal, Double};
use serde::Deserialize;

/// What a reply says beside its instances.
#[derive(Debug, Deserialize)]
pub(crate) struct Total {
    /// Of all of them.
    pub(crate) total_ecu: Double,
}

/// A deployment or a serverless project.
#[derive(Debug, Deserialize)]
pub(crate) struct Instance {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    pub(crate) total_ecu: Option<Double>,
    product_line_items: Option<Vec<Line>>,
}

/// A product line.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    name: Option<String>,
    #[serde(rename = "type")]
    meter: Option<String>,
    kind: Option<String>,
    sku: Option<String>,
    unit: Option<String>,
    quantity: Option<Value>,
    rate: Option<Value>,
    pub(crate) total_ecu: Double,
}

#[derive(Debug, Deserialize)]
struct Value {
    value: Option<Double>,
}

impl Instance {
    pub(crate) fn id(&self) -> Option<&str> {
        filled(self.id.as_ref())
    }

    pub(crate) fn name(&self) -> Option<&str> {
        filled(self.name.as_ref())
    }

    /// `deployment`, or the kind of project.
    pub(crate) fn kind(&self) -> Option<&str> {
        filled(self.kind.as_ref())
    }

    pub(crate) fn lines(&self) -> &[Line] {
        self.product_line_items.as_deref().unwrap_or_default()
    }
}

impl Line {
    pub(crate) fn name(&self) -> Option<&str> {
        filled(self.name.as_ref())
    }

    /// `capacity`, `data_out`, ...
    pub(crate) fn meter(&self) -> Option<&str> {
        filled(self.meter.as_ref())
    }

    /// `elasticsearch`, `kibana`, ...; often there is none.
    pub(crate) fn kind(&self) -> Option<&str> {
        filled(self.kind.as_ref())
    }

    pub(crate) fn sku(&self) -> Option<&str> {
        filled(self.sku.as_ref())
    }

    pub(crate) fn unit(&self) -> Option<&str> {
        filled(self.unit.as_ref())
    }

    pub(crate) fn quantity(&self) -> Option<Decimal> {
        Some(self.quantity.as_ref()?.value?.0)
    }

    /// ECU for one unit, rounded for show.
    pub(crate) fn rate(&self) -> Option<Decimal> {
        Some(self.rate.as_ref()?.value?.0)
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}
