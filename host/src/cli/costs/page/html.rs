//! Text and amounts in HTML. What must hold: what providers wrote is text and nothing else; an amount's text is its exact
//! decimal, whatever it looks like.

use crate::foreign;
use std::borrow::Cow;

/// Text of anybody, for an element or an attribute.
pub(super) fn text(text: &str) -> String {
    let shown = foreign::escaped(text);
    let mut html = String::with_capacity(shown.len());
    for character in shown.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// An amount: thousands stand apart and digits after the second place are small, by styles alone.
pub(super) fn amount(decimal: &str) -> String {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", decimal),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut html = String::from(sign);
    for (number, group) in thousands(whole).iter().enumerate() {
        match number {
            0 => html.push_str(group),
            _ => html.push_str(&format!("<i>{group}</i>")),
        }
    }
    if !fraction.is_empty() {
        let (cents, rest) = fraction.split_at_checked(2).unwrap_or((fraction, ""));
        html.push_str(&format!(".{cents}"));
        if !rest.is_empty() {
            html.push_str(&format!("<small>{rest}</small>"));
        }
    }
    html
}

/// Digits in groups of three, counted from the end.
fn thousands(digits: &str) -> Vec<Cow<'_, str>> {
    let bytes = digits.as_bytes();
    let first = bytes.len() % 3;
    let (head, rest) = bytes.split_at_checked(first).unwrap_or((bytes, &[]));
    let groups = std::iter::once(head).chain(rest.chunks(3));
    groups
        .filter(|group| !group.is_empty())
        .map(String::from_utf8_lossy)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_markup() {
        assert_eq!(
            text("</td><script>alert('1')</script>\" & \u{202e}x\u{7}"),
            "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; \\u{202e}x\\u{7}"
        );
    }

    #[test]
    fn the_text_of_an_amount_is_its_exact_decimal() {
        for decimal in [
            "0",
            "7",
            "-0.5",
            "999.99",
            "1000",
            "-1234567.891",
            "12345678901234567890.123456789012345678",
        ] {
            let mut shown = amount(decimal);
            for markup in ["<i>", "</i>", "<small>", "</small>"] {
                shown = shown.replace(markup, "");
            }
            assert_eq!(shown, decimal);
        }
        assert_eq!(
            amount("-1234567.891"),
            "-1<i>234</i><i>567</i>.89<small>1</small>"
        );
    }
}
