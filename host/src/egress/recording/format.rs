//! The lines of a recording: a header, one exchange a line, and a last line without which the file is cut. `docs/recordings.md`.

use crate::egress::{Refusal, RefusalKind};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// The first line: what was recorded, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct About {
    /// The version of the format.
    #[serde(rename = "finops-host-recording", default)]
    pub(super) version: u32,
    /// The collector.
    pub collector: Recorded,
    /// The contract that it was linked against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// When it was made, by the system's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The time that the collector was told.
    pub now: Timestamp,
    /// What its random bytes were made of.
    #[serde(default)]
    pub seed: String,
    /// The first day of a backfill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The day after its last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl About {
    /// The first line of a recording: the collector's name, version and digest, the contract, the system's time, the time
    /// that the collector is told, the seed, and the days of a backfill.
    #[must_use]
    pub fn new(
        (name, version, sha256): (&str, &str, &str),
        contract: &str,
        recorded_at: Timestamp,
        now: Timestamp,
        seed: String,
        (since, until): (Option<Date>, Option<Date>),
    ) -> Self {
        Self {
            version: VERSION,
            collector: Recorded {
                name: name.to_owned(),
                version: Some(version.to_owned()),
                sha256: Some(sha256.to_owned()),
            },
            contract: Some(contract.to_owned()),
            recorded_at: Some(recorded_at),
            now,
            seed,
            since,
            until,
        }
    }
}

/// A collector, as the first line names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recorded {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of its component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What a version is read from, whatever else the line says.
#[derive(Deserialize)]
pub(super) struct Versioned {
    #[serde(rename = "finops-host-recording")]
    pub(super) version: u32,
}

/// A call without a reply, or the end of a body that broke off.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    kind: Kind,
    message: String,
}

/// [`RefusalKind`] in a file. A denied call is in none: a replay judges it anew.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Denied,
    Unreachable,
    Throttled,
    TooLarge,
    Credential,
    Echoed,
    Malformed,
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            kind: match refusal.kind {
                RefusalKind::Denied => Kind::Denied,
                RefusalKind::Unreachable => Kind::Unreachable,
                RefusalKind::Throttled => Kind::Throttled,
                RefusalKind::TooLarge => Kind::TooLarge,
                RefusalKind::Credential => Kind::Credential,
                RefusalKind::Echoed => Kind::Echoed,
                RefusalKind::Malformed => Kind::Malformed,
            },
            message: refusal.message.clone(),
        }
    }
}

impl From<&Refused> for Refusal {
    fn from(refused: &Refused) -> Self {
        Self {
            kind: match refused.kind {
                Kind::Denied => RefusalKind::Denied,
                Kind::Unreachable => RefusalKind::Unreachable,
                Kind::Throttled => RefusalKind::Throttled,
                Kind::TooLarge => RefusalKind::TooLarge,
                Kind::Credential => RefusalKind::Credential,
                Kind::Echoed => RefusalKind::Echoed,
                Kind::Malformed => RefusalKind::Malformed,
            },
            message: refused.message.clone(),
        }
    }
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many exchanges stand before it.
    pub(super) exchanges: u64,
}
