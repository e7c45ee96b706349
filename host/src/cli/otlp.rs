//! Traces and metrics by OTLP, as far as the command line is concerned: which commands tell, from before the log begins to
//! after the command's end. A build without the feature `otlp` says that it has none where the environment asks for it.

use super::{args::Command, logging::Onlooker};
use crate::observe::Health;

/// Whether a command tells what it does. A replay makes nothing leave.
fn tells(command: &Command) -> bool {
    match command {
        Command::Run(run) => run.recording.replay.is_none(),
        Command::Serve(_) => true,
        _ => false,
    }
}

/// What tells, if anything does.
#[derive(Default)]
pub(super) struct Otlp {
    #[cfg(feature = "otlp")]
    outlet: Option<crate::observe::Outlet>,
}

#[cfg(feature = "otlp")]
impl Otlp {
    /// What the environment asks for, and what takes spans.
    ///
    /// # Errors
    /// Which variable is wrong.
    pub(super) fn asked(command: &Command) -> Result<(Self, Option<Onlooker>), String> {
        if !tells(command) {
            return Ok((Self::default(), None));
        }
        let asked = crate::observe::Outlet::asked(&|name| std::env::var_os(name));
        Ok(match asked.map_err(|error| error.to_string())? {
            Some((outlet, layer)) => (Self { outlet: Some(outlet) }, layer),
            None => (Self::default(), None),
        })
    }

    /// Begins to send. On the runtime.
    pub(super) fn start(&mut self, _: &Command) {
        if let Some(outlet) = &mut self.outlet {
            outlet.start();
        }
    }

    /// Begins to send metrics, too.
    pub(super) fn count(&mut self, health: &Health) {
        if let Some(outlet) = &mut self.outlet {
            outlet.count(health);
        }
    }

    /// Sends what is left.
    pub(super) async fn end(self) {
        if let Some(outlet) = self.outlet {
            outlet.end().await;
        }
    }
}

#[cfg(not(feature = "otlp"))]
#[allow(clippy::unnecessary_wraps, clippy::unused_async)]
impl Otlp {
    /// Nothing.
    pub(super) fn asked(_: &Command) -> Result<(Self, Option<Onlooker>), String> {
        Ok((Self::default(), None))
    }

    /// Says that nothing is sent, where that is asked for.
    pub(super) fn start(&mut self, command: &Command) {
        const ENDPOINTS: [&str; 3] = [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        ];
        let set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(name) = ENDPOINTS.iter().find(set).filter(|_| tells(command)) {
            tracing::warn!(
                "{name} is set, but this build has no OTLP; build finops-host with `--features otlp`, or unset it"
            );
        }
    }

    /// Nothing.
    pub(super) fn count(&mut self, _: &Health) {}

    /// Nothing.
    pub(super) async fn end(self) {}
}
