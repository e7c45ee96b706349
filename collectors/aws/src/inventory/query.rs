//! Query APIs: a form goes in, XML comes out. Namespaces are ignored, document types refused, sizes capped.

use super::Region;
use crate::{api::Api, percent::encoded, refusal::Refusal};
use finops_collector::{Failure, HttpRequest, Response, excerpt, http::failure_within};
use roxmltree::{Document, Node};
use std::io::Read;

/// Bytes of one reply that are taken.
const LARGEST: u64 = 16 * 1_024 * 1_024;

/// An action with its pages.
pub(super) struct Action<'a> {
    pub(super) service: &'a str,
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) parameters: &'a [(&'a str, &'a str)],
    /// Parameter that takes the token of the next page, and the element that gives it.
    pub(super) token: (&'a str, &'static str),
}

impl Action<'_> {
    /// Every page's document.
    pub(super) fn pages(
        &self,
        region: &mut Region<'_>,
        mut each: impl FnMut(&mut Region<'_>, Node<'_, '_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut token: Option<String> = None;
        let url = region.url(self.service);
        loop {
            let mut form = format!("Action={}&Version={}", self.name, self.version);
            let parameters = self.parameters.iter().copied();
            let next = token.as_deref().map(|token| (self.token.0, token));
            for (name, value) in parameters.chain(next) {
                form.push_str(&format!("&{name}={}", encoded(value)));
            }
            let mut request = HttpRequest::post(&url)
                .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
                .repeatable();
            request.body = Some(form.into_bytes());
            let text = text(region.api.send(&request, self.name)?)?;
            let document = parsed(&text).map_err(|failure| failure.context(self.name))?;
            each(region, document.root_element())?;
            let found = descendants(document.root_element(), self.token.1).next();
            let following = found.and_then(|node| node.text()).map(str::to_owned);
            match following.filter(|token| !token.is_empty()) {
                None => return Ok(()),
                same if same == token => {
                    return Err(Failure::malformed(format_args!(
                        "{}: the pages lead in a circle",
                        self.name
                    )));
                }
                next => token = next,
            }
        }
    }
}

/// A GET whose reply is XML.
pub(super) fn get(api: &Api<'_>, url: &str, operation: &str) -> Result<String, Refusal> {
    let response = api.send(&HttpRequest::get(url), operation)?;
    Ok(text(response).map_err(|failure| failure.context(operation))?)
}

fn text(response: Response) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut reader = response.reader().take(LARGEST + 1);
    reader.read_to_end(&mut bytes).map_err(failure_within)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::malformed("the reply is larger than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::malformed("the reply is no UTF-8"))
}

/// The XML; a page of HTML is told apart.
pub(super) fn parsed(text: &str) -> Result<Document<'_>, Failure> {
    let broken = |why: &dyn std::fmt::Display| {
        Failure::malformed(format_args!(
            "the reply is cut off or no XML: {}",
            excerpt(&why.to_string(), 200)
        ))
    };
    let document = Document::parse(text).map_err(|error| broken(&error))?;
    match document
        .root_element()
        .tag_name()
        .name()
        .eq_ignore_ascii_case("html")
    {
        true => Err(Failure::malformed(
            "a page of HTML came instead of XML (a login page or a proxy?)",
        )),
        false => Ok(document),
    }
}

/// All elements of that name below.
pub(super) fn descendants<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants()
        .filter(move |node| node.tag_name().name() == name)
}

/// The element at a path of names.
pub(super) fn child<'a, 'i: 'a>(node: Node<'a, 'i>, path: &str) -> Option<Node<'a, 'i>> {
    path.split('/').try_fold(node, |node, name| {
        node.children().find(|child| child.tag_name().name() == name)
    })
}

/// The text at a path of names; empty where there is none.
pub(super) fn at<'a, 'i: 'a>(node: Node<'a, 'i>, path: &str) -> &'a str {
    child(node, path).and_then(|node| node.text()).unwrap_or_default()
}

/// Names and values of a list of tags, whose names are written in two ways.
pub(super) fn tags(list: Option<Node<'_, '_>>) -> Vec<(String, String)> {
    let pair = |node: Node<'_, '_>| {
        let of = |names: [&str; 2]| {
            names
                .iter()
                .map(|name| at(node, name))
                .find(|text| !text.is_empty())
        };
        Some((
            of(["key", "Key"])?.to_owned(),
            of(["value", "Value"]).unwrap_or_default().to_owned(),
        ))
    };
    list.into_iter()
        .flat_map(|list| list.children().filter_map(pair))
        .collect()
}

/// A whole number of a reply.
///
/// # Errors
/// `malformed-reply`, where it is none.
pub(super) fn whole(text: &str, what: &str) -> Result<finops_collector::Decimal, Failure> {
    text.parse::<i64>()
        .map(finops_collector::Decimal::from)
        .map_err(|_| Failure::malformed(format_args!("{what} is no whole number: `{}`", excerpt(text, 40))))
}
