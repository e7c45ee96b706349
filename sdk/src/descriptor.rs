//! What a collector says of itself: settings, streams, observations, and the hosts and credentials it would like.
//! The descriptor only asks; the operator's file alone grants.

/// What a collector says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The credentials it expects on them.
    pub credentials: Vec<CredentialWish>,
}

/// Length and alignment of a stream's partitions, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// A calendar month.
    Month,
}

/// Which time of a record decides its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The start of the charge period.
    #[default]
    ChargeStart,
    /// The start of the billing period, for invoices.
    BillingPeriod,
}

/// What an amount stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The provider's own bill or invoice, open or closed.
    #[default]
    Billed,
    /// Usage times the provider's public prices.
    ListPrice,
    /// Usage times a configured or assumed price.
    Estimated,
}

/// Whether a stream's money counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Enters totals and is sent to destinations.
    #[default]
    Counted,
    /// Shows the money of the named stream in another cut; never enters a total.
    ViewOf(String),
}

/// The stream whose partitions are replaced once this stream's partition is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supersede {
    /// Name of the stream that gives way.
    pub stream: String,
    /// Only records whose value of this FOCUS column also occurs in the better partition give way.
    pub by: Option<String>,
}

/// How far back a stream is read again on each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookBack {
    /// That many days before today.
    Days(u32),
    /// The open month and so many before it; those only until that day of the open month, if one is given.
    Months {
        /// How many months before the open one.
        previous: u32,
        /// The last day of the open month on which they are read again.
        until_day: Option<u8>,
    },
}

/// A named series of cost records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Lower-case words joined by hyphens, unique within the collector.
    pub name: String,
    /// One sentence for people.
    pub text: String,
    /// The length of its partitions.
    pub grain: Grain,
    /// What routes a record into a partition.
    pub anchor: Anchor,
    /// What its amounts stand on, unless a record says otherwise.
    pub basis: Basis,
    /// Whether it counts.
    pub role: Role,
    /// What it supersedes.
    pub supersedes: Option<Supersede>,
    /// Seconds after the end of a partition until the provider's figures are usually there.
    pub latency: u64,
    /// How far back to read again.
    pub look_back: LookBack,
    /// Seconds between two readings; absent: the latency.
    pub cadence: Option<u64>,
    /// How far back the provider can answer, in days; absent: no known end.
    pub retention: Option<u32>,
    /// Raised when the dimensions of the stream's records change.
    pub key_version: u32,
    /// Names of tags that the provider groups by: they belong to a record's key.
    pub key_tags: Vec<String>,
}

impl Stream {
    /// A counted stream by charge start with key version 1; latency, look-back and the rest are fields to set.
    #[must_use]
    pub fn new(name: &str, text: &str, grain: Grain, basis: Basis) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            grain,
            anchor: Anchor::default(),
            basis,
            role: Role::default(),
            supersedes: None,
            latency: 0,
            look_back: LookBack::Days(1),
            cadence: None,
            retention: None,
            key_version: 1,
            key_tags: Vec::new(),
        }
    }
}

/// A kind of observation that the collector makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationKind {
    /// Lower-case words joined by hyphens.
    pub name: String,
    /// Its unit, such as `Credits`, `Hours`, `GB`.
    pub unit: String,
    /// One sentence for people.
    pub text: String,
}

impl ObservationKind {
    /// A kind of observation.
    #[must_use]
    pub fn new(name: &str, unit: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// The type of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SettingKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// An exact decimal, written as text in the operator's file.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A price that changes with time; read it as [`DatedPrices`](crate::DatedPrices).
    DatedDecimal,
}

/// One setting of the operator's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `[settings]`.
    pub key: String,
    /// The type of its value, or of each item.
    pub kind: SettingKind,
    /// Whether it is a list of such values.
    pub list_of: bool,
    /// Whether it must be given.
    pub required: bool,
    /// The value taken when it is absent, as JSON.
    pub default: Option<String>,
    /// If not empty, the only values taken.
    pub allowed: Vec<String>,
    /// What it means, for people.
    pub text: String,
}

impl Setting {
    /// A setting that may be left out.
    #[must_use]
    pub fn optional(key: &str, kind: SettingKind, text: &str) -> Self {
        Self {
            key: key.to_owned(),
            kind,
            list_of: false,
            required: false,
            default: None,
            allowed: Vec::new(),
            text: text.to_owned(),
        }
    }

    /// A setting that must be given.
    #[must_use]
    pub fn required(key: &str, kind: SettingKind, text: &str) -> Self {
        Self {
            required: true,
            ..Self::optional(key, kind, text)
        }
    }

    /// The value taken when it is absent.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.default = Some(value.into().to_string());
        self
    }

    /// The only values taken.
    #[must_use]
    pub fn one_of(mut self, values: &[&str]) -> Self {
        self.allowed = values.iter().map(ToString::to_string).collect();
        self
    }

    /// A list of such values.
    #[must_use]
    pub fn list(mut self) -> Self {
        self.list_of = true;
        self
    }
}

/// A wish to call a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostWish {
    /// A host name; `{key}` stands for the value of a text setting.
    pub host: String,
    /// HTTP methods.
    pub methods: Vec<String>,
    /// Path prefixes, on whole segments.
    pub paths: Vec<String>,
    /// Names of request headers that the collector sets beyond the usual ones.
    pub headers: Vec<String>,
    /// Name of the credential to put on these calls.
    pub credential: Option<String>,
    /// What the calls are for.
    pub text: String,
}

/// A credential that the collector expects the host to apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialWish {
    /// Its name in `[credentials.NAME]`.
    pub name: String,
    /// Schemes that the provider takes, best first.
    pub schemes: Vec<String>,
    /// What it must be allowed to do, for people.
    pub text: String,
}
