//! JSON of which one array, wherever it lies, is too long to be held: its items are handed on one by one.
//! What must hold: of that array never more than one item stands in memory, JSON that ends too soon is a failure, and where
//! an array must be, its absence is never taken for an empty one.

use super::{failure_of, refuse_html};
use crate::{Failure, excerpt};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::{
    fmt,
    io::{BufReader, Read},
    marker::PhantomData,
};

/// Calls `each` with every item of the array at `field` of the JSON object. Other fields are passed over.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); `malformed-reply` where the field is missing; what `each` returns.
pub fn each_in<T: DeserializeOwned>(
    reader: impl Read,
    field: &str,
    each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    read(reader, &[field], Beside::Passed, Null::Refused, each)?.must(&[field])?;
    Ok(())
}

/// As [`each_in`]; gives the other fields, such as what a page says of the next one.
///
/// # Errors
/// As [`each_in`]; `malformed-reply` where the other fields are not as expected.
pub fn each_beside<T: DeserializeOwned, R: DeserializeOwned>(
    reader: impl Read,
    field: &str,
    each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<R, Failure> {
    read(reader, &[field], Beside::Kept, Null::Refused, each)?
        .must(&[field])?
        .rest_without(field)
}

/// As [`each_beside`], for providers that write `null` where there are no items.
///
/// # Errors
/// As [`each_beside`].
pub fn listing<T: DeserializeOwned, R: DeserializeOwned>(
    reader: impl Read,
    field: &str,
    each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<R, Failure> {
    read(reader, &[field], Beside::Kept, Null::Empty, each)?
        .must(&[field])?
        .rest_without(field)
}

/// Calls `each` with every item of the array at that path of the JSON (empty: the JSON is the array), and gives everything else
/// back, the array as null.
///
/// # Errors
/// As [`each_in`]: the array must be there.
pub fn each_at<T: DeserializeOwned>(
    reader: impl Read,
    path: &[&str],
    each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    Ok(read(reader, path, Beside::Kept, Null::Refused, each)?
        .must(path)?
        .rest)
}

/// As [`each_at`]; where the array is absent or null there are no items. Whether that may be is for the caller to see by the rest.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); what `each` returns.
pub fn each_within<T: DeserializeOwned>(
    reader: impl Read,
    path: &[&str],
    each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    Ok(read(reader, path, Beside::Kept, Null::Empty, each)?.rest)
}

/// What becomes of everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Kept,
    Passed,
}

/// What `null` on the way to the array, or in its place, means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Null {
    /// There are no items.
    Empty,
    /// The reply is not as documented.
    Refused,
}

struct Found {
    array: bool,
    rest: Value,
}

impl Found {
    fn must(self, path: &[&str]) -> Result<Self, Failure> {
        match (self.array, path) {
            (true, _) => Ok(self),
            (false, [field]) => Err(Failure::malformed(format_args!(
                "the JSON has no field `{}`",
                excerpt(field, 80)
            ))),
            (false, path) => Err(Failure::malformed(format_args!(
                "the JSON has no array at `{}`",
                excerpt(&path.join("."), 80)
            ))),
        }
    }

    fn rest_without<R: DeserializeOwned>(self, field: &str) -> Result<R, Failure> {
        let mut rest = self.rest;
        if let Some(object) = rest.as_object_mut() {
            object.remove(field);
        }
        serde_json::from_value(rest).map_err(failure_of)
    }
}

fn read<T: DeserializeOwned>(
    reader: impl Read,
    path: &[&str],
    beside: Beside,
    null: Null,
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<Found, Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let mut state = State {
        each: &mut each,
        array: false,
        stopped: None,
    };
    let node = Node {
        path,
        beside,
        null,
        state: &mut state,
        item: PhantomData,
    };
    let walked = node
        .deserialize(&mut deserializer)
        .and_then(|rest| deserializer.end().map(|()| rest));
    match state.stopped {
        Some(failure) => Err(failure),
        None => Ok(Found {
            rest: walked.map_err(failure_of)?,
            array: state.array,
        }),
    }
}

struct State<'a, F> {
    each: &'a mut F,
    /// Whether the array was there.
    array: bool,
    /// Why `each` ended the reading.
    stopped: Option<Failure>,
}

