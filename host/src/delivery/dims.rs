//! The dimensions of an entry, read from their JSON without copying a text.
//! What must hold: what is not a text, or an object of texts under `tags` and `extra`, is refused; nothing is left out.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// Names and texts, in the order in which they stand.
pub(super) type Texts<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The dimensions of an entry.
#[derive(Debug, Default)]
pub(super) struct Dims<'a> {
    pub(super) texts: Texts<'a>,
    /// The provider's.
    pub(super) tags: Texts<'a>,
    /// Further dimensions, `x_NAME`.
    pub(super) extra: Texts<'a>,
}

impl<'a> Dims<'a> {
    /// Reads the JSON of a posting.
    ///
    /// # Errors
    /// What is not as the ledger writes it.
    pub(super) fn read(json: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// One of the texts.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.texts.iter().find(|(of, _)| of == name);
        found.map(|(_, text)| text.as_ref())
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Names<'a>(Texts<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Names<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<'de>, A::Error> {
                let mut texts = Vec::new();
                while let Some((Text(name), Text(text))) = map.next_entry()? {
                    texts.push((name, text));
                }
                Ok(Names(texts))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Dims<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Dims<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of dimensions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dims<'de>, A::Error> {
                let mut dims = Dims::default();
                while let Some(Text(name)) = map.next_key()? {
                    let apart = match name.as_ref() {
                        "tags" => &mut dims.tags,
                        "extra" => &mut dims.extra,
                        _ => {
                            let Text(text) = map.next_value()?;
                            dims.texts.push((name, text));
                            continue;
                        }
                    };
                    if !apart.is_empty() {
                        return Err(A::Error::custom(format_args!("{name} stands there twice")));
                    }
                    let Names(texts) = map.next_value()?;
                    *apart = texts;
                }
                Ok(dims)
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_are_borrowed_where_they_stand_and_what_is_none_is_refused() {
        let json =
            r#"{"service":"S","tags":{"a\"b":"\u00e9","team":"data"},"extra":{"x_unit":"h"},"sku":""}"#;
        let dims = Dims::read(json).unwrap();
        assert_eq!((dims.text("service"), dims.text("sku")), (Some("S"), Some("")));
        assert_eq!(dims.text("region"), None);
        assert_eq!(
            dims.tags,
            [("a\"b".into(), "é".into()), ("team".into(), "data".into())]
        );
        assert_eq!(dims.extra, [("x_unit".into(), "h".into())]);
        assert!(matches!(
            dims.tags.last(),
            Some((Cow::Borrowed(_), Cow::Borrowed(_)))
        ));
        for bad in [
            "[]",
            "1",
            r#"{"service":1}"#,
            r#"{"service":null}"#,
            r#"{"tags":"a"}"#,
            r#"{"tags":{"a":1}}"#,
            r#"{"tags":{"a":"1"},"tags":{"a":"1"}}"#,
            r#"{"service":"S""#,
        ] {
            assert!(Dims::read(bad).is_err(), "{bad}");
        }
    }
}
