//! Calls that the grant does not allow, or not in this form. A call that goes through is no failure: the tests ask the
//! server what it saw, and the note what the guest got.

use super::{Ended, Scene};
use finops_collector::{Failure, HttpRequest, Outcome};

/// How much of a reply's body is noted.
const NOTED: usize = 1 << 10;

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    Some(match scene.settings.act.as_str() {
        "call" => call(scene, request(scene)),
        "call-often" => call_often(scene),
        "call-long-url" => {
            let mut request = request(scene);
            request.url.extend(scene.times().map(|_| 'x'));
            call(scene, request)
        }
        "call-many-headers" => {
            let mut request = request(scene);
            let header = |number| (format!("if-{number}"), "x".to_owned());
            request.headers.extend(scene.times().map(header));
            call(scene, request)
        }
        _ => return None,
    })
}

/// The request that the settings describe.
fn request(scene: &Scene<'_>) -> HttpRequest {
    let settings = &scene.settings;
    let split = |header: &String| {
        let (name, value) = header.split_once(": ").unwrap_or((header.as_str(), ""));
        (name.to_owned(), value.to_owned())
    };
    HttpRequest {
        method: settings.method.clone(),
        url: settings.url.clone(),
        headers: settings.headers.iter().map(split).collect(),
        body: (!settings.body.is_empty()).then(|| settings.body.clone().into_bytes()),
        repeatable: false,
    }
}

/// Calls, and tells all that it got.
fn call(scene: &Scene<'_>, request: HttpRequest) -> Result<Outcome, Failure> {
    let mut reply = scene.host.send(&request)?;
    let mut start = Vec::new();
    let mut length = 0;
    while let Some(piece) = reply.body.read(0)? {
        length += piece.len();
        start.extend(piece.into_iter().take(NOTED.saturating_sub(start.len())));
    }
    let headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let body = String::from_utf8_lossy(&start).into_owned();
    scene
        .host
        .info(format!("reply: {} {headers:?} {body}", reply.status));
    Ok(Outcome::done().note(format_args!(
        "status {}; {headers:?}; {length} bytes: {body}",
        reply.status
    )))
}

fn call_often(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    for _ in scene.times() {
        scene.host.send(&HttpRequest::get(&scene.settings.url))?;
    }
    Ok(Outcome::done())
}
