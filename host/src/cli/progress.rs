//! A line that moves while a run works, on a terminal: stream, partition, requests, records.

use crate::sandbox::RunServices;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(200);

/// The line, or nothing where no person looks.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Progress {
    /// Starts the line.
    pub(super) fn start(visible: bool) -> Self {
        let bar = visible.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(EVERY);
            bar
        });
        Self {
            bar,
            task: std::sync::Mutex::default(),
        }
    }

    /// Shows what these services do.
    pub(super) fn watch(&self, services: Arc<RunServices>) {
        let Some(bar) = self.bar.clone() else { return };
        let task = tokio::spawn(async move {
            loop {
                let counts = services.counts();
                let place = counts
                    .at
                    .map(|(stream, start)| format!("{stream} {}", start.strftime("%Y-%m-%d %H:%M")))
                    .unwrap_or_else(|| "starting".to_owned());
                let requests = services.egress.report().requests;
                bar.set_message(format!(
                    "{place}: {requests} requests, {} records",
                    counts.records
                ));
                tokio::time::sleep(EVERY).await;
            }
        });
        if let Ok(mut slot) = self.task.lock() {
            *slot = Some(task);
        }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        if let Ok(mut slot) = self.task.lock() {
            if let Some(task) = slot.take() {
                task.abort();
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
