//! What asks for another look at the files: SIGHUP, and a change in one of their directories.
//! What must hold: a burst of changes is one look; a change during a look is another look after it.

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// How long files must have been left alone: an editor and a Kubernetes volume each change several things at once.
const QUIET: Duration = Duration::from_millis(500);

/// Who asks for another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// A person, by SIGHUP: what failed is to be tried again, too.
    Person,
    /// A file that changed.
    File,
}

/// A watch over directories; it ends with this value.
pub(super) struct Watch {
    asked: Arc<Notify>,
    by_person: Arc<AtomicBool>,
    watcher: Option<RecommendedWatcher>,
    watched: Vec<PathBuf>,
}

impl Watch {
    /// Listens for SIGHUP, and watches directories where the system can.
    ///
    /// # Errors
    /// Where signals cannot be listened for.
    pub(super) fn start() -> std::io::Result<Self> {
        let asked = Arc::new(Notify::new());
        let mut hangup = signal(SignalKind::hangup())?;
        let by_person = Arc::new(AtomicBool::new(false));
        let (on_signal, person) = (Arc::clone(&asked), Arc::clone(&by_person));
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!("asked to read the files again");
                person.store(true, Ordering::Relaxed);
                on_signal.notify_one();
            }
        });
        let on_change = Arc::clone(&asked);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| concerns_us(&event)) {
                on_change.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!("changed files are seen on SIGHUP only: {error}"))
            .ok();
        Ok(Self {
            asked,
            by_person,
            watcher,
            watched: Vec::new(),
        })
    }

    /// Watches these directories, those of before included.
    pub(super) fn over(&mut self, directories: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in directories {
            if self.watched.contains(&directory) {
                continue;
            }
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched.push(directory),
                Err(error) => tracing::warn!(
                    "changes in {} are seen on SIGHUP only: {error}",
                    directory.display()
                ),
            }
        }
    }

    /// Waits until another look is asked for, and until things are quiet again.
    pub(super) async fn asked(&self) -> Asker {
        self.asked.notified().await;
        while tokio::time::timeout(QUIET, self.asked.notified()).await.is_ok() {}
        match self.by_person.swap(false, Ordering::Relaxed) {
            true => Asker::Person,
            false => Asker::File,
        }
    }
}

/// Whether an event may have changed a file that is read: what only read one, as we do, has not, and other programs' files may
/// lie beside.
fn concerns_us(event: &Event) -> bool {
    let changed = match event.kind {
        EventKind::Access(kind) => matches!(kind, AccessKind::Close(AccessMode::Write)),
        _ => true,
    };
    changed && (event.paths.is_empty() || event.paths.iter().any(|path| is_ours(path)))
}

fn is_ours(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    // Kubernetes swaps a link of that name to change all files of a volume at once.
    matches!(extension, Some("toml" | "wasm")) || path.ends_with("..data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, RemoveKind};

    #[test]
    fn reading_a_file_and_files_of_others_call_for_no_look_and_a_swapped_link_does() {
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        assert!(concerns_us(&event(
            EventKind::Create(CreateKind::File),
            "/etc/f/a.toml"
        )));
        assert!(concerns_us(&event(
            EventKind::Remove(RemoveKind::File),
            "/opt/c.wasm"
        )));
        assert!(concerns_us(&event(
            EventKind::Create(CreateKind::Any),
            "/etc/f/..data"
        )));
        let closed = |mode| EventKind::Access(AccessKind::Close(mode));
        assert!(concerns_us(&event(closed(AccessMode::Write), "/etc/f/a.toml")));
        assert!(!concerns_us(&event(closed(AccessMode::Read), "/etc/f/a.toml")));
        assert!(!concerns_us(&event(
            EventKind::Create(CreateKind::File),
            "/etc/f/ledger.db-wal"
        )));
    }
}
