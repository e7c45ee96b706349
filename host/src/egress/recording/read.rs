//! Reading a recording whole before it is used: every line is checked, heads stay in memory, bodies go into a file without name.
//! What must hold: whatever the file says, a wrong line is an error that names it, and memory and disk have their limits.

use super::{
    Asked, RecordingError,
    format::{About, VERSION, Versioned},
    lines::{Line, Lines},
    loading::{Answered, LineSeed, Said, Then},
    seed_of,
    spool::nameless,
};
use crate::{
    egress::rule::Method,
    foreign::Foreign,
    sandbox::limits::{self, Limits},
};
use reqwest::header::{HeaderName, HeaderValue};
use serde::de::DeserializeSeed;
use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{BufReader, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Most bytes of all heads together: they stay in memory.
const HEADS: usize = 256 << 20;

/// A recording, ready to answer.
#[derive(Debug)]
pub struct Recording {
    about: About,
    guests: AtomicU32,
    pub(super) path: PathBuf,
    pub(super) exchanges: Vec<Exchange>,
    /// The exchanges of a method and URL, in the order in which they were asked.
    pub(super) places: HashMap<(String, String), Vec<usize>>,
    /// Which of them have answered.
    pub(super) used: Mutex<BTreeSet<usize>>,
    pub(super) bodies: Arc<File>,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) line: usize,
    number: u64,
    pub(super) asked: Asked,
    pub(super) answer: Answered,
    /// Where its body begins among all bodies, and its length.
    pub(super) body: (u64, u64),
}

/// A recording that is being read.
struct Loading<'a> {
    path: &'a Path,
    limits: &'a Limits,
    bodies: File,
    /// Bytes of all bodies so far.
    kept: u64,
    heads: usize,
    exchanges: Vec<Exchange>,
}

impl Recording {
    /// Reads a recording. Bodies are kept in a file without a name in `directory`, within what `limits` lets a run receive.
    ///
    /// # Errors
    /// Where it cannot be read, is no recording of this version, or a line of it is wrong.
    pub fn read(path: &Path, directory: &Path, limits: &Limits) -> Result<Arc<Self>, RecordingError> {
        let unusable = |why: String| RecordingError::File {
            path: path.to_owned(),
            why,
        };
        let file = File::open(path).map_err(|cause| unusable(format!("it cannot be read: {cause}")))?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(unusable("this is no regular file".to_owned()));
        }
        let bodies = nameless(directory).map_err(|cause| {
            unusable(format!(
                "no file for its bodies in {}: {cause}",
                directory.display()
            ))
        })?;
        let mut loading = Loading {
            path,
            limits,
            bodies,
            kept: 0,
            heads: 0,
            exchanges: Vec::new(),
        };
        let mut lines = Lines::of(BufReader::new(file));
        let about = loading.header(&mut lines)?;
        loading.exchanges(&mut lines)?;
        let Loading {
            bodies,
            mut exchanges,
            ..
        } = loading;
        exchanges.sort_by_key(|exchange| exchange.number);
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, exchange) in exchanges.iter().enumerate() {
            let asked = &exchange.asked;
            let place = (asked.method.clone(), asked.url.clone());
            places.entry(place).or_default().push(index);
        }
        Ok(Arc::new(Self {
            about,
            guests: AtomicU32::new(0),
            path: path.to_owned(),
            exchanges,
            places,
            used: Mutex::default(),
            bodies: Arc::new(bodies),
        }))
    }

    /// What was recorded, and when.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The seed of the next guest.
    pub(in crate::egress) fn seed(&self) -> [u8; 32] {
        seed_of(&self.about.seed, self.guests.fetch_add(1, Relaxed))
    }
}

