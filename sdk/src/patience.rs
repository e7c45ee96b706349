//! Sending again what a provider could not answer just now, beyond what the host itself repeats (429, 502, 503 and 504).

use crate::{Failure, Host, HttpRequest, Response};
use std::time::Duration;

/// How often it is sent.
const ATTEMPTS: u32 = 3;

/// Sends the request, again after about one and two seconds while `passes` says that its status may pass. The last reply
/// stands, whatever its status. Only for requests that do no harm when they are sent twice.
///
/// # Errors
/// The host's.
pub fn send_patiently(
    host: &dyn Host,
    request: &HttpRequest,
    passes: impl Fn(u16) -> bool,
) -> Result<Response, Failure> {
    let mut attempt = 1;
    loop {
        let response = host.send(request)?;
        if attempt == ATTEMPTS || !passes(response.status) {
            return Ok(response);
        }
        host.sleep(delay(attempt, host.random()?));
        attempt += 1;
    }
}

/// Between half and all of one second, then of two, so that many clients do not come back together.
fn delay(attempt: u32, [first, second, ..]: [u8; 16]) -> Duration {
    let half = 500_u64 << (attempt - 1).min(4);
    let part = u64::from(u16::from_be_bytes([first, second])) * half / u64::from(u16::MAX);
    Duration::from_millis(half + part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{FakeHost, reply};

    fn sent(statuses: &[u16]) -> (u16, usize, usize) {
        let host = FakeHost::replying(statuses.iter().map(|status| reply(*status, "")));
        let request = HttpRequest::get("https://api.example/");
        let status = send_patiently(&host, &request, |status| status == 500)
            .unwrap()
            .status;
        (status, host.requests().len(), host.sleeps().len())
    }

    #[test]
    fn what_may_pass_is_waited_for_a_little_and_the_last_reply_stands() {
        assert_eq!(sent(&[200]), (200, 1, 0));
        assert_eq!(sent(&[500, 500, 200]), (200, 3, 2));
        assert_eq!(sent(&[500, 500, 500, 200]), (500, 3, 2));
        assert_eq!(sent(&[400, 200]), (400, 1, 0));
    }

    #[test]
    fn pauses_grow_and_differ() {
        let longest = [u8::MAX; 16];
        assert_eq!(delay(1, [0; 16]), Duration::from_millis(500));
        assert_eq!(delay(1, longest), Duration::from_secs(1));
        assert_eq!(delay(2, longest), Duration::from_secs(2));
    }
}
