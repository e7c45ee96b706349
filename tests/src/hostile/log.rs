//! All that the host logs in this process, at the finest level, as an operator's log would hold it.
//! What must hold: captured from the first stage on, over all tests of the process; a test looks for what is its own.

use crate::Error;
use finops_host::cli::logging;
use std::{
    io,
    sync::{Mutex, OnceLock, PoisonError},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

/// The captured log of this process.
#[derive(Debug, Default)]
pub struct Log(Mutex<Vec<u8>>);

/// Begins to capture, once.
///
/// # Errors
/// Where something else logs in this process already.
pub fn capture() -> Result<&'static Log, Error> {
    static LOG: OnceLock<Result<&'static Log, String>> = OnceLock::new();
    LOG.get_or_init(|| start().map_err(|error| error.to_string()))
        .clone()
        .map_err(Into::into)
}

fn start() -> Result<&'static Log, Error> {
    let log: &'static Log = Box::leak(Box::default());
    let output = tracing_subscriber::fmt::layer().with_writer(log);
    tracing_subscriber::registry()
        .with(
            output
                .json()
                .flatten_event(true)
                .with_filter(logging::filter("trace")?),
        )
        .try_init()?;
    Ok(log)
}

impl Log {
    /// Its text so far.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The lines that hold these words.
    pub fn lines_with(&self, words: &str) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains(words))
            .map(str::to_owned)
            .collect()
    }
}

impl<'a> MakeWriter<'a> for &'static Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self
    }
}

impl io::Write for &'static Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
