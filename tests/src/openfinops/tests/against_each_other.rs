//! The recorder answers as the real server does.

use super::{AGENTS, INGEST, RECENT, REGISTER, batch, entry, registration};
use crate::openfinops::{RealServer, Recorder, http};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::SocketAddr;

const JSON: &str = "application/json";

/// Method, path, content type, body.
type Call = (&'static str, String, &'static str, Vec<u8>);

fn post(path: &str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Call {
    ("POST", path.to_owned(), content_type, body.into())
}

fn get(path: &str) -> Call {
    ("GET", path.to_owned(), "", Vec::new())
}

/// The status, and the JSON without what the clock decides.
fn answer(address: SocketAddr, (method, path, content_type, body): &Call) -> (u16, Value) {
    let headers: &[(&str, &str)] = if content_type.is_empty() {
        &[]
    } else {
        &[("content-type", content_type)]
    };
    let reply = http::exchange(address, method, path, headers, body).unwrap();
    let mut json = reply.json().unwrap_or(Value::Null);
    blank_clocks(&mut json);
    (reply.status, json)
}

fn blank_clocks(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "created_at" | "last_heartbeat" | "registered_at" | "uptime" => *value = json!("clock"),
                    "timestamp" if value.is_number() => *value = json!("number"),
                    _ => blank_clocks(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank_clocks),
        _ => {}
    }
}

#[test]
fn the_recorder_answers_every_call_as_the_real_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let recorder = Recorder::start().unwrap();
    let now = Timestamp::now().as_second();
    let older = batch("older", now - 5_000, &[entry("e1", "USD", "1.25")]).to_string();
    let newer = batch("newer", now - 100, &[]).to_string();
    let past = batch("past", now - 100 * 3_600, &[]).to_string();
    let textual = json!({ "agent_id": "a", "timestamp": "2026-08-03T12:00:00Z", "lost": true }).to_string();
    let registration = registration().to_string();
    let calls = [
        get("/health"),
        get(AGENTS),
        get(RECENT),
        post(INGEST, JSON, newer.clone()),
        get(AGENTS),
        post(REGISTER, JSON, registration.clone()),
        post(
            REGISTER,
            JSON,
            r#"{"agent_id":"b","hostname":"h","cloud_provider":"aws","region":"r","config":{"k":1}}"#,
        ),
        post(REGISTER, JSON, registration.clone()),
        get(AGENTS),
        post(REGISTER, JSON, r#"{"agent_id":"c","hostname":"h"}"#),
        post(REGISTER, JSON, "[]"),
        post(REGISTER, JSON, "{"),
        post(REGISTER, "text/plain", registration),
        post(INGEST, JSON, older.clone()),
        post(INGEST, JSON, older.clone()),
        post(INGEST, "application/json; charset=utf-8", past),
        post(INGEST, JSON, textual),
        post(INGEST, JSON, r#"{"agent_id":"a"}"#),
        post(INGEST, JSON, r#"{"hostname":"h"}"#),
        post(INGEST, JSON, "{}"),
        post(INGEST, JSON, "[]"),
        post(INGEST, JSON, "[1]"),
        post(INGEST, JSON, "null"),
        post(INGEST, JSON, "\"text\""),
        post(INGEST, JSON, "17"),
        post(INGEST, JSON, "true"),
        post(INGEST, JSON, older.get(..40).unwrap()),
        post(INGEST, JSON, b"\x1f\x8b\x08\x00not json at all".as_slice()),
        post(INGEST, "text/plain", newer.clone()),
        post(INGEST, "", newer),
        get(&format!("{RECENT}?hours=24")),
        get(&format!("{RECENT}?hours=1")),
        get(&format!("{RECENT}?hours=200")),
        get(&format!("{RECENT}?hours=all")),
        get("/api/v1/elsewhere"),
    ];
    for call in &calls {
        let body = String::from_utf8_lossy(&call.3);
        let what = format!("{} {} {} {body}", call.0, call.1, call.2);
        assert_eq!(
            answer(recorder.address(), call),
            answer(server.address(), call),
            "{what}"
        );
    }
    assert_eq!(recorder.stored().len(), server.observe().unwrap().rows);
    assert_eq!(recorder.stored().len(), 6);
}

#[test]
fn both_show_only_the_newest_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start(folder.path()).unwrap();
    let recorder = Recorder::start().unwrap();
    let now = Timestamp::now().as_second();
    // Straight into the real server's table: a thousand calls, each with its own sync to disk, would take long.
    let database = rusqlite::Connection::open(folder.path().join("telemetry.db")).unwrap();
    database.execute_batch("BEGIN").unwrap();
    for number in 0..1_003 {
        let timestamp = now - 2_000 + number;
        let insert = "INSERT INTO telemetry_data (agent_id, timestamp) VALUES ('a', ?1)";
        database.execute(insert, [timestamp]).unwrap();
        let body = json!({ "agent_id": "a", "timestamp": timestamp });
        assert_eq!(http::post(recorder.address(), INGEST, &body).unwrap().status, 200);
    }
    database.execute_batch("COMMIT").unwrap();
    for address in [server.address(), recorder.address()] {
        let recent = http::get(address, RECENT).unwrap().json().unwrap();
        assert_eq!(recent["count"], json!(1_000));
        assert_eq!(recent["telemetry"][0]["id"], json!(1_003));
        assert_eq!(recent["telemetry"][999]["id"], json!(4));
    }
}
