//! `run --record` and `run --replay`: which files they touch, what clock and ledger a replay has, how a recording begins and ends.
//! What must hold: a replay never touches a ledger that is there, and nothing of it is sent.

use super::{
    Failed,
    args::{self, Command},
    exit::Exit,
    scratch::ScratchLedger,
    stop::Stop,
};
use crate::{
    clock::{SharedClock, SystemClock},
    config::{Config, ConfigErrors},
    egress::{About, Recorder, Recording, RecordingError, Wire},
    foreign::Foreign,
    hardening::{Network, Right, StateError, make_private},
    ledger::store::FILE_NAME,
    schedule::Prepared,
};
use aws_lc_rs::rand;
use jiff::Timestamp;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The contract that collectors are linked against.
const CONTRACT: &str = "finops:collector@0.1.0";

/// The operator's file of a run. A replay reads no secret, so that none need be there.
pub(super) fn load(run: &args::Run) -> Result<Config, ConfigErrors> {
    match &run.recording.replay {
        Some(_) => Config::load_without_secrets(&run.config),
        None => Config::load(&run.config),
    }
}

/// Which TCP a run speaks.
pub(super) fn network(run: &args::Run) -> Network {
    match &run.recording.replay {
        Some(_) => Network::None,
        None => Network::Outgoing,
    }
}

/// The paths that recordings need. Makes the directory of a replay's ledger.
pub(super) fn paths(command: &Command) -> Result<Vec<(PathBuf, Right)>, StateError> {
    let Command::Run(run) = command else {
        return Ok(Vec::new());
    };
    let args::Recording { record, replay, into } = &run.recording;
    let mut paths = Vec::new();
    if let Some(into) = into {
        if let Some(warning) = make_private(into)? {
            tracing::warn!("{warning}");
        }
        paths.push((into.clone(), Right::Write));
    }
    // It is written under another name, and renamed.
    paths.extend(record.as_deref().map(|file| (beside(file), Right::Write)));
    paths.extend(replay.clone().map(|file| (file, Right::Read)));
    Ok(paths)
}

fn beside(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Reads the recording of a replay; what it asked for by hand is asked for again.
pub(super) fn open(
    run: &mut args::Run,
    config: &Config,
    state: &Path,
) -> Result<Option<Arc<Recording>>, Failed> {
    let Some(file) = &run.recording.replay else {
        return Ok(None);
    };
    let recording = Recording::read(file, state, &config.limits)?;
    let about = recording.about();
    if run.since.is_none() {
        (run.since, run.until) = (about.since, about.until);
    }
    // Nothing is sent, and what would be is shown.
    run.dry_run = true;
    tracing::info!(
        "replaying {}: no network, no credential; the clock starts at {}",
        file.display(),
        about.now
    );
    Ok(Some(recording))
}

/// The clock of a replay.
pub(super) fn clock(recording: &Recording) -> SharedClock {
    Arc::new(SystemClock::starting_at(recording.about().now))
}

/// The ledger of a replay: an empty one that is thrown away, or a new one that stays.
pub(super) fn ledger(run: &args::Run, state: &Path) -> Result<(PathBuf, Option<ScratchLedger>), Failed> {
    let Some(into) = &run.recording.into else {
        let scratch = ScratchLedger::empty(state, "replay")?;
        return Ok((scratch.path().to_owned(), Some(scratch)));
    };
    if into.join(FILE_NAME).exists() {
        return Err(Failed::config(format!(
            "{} holds a ledger, and a replay adds to none: delete it, or name an empty directory",
            into.display()
        )));
    }
    Ok((into.clone(), None))
}

/// Sets what stands between the run and its providers; begins a recording where one is asked for.
pub(super) fn connect(
    run: &args::Run,
    prepared: &mut Prepared,
    replay: Option<Arc<Recording>>,
    clock: &SharedClock,
) -> Result<(), Failed> {
    prepared.wire = match (replay, &run.recording.record) {
        (Some(recording), _) => {
            warn_of_others(&recording, prepared);
            Wire::Replayed(recording)
        }
        (None, Some(file)) => Wire::Recorded(begin(run, file, prepared, clock.now())?),
        (None, None) => Wire::Live,
    };
    Ok(())
}

fn begin(run: &args::Run, file: &Path, prepared: &Prepared, now: Timestamp) -> Result<Arc<Recorder>, Failed> {
    if let Some(spec) = prepared.grant.credentials.iter().find(|spec| spec.reveal) {
        return Err(Failed::config(format!(
            "{}:{}: the collector is shown the secret of `{}`, so that a recording could hold it: record without `reveal`",
            run.config.display(),
            spec.line,
            Foreign::from(spec.name.as_str())
        )));
    }
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Failed::bug("there is no randomness".to_owned()))?;
    let seed = bytes.iter().fold(String::new(), |mut seed, byte| {
        let _ = write!(seed, "{byte:02x}");
        seed
    });
    let descriptor = &prepared.descriptor;
    let collector = (
        descriptor.name.as_str(),
        descriptor.version.as_str(),
        prepared.sha256.as_str(),
    );
    let about = About::new(
        collector,
        CONTRACT,
        Timestamp::now(),
        now,
        seed,
        (run.since, run.until),
    );
    Ok(Recorder::begin(file, about)?)
}

/// A replay of another collector, or of another version, is no mistake, but worth knowing.
fn warn_of_others(recording: &Recording, prepared: &Prepared) {
    let (recorded, running) = (&recording.about().collector, &prepared.descriptor.name);
    if recorded.name != *running {
        tracing::warn!(
            "this is a recording of collector `{}`, not of `{}`",
            Foreign::from(recorded.name.as_str()),
            Foreign::from(running.as_str())
        );
    } else if recorded
        .sha256
        .as_ref()
        .is_some_and(|sha256| *sha256 != prepared.sha256)
    {
        tracing::info!("the recording was made with another build of this collector");
    }
}

/// Ends a recording after its run; of a run that was stopped there is none.
pub(super) async fn end(run: &args::Run, wire: &Wire, stop: &Stop) -> Result<(), Failed> {
    let (Wire::Recorded(recorder), Some(file)) = (wire, &run.recording.record) else {
        return Ok(());
    };
    let stopped = tokio::select! {
        biased;
        () = stop.wait() => true,
        () = std::future::ready(()) => false,
    };
    if stopped {
        tracing::warn!("the run was stopped, so there is no recording of it");
        return Ok(());
    }
    let exchanges = recorder.finish()?;
    let text = format!(
        "recorded {exchanges} exchanges in {}; it holds what the provider answered, so look before you share it",
        file.display()
    );
    match run.json {
        true => tracing::info!("{text}"),
        false => super::print(&text),
    }
    Ok(())
}

impl From<RecordingError> for Failed {
    fn from(error: RecordingError) -> Self {
        let exit = match &error {
            RecordingError::File { .. } | RecordingError::Secret { .. } => Exit::Config,
            // The data is bad, whoever wrote it.
            RecordingError::Line { .. } => Exit::Collector,
            RecordingError::Write { .. } => Exit::Storage,
        };
        Self::new(exit, error.to_string())
    }
}
