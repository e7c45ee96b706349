//! JSON objects with one long array among their fields: an invoice and its lines, a page and its rows. The items are handed on one
//! by one, then the few other fields that are kept.
//! What must hold: no more than one item stands in memory, wherever in the object the array comes.

use crate::{
    Failure,
    json::{failure_of, refuse_html},
};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::{
    cell::RefCell,
    fmt,
    io::{BufReader, Read},
    marker::PhantomData,
};

/// A part of such an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<T> {
    /// One item of the array.
    Item(T),
    /// The kept fields: the object has ended.
    Rest(Map<String, Value>),
}

/// What of an object is read.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// The field that is the long array; absent or null: no items.
    pub array: &'a str,
    /// The other fields that are kept; all else is passed over.
    pub keep: &'a [&'a str],
}

/// Reads one object.
///
/// # Errors
/// As [`Response::json`](crate::Response::json); what `each` returns.
pub fn parts<T: DeserializeOwned>(
    reader: impl Read,
    shape: Shape<'_>,
    mut each: impl FnMut(Part<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    read(reader, None, shape, &mut each)
}

/// Reads the objects of the array at `list` of an object, one after another.
///
/// # Errors
/// As [`parts`]; `malformed-reply` where the field is missing.
pub fn parts_of_each<T: DeserializeOwned>(
    reader: impl Read,
    list: &str,
    shape: Shape<'_>,
    mut each: impl FnMut(Part<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    read(reader, Some(list), shape, &mut each)
}

fn read<T: DeserializeOwned>(
    reader: impl Read,
    list: Option<&str>,
    shape: Shape<'_>,
    each: &mut dyn FnMut(Part<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let stopped = RefCell::new(None);
    let mut hand = |part| {
        each(part).map_err(|failure| {
            stopped.replace(Some(failure));
        })
    };
    let mut found = list.is_none();
    let level = match list {
        Some(field) => Level::List(field, &mut found),
        None => Level::Object,
    };
    let walk = Walk {
        level,
        shape,
        hand: &mut hand,
        item: PhantomData,
    };
    let walked = walk
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if let Some(failure) = stopped.into_inner() {
        return Err(failure);
    }
    walked.map_err(failure_of)?;
    match (found, list) {
        (false, Some(field)) => Err(Failure::malformed(format_args!(
            "the JSON has no field `{field}`"
        ))),
        _ => Ok(()),
    }
}

/// Hands a part on; an error means that the failure is kept and reading ends.
type Hand<'a, T> = dyn FnMut(Part<T>) -> Result<(), ()> + 'a;

/// Where in the text a walk is.
enum Level<'a> {
    /// The object that holds the list.
    List(&'a str, &'a mut bool),
    /// The list itself.
    Objects,
    /// One of its objects.
    Object,
    /// The long array of one.
    Items,
}

struct Walk<'a, 'h, T> {
    level: Level<'a>,
    shape: Shape<'a>,
    hand: &'a mut Hand<'h, T>,
    item: PhantomData<T>,
}

impl<'a, 'h, T> Walk<'a, 'h, T> {
    fn inner<'b>(hand: &'b mut Hand<'h, T>, shape: Shape<'b>, level: Level<'b>) -> Walk<'b, 'h, T> {
        Walk {
            level,
            shape,
            hand,
            item: PhantomData,
        }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Walk<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Walk<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::List(..) | Level::Object => "a JSON object",
            Level::Objects | Level::Items => "an array",
        })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match self.level {
            Level::Items => Ok(()),
            _ => Err(E::invalid_type(serde::de::Unexpected::Unit, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            mut level,
            shape,
            hand,
            ..
        } = self;
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match &mut level {
                Level::List(field, found) if key == *field => {
                    **found = true;
                    map.next_value_seed(Walk::inner(hand, shape, Level::Objects))?;
                }
                Level::Object if key == shape.array => {
                    map.next_value_seed(Walk::inner(hand, shape, Level::Items))?;
                }
                Level::Object if shape.keep.contains(&key.as_str()) => {
                    rest.insert(key, map.next_value()?);
                }
                Level::Objects | Level::Items => return Err(A::Error::custom("an array was expected")),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match level {
            Level::Object => hand(Part::Rest(rest)).map_err(|()| A::Error::custom("stopped")),
            _ => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.level {
            Level::Objects => {
                while items
                    .next_element_seed(Walk::inner(self.hand, self.shape, Level::Object))?
                    .is_some()
                {}
                Ok(())
            }
            Level::Items => {
                while let Some(item) = items.next_element::<T>()? {
                    (self.hand)(Part::Item(item)).map_err(|()| A::Error::custom("stopped"))?;
                }
                Ok(())
            }
            Level::List(..) | Level::Object => Err(A::Error::custom("an object was expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHAPE: Shape<'_> = Shape {
        array: "lines",
        keep: &["id", "sum"],
    };

    /// Items as numbers, the rest as JSON text.
    fn read_all(body: &str, list: Option<&str>) -> Result<Vec<String>, Failure> {
        let mut seen = Vec::new();
        let each = |part: Part<u8>| {
            seen.push(match part {
                Part::Item(item) => item.to_string(),
                Part::Rest(rest) => Value::Object(rest).to_string(),
            });
            Ok(())
        };
        match list {
            Some(list) => parts_of_each(body.as_bytes(), list, SHAPE, each)?,
            None => parts(body.as_bytes(), SHAPE, each)?,
        }
        Ok(seen)
    }

    #[test]
    fn items_come_before_the_rest_wherever_the_array_stands() {
        for body in [
            r#"{"id":"a","lines":[1,2],"sum":0.10,"more":{"lines":[9]}}"#,
            r#"{"more":[{"lines":[9]}],"lines":[1,2],"id":"a","sum":0.10}"#,
        ] {
            let seen = read_all(body, None);
            assert_eq!(
                seen,
                Ok(vec![
                    "1".to_owned(),
                    "2".to_owned(),
                    r#"{"id":"a","sum":0.10}"#.to_owned()
                ]),
                "{body}"
            );
        }
        assert_eq!(
            read_all(r#"{"lines":null}"#, None),
            Ok(vec![json!({}).to_string()])
        );
    }

    #[test]
    fn objects_of_a_list_come_one_after_another() {
        let body = r#"{"count":2,"results":[{"lines":[1],"id":"a"},{"id":"b"}],"links":[]}"#;
        let seen = read_all(body, Some("results"));
        assert_eq!(
            seen,
            Ok(["1", r#"{"id":"a"}"#, r#"{"id":"b"}"#]
                .map(str::to_owned)
                .to_vec())
        );
        let missing = read_all(r#"{"count":0}"#, Some("results"));
        assert!(missing.is_err_and(|failure| failure.message.contains("no field `results`")));
    }

    #[test]
    fn what_is_cut_off_or_of_another_shape_is_a_failure_and_a_refusal_ends_the_reading() {
        for (body, says) in [
            (r#"{"lines":[1,2"#, "truncated"),
            (r#"{"lines":{"a":1}}"#, "not as documented"),
            (r#"[1]"#, "not as documented"),
            ("<html>", "HTML"),
        ] {
            let read = read_all(body, None);
            assert!(
                read.as_ref().is_err_and(|failure| failure.message.contains(says)),
                "{body}: {read:?}"
            );
        }
        let mut seen = 0;
        let refused = parts(r#"{"lines":[1,2,3]}"#.as_bytes(), SHAPE, |_: Part<u8>| {
            seen += 1;
            Err(Failure::incomplete("enough"))
        });
        assert_eq!((refused, seen), (Err(Failure::incomplete("enough")), 1));
    }
}
