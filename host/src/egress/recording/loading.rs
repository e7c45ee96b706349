//! One exchange as serde reads it: bodies go where they belong piece by piece, whatever their length.

use super::{
    asked::Asked,
    format::{End, Refused},
    lines::STRETCH,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};
use std::{cell::Cell, fmt};

/// Where the bytes of a reply's body go.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), String>;

/// What a line after the first one says.
#[derive(Debug)]
pub(super) enum Said {
    /// An exchange.
    Exchange {
        number: u64,
        asked: Asked,
        answer: Answered,
    },
    /// The end of the recording.
    End(u64),
}

/// How a call was answered; the body is where [`Keep`] put it.
#[derive(Debug)]
pub(super) enum Answered {
    Refused(Refused),
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        then: Then,
    },
}

/// What comes after the body's last byte.
#[derive(Debug)]
pub(super) enum Then {
    /// Its end.
    End,
    /// What nobody knows: the guest read no further.
    Cut,
    /// This.
    Refused(Refused),
}

const BODY: &str = "a body is text, {\"base64\": text}, or a list of them";

/// Reads a line.
pub(super) struct LineSeed<'a> {
    /// What may still be read at one stretch: renewed when a piece is put away.
    pub(super) allowance: &'a Cell<usize>,
    /// Takes the reply's body.
    pub(super) keep: Keep<'a>,
}

struct RequestSeed<'a>(&'a Cell<usize>);
struct ReplySeed<'a, 'k>(&'a Cell<usize>, &'a mut Keep<'k>);
struct BodySeed<'a, 'k>(&'a Cell<usize>, &'a mut Keep<'k>);

/// Sets what may be given once.
fn once<T, E: Error>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

fn must<T, E: Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(name))
}

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = Said;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Said, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an exchange, or the end of the recording")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Said, A::Error> {
        let (mut number, mut asked, mut answer, mut end) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "exchange" => once(&mut number, map.next_value()?, "exchange")?,
                "request" => {
                    let request = map.next_value_seed(RequestSeed(self.allowance))?;
                    once(&mut asked, request, "request")?;
                }
                // Its body would be put after the one before.
                "reply" | "refused" if answer.is_some() => return Err(A::Error::duplicate_field("reply")),
                "reply" => answer = Some(map.next_value_seed(ReplySeed(self.allowance, &mut self.keep))?),
                "refused" => answer = Some(Answered::Refused(map.next_value()?)),
                "end" => once(&mut end, map.next_value::<End>()?.exchanges, "end")?,
                other => {
                    let known = &["exchange", "request", "reply", "refused", "end"];
                    return Err(A::Error::unknown_field(other, known));
                }
            }
        }
        match end {
            Some(exchanges) if number.is_none() && asked.is_none() && answer.is_none() => {
                Ok(Said::End(exchanges))
            }
            _ => Ok(Said::Exchange {
                number: must(number, "exchange")?,
                asked: must(asked, "request")?,
                answer: must(answer, "reply")?,
            }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for RequestSeed<'_> {
    type Value = Asked;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Asked, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RequestSeed<'_> {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Asked, A::Error> {
        let (mut method, mut url, mut headers, mut body) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "method" => once(&mut method, map.next_value()?, "method")?,
                "url" => once(&mut url, map.next_value()?, "url")?,
                "headers" => once(&mut headers, map.next_value()?, "headers")?,
                "body" => {
                    let mut digest = Sha256::new();
                    let mut add = |bytes: &[u8]| {
                        digest.update(bytes);
                        Ok(())
                    };
                    let mut keep: Keep<'_> = &mut add;
                    map.next_value_seed(BodySeed(self.0, &mut keep))?;
                    once(&mut body, digest.finalize().into(), "body")?;
                }
                other => {
                    let known = &["method", "url", "headers", "body"];
                    return Err(A::Error::unknown_field(other, known));
                }
            }
        }
        Ok(Asked {
            method: must(method, "method")?,
            url: must(url, "url")?,
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or_else(|| Sha256::digest(b"").into()),
        })
    }
}

impl<'de> DeserializeSeed<'de> for ReplySeed<'_, '_> {
    type Value = Answered;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Answered, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReplySeed<'_, '_> {
    type Value = Answered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answered, A::Error> {
        let (mut status, mut headers, mut body, mut then) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => once(&mut status, map.next_value()?, "status")?,
                "headers" => once(&mut headers, map.next_value()?, "headers")?,
                "body" => {
                    once(&mut body, (), "body")?;
                    map.next_value_seed(BodySeed(self.0, self.1))?;
                }
                "cut" => {
                    let after = if map.next_value()? { Then::Cut } else { Then::End };
                    once(&mut then, after, "cut")?;
                }
                "then" => once(&mut then, Then::Refused(map.next_value()?), "then")?,
                other => {
                    let known = &["status", "headers", "body", "cut", "then"];
                    return Err(A::Error::unknown_field(other, known));
                }
            }
        }
        Ok(Answered::Reply {
            status: must(status, "status")?,
            headers: headers.unwrap_or_default(),
            then: then.unwrap_or(Then::End),
        })
    }
}

impl<'de> DeserializeSeed<'de> for BodySeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BodySeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BODY)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.1)(text.as_bytes()).map_err(E::custom)?;
        self.0.set(STRETCH);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (name, text) = map
            .next_entry::<String, String>()?
            .ok_or_else(|| A::Error::missing_field("base64"))?;
        if name != "base64" {
            // A number comes as a map, too.
            return Err(A::Error::custom(BODY));
        }
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| A::Error::custom(format_args!("this is no base64: {error}")))?;
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("`base64` stands alone"));
        }
        (self.1)(&bytes).map_err(A::Error::custom)?;
        self.0.set(STRETCH);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pieces: A) -> Result<(), A::Error> {
        // A list in a list is refused by the reader's own depth, and means the same.
        while pieces.next_element_seed(BodySeed(self.0, self.1))?.is_some() {}
        Ok(())
    }
}
