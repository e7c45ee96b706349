//! Looking a batch up in `/recent`: what a reply proves about it. Pure.
//!
//! What must hold: `Absent` only where the batch would certainly stand in the reply, had it been stored: the reply was read
//! whole, its window reaches back behind the batch by the destination's own clock, and the 1,000 rows did not cut it off.

use super::{
    outcome::{Extent, Reply},
    reply_text::describe,
    retry_after::http_date,
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Number;

/// Rows that `/recent` gives at most.
const ROWS: usize = 1_000;

/// What a reply proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The batch is stored.
    Found,
    /// It certainly is not stored now.
    Absent,
    /// The reply proves nothing.
    Unknown(String),
    /// The window was too short by the destination's clock: ask for so many hours.
    Widen(u64),
    /// A 2xx that is no reply of OpenFinOps.
    Unexpected(String),
}

impl Look {
    /// In a word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Unknown(_) => "unknown",
            Self::Widen(_) => "widen",
            Self::Unexpected(_) => "unexpected",
        }
    }
}

/// Hours to ask for so that the window surely covers a batch of that time, by a clock that shows `now`.
#[must_use]
pub fn hours(sealed_at: Timestamp, now: Timestamp) -> u64 {
    let age = u64::try_from(now.duration_since(sealed_at).as_secs()).unwrap_or(0);
    age / 3_600 + 2
}

/// Judges a 2xx reply to `/recent?hours=N` about the batch `uid`.
#[must_use]
pub fn judge(reply: &Reply, uid: &str, sealed_at: Timestamp, asked_hours: u64) -> Look {
    if let Extent::Lost(why) = &reply.extent {
        return Look::Unknown(format!("the list of recent batches was not read whole: {why}"));
    }
    if reply.extent == Extent::Cut {
        return match contains(&reply.body, uid) {
            true => Look::Found,
            false => Look::Unknown("the list of recent batches is too long to be read whole".to_owned()),
        };
    }
    let Ok(recent) = serde_json::from_slice::<Recent>(&reply.body) else {
        let what = describe(reply);
        return Look::Unexpected(format!("{what}, where the list of recent batches was expected"));
    };
    if recent.telemetry.iter().any(|row| row.batch_id() == Some(uid)) {
        return Look::Found;
    }
    if recent.count.to_string() != recent.telemetry.len().to_string() {
        return Look::Unknown("the list of recent batches does not have as many rows as it says".to_owned());
    }
    if let Some(date) = reply.date.as_deref().and_then(http_date) {
        let needed = hours(sealed_at, date);
        if needed > asked_hours {
            return Look::Widen(needed);
        }
    }
    let sealed = Decimal::from(sealed_at.as_second());
    let reaches_back = || {
        recent
            .telemetry
            .iter()
            .filter_map(Row::time)
            .any(|time| time < sealed)
    };
    if recent.telemetry.len() < ROWS || reaches_back() {
        Look::Absent
    } else {
        Look::Unknown(format!(
            "the {ROWS} newest batches at the destination are all newer than this one"
        ))
    }
}

/// Whether a batch id stands in a body that was cut. Ids are 32 random hex digits: nothing else holds one.
fn contains(body: &[u8], uid: &str) -> bool {
    !uid.is_empty() && body.windows(uid.len()).any(|window| window == uid.as_bytes())
}

#[derive(Deserialize)]
struct Recent {
    telemetry: Vec<Row>,
    count: Number,
}

/// A stored row: of ours, or of any other agent, in any shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Ours { timestamp: Number, metrics: Metrics },
    Timed { timestamp: Number },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Metrics {
    batch_id: String,
}

impl Row {
    fn batch_id(&self) -> Option<&str> {
        match self {
            Self::Ours { metrics, .. } => Some(&metrics.batch_id),
            _ => None,
        }
    }

