//! What each kind of answer leads to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    server::{Answer, Fate, Server, status, success},
    world::World,
};
use crate::delivery::Ended;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_success_settles_and_a_second_delivery_sends_nothing() {
    let world = World::with_entries(3).await;
    world.books.observe(1, 1, "0.5");
    world.books.event(1, "finished");
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.sent, report.settled),
        (Ended::Drained, 1, 3)
    );
    assert_eq!((report.counts.settled, report.counts.total()), (3, 3));
    let body = &world.server.stored()[0];
    assert_eq!(body["metrics"]["cost_entries"].as_array().unwrap().len(), 3);
    assert_eq!(body["metrics"]["observations"][0]["name"], "credits");
    assert_eq!(body["events"][0]["kind"], "finished");
    assert_eq!(body["hostname"], "box");
    assert_eq!(world.stored_sum(), "6".parse().unwrap());
    let again = world.drain().await;
    assert_eq!((again.ended, again.sent), (Ended::Drained, 0));
}

#[tokio::test]
async fn entries_of_two_sources_travel_apart_and_each_agent_is_registered_once() {
    let mut world = World::with_entries(3).await;
    world.config.batch_entries = 2;
    let other = world.books.source("other");
    world.books.entry(other, "4");
    assert_eq!(world.drain().await.sent, 3);
    let agents: Vec<Value> = world
        .server
        .stored()
        .iter()
        .map(|row| row["agent_id"].clone())
        .collect();
    assert_eq!(agents[0], agents[1]);
    assert_ne!(agents[1], agents[2]);
    assert_eq!(
        world.server.agents(),
        [agents[0].as_str().unwrap(), agents[2].as_str().unwrap()]
    );
}

#[tokio::test]
async fn a_retry_sends_the_same_bytes_after_the_wait_that_was_asked_for() {
    let world = World::with_entries(2).await;
    let busy = || {
        (
            Fate::Lost,
            Answer::Status(503, "Retry-After: 120\r\n", String::new()),
        )
    };
    world.server.script([busy(), busy()]);
    let report = world.drain().await;
    assert_eq!((report.ended, report.sent), (Ended::Drained, 3));
    assert!(report.last_error.unwrap().contains("503"));
    assert!(world.elapsed() >= SignedDuration::from_secs(240));
    let bodies = world.server.bodies();
    assert!(bodies.len() == 3 && bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(world.server.stored().len(), 1);
}

#[tokio::test]
async fn a_senseless_retry_after_is_passed_over_and_a_huge_one_is_capped() {
    for (header, most) in [("Retry-After: soon\r\n", 1), ("Retry-After: 1000000000\r\n", 900)] {
        let world = World::with_entries(1).await;
        world
            .server
            .script([(Fate::Lost, Answer::Status(429, header, String::new()))]);
        assert_eq!(world.drain().await.ended, Ended::Drained);
        assert!(
            world.elapsed() <= SignedDuration::from_secs(most),
            "{header} {}",
            world.elapsed()
        );
    }
}

#[tokio::test]
async fn a_deadline_leaves_the_rest_for_later_and_the_back_off_stands() {
    let world = World::with_entries(1).await;
    let busy = (
        Fate::Lost,
        Answer::Status(503, "Retry-After: 600\r\n", String::new()),
    );
    world.server.script([busy]);
    let report = world.deliver_for(60).await;
    assert_eq!((report.ended, report.counts.pending), (Ended::OutOfTime, 1));
    assert_eq!(
        world.elapsed(),
        SignedDuration::ZERO,
        "it does not wait for what comes too late"
    );
    assert_eq!(world.deliver_for(60).await.sent, 0);
    assert_eq!(world.drain().await.ended, Ended::Drained);
    assert!(world.elapsed() >= SignedDuration::from_secs(600));
}

#[tokio::test]
async fn a_server_that_is_down_loses_nothing_and_proves_that_nothing_was_sent() {
    let mut world = World::with_entries(2).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let up = std::mem::replace(&mut world.config.endpoint, format!("http://127.0.0.1:{port}"));
    let report = world.deliver_for(30).await;
    assert_eq!((report.ended, report.counts.pending), (Ended::OutOfTime, 2));
    assert!(report.last_error.unwrap().contains("no connection to"));
    world.config.endpoint = up;
    assert_eq!(world.drain().await.settled, 2);
    assert_eq!(
        (
            world.server.bodies().len(),
            world.server.requests("GET /api/v1/telemetry/recent")
        ),
        (1, 0)
    );
}

#[tokio::test]
async fn a_web_page_with_status_200_holds_the_batch_and_is_reported() {
    let world = World::with_entries(2).await;
    let page = "<html><title>Corporate login</title><form>password</form></html>".to_owned();
    world.server.script([(
        Fate::Lost,
        Answer::Status(200, "Content-Type: text/html\r\n", page.clone()),
    )]);
    let report = world.drain().await;
    let Ended::Unexpected(why) = report.ended else {
        panic!("{:?}", report.ended)
    };
    assert!(why.contains("login page") && why.contains("endpoint"), "{why}");
    assert_eq!((report.counts.settled, report.counts.ambiguous), (0, 2));
    // As long as look-ups meet the page too, nothing is sent, however much time passes.
    for _ in 0..20 {
        world.server.recent([Answer::Status(200, "", page.clone())]);
        assert!(matches!(world.drain().await.ended, Ended::Unexpected(_)));
        world.clock.sleep(Duration::from_secs(600)).await;
    }
    assert_eq!(world.server.bodies().len(), 1);
    // The right server again: certainly absent, so sent again.
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.settled, report.maybe_duplicated),
        (Ended::Drained, 2, 0)
    );
    assert_eq!(world.server.stored().len(), 1);
}

