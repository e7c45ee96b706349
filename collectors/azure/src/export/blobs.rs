//! Blob storage: the blobs below a prefix, and one of them.

use crate::{
    api::Api,
    refusal::{Refusal, element},
    settings::{Delivery, encoded},
};
use finops_collector::{Failure, HttpRequest, Instant, Response, excerpt, http::failure_within, jiff};
use std::io::Read;

/// A version of the protocol that takes tokens of Entra.
const VERSION: &str = "2021-08-06";
/// Most of a page of a listing that is read: 5,000 names.
const LISTING: u64 = 16 << 20;
/// Pages after which a listing is taken to go in a circle.
const PAGES: usize = 1_000;

/// A blob of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) name: String,
    /// Its Last-Modified.
    pub(super) modified: Instant,
    pub(super) etag: String,
}

fn send(api: &Api<'_>, request: HttpRequest, operation: &str) -> Result<Response, Refusal> {
    api.send(&request.header("x-ms-version", VERSION), operation)
}

/// All blobs whose names begin so.
pub(super) fn below(api: &Api<'_>, delivery: &Delivery, prefix: &str) -> Result<Vec<Blob>, Failure> {
    let first = format!(
        "{}?restype=container&comp=list&prefix={}",
        delivery.container_url(),
        encoded(prefix)
    );
    let mut url = first.clone();
    let mut blobs = Vec::new();
    for _ in 0..PAGES {
        let response = send(api, HttpRequest::get(&url), "List Blobs")?;
        let mut text = String::new();
        response
            .reader()
            .take(LISTING)
            .read_to_string(&mut text)
            .map_err(failure_within)?;
        if !text.contains("</EnumerationResults>") {
            return Err(Failure::malformed(format_args!(
                "List Blobs: the listing is cut off or none: {}",
                excerpt(&text, 120)
            )));
        }
        for entry in text.split("<Blob>").skip(1) {
            blobs.push(blob(entry)?);
        }
        match element(&text, "NextMarker").filter(|marker| !marker.is_empty()) {
            Some(marker) => url = format!("{first}&marker={}", encoded(&marker)),
            None => return Ok(blobs),
        }
    }
    Err(Failure::malformed("List Blobs: the pages do not end"))
}

fn blob(entry: &str) -> Result<Blob, Failure> {
    let lacking = |what| Failure::malformed(format_args!("List Blobs: a blob has no {what}"));
    let modified = element(entry, "Last-Modified").ok_or_else(|| lacking("Last-Modified"))?;
    let modified = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(&modified)
        .map_err(|_| lacking("Last-Modified that is a date"))?;
    Ok(Blob {
        name: element(entry, "Name").ok_or_else(|| lacking("Name"))?,
        modified: modified.as_second(),
        etag: element(entry, "Etag").unwrap_or_default(),
    })
}

/// Get Blob; with a time only if the blob is not younger.
pub(super) fn get(
    api: &Api<'_>,
    delivery: &Delivery,
    name: &str,
    unmodified_since: Option<&str>,
) -> Result<Response, Failure> {
    let mut request = HttpRequest::get(delivery.url(name));
    if let Some(date) = unmodified_since {
        request = request.header("If-Unmodified-Since", date);
    }
    send(api, request, "Get Blob").map_err(|refusal| {
        // Overwritten, or taken away by the next delivery.
        let anew = refusal.failure.status == Some(412) || refusal.code == "BlobNotFound";
        match anew {
            true => Failure::incomplete(
                "Azure is delivering the export anew: nothing was committed, the next run finds it whole",
            ),
            false => refusal.failure,
        }
    })
}
