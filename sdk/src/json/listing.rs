//! A listing: a JSON object with an array of items and, beside it, what the reply says of itself (totals, the next page).
//! What must hold: one item at a time stands in memory, and a listing without its array is never taken for an empty one.

use super::{Items, failure_of, refuse_html};
use crate::Failure;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    fmt,
    io::{BufReader, Read},
    marker::PhantomData,
};

/// Calls `each` with every item of the array at `field` of the JSON object, and gives its other fields. `null` there stands for
/// no items.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); `malformed-reply` where the field is missing; what `each` returns.
pub fn listing<T: DeserializeOwned, R: DeserializeOwned>(
    reader: impl Read,
    field: &str,
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<R, Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let stopped = RefCell::new(None);
    let items = Items {
        stopped: &stopped,
        each: &mut each,
        item: PhantomData,
    };
    let walked = deserializer
        .deserialize_map(Walk {
            field,
            items: Some(items),
        })
        .and_then(|rest| deserializer.end().map(|()| rest));
    if let Some(failure) = stopped.into_inner() {
        return Err(failure);
    }
    let Some(rest) = walked.map_err(failure_of)? else {
        return Err(Failure::malformed(format_args!(
            "the JSON has no field `{field}`"
        )));
    };
    serde_json::from_value(Value::Object(rest)).map_err(failure_of)
}

struct Walk<'a, T, F> {
    field: &'a str,
    /// Taken by the first array: a second one of the same name is refused.
    items: Option<Items<'a, T, F>>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Walk<'_, T, F> {
    /// The other fields; none where the array was not there.
    type Value = Option<Map<String, Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key != self.field {
                rest.insert(key, map.next_value()?);
                continue;
            }
            let items = self.items.take();
            let items = items.ok_or_else(|| serde::de::Error::custom("the array comes twice"))?;
            map.next_value_seed(Nullable(items))?;
        }
        Ok(self.items.is_none().then_some(rest))
    }
}

/// Items, or null for none.
struct Nullable<'a, T, F>(Items<'a, T, F>);

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> DeserializeSeed<'de>
    for Nullable<'_, T, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Nullable<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or null")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Decimal;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Rest {
        total: Decimal,
        next: Option<String>,
    }

    fn read(body: &str) -> (Result<Rest, Failure>, Vec<u8>) {
        let mut items = Vec::new();
        let rest = listing(body.as_bytes(), "data", |item: u8| {
            items.push(item);
            Ok(())
        });
        (rest, items)
    }

    #[test]
    fn items_come_one_by_one_and_the_rest_afterwards() {
        let rest = |next: Option<&str>| Rest {
            total: "0.10000000000000001".parse().unwrap(),
            next: next.map(str::to_owned),
        };
        let (got, items) =
            read(r#"{"total": 0.10000000000000001, "data": [1, 2], "next": "p", "more": {"data": [9]}}"#);
        assert_eq!((got, items), (Ok(rest(Some("p"))), vec![1, 2]));
        let (got, items) = read(r#"{"data": null, "total": "0.10000000000000001"}"#);
        assert_eq!((got, items), (Ok(rest(None)), vec![]));
    }

    #[test]
    fn a_listing_that_is_not_whole_is_no_listing() {
        for (body, says) in [
            (r#"{"total": 1}"#, "no field `data`"),
            (r#"{"data": [1, 2"#, "truncated"),
            (r#"{"data": [], "data": [], "total": 1}"#, "twice"),
            (r#"{"data": []}"#, "total"),
            (r#"{"data": {}, "total": 1}"#, "not as documented"),
            ("<html>", "HTML"),
            (r#"{"data": [1], "total": 1} tail"#, "not as documented"),
        ] {
            let failure = read(body).0.unwrap_err();
            assert!(failure.message.contains(says), "{body}: {failure}");
        }
        let refused = listing::<u8, Rest>(r#"{"data": [1], "total": 1}"#.as_bytes(), "data", |_| {
            Err(Failure::incomplete("enough"))
        });
        assert_eq!(refused, Err(Failure::incomplete("enough")));
    }
}
