//! What a collector says of itself, as plain data. It only asks; the operator's file grants.

use serde::{Deserialize, Serialize};

/// A collector's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Lower-case name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Name of the provider as sources carry it.
    pub provider: String,
    /// One paragraph for people.
    pub text: String,
    /// Its settings.
    pub settings: Vec<Setting>,
    /// Its streams.
    pub streams: Vec<Stream>,
    /// Its observations.
    pub observations: Vec<ObservationKind>,
    /// The hosts it would like to call.
    pub hosts: Vec<HostWish>,
    /// The credentials it expects.
    pub credentials: Vec<CredentialWish>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its key in `[settings]`.
    pub key: String,
    /// The type of its value, or of each item.
    pub kind: SettingKind,
    /// Whether it is a list.
    pub list_of: bool,
    /// Whether it must be given.
    pub required: bool,
    /// The value taken when it is absent.
    pub default: Option<serde_json::Value>,
    /// If not empty, the only values taken.
    pub allowed: Vec<String>,
    /// What it means.
    pub text: String,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// An exact decimal, as text.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// Decimal text, or a list of `{ from, price }`.
    DatedDecimal,
}

/// A named series of cost records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// One sentence for people.
    pub text: String,
    /// The length of its partitions.
    pub grain: Grain,
    /// What routes a record into a partition.
    pub anchor: Anchor,
    /// What its amounts stand on.
    pub basis: Basis,
    /// The stream it is a view of; `None`: it counts.
    pub view_of: Option<String>,
    /// The stream that gives way to it.
    pub supersedes: Option<Supersede>,
    /// Seconds after a partition's end until figures are there.
    pub latency: u64,
    /// How far back to read again.
    pub look_back: LookBack,
    /// Seconds between two readings; `None`: the latency.
    pub cadence: Option<u64>,
    /// How far back the provider can answer, in days.
    pub retention: Option<u32>,
    /// Raised when the dimensions of its records change.
    pub key_version: u32,
    /// Tags that belong to a record's key.
    pub key_tags: Vec<String>,
}

/// Length and alignment of partitions, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

/// Which time of a record decides its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// The start of the charge period.
    ChargeStart,
    /// The start of the billing period.
    BillingPeriod,
}

/// What an amount stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The provider's bill.
    Billed,
    /// Usage times public prices.
    ListPrice,
    /// Usage times a configured or assumed price.
    Estimated,
}

/// The stream that gives way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supersede {
    /// Its name.
    pub stream: String,
    /// A FOCUS column: only records whose value also occurs in the better partition give way.
    pub by: Option<String>,
}

/// How far back a stream is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookBack {
    /// That many days before today.
    Days(u32),
    /// Whole calendar months.
    Months {
        /// Months before the open one.
        previous: u32,
        /// The earlier months are re-read only until this day of the open month.
        until_day: Option<u8>,
    },
}

/// A kind of observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationKind {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// One sentence for people.
    pub text: String,
}

/// A wish to call a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWish {
    /// A host name; `{key}` stands for the value of a text setting.
    pub host: String,
    /// Methods.
    pub methods: Vec<String>,
    /// Path prefixes.
    pub paths: Vec<String>,
    /// Request headers beyond the usual ones.
    pub headers: Vec<String>,
    /// The credential to put on these calls.
    pub credential: Option<String>,
    /// What the calls are for.
    pub text: String,
}

impl HostWish {
    /// The host that is meant under these settings: text settings in the place of `{key}`, as host names write them.
    #[must_use]
    pub fn host_under(&self, settings: &serde_json::Value) -> String {
        let mut host = self.host.clone();
        for (key, value) in settings.as_object().into_iter().flatten() {
            if let Some(text) = value.as_str() {
                host = host.replace(&format!("{{{key}}}"), &text.to_lowercase().replace('_', "-"));
            }
        }
        host
    }
}

/// A credential that the collector expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialWish {
    /// Its name.
    pub name: String,
    /// Schemes that the provider takes, best first.
    pub schemes: Vec<String>,
    /// What it must be allowed to do.
    pub text: String,
}
