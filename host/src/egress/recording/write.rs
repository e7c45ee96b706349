//! Writing a recording: each exchange as it ends, the whole file under another name until the run has ended.
//! What must hold: the file is its user's alone; a run that is killed leaves nothing that looks finished; a recording that
//! fails fails by itself, the run goes on.

use super::{
    Asked, RecordingError, asked,
    format::{About, End, Refused},
    pieces::Pieces,
    seed_of,
};
use crate::egress::{Grant, Refusal, credential::Watch, headers::Headers};
use jiff::Timestamp;
use serde::Serialize;
use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    part: PathBuf,
    directory: PathBuf,
    about: About,
    guests: AtomicU32,
    asked: AtomicU64,
    file: Mutex<Growing>,
}

#[derive(Debug)]
struct Growing {
    file: BufWriter<File>,
    exchanges: u64,
    failed: Option<RecordingError>,
    finished: bool,
}

/// An exchange that is being recorded. Dropped before its answer, it is not written.
pub(in crate::egress) struct Taking {
    recorder: Arc<Recorder>,
    /// The line up to the answer.
    head: Vec<u8>,
    /// The reply's head and body, once it has begun.
    reply: Option<(Vec<u8>, Pieces)>,
}

impl fmt::Debug for Taking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Taking")
    }
}