    fn time(&self) -> Option<Decimal> {
        match self {
            Self::Ours { timestamp, .. } | Self::Timed { timestamp } => timestamp.to_string().parse().ok(),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    const UID: &str = "0123456789abcdef0123456789abcdef";

    fn sealed_at() -> Timestamp {
        Timestamp::from_second(1_000_000).unwrap()
    }

    fn row(timestamp: i64, uid: &str) -> Value {
        json!({"timestamp": timestamp, "agent_id": "a", "metrics": {"batch_id": uid, "x": [1.5, {}]}, "events": []})
    }

    fn reply(rows: &[Value], count: usize) -> Reply {
        Reply {
            status: 200,
            body: json!({"telemetry": rows, "count": count, "hours": 3})
                .to_string()
                .into_bytes(),
            ..Reply::default()
        }
    }

    fn look(reply: &Reply) -> Look {
        judge(reply, UID, sealed_at(), 3)
    }

    #[test]
    fn a_stored_batch_is_found_among_rows_of_any_shape() {
        let rows = [
            json!(null),
            json!({"timestamp": "yesterday", "metrics": "none"}),
            json!({"timestamp": 1.5e6, "metrics": [1]}),
            row(1_000_000, UID),
        ];
        assert_eq!(look(&reply(&rows, 4)), Look::Found);
    }

    #[test]
    fn a_short_whole_list_without_it_proves_absence() {
        assert_eq!(look(&reply(&[], 0)), Look::Absent);
        assert_eq!(
            look(&reply(&[row(2_000_000, "other"), json!(7)], 2)),
            Look::Absent
        );
    }

    #[test]
    fn a_full_list_proves_absence_only_if_it_reaches_back() {
        let newer: Vec<Value> = (0..1_000).map(|n| row(2_000_000 - n, "other")).collect();
        assert!(matches!(look(&reply(&newer, 1_000)), Look::Unknown(_)));
        let mut same = newer.clone();
        *same.last_mut().unwrap() = row(1_000_000, "other");
        assert!(
            matches!(look(&reply(&same, 1_000)), Look::Unknown(_)),
            "an equal time proves nothing"
        );
        let mut older = newer;
        *older.last_mut().unwrap() = json!({"timestamp": 999_999.5, "metrics": {}});
        assert_eq!(look(&reply(&older, 1_000)), Look::Absent);
    }

    #[test]
    fn what_was_not_read_whole_proves_no_absence() {
        let lost = Reply {
            extent: Extent::Lost("reset".to_owned()),
            ..reply(&[], 0)
        };
        assert!(matches!(look(&lost), Look::Unknown(_)));
        let cut = Reply {
            extent: Extent::Cut,
            ..reply(&[], 0)
        };
        assert!(matches!(look(&cut), Look::Unknown(_)));
        let cut_after = Reply {
            extent: Extent::Cut,
            ..reply(&[row(1_000_000, UID)], 1)
        };
        assert_eq!(look(&cut_after), Look::Found);
        assert!(
            matches!(look(&reply(&[], 5)), Look::Unknown(_)),
            "rows are missing"
        );
    }

    #[test]
    fn another_kind_of_answer_is_reported() {
        for body in [
            "<html>login</html>",
            "{}",
            "[]",
            r#"{"telemetry":{},"count":0}"#,
            "",
        ] {
            let reply = Reply {
                status: 200,
                body: body.as_bytes().to_vec(),
                ..Reply::default()
            };
            assert!(matches!(look(&reply), Look::Unexpected(_)), "{body}");
        }
    }

    #[test]
    fn a_destination_whose_clock_is_ahead_is_asked_for_more_hours() {
        // 1_000_000 s is 1970-01-12T13:46:40Z; the destination believes that it is five hours later.
        let ahead = Reply {
            date: Some("Mon, 12 Jan 1970 18:46:40 GMT".to_owned()),
            ..reply(&[], 0)
        };
        assert_eq!(look(&ahead), Look::Widen(7));
        assert_eq!(judge(&ahead, UID, sealed_at(), 7), Look::Absent);
    }

    #[test]
    fn the_window_covers_the_time_since_sealing() {
        let later = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(hours(sealed_at(), sealed_at()), 2);
        assert_eq!(hours(sealed_at(), later(3_600)), 3);
        assert_eq!(hours(sealed_at(), later(-50)), 2);
    }
}
