//! A line that moves while a run works, on a terminal: where it is, requests, records, money so far, time.
//! What must hold: it writes only where a line may move, what guests wrote is escaped, and whatever else is said on standard
//! error stands above it whole.

use super::terminal;
use crate::{
    foreign::Foreign,
    sandbox::{Counts, RunServices},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinHandle;
use tracing_subscriber::fmt::MakeWriter;

const EVERY: Duration = Duration::from_millis(200);
/// Currencies that fit into a line.
const CURRENCIES: usize = 3;

/// The line that moves now.
static MOVING: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn moving() -> Option<ProgressBar> {
    MOVING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn put(bar: Option<ProgressBar>) {
    *MOVING.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// The line, or nothing where no person looks. It is taken away when this is dropped.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    watched: Mutex<Option<(Arc<RunServices>, JoinHandle<()>)>>,
}

impl Progress {
    /// Starts the line with these words.
    pub(super) fn start(visible: bool, words: &str) -> Self {
        let bar = (visible && terminal::manners().moving).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_message(words.to_owned());
            bar.force_draw();
            bar.enable_steady_tick(EVERY);
            bar
        });
        put(bar.clone());
        Self {
            bar,
            watched: Mutex::default(),
        }
    }

    /// Shows what these services do.
    pub(super) fn watch(&self, services: Arc<RunServices>) {
        let Some(bar) = self.bar.clone() else { return };
        let watched = Arc::clone(&services);
        let task = tokio::spawn(async move {
            loop {
                bar.set_message(told(&watched));
                tokio::time::sleep(EVERY).await;
            }
        });
        if let Ok(mut slot) = self.watched.lock() {
            *slot = Some((services, task));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(bar) = &self.bar else { return };
        let watched = self.watched.lock().ok().and_then(|mut slot| slot.take());
        if let Some((services, task)) = watched {
            task.abort();
            // A short run is seen, too.
            bar.set_message(told(&services));
            bar.force_draw();
        }
        bar.finish_and_clear();
        put(None);
    }
}

fn told(services: &RunServices) -> String {
    line(&services.counts(), services.egress.report().requests)
}

fn line(counts: &Counts, requests: u64) -> String {
    let place = match &counts.at {
        Some((stream, start)) => {
            format!(
                "{} {}",
                Foreign::from(stream.as_str()),
                start.strftime("%Y-%m-%d %H:%M")
            )
        }
        None => "starting".to_owned(),
    };
    let mut line = format!("{place}: {requests} requests, {} records", counts.records);
    for (currency, amount) in counts.money.iter().take(CURRENCIES) {
        line += &format!(", {amount} {}", Foreign::from(currency.as_str()));
    }
    if counts.money.len() > CURRENCIES {
        line.push_str(", …");
    }
    line
}

/// Standard error for logs and complaints: each of them whole, above the line that moves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AboveTheLine;

impl Write for AboveTheLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().lock().write_all(bytes);
        match moving() {
            Some(bar) => bar.suspend(write)?,
            None => write()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveTheLine {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_says_where_a_run_is_and_what_it_found_and_nobody_can_fake_it() {
        let mut counts = Counts {
            records: 7,
            at: Some((
                "cost\u{1b}[2K".to_owned(),
                "2026-08-01T00:00:00Z".parse().unwrap(),
            )),
            ..Counts::default()
        };
        counts.money.insert("EUR".to_owned(), "-1.50".parse().unwrap());
        assert_eq!(
            line(&counts, 3),
            "cost\\u{1b}[2K 2026-08-01 00:00: 3 requests, 7 records, -1.5 EUR"
        );
        assert_eq!(line(&Counts::default(), 0), "starting: 0 requests, 0 records");
    }
}