impl Loading<'_> {
    fn wrong(&self, line: usize, why: impl Into<String>) -> RecordingError {
        RecordingError::Line {
            path: self.path.to_owned(),
            line,
            why: Foreign::from(why.into()),
        }
    }

    /// The first line.
    fn header(&self, lines: &mut Lines<BufReader<File>>) -> Result<About, RecordingError> {
        let allowance = Cell::new(0);
        let no_recording = "the first line says nothing of a recording of finops-host";
        let mut text = String::new();
        let read = lines.next(&allowance).and_then(|line| match line {
            Some(mut line) => line.read_to_string(&mut text).map(drop),
            None => Ok(()),
        });
        read.map_err(|error| self.wrong(1, format!("{no_recording}: {error}")))?;
        let versioned: Versioned =
            serde_json::from_str(&text).map_err(|error| self.wrong(1, format!("{no_recording}: {error}")))?;
        if versioned.version != VERSION {
            let why = format!(
                "this is a recording of version {}, and this finops-host reads version {VERSION}: record it anew",
                versioned.version
            );
            return Err(RecordingError::File {
                path: self.path.to_owned(),
                why,
            });
        }
        serde_json::from_str(&text).map_err(|error| self.wrong(1, because(&error)))
    }

    /// All other lines.
    fn exchanges(&mut self, lines: &mut Lines<BufReader<File>>) -> Result<(), RecordingError> {
        let allowance = Cell::new(0);
        let mut numbers = BTreeSet::new();
        loop {
            let number = lines.number + 1;
            let next = lines.next(&allowance);
            let Some(line) = next.map_err(|error| self.wrong(number, error.to_string()))? else {
                let why = "the recording is cut: its last line, which counts the exchanges, is missing";
                return Err(self.wrong(number, why));
            };
            let start = self.kept;
            let said = self
                .line(line, &allowance)
                .map_err(|why| self.wrong(number, why))?;
            match said {
                Said::End(exchanges) => {
                    let found = self.exchanges.len();
                    if u64::try_from(found).ok() != Some(exchanges) {
                        let why = format!(
                            "the recording is cut: {exchanges} exchanges are counted, {found} are there"
                        );
                        return Err(self.wrong(number, why));
                    }
                    return match lines.next(&allowance) {
                        Ok(None) => Ok(()),
                        _ => Err(self.wrong(number + 1, "something stands after the recording's end")),
                    };
                }
                Said::Exchange {
                    number: exchange,
                    asked,
                    answer,
                } => {
                    if !numbers.insert(exchange) {
                        return Err(self.wrong(number, format!("there are two exchanges {exchange}")));
                    }
                    self.judge(&asked, &answer)
                        .map_err(|why| self.wrong(number, why))?;
                    self.exchanges.push(Exchange {
                        line: number,
                        number: exchange,
                        asked,
                        answer,
                        body: (start, self.kept - start),
                    });
                }
            }
        }
    }

    fn line(&mut self, line: Line<'_, BufReader<File>>, allowance: &Cell<usize>) -> Result<Said, String> {
        let (bodies, kept, most) = (&mut self.bodies, &mut self.kept, self.limits.received);
        let mut keep = |bytes: &[u8]| {
            *kept = kept.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if *kept > most {
                return Err(format!(
                    "all bodies together are larger than `[limits] received`, {most} bytes"
                ));
            }
            bodies.write_all(bytes).map_err(|error| error.to_string())
        };
        let mut reader = serde_json::Deserializer::from_reader(line);
        let seed = LineSeed {
            allowance,
            keep: &mut keep,
        };
        let said = seed.deserialize(&mut reader).map_err(|error| because(&error))?;
        reader.end().map_err(|error| because(&error))?;
        Ok(said)
    }

    /// Whether the exchange is one that can have been.
    fn judge(&mut self, asked: &Asked, answer: &Answered) -> Result<(), String> {
        let size = |headers: &[(String, String)]| -> usize {
            headers.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        let fit = |headers: &[(String, String)]| {
            if headers.len() > limits::HEADERS || size(headers) > limits::HEADER_BYTES {
                return Err(format!(
                    "more than {} headers, or more than {} bytes of them",
                    limits::HEADERS,
                    limits::HEADER_BYTES
                ));
            }
            let wrong = headers.iter().find(|(name, value)| {
                HeaderName::from_lowercase(name.as_bytes()).is_err()
                    || HeaderValue::from_str(value).is_err()
                    || !value.is_ascii()
            });
            match wrong {
                Some((name, _)) => Err(format!(
                    "`{name}` is no header name in lower case, or its value no header value"
                )),
                None => Ok(()),
            }
        };
        asked
            .method
            .parse::<Method>()
            .map_err(|_| format!("`{}` is no method", asked.method))?;
        if asked.url.len() > limits::URL * 2 || url::Url::parse(&asked.url).is_err() {
            return Err("the request's URL is none, or too long".to_owned());
        }
        fit(&asked.headers)?;
        self.heads += asked.url.len() + size(&asked.headers) + size_of::<Exchange>();
        if let Answered::Reply { status, headers, .. } = answer {
            if !(100..=599).contains(status) {
                return Err(format!("{status} is no status of a reply"));
            }
            fit(headers)?;
            self.heads += size(headers);
        }
        match self.heads > HEADS {
            true => Err(format!(
                "all URLs and headers together are larger than {} MiB",
                HEADS >> 20
            )),
            false => Ok(()),
        }
    }
}

impl Answered {
    /// What comes after the body.
    pub(super) fn then(&self) -> &Then {
        match self {
            Self::Reply { then, .. } => then,
            Self::Refused(_) => &Then::End,
        }
    }
}

/// What serde says, without the line that it counts by itself.
fn because(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the line is cut short".to_owned();
    }
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} (column {})", error.column()),
        None => text,
    }
}
