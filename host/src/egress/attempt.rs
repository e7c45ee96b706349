//! Steps 4 to 9 of a call that a rule allows: out to the provider, again where that helps, or into a recording.
//! What must hold: budget and address are judged in one place for both, and nothing of a replay leaves.

use super::{
    Call, Egress, Fault, Out, Recording, RefusalKind, Reply,
    address::AddressPolicy,
    client,
    credential::{self, Outgoing, Tries, Verdict},
    in_flight::Held,
    recording::Asked,
    reply,
    retry::{self, Outcome},
    told,
};
use crate::foreign::Foreign;
use std::sync::Arc;

/// What one attempt was given.
struct Admitted {
    _place: tokio::sync::OwnedSemaphorePermit,
    window: Held,
    left: std::time::Duration,
}

impl Egress {
    /// Steps 4 and 5 of a call whose answer is recorded; nothing of it leaves.
    pub(super) async fn replayed(
        &self,
        recording: &Recording,
        call: &Call<'_>,
        asked: &Asked,
        shown: &str,
    ) -> Result<Reply, Fault> {
        let admitted = self.admitted(call).await?;
        let played = recording.answer(asked, call.rule)?;
        let about = (call.request.method.as_str(), shown);
        Ok(reply::played(
            played,
            admitted.window,
            Arc::clone(&self.run),
            about,
        ))
    }

    /// Steps 4 to 9, as often as step 8 says.
    pub(super) async fn attempts(&self, out: &Out, call: &Call<'_>, shown: &str) -> Result<Reply, Fault> {
        let mut attempt = 1;
        let mut tries = Tries::default();
        loop {
            let outcome = self.attempt(out, call, shown, &mut tries).await.transpose();
            let Some(outcome) = outcome else {
                // The provider has not acted, so that a call may be repeated whatever its method.
                tracing::debug!(url = %Foreign::from(shown), "trying again with another credential");
                continue;
            };
            let summary = match &outcome {
                Ok((_, summary)) | Err((_, Some(summary))) => *summary,
                Err((_, None)) => return outcome.map(|(reply, _)| reply).map_err(|(fault, _)| fault),
            };
            let left = self.run.left();
            let pause = retry::pause(
                summary,
                call.target.method,
                call.request.repeatable,
                attempt,
                left,
                jitter(),
            );
            let Some(pause) = pause else {
                return outcome.map(|(reply, _)| reply).map_err(|(fault, _)| fault);
            };
            // The reply's connection and memory are given back before the wait.
            drop(outcome);
            tracing::debug!(url = %Foreign::from(shown), attempt, ?pause, "trying again");
            self.run.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// Step 4, and step 5 as far as the URL tells.
    async fn admitted(&self, call: &Call<'_>) -> Result<Admitted, Fault> {
        let place = self.run.budget.place().await?;
        let window = self.run.budget.window()?;
        let left = self.run.left();
        if left.is_zero() {
            return Err(Fault::open(RefusalKind::Throttled, "the run's time is used up"));
        }
        let length = call.request.body.as_ref().map_or(0, bytes::Bytes::len);
        self.run.budget.attempt(length, call.rule.price).await?;
        let line = call.rule.line;
        client::judge_literal(&AddressPolicy::of(call.rule), &call.target.url)
            .map_err(|error| Fault::denied(format!("{error} (line {line})")))?;
        Ok(Admitted {
            _place: place,
            window,
            left,
        })
    }

    /// Steps 4 to 7 and 9, once. An error comes with an outcome if trying again may help; there is no reply if the
    /// provider refused the credential and another can be tried at once.
    async fn attempt(
        &self,
        out: &Out,
        call: &Call<'_>,
        shown: &str,
        tries: &mut Tries,
    ) -> Result<Option<(Reply, Outcome)>, (Fault, Option<Outcome>)> {
        let finally = |fault| (fault, None);
        let Admitted { _place, window, left } = self.admitted(call).await.map_err(finally)?;
        let client = out.clients.of(call.index);
        let client = client.ok_or_else(|| finally(Fault::denied("no rule")))?;
        let body = call.request.body.clone();
        let mut outgoing = outgoing(call, body).map_err(finally)?;
        let failed = |error: credential::CredentialError| {
            let again = error.outcome();
            (error.into_fault(), again)
        };
        let mut used = None;
        if let Some(name) = &call.rule.credential {
            used = Some((name, out.vault.apply(name, &mut outgoing).await.map_err(failed)?));
        }
        // A token call has taken its time.
        let left = left.min(self.run.left());
        let place = told::Place::of_rule(call.rule, &call.target.url);
        let sent = told::send(client, outgoing, left, &place, &self.run.span).await;
        let response = sent.map_err(|failed| {
            let again = failed.unconnected.then_some(Outcome::Unconnected);
            (failed.fault, again)
        })?;
        if let Some((name, used)) = used {
            let answer = (response.status(), response.headers());
            let verdict = out.vault.answered(name, used, &call.target.url, answer, tries);
            if verdict.await.map_err(failed)? == Verdict::Again {
                return Ok(None);
            }
        }
        let asked = retry::asked(response.headers(), self.run.clock.now());
        let outcome = Outcome::Status(response.status().as_u16(), asked);
        let about = (call.request.method.as_str(), shown);
        let reply = reply::open(response, out.vault.watch(), window, Arc::clone(&self.run), about)
            .map_err(finally)?;
        Ok(Some((reply, outcome)))
    }
}

/// The request as it stands before the credential.
fn outgoing(call: &Call<'_>, body: Option<bytes::Bytes>) -> Result<Outgoing, Fault> {
    let invalid = |_| Fault::open(RefusalKind::Denied, "a header cannot be sent");
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in &call.headers {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(()))?;
        let value = reqwest::header::HeaderValue::from_str(value).map_err(|_| invalid(()))?;
        headers.insert(name, value);
    }
    let method =
        reqwest::Method::from_bytes(call.target.method.as_str().as_bytes()).map_err(|_| invalid(()))?;
    Ok(Outgoing {
        method,
        url: call.target.url.clone(),
        headers,
        body,
    })
}

/// Any number, for pauses.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the pause is merely the shortest.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_ne_bytes(bytes)
}
