//! What a test can make the recorder do.

use super::{AGENTS, INGEST, RECENT, REGISTER, batch, registration};
use crate::openfinops::{Outcome, Recorder, Route, Storage, http};
use serde_json::{Value, json};
use std::io::ErrorKind;

const NOW: i64 = 1_785_758_400;

fn recorder() -> Recorder {
    let recorder = Recorder::start().unwrap();
    recorder.set_now(NOW);
    recorder
}

fn send(recorder: &Recorder, batch_id: &str) -> std::io::Result<http::Reply> {
    http::post(recorder.address(), INGEST, &batch(batch_id, NOW, &[]))
}

fn batch_ids(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["metrics"]["batch_id"].as_str().unwrap())
        .collect()
}

#[test]
fn each_scripted_status_reaches_the_client_and_says_what_was_kept() {
    let table = [
        (Outcome::success(), 200, Storage::Kept),
        (Outcome::login_page(), 200, Storage::Lost),
        (Outcome::status("queued", Storage::Kept), 200, Storage::Kept),
        (Outcome::error(500, Storage::Kept), 500, Storage::Kept),
        (Outcome::error(500, Storage::Lost), 500, Storage::Lost),
        (Outcome::error(502, Storage::Kept), 502, Storage::Kept),
        (Outcome::unavailable(None), 503, Storage::Lost),
        (Outcome::throttled(Some("7")), 429, Storage::Lost),
        (Outcome::refused(400), 400, Storage::Lost),
        (Outcome::refused(401), 401, Storage::Lost),
        (Outcome::refused(413), 413, Storage::Lost),
    ];
    let recorder = recorder();
    recorder.script(Route::Ingest, table.iter().map(|(outcome, _, _)| outcome.clone()));
    for (number, (outcome, status, storage)) in table.iter().enumerate() {
        let before = recorder.stored().len();
        assert_eq!(
            send(&recorder, &number.to_string()).unwrap().status,
            *status,
            "{outcome:?}"
        );
        assert_eq!(
            recorder.received(Route::Ingest)[number].storage,
            *storage,
            "{outcome:?}"
        );
        assert_eq!(
            recorder.stored().len() - before,
            usize::from(*storage == Storage::Kept),
            "{outcome:?}"
        );
    }
    assert_eq!(batch_ids(&recorder.stored()), ["0", "2", "3", "5"]);
}

#[test]
fn a_login_page_is_html_and_a_throttled_call_says_when_to_come_back() {
    let recorder = recorder();
    recorder.script(
        Route::Ingest,
        [
            Outcome::login_page(),
            Outcome::throttled(Some("7")),
            Outcome::throttled(None),
        ],
    );
    let page = send(&recorder, "a").unwrap();
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert!(page.body.starts_with("<!DOCTYPE html>"));
    assert_eq!(send(&recorder, "b").unwrap().header("retry-after"), Some("7"));
    assert_eq!(send(&recorder, "c").unwrap().header("retry-after"), None);
}

#[test]
fn bodies_are_kept_byte_for_byte_with_their_headers() {
    let recorder = recorder();
    let body = br#"{ "agent_id" : "a",  "metrics": {"n": 1.10} }"#;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    http::exchange(recorder.address(), "POST", INGEST, &headers, body).unwrap();
    let received = recorder.received(Route::Ingest);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body.as_ref(), body);
    assert_eq!(received[0].headers["idempotency-key"], "k");
}

#[test]
fn a_large_body_is_taken() {
    let recorder = recorder();
    let body = json!({ "agent_id": "a", "metrics": { "filler": "x".repeat(10 << 20) } });
    assert_eq!(http::post(recorder.address(), INGEST, &body).unwrap().status, 200);
}

