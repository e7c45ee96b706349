//! The operator's settings, as the descriptor describes them.

use finops_collector::{Failure, Request};
use serde::Deserialize;
use std::time::Duration;

/// What the operator set.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Whose costs.
    pub(crate) organization: String,
    /// How much one call asks for.
    #[serde(default)]
    pub(crate) windows: Windows,
    #[serde(default = "seconds")]
    pause: u16,
}

/// How much one call asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Windows {
    /// A calendar month.
    #[default]
    Month,
    /// A day.
    Day,
}

fn seconds() -> u16 {
    5
}

impl Settings {
    /// The settings of a request.
    ///
    /// # Errors
    /// `settings`.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let settings: Self = request.settings()?;
        let id = &settings.organization;
        if !(1..=64).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::settings(
                "[settings] organization: give the id of the organization (Confluent Cloud console, Organization settings)",
            ));
        }
        Ok(settings)
    }

    /// How long is waited between two calls.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_secs(self.pause.into())
    }
}
