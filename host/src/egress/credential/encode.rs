//! Writing secrets and names the way URLs, forms and digests want them, in memory that is wiped.

use zeroize::Zeroizing;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Percent-encodes all but RFC 3986's unreserved characters. Right in paths, queries and forms.
pub(super) fn percent(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len() * 3));
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte))
            }
            byte => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.push(HEX.get(usize::from(digit)).copied().map_or('0', char::from));
                }
            }
        }
    }
    out
}

/// A form's body (application/x-www-form-urlencoded).
pub(super) fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Zeroizing<Vec<u8>> {
    // Room for the longest encoding, so that no copy is left behind by growing.
    let room = fields
        .clone()
        .map(|(name, value)| (name.len() + value.len()) * 3 + 2)
        .sum();
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    for (name, value) in fields {
        if !out.is_empty() {
            out.push(b'&');
        }
        out.extend_from_slice(percent(name.as_bytes()).as_bytes());
        out.push(b'=');
        out.extend_from_slice(percent(value.as_bytes()).as_bytes());
    }
    out
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            let digit = HEX.get(usize::from(digit)).copied().map_or('0', char::from);
            out.push(digit.to_ascii_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_written_in_hex() {
        assert_eq!(hex(&[0, 0x9a, 0xff]).as_str(), "009aff");
    }

    proptest! {
        #[test]
        fn a_form_is_read_back_as_it_was(fields in prop::collection::vec(("\\PC{1,8}", "\\PC{0,8}"), 1..4)) {
            let body = form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let read: Vec<_> = url::form_urlencoded::parse(&body).into_owned().collect();
            prop_assert_eq!(read, fields);
        }
    }
}
