//! Misuses of `wasi:http`. Each gives what came of it, for the test to read.

use crate::client::{Call, wait, write};
use std::mem::forget;
use wasip2::http::types::{ErrorCode, Fields, Method, OutgoingBody, OutgoingRequest, OutgoingResponse};

fn told(what: impl std::fmt::Debug) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("{what:?}")))
}

pub fn attack(act: &str, call: &Call, count: u64) -> Result<String, ErrorCode> {
    match act {
        // A body that is handed over and never finished.
        "unfinished" => {
            let request = call.request()?;
            let body = request.body().map_err(told)?;
            let reply = call.start(request)?;
            write(&body, &call.body).map_err(told)?;
            wait(&reply).map(|reply| reply.head())
        }
        // A body that is given up half-way.
        "given-up" => {
            let request = call.request()?;
            let body = request.body().map_err(told)?;
            let reply = call.start(request)?;
            write(&body, &call.body).map_err(told)?;
            drop(body);
            wait(&reply).map(|reply| reply.head())
        }
        // A body beside what its content-length says, whatever `finish` says of it.
        "lie" => {
            let request = call.request()?;
            let body = request.body().map_err(told)?;
            let reply = call.start(request)?;
            let written = write(&body, &call.body).is_ok();
            let finished = OutgoingBody::finish(body, None);
            let reply = wait(&reply).map(|reply| reply.head());
            Ok(format!(
                "written {written}, finished {finished:?}, reply {reply:?}"
            ))
        }
        "trailers" => {
            let request = call.request()?;
            let body = request.body().map_err(told)?;
            let reply = call.start(request)?;
            write(&body, &call.body).map_err(told)?;
            let trailers =
                Fields::from_list(&[("authorization".to_owned(), b"mine".to_vec())]).map_err(told)?;
            OutgoingBody::finish(body, Some(trailers))?;
            wait(&reply).map(|reply| reply.head())
        }
        "leak-fields" => {
            for _ in 0..count {
                forget(Fields::from_list(&call.headers).map_err(told)?);
            }
            Ok(format!("leaked {count}"))
        }
        "leak-replies" => {
            for leaked in 0..count {
                match call.fetch() {
                    Ok(reply) => forget(reply),
                    Err(error) => return Ok(format!("leaked {leaked}, then {error:?}")),
                }
            }
            Ok(format!("leaked {count}"))
        }
        // Bodies that are never handed over, as full as the host lets them be.
        "leak-bodies" => {
            let mut open = Vec::new();
            for opened in 0..count {
                let request = call.request()?;
                let Ok(body) = request.body() else {
                    return Ok(format!("opened {opened}, then no more"));
                };
                if let Ok(stream) = body.write() {
                    while let Ok(room @ 1..) = stream.check_write() {
                        stream.write(&vec![0; room as usize]).map_err(told)?;
                    }
                }
                open.push((request, body));
            }
            Ok(format!("opened {count}"))
        }
        // All at once, each with a body that is written as far as the host takes it.
        "many" => {
            let mut started = Vec::new();
            for _ in 0..count {
                let request = call.request()?;
                let Ok(body) = request.body() else { break };
                started.push((call.start(request)?, Some(body)));
            }
            let mut sent = 0;
            for (_, body) in &mut started {
                if let Some(body) = body.take()
                    && write(&body, &call.body).is_ok()
                    && OutgoingBody::finish(body, None).is_ok()
                {
                    sent += 1;
                }
            }
            let replies = started.iter().filter(|(reply, _)| wait(reply).is_ok()).count();
            Ok(format!(
                "started {}, sent {sent}, answered {replies}",
                started.len()
            ))
        }
        // Calls whose replies nobody waits for.
        "leak-calls" => {
            for _ in 0..count {
                forget(call.start(call.request()?)?);
            }
            Ok(format!("leaked {count}"))
        }
        "long-method" => {
            let request = OutgoingRequest::new(Fields::new());
            let method = Method::Other("X".repeat(8 << 20));
            let path = format!("/{}", "x".repeat(60_000));
            let authority = format!("{}.example", "x".repeat(60_000));
            Ok(format!(
                "method {:?}, path {:?}, authority {:?}",
                request.set_method(&method),
                request.set_path_with_query(Some(&path)),
                request.set_authority(Some(&authority)),
            ))
        }
        "serve" => {
            let response = OutgoingResponse::new(Fields::new());
            Ok(format!("made a response {}", response.status_code()))
        }
        other => Err(told(format!("no act `{other}`"))),
    }
}
