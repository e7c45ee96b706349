//! JSON from replies, numbers exact (read them as [`Decimal`](crate::Decimal) or `serde_json::Number`).
//! What must hold: a page instead of JSON, and JSON that ends too soon, are told apart and never taken for data.

mod array;

pub use array::{each_at, each_beside, each_in, each_within, listing};

use crate::{Failure, Response, excerpt, http::failure_within};
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, Read};

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
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
}
