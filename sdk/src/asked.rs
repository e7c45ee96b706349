//! Public prices that were asked for today, kept in a stream's checkpoint: they change rarely, and lists of them are long.

use crate::{Failure, Instant, Source, StreamRequest, period::day_of};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// A checkpoint may be 64 KiB; what is larger is asked for again.
const LARGEST: usize = 60 << 10;

/// The prices of a day (UTC) by a key of the collector's own; where there is none, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked<P> {
    day: String,
    prices: BTreeMap<String, Result<P, String>>,
}

impl<P: Serialize + DeserializeOwned> Asked<P> {
    /// What is known of today; nothing, where the checkpoint is another day's.
    #[must_use]
    pub fn today(stream: &StreamRequest, source: &Source, now: Instant) -> Self {
        let day = day_of(now).to_string();
        let kept = stream
            .checkpoint(source)
            .and_then(|value| serde_json::from_slice::<Self>(value).ok());
        kept.filter(|kept| kept.day == day).unwrap_or(Self {
            day,
            prices: BTreeMap::new(),
        })
    }

    /// The price of that key, or why it has none; none where it was not asked for.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Result<&P, &str>> {
        let known = self.prices.get(key)?;
        Some(known.as_ref().map_err(String::as_str))
    }

    /// Remembers a price, or that there is none.
    pub fn insert(&mut self, key: String, price: Result<P, String>) {
        self.prices.insert(key, price);
    }

    /// The stream's new checkpoint; empty where there is too much to keep.
    ///
    /// # Errors
    /// `internal`, where it cannot be written as JSON.
    pub fn checkpoint(&self) -> Result<Vec<u8>, Failure> {
        let value = serde_json::to_vec(self).map_err(Failure::internal)?;
        Ok(if value.len() > LARGEST { Vec::new() } else { value })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Checkpoint, Decimal, period::DAY};

    #[test]
    fn prices_are_kept_for_their_day_with_those_that_are_not_there() {
        let source = Source::new("p", "a", "");
        let mut asked: Asked<Decimal> = Asked::today(&StreamRequest::default(), &source, 5);
        assert_eq!(asked.get("x"), None);
        asked.insert("x".to_owned(), Ok("0.1".parse().unwrap()));
        asked.insert("y".to_owned(), Err("none".to_owned()));
        let stream = StreamRequest {
            checkpoints: vec![Checkpoint {
                source: source.clone(),
                value: asked.checkpoint().unwrap(),
            }],
            ..StreamRequest::default()
        };
        let later: Asked<Decimal> = Asked::today(&stream, &source, DAY - 1);
        assert_eq!(later, asked);
        assert_eq!(later.get("y"), Some(Err("none")));
        let next: Asked<Decimal> = Asked::today(&stream, &source, DAY);
        assert_eq!(next.get("x"), None);
    }

    #[test]
    fn more_than_a_checkpoint_holds_is_not_kept() {
        let mut asked: Asked<String> = Asked::today(&StreamRequest::default(), &Source::new("p", "a", ""), 5);
        asked.insert("x".to_owned(), Ok("1".repeat(LARGEST)));
        assert!(asked.checkpoint().unwrap().is_empty());
    }
}
