//! Deliveries that are cut off at any point, against a server that fails in every way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    server::{Answer, Fate, status, success},
    world::World,
};
use crate::delivery::Ended;
use finops_decimal::Decimal;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{future::Future, pin::pin, task::Poll};

/// A number below `end`, drawn by the seeded runner.
fn number(runner: &mut TestRunner, end: u64) -> u64 {
    (0..end).new_tree(runner).unwrap().current()
}

/// The future's output, or nothing once it has been polled so often: then it is dropped.
async fn dropped_after<F: Future>(future: F, mut polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn seeded(seed: u8) -> TestRunner {
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
    )
}

#[tokio::test]
async fn a_delivery_dropped_at_any_point_loses_nothing_and_never_counts_twice() {
    for seed in 0..12 {
        let mut runner = seeded(seed);
        let mut world = World::new().await;
        world.config.batch_entries = 3;
        let mut expected = Decimal::ZERO;
        for account in ["a", "b", "c"] {
            let source = world.books.source(account);
            for _ in 0..7 {
                let amount = Decimal::from_units(i128::from(number(&mut runner, 1 << 60)) - (1 << 59));
                expected = expected.checked_add(amount).unwrap();
                world.books.entry(source, &amount.to_string());
            }
        }
        let mut fates = seeded(seed + 100);
        world.server.policy(move |_| match number(&mut fates, 8) {
            0 => (Fate::Stored, status(500)),
            1 => (Fate::Lost, status(502)),
            2 => (Fate::Lost, status(503)),
            3 => (Fate::Stored, Answer::Reset),
            4 => (Fate::Lost, Answer::Reset),
            _ => (Fate::Stored, success()),
        });
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 5_000, "seed {seed}: {:?}", world.books.counts());
            let polls = 1 + number(&mut runner, 60);
            match dropped_after(world.drain(), polls).await {
                Some(report) if report.ended == Ended::Drained => break,
                Some(report) => panic!("seed {seed}: {report:?}"),
                None => assert_eq!(world.books.counts().total(), 21, "seed {seed}: law 3"),
            }
        }
        assert_eq!(world.books.counts().settled, 21, "seed {seed}");
        assert_eq!(world.stored_entries().len(), 21, "seed {seed}");
        assert_eq!(world.stored_sum(), expected, "seed {seed}");
    }
}

#[tokio::test]
async fn without_drops_a_faulty_server_that_stores_and_fails_gets_each_batch_once() {
    for seed in 0..6 {
        let mut world = World::with_entries(30).await;
        world.config.batch_entries = 2;
        let mut fates = seeded(seed);
        world.server.policy(move |_| match number(&mut fates, 6) {
            0 => (Fate::Stored, status(500)),
            1 => (Fate::Lost, status(504)),
            2 => (Fate::Stored, Answer::Reset),
            3 => (Fate::Lost, Answer::Reset),
            _ => (Fate::Stored, success()),
        });
        assert_eq!(world.drain().await.ended, Ended::Drained);
        assert_eq!(world.server.stored().len(), 15, "seed {seed}: no batch twice");
        assert_eq!(world.stored_sum(), Decimal::from(465_u32), "seed {seed}");
    }
}

#[tokio::test]
async fn a_delivery_can_run_as_a_task_of_its_own() {
    let world = World::with_entries(1).await;
    let report = tokio::spawn(async move { world.drain().await }).await.unwrap();
    assert_eq!(report.ended, Ended::Drained);
}
