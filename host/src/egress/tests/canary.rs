//! That a secret is nowhere to be seen: in no report, log line, refusal and Debug output.

use super::{Egress, Refusal};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// The log lines of this thread, at the finest level of our own code.
pub(super) struct Logs {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Logs {
    /// From now until it is dropped.
    pub(super) fn start() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("info,finops_host=trace"))
            .with_writer(lines.clone())
            .finish();
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Asserts that none of the secrets can be seen, raw, in base64 or percent-encoded.
    #[track_caller]
    pub(super) fn assert_unseen(&self, secrets: &[&str], egress: &Egress, refusals: &[Refusal]) {
        let logged = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        let report = serde_json::to_string(&egress.report()).unwrap();
        let everything = format!("{logged}\n{report}\n{egress:?}\n{egress:#?}\n{refusals:?}");
        for secret in secrets {
            let encoded = STANDARD.encode(secret);
            let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for form in [*secret, encoded.trim_end_matches('='), &percent] {
                assert!(!everything.contains(form), "{form} in {everything}");
            }
        }
    }
}
