//! JSON from replies, numbers exact (read them as [`Decimal`](crate::Decimal) or `serde_json::Number`).
//! What must hold: a page instead of JSON, and JSON that ends too soon, are told apart and never taken for data.

use crate::{Failure, Response, excerpt, http::failure_within};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::{
    cell::RefCell,
    fmt,
    io::{BufRead, BufReader, Read},
    marker::PhantomData,
};

impl Response {
    /// The body of a successful reply as JSON.
    ///
    /// # Errors
    /// Those of [`Response::success`]; `malformed-reply` that says whether it is HTML, truncated or otherwise wrong;
    /// the host's, where the connection breaks.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let response = self.success()?;
        let status = response.status;
        from_reader(response.reader()).map_err(|failure| failure.with_status(status))
    }
}

/// JSON from a reader, which must hold nothing else.
///
/// # Errors
/// As [`Response::json`].
pub fn from_reader<T: DeserializeOwned>(reader: impl Read) -> Result<T, Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let value = T::deserialize(&mut deserializer).map_err(failure_of)?;
    deserializer.end().map_err(failure_of)?;
    Ok(value)
}

/// Calls `each` with every item of the array at `field` of the JSON object, without holding more than one of them.
/// Other fields are passed over.
///
/// # Errors
/// As [`Response::json`]; `malformed-reply` where the field is missing; what `each` returns.
pub fn each_in<T: DeserializeOwned>(
    reader: impl Read,
    field: &str,
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = BufReader::with_capacity(16 * 1_024, reader);
    refuse_html(&mut reader)?;
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let stopped = RefCell::new(None);
    let mut found = false;
    let walk = Walk {
        field,
        found: &mut found,
        stopped: &stopped,
        each: &mut each,
        item: PhantomData,
    };
    let walked = deserializer
        .deserialize_map(walk)
        .and_then(|()| deserializer.end());
    if let Some(failure) = stopped.into_inner() {
        return Err(failure);
    }
    walked.map_err(failure_of)?;
    if found {
        Ok(())
    } else {
        Err(Failure::malformed(format_args!(
            "the JSON has no field `{field}`"
        )))
    }
}

pub(crate) fn refuse_html(reader: &mut impl BufRead) -> Result<(), Failure> {
    loop {
        let buffer = reader.fill_buf().map_err(failure_within)?;
        if buffer.is_empty() {
            return Err(Failure::malformed("the body is empty where JSON was expected"));
        }
        let blank = buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace() || **byte > 0x7f)
            .count();
        match buffer.get(blank) {
            None => reader.consume(blank),
            Some(b'<') => {
                let text = String::from_utf8_lossy(buffer).into_owned();
                let shown = excerpt(&text, 120);
                return Err(Failure::malformed(format_args!(
                    "a page of HTML came instead of JSON (a login page or a proxy?): {shown}"
                )));
            }
            Some(_) => return Ok(()),
        }
    }
}

pub(crate) fn failure_of(error: serde_json::Error) -> Failure {
    if error.is_io() {
        return failure_within(error.into());
    }
    if error.is_eof() {
        return Failure::malformed(format_args!("the JSON is truncated: {error}"));
    }
    Failure::malformed(format_args!(
        "the JSON is not as documented: {}",
        excerpt(&error.to_string(), 300)
    ))
}

struct Walk<'a, T, F> {
    field: &'a str,
    found: &'a mut bool,
    stopped: &'a RefCell<Option<Failure>>,
    each: &'a mut F,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Walk<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == self.field {
                *self.found = true;
                map.next_value_seed(Items {
                    stopped: self.stopped,
                    each: &mut *self.each,
                    item: PhantomData,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Items<'a, T, F> {
    stopped: &'a RefCell<Option<Failure>>,
    each: &'a mut F,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> DeserializeSeed<'de> for Items<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<(), Failure>> Visitor<'de> for Items<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<T>()? {
            if let Err(failure) = (self.each)(item) {
                self.stopped.replace(Some(failure));
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
    use crate::{Decimal, FailureKind, testing::reply};

    #[test]
    fn numbers_keep_all_their_digits() {
        let read: Vec<Decimal> = reply(200, "[0.1, 12345678901234567.123456789]").json().unwrap();
        assert_eq!(read[1].to_string(), "12345678901234567.123456789");
    }

    #[test]
    fn what_is_no_json_is_said_to_be_what_it_is() {
        for (body, says) in [
            ("\n <!DOCTYPE html><title>Sign in</title>", "HTML"),
            ("[1, 2", "truncated"),
            ("", "empty"),
            ("[1] tail", "not as documented"),
            ("{}", "not as documented"),
        ] {
            let failure = reply(200, body).json::<Vec<u8>>().unwrap_err();
            assert_eq!(failure.kind, FailureKind::MalformedReply, "{body}");
            assert!(failure.message.contains(says), "{failure}");
        }
    }

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
        let cut = each_in(&body.as_bytes()[..40], "data", |_: u8| Ok(())).unwrap_err();
        assert!(cut.message.contains("truncated"), "{cut}");
    }
}
