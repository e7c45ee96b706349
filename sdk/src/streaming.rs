//! JSON of which one array, wherever it lies, is too long to be held: its items are handed on one by one, the rest is given back.
//! What must hold: of that array never more than one item stands in memory, and JSON that ends too soon is a failure.

use crate::{
    Failure,
    json::{failure_of, refuse_html},
};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    fmt,
    io::{BufReader, Read},
    marker::PhantomData,
};

/// Calls `each` with every item of the array at that path of the JSON, and gives everything else back, the array as null. Where the
/// array is absent or null there are no items; whether that may be is for the caller to see by the rest.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); what `each` returns. Items that were handed on before do not count then.
pub fn each_within<T: DeserializeOwned>(
    reader: impl Read,
    path: &[&str],
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let stopped = RefCell::new(None);
    let node = Node {
        path,
        stopped: &stopped,
        each: &mut each,
        item: PhantomData,
    };
    let walked = node
        .deserialize(&mut deserializer)
        .and_then(|rest| deserializer.end().map(|()| rest));
    match stopped.into_inner() {
        Some(failure) => Err(failure),
        None => walked.map_err(failure_of),
    }
}

/// The value that the path leads through, or, at the path's end, the array.
struct Node<'a, T, F> {
    path: &'a [&'a str],
    stopped: &'a RefCell<Option<Failure>>,
    each: &'a mut F,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> DeserializeSeed<'de> for Node<'_, T, F> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Node<'_, T, F> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.first() {
            Some(name) => write!(f, "an object with `{name}`"),
            None => f.write_str("an array"),
        }
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some((name, rest)) = self.path.split_first() else {
            return Err(A::Error::custom("an object where an array was expected"));
        };
        let mut found = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = if key == *name {
                map.next_value_seed(Node {
                    path: rest,
                    stopped: self.stopped,
                    each: &mut *self.each,
                    item: PhantomData,
                })?
            } else {
                map.next_value()?
            };
            found.insert(key, value);
        }
        Ok(Value::Object(found))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if let Some(name) = self.path.first() {
            let message = format_args!("an array where an object with `{name}` was expected");
            return Err(A::Error::custom(message));
        }
        while let Some(item) = items.next_element::<T>()? {
            if let Err(failure) = (self.each)(item) {
                self.stopped.replace(Some(failure));
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::FailureKind;
    use serde_json::json;

    fn read(body: &str) -> (Result<Value, Failure>, Vec<u8>) {
        let mut seen = Vec::new();
        let rest = each_within(body.as_bytes(), &["result", "rows"], |item: u8| {
            seen.push(item);
            match item {
                9 => Err(Failure::incomplete("enough")),
                _ => Ok(()),
            }
        });
        (rest, seen)
    }

    #[test]
    fn the_items_are_handed_on_and_the_rest_is_given_back() {
        let (rest, seen) = read(
            r#"{"rows": [7], "result": {"rows": [1, 2], "count": 2.50, "deep": {"rows": [3]}}, "end": null}"#,
        );
        let expected: Value = serde_json::from_str(
            r#"{"rows": [7], "result": {"rows": null, "count": 2.50, "deep": {"rows": [3]}}, "end": null}"#,
        )
        .unwrap();
        assert_eq!((rest, seen), (Ok(expected), vec![1, 2]));
        for body in ["{}", r#"{"result": null}"#, r#"{"result": {"rows": null}}"#] {
            let (rest, seen) = read(body);
            assert_eq!(rest.unwrap(), serde_json::from_str::<Value>(body).unwrap());
            assert!(seen.is_empty());
        }
        let mut all = Vec::new();
        let none: &[&str] = &[];
        let rest = each_within("[1,2]".as_bytes(), none, |item: u8| {
            all.push(item);
            Ok(())
        });
        assert_eq!((rest, all), (Ok(json!(null)), vec![1, 2]));
    }

    #[test]
    fn what_is_cut_off_or_shaped_otherwise_is_malformed_and_a_refusal_ends_the_reading() {
        for (body, says) in [
            (r#"{"result": {"rows": [1, 2"#, "truncated"),
            (r#"{"result": {"rows": [1, 2]}"#, "truncated"),
            (r#"{"result": []}"#, "not as documented"),
            (r#"{"result": {"rows": {}}}"#, "not as documented"),
            (r#"{"result": {"rows": 5}}"#, "not as documented"),
            ("<html>", "HTML"),
        ] {
            let failure = read(body).0.unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{body}");
            assert!(failure.message.contains(says), "{body}: {failure}");
        }
        let (rest, seen) = read(r#"{"result": {"rows": [8, 9, 10]}}"#);
        assert_eq!((rest, seen), (Err(Failure::incomplete("enough")), vec![8, 9]));
    }
}
