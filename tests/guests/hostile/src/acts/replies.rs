//! Replies that are too many or too large, and handles that are never given back.

use super::{Ended, Scene};
use finops_collector::{Failure, HttpRequest, Outcome, bindings::finops::collector::http};

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    Some(match scene.settings.act.as_str() {
        "read-on" => read_on(scene),
        "read-whole" => read_whole(scene),
        "keep-replies" => keep_replies(scene),
        "send-many" => send_many(scene),
        _ => return None,
    })
}

/// Reads a reply piece by piece to its end, keeping nothing.
fn read_on(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let mut reply = scene.host.send(&HttpRequest::get(&scene.settings.url))?;
    let mut bytes = 0;
    while let Some(piece) = reply.body.read(0)? {
        bytes += piece.len();
    }
    Ok(Outcome::done().note(format_args!("read {bytes} bytes")))
}

/// Asks for a reply whole, however large.
fn read_whole(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let reply = http::send(&(&HttpRequest::get(&scene.settings.url)).into())?;
    let bytes = reply.read_all(u64::MAX)?.len();
    Ok(Outcome::done().note(format_args!("read {bytes} bytes")))
}

/// Sends again and again and reads none of the replies, but keeps all.
fn keep_replies(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let mut kept = Vec::new();
    for _ in scene.times() {
        kept.push(scene.host.send(&HttpRequest::get(&scene.settings.url))?);
    }
    Ok(Outcome::done().note(format_args!("kept {} replies", kept.len())))
}

/// So many requests at once, with bodies of this size; ends with the first failure, and says how many went well.
fn send_many(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let request = HttpRequest {
        body: Some(vec![b'b'; scene.settings.size as usize]),
        ..HttpRequest::post(&scene.settings.url)
    };
    let requests = vec![request; scene.settings.count as usize];
    let mut good = 0;
    let mut failure = None;
    for reply in scene.host.send_many(&requests) {
        match reply {
            Ok(_) => good += 1,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    scene.host.info(format!("{good} of {} went well", requests.len()));
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Outcome::done()),
    }
}
