//! Rows of an array that stands somewhere in a JSON document, one by one, and what stands beside it.
//! What must hold: no more than one row is in memory, and a document without the array is no empty one.

use crate::{
    Failure, excerpt,
    json::{failure_of, refuse_html},
};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::{
    fmt,
    io::{BufReader, Read},
    marker::PhantomData,
};

/// Calls `each` with every item of the array at `path` (`["data", "result"]`; empty: the document is the array), and gives
/// the other top-level fields.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); `malformed-reply` where there is no such array; what `each` returns.
pub fn each_row<T: DeserializeOwned>(
    reader: impl Read,
    path: &[&str],
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<Map<String, Value>, Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let mut found = Found {
        beside: Map::new(),
        array: false,
        stopped: None,
    };
    let walk = Walk {
        path,
        top: true,
        found: &mut found,
        each: &mut each,
        item: PhantomData,
    };
    let walked = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if let Some(failure) = found.stopped {
        return Err(failure);
    }
    walked.map_err(failure_of)?;
    match found.array {
        true => Ok(found.beside),
        false => Err(Failure::malformed(format_args!(
            "the JSON has no array at `{}`",
            excerpt(&path.join("."), 80)
        ))),
    }
}

struct Found {
    beside: Map<String, Value>,
    array: bool,
    stopped: Option<Failure>,
}

struct Walk<'a, T, F> {
    path: &'a [&'a str],
    top: bool,
    found: &'a mut Found,
    each: &'a mut F,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> DeserializeSeed<'de> for Walk<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.path.is_empty() {
            true => deserializer.deserialize_seq(self),
            false => deserializer.deserialize_map(self),
        }
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Walk<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.path.is_empty() {
            true => "an array",
            false => "a JSON object",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, below)) = self.path.split_first() else {
            return Err(A::Error::custom("an object stands where an array was expected"));
        };
        while let Some(key) = map.next_key::<String>()? {
            if key == *wanted {
                map.next_value_seed(Walk {
                    path: below,
                    top: false,
                    found: &mut *self.found,
                    each: &mut *self.each,
                    item: PhantomData,
                })?;
            } else if self.top {
                self.found.beside.insert(key, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.found.array = true;
        while let Some(item) = items.next_element::<T>()? {
            if let Err(failure) = (self.each)(item) {
                self.found.stopped = Some(failure);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::FailureKind;

    fn read(text: &str, path: &[&str]) -> Result<(Vec<u8>, Map<String, Value>), Failure> {
        let mut rows = Vec::new();
        let beside = each_row(text.as_bytes(), path, |row: u8| {
            rows.push(row);
            Ok(())
        })?;
        Ok((rows, beside))
    }

    #[test]
    fn rows_are_found_at_any_depth_and_what_stands_beside_is_given() {
        let (rows, beside) = read(
            r#"{"a":{"x":1,"rows":[1,2]},"notes":["n"],"ok":true}"#,
            &["a", "rows"],
        )
        .unwrap();
        assert_eq!(rows, [1, 2]);
        assert_eq!(
            (beside.len(), &beside["notes"][0], &beside["ok"]),
            (2, &"n".into(), &true.into())
        );
        assert_eq!(read(" [3]", &[]).unwrap().0, [3]);
    }

    #[test]
    fn a_document_without_the_array_is_no_empty_one() {
        for (text, path, says) in [
            (r#"{"status":"success"}"#, &["data"][..], "no array at `data`"),
            (r#"{"data":{}}"#, &["data", "result"], "no array at `data.result`"),
            (r#"{"data":null}"#, &["data"], "not as documented"),
            (r#"{"data":[1,2"#, &["data"], "truncated"),
            ("<html>", &[], "HTML"),
            ("[1] 2", &[], "not as documented"),
        ] {
            let failure = read(text, path).unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{text}");
            assert!(failure.message.contains(says), "{text}: {failure}");
        }
    }

    #[test]
    fn a_refusal_of_a_row_ends_the_reading_as_it_is() {
        let refused = each_row("[1,2]".as_bytes(), &[], |row: u8| match row {
            1 => Ok(()),
            _ => Err(Failure::provider("no twos")),
        });
        assert_eq!(refused.unwrap_err(), Failure::provider("no twos"));
    }
}
