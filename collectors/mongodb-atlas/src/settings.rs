//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request};
use serde::Deserialize;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The organization that is billed.
    pub(crate) organization: String,
    /// Whether its clusters are observed.
    #[serde(default = "yes")]
    pub(crate) clusters: bool,
    /// Where the Admin API is.
    #[serde(default = "commercial")]
    pub(crate) host: String,
}

fn yes() -> bool {
    true
}

fn commercial() -> String {
    "cloud.mongodb.com".to_owned()
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        match is_id(&settings.organization) {
            true => Ok(settings),
            false => Err(Failure::settings(
                "[settings] organization: give the organization's id, 24 hexadecimal digits in lower case (Organization Settings)",
            )),
        }
    }
}

/// Whether it is an id of Atlas, and so can stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
