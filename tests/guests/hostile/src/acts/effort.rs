//! Time and memory: loops, sleep, growth, recursion, breakdown.

use super::{Ended, Scene};
use finops_collector::{Failure, HttpRequest, Level, Outcome, Progress};
use std::{hint::black_box, time::Duration};

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    Some(
        match scene.settings.act.as_str() {
            "spin" => spin(scene),
            "compute" => {
                black_box(compute(scene.settings.count));
                Ok(())
            }
            "spin-log" => scene.each(|| scene.host.log(Level::Debug, "")),
            "spin-clock" => scene.each(|| {
                black_box(scene.host.now());
            }),
            "spin-call" => scene.each(|| {
                let denied = scene.host.send(&HttpRequest::get("https://denied.example/"));
                drop(black_box(denied));
            }),
            "spin-open" => scene.each(|| {
                let refused = scene.host.open("no-such-stream", &scene.source(), &[]);
                drop(black_box(refused));
            }),
            "spin-random" => scene.each(|| {
                drop(black_box(scene.host.random()));
            }),
            "sleep" => sleep(scene),
            "grow" => grow(scene),
            "panic" => panic!("on purpose"),
            "panic-long" => panic!("{}", "p".repeat(scene.settings.size as usize)),
            "recurse" => {
                let end = match scene.settings.count {
                    0 => u64::MAX,
                    depth => depth,
                };
                black_box(recurse(end));
                Ok(())
            }
            "forever-more" => {
                return Some(Ok(Outcome {
                    progress: Progress::More,
                    note: Some("n".repeat(scene.settings.size as usize)).filter(|note| !note.is_empty()),
                }));
            }
            _ => return None,
        }
        .map(|()| Outcome::done()),
    )
}

impl Scene<'_> {
    fn each(&self, act: impl Fn()) -> Result<(), Failure> {
        self.times().for_each(|_| act());
        Ok(())
    }
}

fn spin(scene: &Scene<'_>) -> Result<(), Failure> {
    for number in scene.times() {
        black_box(number);
    }
    Ok(())
}

/// So many rounds of arithmetic over a little memory: what a collector's own work is like.
fn compute(rounds: u64) -> u64 {
    let mut cells = [1_u64; 1024];
    for round in 0..rounds {
        let index = (round % 1024) as usize;
        let other = (cells[index] % 1024) as usize;
        cells[index] = cells[index]
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(cells[other] ^ round);
    }
    cells.iter().fold(0, |sum, cell| sum ^ cell)
}

/// So many milliseconds; 0: a year.
fn sleep(scene: &Scene<'_>) -> Result<(), Failure> {
    let time = match scene.settings.count {
        0 => Duration::from_secs(366 * 86_400),
        millis => Duration::from_millis(millis),
    };
    scene.host.sleep(time);
    Ok(())
}

/// So many MiB, one after the other, all kept.
fn grow(scene: &Scene<'_>) -> Result<(), Failure> {
    let mut hoard = Vec::new();
    for _ in scene.times() {
        hoard.push(vec![1_u8; 1 << 20]);
        black_box(&hoard);
    }
    Ok(())
}

fn recurse(left: u64) -> u64 {
    if left == 0 {
        return 0;
    }
    black_box(left) ^ recurse(black_box(left - 1))
}
