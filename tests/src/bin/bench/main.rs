//! Measures finops-host and prints figures and ratios of one run. It judges nothing: there is no limit that a figure
//! must keep.
//! What must hold: a figure is of work that was done right; where something fails, or results differ, none is printed.

mod backfill;
mod child;
mod delivery;
mod figure;
mod guards;
mod ledger;
mod loading;
mod native;
mod policy;
mod records;
mod report;
mod sandboxed;
mod serving;
mod setting;
mod starting;
mod stopwatch;

use clap::Parser as _;
use figure::Samples;
use finops_host::sandbox::Runtime;
use finops_tests::Error;
use report::Machine;
use setting::{Arguments, Setting};
use std::{io::Write as _, process::ExitCode};

/// How often each figure is measured.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nowhere_to_say_it = writeln!(std::io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: Arguments) -> Result<(), Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .install_default()
        .map_err(|_| "another TLS provider was installed already")?;
    let setting = Setting::new(arguments)?;
    let runtime = Runtime::new()?;
    let mut samples = Samples::default();

    if setting.arguments.ledger {
        for _ in 0..ROUNDS {
            ledger::measure(&setting, &mut samples).await?;
        }
        return print(&setting, &samples);
    }
    if setting.arguments.serve {
        for _ in 0..ROUNDS {
            starting::measure(&setting, &mut samples)?;
        }
        serving::measure(&setting, &mut samples)?;
        return print(&setting, &samples);
    }
    loading::prepare_cache(&setting, &runtime).await?;
    let (wasm, guest) = (&setting.arguments.collector, &setting.arguments.guest);
    let snowflake = sandboxed::prepared(&setting, &runtime, wasm, &setting.snowflake()).await?;
    let computing = guards::Computing::new(&setting, &runtime).await?;
    let policy = policy::Server::start().await?;
    let writer = sandboxed::prepared(&setting, &runtime, guest, &setting.records()).await?;
    // Round by round, so that what else the machine does falls on all figures alike.
    for _ in 0..ROUNDS {
        loading::measure(&setting, &runtime, &snowflake, &mut samples).await?;
        computing.measure(&setting, &runtime, &mut samples).await?;
        policy.measure(&mut samples).await?;
        records::measure(&setting, &runtime, &writer, &mut samples).await?;
        ledger::measure(&setting, &mut samples).await?;
        backfill::measure(&setting, &runtime, &snowflake, &mut samples).await?;
        tokio::task::block_in_place(|| starting::measure(&setting, &mut samples))?;
    }
    // Once: it takes as long as a schedule does.
    tokio::task::block_in_place(|| serving::measure(&setting, &mut samples))?;
    print(&setting, &samples)
}

fn print(setting: &Setting, samples: &Samples) -> Result<(), Error> {
    let machine = Machine::this(ROUNDS);
    let text = match setting.arguments.json {
        true => format!("{:#}", report::json(&machine, samples)),
        false => report::table(&machine, samples),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