impl Recorder {
    /// Begins a recording that will have this name. Nothing of that name may be there.
    ///
    /// # Errors
    /// Where it is there, or cannot be written.
    pub fn begin(path: &Path, about: About) -> Result<Arc<Self>, RecordingError> {
        let unusable = |why: String| RecordingError::File {
            path: path.to_owned(),
            why,
        };
        if std::fs::symlink_metadata(path).is_ok() {
            let why = "it exists: a recording replaces nothing; delete it, or give another name";
            return Err(unusable(why.to_owned()));
        }
        let name = path
            .file_name()
            .ok_or_else(|| unusable("this names no file".to_owned()))?;
        let directory = directory_of(path);
        let part = directory.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|cause| unusable(format!("it cannot be written: {cause}")))?;
        let recorder = Self {
            path: path.to_owned(),
            part,
            directory,
            about,
            guests: AtomicU32::new(0),
            asked: AtomicU64::new(0),
            file: Mutex::new(Growing {
                file: BufWriter::new(file),
                exchanges: 0,
                failed: None,
                finished: false,
            }),
        };
        recorder
            .write(|file| line(file, &recorder.about))
            .map_err(|cause| recorder.unwritten(cause))?;
        Ok(Arc::new(recorder))
    }

    /// The time that collectors are told.
    pub(super) fn now(&self) -> Timestamp {
        self.about.now
    }

    /// The seed of the next guest.
    pub(in crate::egress) fn seed(&self) -> [u8; 32] {
        seed_of(&self.about.seed, self.guests.fetch_add(1, Relaxed))
    }

    /// Ends the recording and gives it its name. Gives the number of exchanges.
    ///
    /// # Errors
    /// What went wrong since it began.
    pub fn finish(&self) -> Result<u64, RecordingError> {
        let mut growing = self.growing();
        if let Some(failed) = growing.failed.take() {
            return Err(failed);
        }
        let exchanges = growing.exchanges;
        let end = serde_json::json!({"end": End { exchanges }});
        let written = line(&mut growing.file, &end)
            .and_then(|()| growing.file.flush())
            .and_then(|()| growing.file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.path));
        written.map_err(|cause| self.unwritten(cause))?;
        growing.finished = true;
        Ok(exchanges)
    }

    /// An exchange that begins with this request.
    pub(in crate::egress) fn taking(self: &Arc<Self>, asked: &Asked, body: &[u8]) -> Option<Taking> {
        let number = self.asked.fetch_add(1, Relaxed) + 1;
        match self.head(number, asked, body) {
            Ok(head) => Some(Taking {
                recorder: Arc::clone(self),
                head,
                reply: None,
            }),
            Err(cause) => {
                self.fail(self.unwritten(cause));
                None
            }
        }
    }

    fn head(&self, number: u64, asked: &Asked, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut head = format!("{{\"exchange\":{number},\"request\":{{\"method\":").into_bytes();
        serde_json::to_writer(&mut head, &asked.method)?;
        head.extend_from_slice(b",\"url\":");
        serde_json::to_writer(&mut head, &asked.url)?;
        head.extend_from_slice(b",\"headers\":");
        serde_json::to_writer(&mut head, &asked.headers)?;
        if !body.is_empty() {
            head.extend_from_slice(b",\"body\":");
            let mut pieces = Pieces::new(&self.directory);
            pieces.push(body)?;
            pieces.pour(&mut head)?;
        }
        head.push(b'}');
        Ok(head)
    }

    fn write(&self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
        write(&mut self.growing().file)
    }

    fn exchange(&self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        let mut growing = self.growing();
        if growing.failed.is_some() {
            return;
        }
        match write(&mut growing.file) {
            Ok(()) => growing.exchanges += 1,
            Err(cause) => growing.failed = Some(self.unwritten(cause)),
        }
    }

    fn fail(&self, error: RecordingError) {
        self.growing().failed.get_or_insert(error);
    }

    fn unwritten(&self, cause: io::Error) -> RecordingError {
        RecordingError::Write {
            path: self.path.clone(),
            cause,
        }
    }

    fn growing(&self) -> MutexGuard<'_, Growing> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.growing().finished {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl Taking {
    /// The call ended without a reply.
    pub(in crate::egress) fn refused(mut self, refusal: &Refusal, watch: &Watch) {
        if !self.holds_secret(watch) {
            let head = std::mem::take(&mut self.head);
            self.recorder.exchange(|file| {
                file.write_all(&head)?;
                file.write_all(b",\"refused\":")?;
                serde_json::to_writer(&mut *file, &Refused::from(refusal))?;
                file.write_all(b"}\n")
            });
        }
    }

    /// A reply has begun: what the guest gets of its head.
    pub(in crate::egress) fn replied(
        mut self,
        status: u16,
        headers: &Headers,
        grant: &Grant,
        watch: &Watch,
    ) -> Option<Self> {
        if self.holds_secret(watch) {
            return None;
        }
        let headers = serde_json::to_string(&asked::scrubbed(headers, grant)).ok()?;
        let head = format!(",\"reply\":{{\"status\":{status},\"headers\":{headers},\"body\":");
        self.reply = Some((head.into_bytes(), Pieces::new(&self.recorder.directory)));
        Some(self)
    }

    /// What the guest has read of the body.
    pub(in crate::egress) fn piece(&mut self, bytes: &[u8]) {
        if let Some((_, pieces)) = &mut self.reply
            && let Err(cause) = pieces.push(bytes)
        {
            self.recorder.fail(self.recorder.unwritten(cause));
            self.reply = None;
        }
    }

    /// The guest has read the body to its end.
    pub(in crate::egress) fn ended(mut self) {
        self.close("", None);
    }

    /// The body broke off.
    pub(in crate::egress) fn broke(mut self, refusal: &Refusal) {
        self.close(",\"then\":", serde_json::to_string(&Refused::from(refusal)).ok());
    }

    fn close(&mut self, key: &str, value: Option<String>) {
        let Some((reply, pieces)) = self.reply.take() else {
            return;
        };
        let head = std::mem::take(&mut self.head);
        self.recorder.exchange(|file| {
            file.write_all(&head)?;
            file.write_all(&reply)?;
            pieces.pour(file)?;
            file.write_all(key.as_bytes())?;
            file.write_all(value.unwrap_or_default().as_bytes())?;
            file.write_all(b"}}\n")
        });
    }

    /// What a guest knows it may have from settings: then the recording is given up.
    fn holds_secret(&self, watch: &Watch) -> bool {
        let holds = watch.is_in(&self.head);
        if holds {
            let path = self.recorder.path.clone();
            self.recorder.fail(RecordingError::Secret { path });
        }
        holds
    }
}

impl Drop for Taking {
    /// The guest did not want the rest of the body.
    fn drop(&mut self) {
        self.close(",\"cut\":", Some("true".to_owned()));
    }
}

/// Where a file lies.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn line(file: &mut BufWriter<File>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, value)?;
    file.write_all(b"\n")
}
