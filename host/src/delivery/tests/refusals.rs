//! Bodies that the destination refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    server::{Fate, status, success},
    world::World,
};
use crate::delivery::Ended;
use serde_json::{Value, json};

fn entries(body: &Value) -> &Vec<Value> {
    body["metrics"]["cost_entries"].as_array().unwrap()
}

/// Refuses each body that carries one of these amounts.
fn refuse(world: &World, amounts: &'static [&'static str]) {
    world.server.policy(move |body| {
        let bad = |entry: &Value| amounts.contains(&entry["tags"]["finops_host.amount"].as_str().unwrap());
        if entries(body).iter().any(bad) {
            (Fate::Lost, status(400))
        } else {
            (Fate::Stored, success())
        }
    });
}

#[tokio::test]
async fn the_single_bad_entry_is_found_and_kept_as_a_dead_letter() {
    for bad in ["1", "7", "16"] {
        let world = World::with_entries(16).await;
        world.books.observe(1, 1, "0.5");
        refuse(&world, Box::leak(Box::new([bad])));
        let report = world.drain().await;
        assert_eq!(
            (report.ended, report.dead, report.settled),
            (Ended::Drained, 1, 15),
            "bad {bad}"
        );
        assert_eq!((report.counts.dead, report.counts.total()), (1, 16));
        let dead = "SELECT amount || ' ' || reason FROM entry WHERE state = 'dead'";
        let dead = &world.books.ask::<String>(dead)[0];
        assert!(
            dead.starts_with(&format!("{bad} ")) && dead.contains("400"),
            "{dead}"
        );
        // Observations and the event that tells of the dead letter come after all.
        let stored = world.server.stored();
        assert!(
            stored
                .iter()
                .any(|row| row["metrics"]["observations"] != json!([]))
        );
        assert!(stored.iter().any(|row| row["events"][0]["kind"] == "dead-letter"));
        // Order is kept around the gap.
        let order: Vec<i64> = stored
            .iter()
            .flat_map(entries)
            .map(|entry| entry["amount"].as_i64().unwrap())
            .collect();
        assert!(order.is_sorted() && order.len() == 15, "{order:?}");
    }
}

#[tokio::test]
async fn three_different_batches_refused_in_a_row_pause_the_destination() {
    let world = World::with_entries(16).await;
    world.server.policy(|_| (Fate::Lost, status(422)));
    let report = world.drain().await;
    let Ended::Paused(why) = report.ended else {
        panic!("{:?}", report.ended)
    };
    assert!(
        why.contains("three different batches") && why.contains("422"),
        "{why}"
    );
    assert_eq!(
        (report.counts.dead, report.counts.pending),
        (2, 14),
        "it does not bury them all"
    );
    let sent = world.server.bodies().len();
    world.drain().await;
    assert_eq!(world.server.bodies().len(), sent);
}

#[tokio::test]
async fn a_413_halves_until_it_fits() {
    let world = World::with_entries(40).await;
    world.server.policy(|body| {
        if entries(body).len() > 6 {
            (Fate::Lost, status(413))
        } else {
            (Fate::Stored, success())
        }
    });
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.settled, report.dead),
        (Ended::Drained, 40, 0)
    );
    let sizes: Vec<usize> = world
        .server
        .stored()
        .iter()
        .map(|row| entries(row).len())
        .collect();
    assert_eq!(sizes, [5; 8]);
    assert_eq!(
        report.sent,
        3 + 8,
        "40, 20 and 10 were too long, and a length that was is not tried again"
    );
}

#[tokio::test]
async fn an_entry_that_is_too_long_alone_becomes_a_dead_letter() {
    let world = World::with_entries(3).await;
    world.server.policy(|body| {
        let long = |entry: &Value| entry["amount"].as_i64() == Some(2);
        if entries(body).iter().any(long) {
            (Fate::Lost, status(413))
        } else {
            (Fate::Stored, success())
        }
    });
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.settled, report.dead),
        (Ended::Drained, 2, 1)
    );
}

#[tokio::test]
async fn refused_observations_do_not_hold_up_money() {
    let world = World::with_entries(3).await;
    world.books.observe(1, 1, "0.5");
    world.server.policy(|body| {
        if body["metrics"]["observations"] == json!([]) {
            (Fate::Stored, success())
        } else {
            (Fate::Lost, status(400))
        }
    });
    let report = world.drain().await;
    assert_eq!(
        (report.ended, report.settled, report.dead),
        (Ended::Drained, 3, 0)
    );
}
