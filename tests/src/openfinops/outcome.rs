//! What a test wants to happen to one request: whether the server keeps it, and what the client then sees.
//! What must hold: the two are independent, since a real server can keep a batch and still answer 500.

use std::time::Duration;

/// Whether the server keeps what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// It does, as far as the real server would keep this body.
    Kept,
    /// It does not.
    Lost,
}

/// What the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The real server's answer to this request.
    Honest,
    /// This answer.
    Scripted {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// A connection reset after the request was read whole.
    Reset,
    /// Nothing until the test releases it, then the real server's answer.
    Hang,
    /// The beginning of the real server's answer, then this.
    Begun(Rest),
}

/// How an answer that began well goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The connection breaks.
    Breaks,
    /// One byte at a time, with such a pause before each, without end.
    Drips(Duration),
    /// As many bytes as the client takes, without end.
    Endless,
}

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub(super) storage: Storage,
    pub(super) reply: Reply,
}

impl Outcome {
    /// What the real server would do: the default of every request.
    #[must_use]
    pub fn success() -> Self {
        Self {
            storage: Storage::Kept,
            reply: Reply::Honest,
        }
    }

    /// 200 with the HTML of a login page, as a proxy in between answers; nothing is stored.
    #[must_use]
    pub fn login_page() -> Self {
        let page = "<!DOCTYPE html><html><body><form action=\"/login\">Sign in</form></body></html>";
        Self::scripted(
            Storage::Lost,
            200,
            vec![("content-type", "text/html".to_owned())],
            page.to_owned(),
        )
    }

    /// 200 with JSON whose `status` is another word than `success`.
    #[must_use]
    pub fn status(word: &str, storage: Storage) -> Self {
        let body = serde_json::json!({ "status": word, "message": "Telemetry data received" });
        Self::scripted(storage, 200, json(), body.to_string())
    }

    /// This status with the real server's kind of error body: 500 after or before storing, 502, 504.
    #[must_use]
    pub fn error(status: u16, storage: Storage) -> Self {
        Self::scripted(
            storage,
            status,
            json(),
            r#"{"error":"Internal server error"}"#.to_owned(),
        )
    }

    /// A refusal that stores nothing: 400, 401, 403, 404, 413, 422.
    #[must_use]
    pub fn refused(status: u16) -> Self {
        Self::scripted(
            Storage::Lost,
            status,
            json(),
            r#"{"error":"Invalid telemetry data"}"#.to_owned(),
        )
    }

    /// 429 that stores nothing, with this Retry-After if there is one.
    #[must_use]
    pub fn throttled(retry_after: Option<&str>) -> Self {
        Self::later(429, retry_after)
    }

    /// 503 that stores nothing, with this Retry-After if there is one.
    #[must_use]
    pub fn unavailable(retry_after: Option<&str>) -> Self {
        Self::later(503, retry_after)
    }

    /// A connection reset after the request was read whole.
    #[must_use]
    pub fn reset(storage: Storage) -> Self {
        Self {
            storage,
            reply: Reply::Reset,
        }
    }

    /// No answer until [`Recorder::release`](super::Recorder::release).
    #[must_use]
    pub fn hang(storage: Storage) -> Self {
        Self {
            storage,
            reply: Reply::Hang,
        }
    }

    /// 200, the first half of the answer, and then the connection breaks.
    #[must_use]
    pub fn cut(storage: Storage) -> Self {
        Self::begun(storage, Rest::Breaks)
    }

    /// 200, and an answer of which a byte comes every now and then, without end.
    #[must_use]
    pub fn dripping(storage: Storage, pause: Duration) -> Self {
        Self::begun(storage, Rest::Drips(pause))
    }

    /// 200, and an answer without end.
    #[must_use]
    pub fn endless(storage: Storage) -> Self {
        Self::begun(storage, Rest::Endless)
    }

    /// A redirect to this address; nothing is stored.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::scripted(
            Storage::Lost,
            307,
            vec![("location", location.to_owned())],
            String::new(),
        )
    }

    /// 200 with this JSON instead of the real answer.
    #[must_use]
    pub fn answer(storage: Storage, body: &serde_json::Value) -> Self {
        Self::scripted(storage, 200, json(), body.to_string())
    }

    /// Whether a client that sent a batch cannot know from the reply if it was stored.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        match &self.reply {
            Reply::Honest => false,
            Reply::Scripted { status, .. } => matches!(status, 200 | 500 | 502 | 504),
            Reply::Reset | Reply::Hang | Reply::Begun(_) => true,
        }
    }

    fn begun(storage: Storage, rest: Rest) -> Self {
        Self {
            storage,
            reply: Reply::Begun(rest),
        }
    }

    fn later(status: u16, retry_after: Option<&str>) -> Self {
        let mut headers = json();
        headers.extend(retry_after.map(|value| ("retry-after", value.to_owned())));
        Self::scripted(
            Storage::Lost,
            status,
            headers,
            r#"{"error":"try again later"}"#.to_owned(),
        )
    }

    fn scripted(storage: Storage, status: u16, headers: Vec<(&'static str, String)>, body: String) -> Self {
        Self {
            storage,
            reply: Reply::Scripted {
                status,
                headers,
                body,
            },
        }
    }
}

fn json() -> Vec<(&'static str, String)> {
    vec![("content-type", "application/json".to_owned())]
}