#[test]
fn a_reset_gives_no_answer_whether_or_not_the_batch_was_kept() {
    let recorder = recorder();
    recorder.script(
        Route::Ingest,
        [Outcome::reset(Storage::Kept), Outcome::reset(Storage::Lost)],
    );
    for batch_id in ["kept", "lost"] {
        assert_eq!(
            send(&recorder, batch_id).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }
    assert_eq!(recorder.received(Route::Ingest).len(), 2);
    assert_eq!(batch_ids(&recorder.stored()), ["kept"]);
}

#[tokio::test]
async fn a_hanging_request_goes_on_when_it_is_released() {
    let recorder = recorder();
    recorder.script(
        Route::Ingest,
        [Outcome::hang(Storage::Kept), Outcome::hang(Storage::Lost)],
    );
    let address = recorder.address();
    let calls = ["kept", "lost"]
        .map(|batch_id| std::thread::spawn(move || http::post(address, INGEST, &batch(batch_id, NOW, &[]))));
    let received = recorder.arrived(Route::Ingest, 2).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    recorder.release();
    let outcomes = calls.map(|call| {
        call.join()
            .unwrap()
            .map(|reply| reply.status)
            .map_err(|error| error.kind())
    });
    for (received, outcome) in received.iter().zip(batch_order(&received, outcomes)) {
        match received.storage {
            Storage::Kept => assert_eq!(outcome, Ok(200)),
            Storage::Lost => assert_eq!(outcome, Err(ErrorKind::ConnectionReset)),
        }
    }
}

/// The two threads may have arrived in either order: the outcomes in the order of arrival.
fn batch_order<T>(received: &[crate::openfinops::Received], [kept, lost]: [T; 2]) -> [T; 2] {
    let first: Value = serde_json::from_slice(&received[0].body).unwrap();
    if first["metrics"]["batch_id"] == "kept" {
        [kept, lost]
    } else {
        [lost, kept]
    }
}

#[test]
fn a_decision_sees_the_body_and_the_script_goes_before_it() {
    let recorder = recorder();
    recorder.decide(|route, body| {
        let bad = route == Route::Ingest && String::from_utf8_lossy(body).contains("bad");
        bad.then(|| Outcome::refused(400))
    });
    recorder.script(Route::Ingest, [Outcome::unavailable(None)]);
    let statuses = ["bad", "bad", "good"].map(|batch_id| send(&recorder, batch_id).unwrap().status);
    assert_eq!(statuses, [503, 400, 200]);
}

#[test]
fn look_ups_can_fail_too() {
    let recorder = recorder();
    recorder.script(Route::Recent, [Outcome::error(500, Storage::Lost)]);
    let statuses = [0; 2].map(|_| http::get(recorder.address(), RECENT).unwrap().status);
    assert_eq!(statuses, [500, 200]);
}

#[test]
fn recent_looks_back_from_the_clock_that_was_set() {
    let recorder = recorder();
    send(&recorder, "b1").unwrap();
    let count = || http::get(recorder.address(), RECENT).unwrap().json().unwrap()["count"].clone();
    assert_eq!(count(), json!(1));
    recorder.set_now(NOW + 24 * 3_600);
    assert_eq!(count(), json!(0));
}

#[test]
fn agents_grow_old_and_can_be_forgotten() {
    let recorder = recorder();
    http::post(recorder.address(), REGISTER, &registration()).unwrap();
    let status =
        || http::get(recorder.address(), AGENTS).unwrap().json().unwrap()["agents"][0]["status"].clone();
    assert_eq!(status(), "healthy");
    recorder.set_now(NOW + 300);
    assert_eq!(status(), "warning");
    recorder.set_now(NOW + 900);
    assert_eq!(status(), "offline");
    send(&recorder, "b1").unwrap();
    assert_eq!(status(), "healthy", "a batch is a heartbeat");

    recorder.forget_agents();
    assert!(recorder.agents().is_empty());
    assert_eq!(recorder.stored().len(), 1);
    recorder.wipe();
    assert!(recorder.stored().is_empty());
    assert_eq!(recorder.received(Route::Ingest).len(), 1, "the test still knows");
}

#[test]
fn a_refusing_recorder_is_reached_again_on_the_same_port() {
    let mut recorder = recorder();
    send(&recorder, "before").unwrap();
    recorder.refuse();
    assert_eq!(
        send(&recorder, "while").unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    recorder.listen().unwrap();
    send(&recorder, "after").unwrap();
    assert_eq!(batch_ids(&recorder.stored()), ["before", "after"]);
}