/// The value that the path leads through, or, at the path's end, the array.
struct Node<'a, 's, T, F> {
    path: &'a [&'a str],
    beside: Beside,
    null: Null,
    state: &'a mut State<'s, F>,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> DeserializeSeed<'de>
    for Node<'_, '_, T, F>
{
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Node<'_, '_, T, F> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.first() {
            Some(name) => write!(f, "an object with `{name}`"),
            None => f.write_str("an array"),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        match self.null {
            Null::Refused => Err(E::invalid_type(serde::de::Unexpected::Unit, &self)),
            Null::Empty => {
                self.state.array |= self.path.is_empty();
                Ok(Value::Null)
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some((name, below)) = self.path.split_first() else {
            return Err(A::Error::custom("an object where an array was expected"));
        };
        let mut rest = Map::new();
        let mut met = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == *name {
                if std::mem::replace(&mut met, true) {
                    return Err(A::Error::custom(format_args!("`{name}` comes twice")));
                }
                let value = map.next_value_seed(Node {
                    path: below,
                    beside: self.beside,
                    null: self.null,
                    state: &mut *self.state,
                    item: PhantomData,
                })?;
                rest.insert(key, value);
            } else if self.beside == Beside::Kept {
                rest.insert(key, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(rest))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if let Some(name) = self.path.first() {
            return Err(A::Error::custom(format_args!(
                "an array where an object with `{name}` was expected"
            )));
        }
        self.state.array = true;
        while let Some(item) = items.next_element::<T>()? {
            if let Err(failure) = (self.state.each)(item) {
                self.state.stopped = Some(failure);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::{Decimal, FailureKind};
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn items_are_handed_on_one_by_one_until_refused() {
        let body = r#"{"before": {"data": [9]}, "data": [1, 2, 3], "after": null}"#;
        let mut seen = Vec::new();
        let read = each_in(body.as_bytes(), "data", |item: u8| {
            seen.push(item);
            Ok(())
        });
        assert_eq!((read, seen), (Ok(()), vec![1, 2, 3]));
        let refused = each_in(body.as_bytes(), "data", |item: u8| match item {
            2 => Err(Failure::incomplete("enough")),
            _ => Ok(()),
        });
        assert_eq!(refused, Err(Failure::incomplete("enough")));
        let missing = each_in(body.as_bytes(), "rows", |_: u8| Ok(())).unwrap_err();
        assert!(missing.message.contains("no field `rows`"));
        let others: BTreeMap<String, Option<BTreeMap<String, Vec<u8>>>> =
            each_beside(body.as_bytes(), "data", |_: u8| Ok(())).unwrap();
        assert_eq!(others["before"].as_ref().unwrap()["data"], [9]);
        assert_eq!((others.len(), &others["after"]), (2, &None));
        let cut = each_in(&body.as_bytes()[..40], "data", |_: u8| Ok(())).unwrap_err();
        assert!(cut.message.contains("truncated"), "{cut}");
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rest {
        total: Decimal,
        next: Option<String>,
    }

    #[test]
    fn what_stands_beside_a_listing_keeps_its_digits_and_null_is_no_items() {
        let mut items = Vec::new();
        let mut read = |body: &str| {
            listing::<u8, Rest>(body.as_bytes(), "data", |item| {
                items.push(item);
                Ok(())
            })
        };
        let total = "0.10000000000000001".parse().unwrap();
        let next = Some("p".to_owned());
        assert_eq!(
            read(r#"{"total": 0.10000000000000001, "data": [1, 2], "next": "p"}"#),
            Ok(Rest { total, next })
        );
        assert_eq!(
            read(r#"{"data": null, "total": "0.10000000000000001"}"#),
            Ok(Rest { total, next: None })
        );
        assert!(read(r#"{"data": []}"#).unwrap_err().message.contains("total"));
        assert_eq!(items, [1, 2]);
    }

    #[test]
    fn an_array_is_found_at_any_depth_and_everything_else_is_given_back() {
        let mut seen = Vec::new();
        let body =
            r#"{"rows": [7], "result": {"rows": [1, 2], "count": 2.50, "deep": {"rows": [3]}}, "end": null}"#;
        let rest = each_at(body.as_bytes(), &["result", "rows"], |item: u8| {
            seen.push(item);
            Ok(())
        });
        let expected = body.replace("[1, 2]", "null");
        assert_eq!(rest.unwrap(), serde_json::from_str::<Value>(&expected).unwrap());
        let rest = each_at(" [4]".as_bytes(), &[], |item: u8| {
            seen.push(item);
            Ok(())
        });
        assert_eq!((rest, seen), (Ok(json!(null)), vec![1, 2, 4]));
    }

    #[test]
    fn an_absent_array_is_no_empty_one_unless_the_caller_judges_by_the_rest() {
        let path = ["result", "rows"];
        for body in ["{}", r#"{"result": null}"#, r#"{"result": {"rows": null}}"#] {
            let none = |_: u8| Err(Failure::incomplete("an item"));
            let rest = each_within(body.as_bytes(), &path, none);
            assert_eq!(rest.unwrap(), serde_json::from_str::<Value>(body).unwrap());
            let failure = each_at(body.as_bytes(), &path, none).unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{body}");
        }
    }

    #[test]
    fn what_is_cut_off_twice_or_shaped_otherwise_is_malformed() {
        for (body, says) in [
            (r#"{"result": {"rows": [1, 2"#, "truncated"),
            (r#"{"result": {"rows": [1, 2]}"#, "truncated"),
            (r#"{"result": {"rows": [1], "rows": [2]}}"#, "twice"),
            (r#"{"result": []}"#, "not as documented"),
            (r#"{"result": {"rows": {}}}"#, "not as documented"),
            (r#"{"result": {"rows": 5}}"#, "not as documented"),
            (r#"{"result": {"rows": []}} 2"#, "not as documented"),
            ("<html>", "HTML"),
        ] {
            let failure = each_within(body.as_bytes(), &["result", "rows"], |_: u8| Ok(())).unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{body}");
            assert!(failure.message.contains(says), "{body}: {failure}");
        }
    }
}
