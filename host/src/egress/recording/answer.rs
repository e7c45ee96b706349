//! Which recorded exchange answers a request: the first one not yet used that asked the same. Plain comparison of plain data.

use super::{
    Asked, Recording,
    format::Refused,
    loading::{Answered, Then},
    read::Exchange,
};
use crate::egress::{
    refusal::{Fault, Refusal, RefusalKind},
    rule::Rule,
};
use bytes::Bytes;
use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::{Arc, PoisonError},
};
use url::Url;

/// Bytes that are read at once.
const PIECE: u64 = 64 << 10;

/// The body of a recorded reply.
#[derive(Debug)]
pub(in crate::egress) struct Playback {
    bodies: Arc<File>,
    at: u64,
    left: u64,
    then: Option<Fault>,
}

/// The head of a recorded reply, and its body.
#[derive(Debug)]
pub(in crate::egress) struct Played {
    pub(in crate::egress) status: u16,
    pub(in crate::egress) headers: Vec<(String, String)>,
    pub(in crate::egress) body: Playback,
}

impl Recording {
    /// The recorded answer to a request that the rule allows.
    pub(in crate::egress) fn answer(&self, asked: &Asked, rule: &Rule) -> Result<Played, Fault> {
        let place = (asked.method.clone(), asked.url.clone());
        let here = self.places.get(&place).map(Vec::as_slice).unwrap_or_default();
        let same = |index: &&usize| {
            let recorded = self.exchanges.get(**index);
            recorded.is_some_and(|recorded| difference(asked, &recorded.asked, rule).is_none())
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let found = here.iter().filter(same).find(|index| !used.contains(*index));
        let Some((index, exchange)) = found.and_then(|index| Some((index, self.exchanges.get(*index)?)))
        else {
            return Err(Fault::unreachable(self.missing(asked, rule)));
        };
        used.insert(*index);
        match &exchange.answer {
            Answered::Refused(refused) => Err(as_fault(refused)),
            Answered::Reply { status, headers, .. } => Ok(Played {
                status: *status,
                headers: headers.clone(),
                body: Playback {
                    bodies: Arc::clone(&self.bodies),
                    at: exchange.body.0,
                    left: exchange.body.1,
                    then: after(exchange.answer.then()),
                },
            }),
        }
    }

    /// Why a request has no answer, with the nearest one that has. No values of a query: they are shown nowhere.
    fn missing(&self, asked: &Asked, rule: &Rule) -> String {
        let file = self.path.display();
        let nearest = self.exchanges.iter().max_by_key(|exchange| {
            (
                likeness(asked, &exchange.asked, rule),
                std::cmp::Reverse(exchange.line),
            )
        });
        let Some(nearest) = nearest else {
            return format!("the recording {file} holds no exchange");
        };
        let line = nearest.line;
        let what = match difference(asked, &nearest.asked, rule) {
            None => {
                return format!(
                    "the recording {file} answers this request (line {line}), but not so often: the collector asks more than it did"
                );
            }
            Some(what) => what,
        };
        let Exchange { asked: recorded, .. } = nearest;
        let url = recorded.url.split('?').next().unwrap_or_default();
        format!(
            "the recording {file} does not have this request; the nearest one, {} {url} (line {line}), differs in {what}",
            recorded.method
        )
    }
}

impl Playback {
    /// The next piece of the body; none at its end.
    pub(in crate::egress) fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let length = usize::try_from(self.left.min(PIECE)).unwrap_or_default();
        if length == 0 {
            return self.then.take().map_or(Ok(None), Err);
        }
        let mut piece = vec![0; length];
        self.bodies
            .read_exact_at(&mut piece, self.at)
            .map_err(|error| Fault::unreachable(format!("the recording's bodies cannot be read: {error}")))?;
        self.at += length as u64;
        self.left -= length as u64;
        Ok(Some(piece.into()))
    }
}

fn as_fault(refused: &Refused) -> Fault {
    let Refusal { kind, message } = Refusal::from(refused);
    Fault::hidden(kind, message, "as it was recorded")
}

fn after(then: &Then) -> Option<Fault> {
    match then {
        Then::End => None,
        Then::Cut => Some(Fault::hidden(
            RefusalKind::Malformed,
            "the reply's body is cut short",
            "the recording has no more of this body: the recorded collector read no further",
        )),
        Then::Refused(refused) => Some(as_fault(refused)),
    }
}

/// What differs between a request and a recorded one, as far as it matters; none: it is the same.
fn difference(asked: &Asked, recorded: &Asked, rule: &Rule) -> Option<String> {
    let parsed = |text: &str| Url::parse(text).ok();
    if asked.method != recorded.method {
        return Some("its method".to_owned());
    }
    if asked.url != recorded.url {
        let (one, other) = (parsed(&asked.url), parsed(&recorded.url));
        let host = |url: &Option<Url>| url.as_ref().map(|url| url.origin());
        if host(&one) != host(&other) {
            return Some("its host".to_owned());
        }
        let path = |url: &Option<Url>| url.as_ref().map(|url| url.path().to_owned());
        if path(&one) != path(&other) {
            return Some("its path".to_owned());
        }
        let pairs = |url: &Option<Url>| -> Vec<(String, String)> {
            let url = url.as_ref();
            url.map(|url| url.query_pairs().into_owned().collect())
                .unwrap_or_default()
        };
        let (one, other) = (pairs(&one), pairs(&other));
        let only = |these: &[(String, String)], those: &[(String, String)]| -> Vec<String> {
            let left = these.iter().filter(|pair| !those.contains(pair));
            left.map(|(name, _)| format!("`{name}`")).collect()
        };
        let mut names = only(&one, &other);
        names.extend(only(&other, &one));
        names.sort();
        names.dedup();
        return Some(match names.is_empty() {
            true => "the order or the writing of its query".to_owned(),
            false => format!("query parameter {}", names.join(", ")),
        });
    }
    let value = |headers: &[(String, String)], name: &str| {
        let found = headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let named = rule.headers.iter().map(|matcher| matcher.name.as_str());
    for name in named {
        if value(&asked.headers, name) != value(&recorded.headers, name) {
            return Some(format!("header `{name}`"));
        }
    }
    (asked.body != recorded.body).then(|| "its body".to_owned())
}

/// How like two requests are: the more the larger.
fn likeness(asked: &Asked, recorded: &Asked, rule: &Rule) -> (u8, usize) {
    let (Ok(one), Ok(other)) = (Url::parse(&asked.url), Url::parse(&recorded.url)) else {
        return (0, 0);
    };
    let rank = if difference(asked, recorded, rule).is_none() {
        5
    } else if asked.url == recorded.url && asked.method == recorded.method {
        4
    } else if one.origin() == other.origin() && one.path() == other.path() {
        2 + u8::from(asked.method == recorded.method)
    } else {
        u8::from(one.origin() == other.origin())
    };
    let common = asked.url.bytes().zip(recorded.url.bytes());
    (rank, common.take_while(|(one, other)| one == other).count())
}
