//! Waiting as long as a provider asks, where it says so in a way of its own: HTTP 403 for a limit, or a header that the host does
//! not know. What the host repeats by itself (429, 502, 503 and 504 with Retry-After or without) has been repeated by then.

use crate::{Failure, Host, HttpRequest, Response};
use std::time::Duration;

/// How often it is sent.
const ATTEMPTS: u32 = 4;
/// The longest that is waited for at once.
const LONGEST: Duration = Duration::from_secs(120);

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub failure: Failure,
    /// How long to wait before it is worth asking again; none where that helps nothing.
    pub wait: Option<Duration>,
}

/// A successful reply. What `refusal` makes of any other says whether it is waited for: at most two minutes at once, three times.
/// It is told how often the request was sent. Only for requests that do no harm when they are sent twice.
///
/// # Errors
/// The host's, and the refusal's.
pub fn send_waiting(
    host: &dyn Host,
    request: &HttpRequest,
    refusal: impl Fn(Response, u32) -> Refusal,
) -> Result<Response, Failure> {
    let mut attempt = 1;
    loop {
        let response = host.send(request)?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let refusal = refusal(response, attempt);
        match refusal.wait.filter(|wait| *wait <= LONGEST && attempt < ATTEMPTS) {
            Some(wait) => host.sleep(wait),
            None => return Err(refusal.failure),
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, reply};

    /// What comes of replies when each refusal asks for so many seconds; and for how long it was slept.
    fn sent(statuses: &[u16], seconds: Option<u64>) -> (Option<u16>, Vec<u64>) {
        let host = FakeHost::replying(statuses.iter().map(|status| reply(*status, "")));
        let request = HttpRequest::get("https://api.example/");
        let sent = send_waiting(&host, &request, |response, attempt| Refusal {
            failure: response.into_failure(),
            wait: seconds.map(|seconds| Duration::from_secs(seconds * u64::from(attempt))),
        });
        let slept = host.sleeps().iter().map(Duration::as_secs).collect();
        (sent.ok().map(|response| response.status), slept)
    }

    #[test]
    fn a_short_wait_is_waited_for_a_few_times_and_a_long_or_useless_one_not() {
        assert_eq!(sent(&[200], Some(1)), (Some(200), vec![]));
        assert_eq!(sent(&[403, 403, 200], Some(60)), (Some(200), vec![60, 120]));
        assert_eq!(sent(&[403, 403, 403, 200], Some(60)), (None, vec![60, 120]));
        assert_eq!(sent(&[403; 9], Some(1)), (None, vec![1, 2, 3]));
        assert_eq!(sent(&[403, 200], None), (None, vec![]));
    }
}