#[tokio::test]
async fn a_500_after_storing_is_found_and_settled_without_a_second_send() {
    let world = World::with_entries(2).await;
    world.server.script([(Fate::Stored, status(500))]);
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.sent, report.found, report.settled),
        (Ended::Drained, 1, 1, 2)
    );
    assert_eq!(world.server.bodies().len(), 1);
}

#[tokio::test]
async fn a_500_without_storing_is_absent_twice_a_time_out_apart_and_sent_again() {
    let world = World::with_entries(2).await;
    world.server.script([(Fate::Lost, status(500))]);
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.sent, report.maybe_duplicated),
        (Ended::Drained, 2, 0)
    );
    assert_eq!(world.server.requests("GET /api/v1/telemetry/recent"), 2);
    assert!(world.elapsed() >= SignedDuration::from_secs(120));
    assert_eq!(
        (world.server.bodies()[0].clone(), world.server.stored().len()),
        (world.server.bodies()[1].clone(), 1)
    );
}

#[tokio::test]
async fn look_ups_that_prove_nothing_are_repeated_for_a_quarter_of_an_hour() {
    let world = World::with_entries(1).await;
    world.server.script([(Fate::Lost, status(502))]);
    // A full list of rows that are all newer than the batch.
    let rows: Vec<Value> = (0..1_000)
        .map(|n| json!({"timestamp": 4_000_000_000_i64 - n, "metrics": {}}))
        .collect();
    let full = json!({"telemetry": rows, "count": 1_000}).to_string();
    world
        .server
        .recent((0..2_000).map(|_| Answer::Status(200, "", full.clone())));
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.sent, report.maybe_duplicated),
        (Ended::Drained, 2, 1)
    );
    assert!(world.elapsed() >= SignedDuration::from_mins(15));
    assert_eq!(world.books.ask::<i64>("SELECT maybe_duplicated FROM batch"), [1]);
}

#[tokio::test]
async fn a_connection_that_breaks_after_storing_is_found() {
    let world = World::with_entries(1).await;
    world.server.script([(Fate::Stored, Answer::Reset)]);
    let report = world.drain().await;
    assert_eq!((report.ended, report.sent, report.found), (Ended::Drained, 1, 1));
}

#[tokio::test]
async fn a_server_that_hangs_is_ambiguous_and_the_other_source_goes_on() {
    let mut world = World::with_entries(1).await;
    let other = world.books.source("other");
    world.books.entry(other, "5");
    world.config.timeouts.first_byte = Duration::from_millis(700);
    world.server.script([(Fate::Stored, Answer::Hang)]);
    let report = world.drain().await;
    assert_eq!((report.ended, report.settled), (Ended::Drained, 2));
    assert!(report.found >= 1, "the hung batch was found, not sent again");
    assert_eq!(world.server.stored().len(), 2);
    assert_eq!(world.stored_sum(), "6".parse().unwrap());
}

#[tokio::test]
async fn a_configuration_answer_pauses_until_the_operator_resumes() {
    for (answer, words) in [
        (status(401), "401"),
        (status(404), "endpoint"),
        (
            Answer::Status(302, "Location: https://sso.example/\r\n", String::new()),
            "https://sso.example/",
        ),
    ] {
        let world = World::with_entries(2).await;
        world.server.script([(Fate::Lost, answer)]);
        let report = world.drain().await;
        let Ended::Paused(why) = report.ended else {
            panic!("{:?}", report.ended)
        };
        assert!(why.contains(words), "{why}");
        assert_eq!(report.counts.pending, 2, "nothing is dropped");
        let sent = world.server.bodies().len();
        assert_eq!(world.drain().await.ended, Ended::Paused(why));
        assert_eq!(world.server.bodies().len(), sent);
        world
            .books
            .sql("UPDATE destination SET state = 'active', reason = NULL");
        assert_eq!(world.drain().await.settled, 2);
    }
}

#[tokio::test]
async fn an_agent_that_the_server_has_lost_is_registered_again() {
    let mut world = World::with_entries(2).await;
    world.config.batch_entries = 1;
    let server: Server = world.server.clone();
    let mut calls = 0;
    // The server is restarted without its agents between the first batch and the second.
    world.server.policy(move |_| {
        calls += 1;
        if calls == 2 {
            (Fate::Lost, status(503))
        } else {
            (Fate::Stored, success())
        }
    });
    let first = world.deliver_for(0).await;
    assert_eq!((first.ended, first.sent), (Ended::OutOfTime, 0));
    let report = world.drain().await;
    assert_eq!((report.sent, server.agents().len()), (3, 1));
    server.forget_agents();
    world.books.entry(1, "9");
    assert_eq!(world.drain().await.settled, 1);
    assert_eq!(
        (
            server.agents().len(),
            server.requests("POST /api/v1/agents/register")
        ),
        (1, 2)
    );
}

#[tokio::test]
async fn money_does_not_wait_for_a_registration_that_fails() {
    let world = World::with_entries(1).await;
    world.server.register([status(500)]);
    assert_eq!(world.drain().await.settled, 1);
}

#[tokio::test]
async fn a_registration_that_meets_a_login_page_sends_no_money_there() {
    let world = World::with_entries(1).await;
    world
        .server
        .register([Answer::Status(200, "", "<html>login</html>".to_owned())]);
    let report = world.drain().await;
    assert!(matches!(report.ended, Ended::Unexpected(_)));
    assert_eq!((world.server.bodies().len(), report.counts.pending), (0, 1));
}
