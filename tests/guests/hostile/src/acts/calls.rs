//! Calls that the grant does not allow, or not in this form.

use super::{Ended, Scene};
use finops_collector::{Failure, HttpRequest, Outcome};

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    Some(
        match scene.settings.act.as_str() {
            "call" => call(scene),
            "call-often" => call_often(scene),
            _ => return None,
        }
        .map(|()| Outcome::done()),
    )
}

fn call(scene: &Scene<'_>) -> Result<(), Failure> {
    let reply = scene.host.send(&HttpRequest::get(&scene.settings.url))?;
    let body = reply.start_of_body(1 << 20);
    scene.host.info(format!("reply: {body}"));
    Ok(())
}

fn call_often(scene: &Scene<'_>) -> Result<(), Failure> {
    for _ in scene.times() {
        scene.host.send(&HttpRequest::get(&scene.settings.url))?;
    }
    Ok(())
}
