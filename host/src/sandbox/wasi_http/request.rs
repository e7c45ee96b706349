//! From a `wasi:http` request to what egress is asked. What must hold: the URL's text is what the guest set, so that it is
//! egress that judges it; the body is whole, charged, and as long as the guest said.

use crate::egress::{self, InFlight, Surplus};
use http::{HeaderMap, Request, header::CONTENT_LENGTH, request::Parts};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, Result, WasiBody};

/// Reads a request with its body, of at most so many bytes.
pub(super) async fn read(
    request: Request<WasiBody>,
    account: &InFlight,
    most: usize,
) -> Result<egress::Request> {
    let (head, body) = request.into_parts();
    let said = declared(&head.headers)?;
    if said.is_some_and(|said| said > most) {
        return Err(too_large(most));
    }
    let body = gather(body, account, most).await?;
    if said.is_some_and(|said| said != body.as_ref().map_or(0, bytes::Bytes::len)) {
        return Err(Error::HttpRequestBodySize(None));
    }
    Ok(mapped(&head, body))
}

/// The request as egress takes it.
fn mapped(head: &Parts, body: Option<bytes::Bytes>) -> egress::Request {
    let headers = head
        .headers
        .iter()
        // Egress writes it anew from the body.
        .filter(|(name, _)| **name != CONTENT_LENGTH)
        .map(|(name, value)| {
            // What is not ASCII becomes a character that egress refuses, or drops with its header.
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
    egress::Request {
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        headers: headers.collect(),
        body,
        // What a method means is all that is known here.
        repeatable: false,
        surplus: Surplus::Drop,
    }
}

/// What the guest says of the body's length.
fn declared(headers: &HeaderMap) -> Result<Option<usize>> {
    let Some(value) = headers.get(CONTENT_LENGTH) else {
        return Ok(None);
    };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or(Error::HttpRequestBodySize(None))
}

/// The whole body; `None` if it is empty.
async fn gather(mut body: WasiBody, account: &InFlight, most: usize) -> Result<Option<bytes::Bytes>> {
    let full = |full: egress::Full| Error::InternalError(Some(full.to_string()));
    let mut gathered = account.gather().map_err(full)?;
    while let Some(frame) = body.frame().await {
        // A body that the guest dropped or left shorter than it said ends with an error.
        let Ok(piece) = frame?.into_data() else {
            return Err(Error::HttpRequestTrailerSectionSize(Some(0)));
        };
        if gathered.len().saturating_add(piece.len()) > most {
            return Err(too_large(most));
        }
        gathered.add(account, &piece).map_err(full)?;
    }
    Ok((!gathered.is_empty()).then(|| gathered.freeze()))
}

fn too_large(most: usize) -> Error {
    Error::HttpRequestBodySize(u64::try_from(most).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use bytes::Bytes;
    use futures::{FutureExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    const MOST: usize = 10;

    fn body(frames: Vec<Result<Frame<Bytes>>>) -> WasiBody {
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    fn pieces(pieces: &[&'static str]) -> WasiBody {
        body(
            pieces
                .iter()
                .map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))
                .collect(),
        )
    }

    fn request(said: Option<&str>, body: WasiBody) -> Request<WasiBody> {
        let mut request = Request::post("https://h.example/a?b=c").header("x-a", "b");
        if let Some(said) = said {
            request = request.header("content-length", said);
        }
        request.body(body).unwrap()
    }

    fn read_now(request: Request<WasiBody>, in_flight: u64) -> Result<egress::Request> {
        read(request, &InFlight::new(in_flight), MOST)
            .now_or_never()
            .unwrap()
    }

    #[test]
    fn a_request_is_read_whole_and_its_length_written_anew() {
        let read = read_now(request(Some("4"), pieces(&["ab", "cd"])), 100).unwrap();
        assert_eq!(read.method, "POST");
        assert_eq!(read.url, "https://h.example/a?b=c");
        assert_eq!(read.headers, [("x-a".to_owned(), "b".to_owned())]);
        assert_eq!(read.body.as_deref(), Some(&b"abcd"[..]));
        assert!(!read.repeatable);
        assert_eq!(read.surplus, Surplus::Drop);
    }

    #[test]
    fn an_empty_body_is_none() {
        assert_eq!(read_now(request(None, pieces(&[])), 100).unwrap().body, None);
        assert_eq!(
            read_now(request(Some("0"), pieces(&[""])), 100).unwrap().body,
            None
        );
    }

    #[test]
    fn a_body_is_refused_that_is_too_large_or_not_as_long_as_it_says() {
        for (said, given) in [
            (None, &["0123456789", "x"][..]),
            (Some("11"), &["x"]),
            (Some("3"), &["ab"]),
            (Some("1"), &["ab"]),
            (Some("1"), &[]),
            (Some("99999999999999999999"), &["ab"]),
        ] {
            let read = read_now(request(said, pieces(given)), 100);
            assert!(
                matches!(read, Err(Error::HttpRequestBodySize(_))),
                "{said:?} {given:?} {read:?}"
            );
        }
    }

    #[test]
    fn a_body_waits_for_no_memory() {
        let read = read_now(request(None, pieces(&["abcdef"])), 5);
        assert!(matches!(read, Err(Error::InternalError(Some(_)))), "{read:?}");
    }

    #[test]
    fn trailers_and_unfinished_bodies_are_not_sent() {
        let trailers = body(vec![Ok(Frame::trailers(HeaderMap::new()))]);
        assert!(matches!(
            read_now(request(None, trailers), 100),
            Err(Error::HttpRequestTrailerSectionSize(_))
        ));
        let dropped = body(vec![
            Ok(Frame::data(Bytes::from_static(b"a"))),
            Err(Error::HttpProtocolError),
        ]);
        assert!(matches!(
            read_now(request(None, dropped), 100),
            Err(Error::HttpProtocolError)
        ));
        let never = StreamBody::new(stream::pending()).boxed_unsync();
        let waiting = read(request(None, never), &InFlight::new(100), MOST).now_or_never();
        assert!(waiting.is_none());
    }

    #[test]
    fn what_is_not_ascii_reaches_egress_as_what_it_refuses() {
        let mut request = request(None, pieces(&[]));
        request
            .headers_mut()
            .insert("accept", http::HeaderValue::from_bytes(b"a\xff").unwrap());
        let read = read_now(request, 100).unwrap();
        assert!(
            read.headers
                .contains(&("accept".to_owned(), "a\u{fffd}".to_owned()))
        );
    }
}
