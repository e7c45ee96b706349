//! What examples/deploy ships, as it would run: the image's files in a container, the chart's pods, the units under systemd, the
//! composition. Most need tools that not every machine has and are ignored where tests run alone: `cargo xtask test-extra` runs
//! them; `.ci/run` installs the tools.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod account;
mod chart;
mod compose;
mod files;
mod image;
mod pods;
mod units;
