//! The Snowflake backfill in four ways: native, sandboxed in this process, by the program, and by a Python script.
//! What must hold: all four saw the same bill, or there are no figures.

use crate::{
    child::measured,
    figure::{
        BACKFILL_RECORDS, NATIVE_CPU, NATIVE_WALL, PYTHON_CPU, PYTHON_PEAK, PYTHON_ROWS, PYTHON_WALL,
        RUN_CPU, RUN_PEAK, RUN_WALL, SANDBOXED_CPU, SANDBOXED_GUEST, SANDBOXED_MEMORY, SANDBOXED_WALL,
        Samples,
    },
    native, sandboxed,
    setting::{self, SINCE, Setting},
};
use finops_decimal::Decimal;
use finops_host::{sandbox::Runtime, schedule::Prepared};
use finops_tests::{Error, artifacts, books};
use serde_json::Value;
use std::{path::Path, process::Command};
use tokio::runtime::Handle;

/// The stream that holds the bill.
const BILL: &str = "spend-billed";

/// One round.
pub(crate) async fn measure(
    setting: &Setting,
    runtime: &Runtime,
    prepared: &Prepared,
    samples: &mut Samples,
) -> Result<(), Error> {
    let handle = Handle::current();
    // The collector waits for its replies, which no thread of the runtime may do; a scoped one of our own may.
    let native = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let collect = || native::collect(&setting.simulator, &prepared.settings, handle);
            scope
                .spawn(collect)
                .join()
                .map_err(|_| Error::from("the native collector panicked"))?
        })
    })?;
    samples.add(&NATIVE_WALL, native.spent.wall);
    samples.add(&NATIVE_CPU, native.spent.cpu);

    let ran = sandboxed::run(setting, runtime, prepared, setting::backfill()?).await?;
    let records = ran.records;
    same("records, native and sandboxed", native.records, records)?;
    samples.add(&SANDBOXED_WALL, ran.spent.wall);
    samples.add(&SANDBOXED_CPU, ran.spent.cpu);
    samples.add(&SANDBOXED_GUEST, ran.guest_cpu);
    samples.add(&SANDBOXED_MEMORY, ran.guest_memory);
    samples.add(&BACKFILL_RECORDS, records);

    let billed = tokio::task::block_in_place(|| {
        let (written, billed) = by_program(setting, samples)?;
        same("records, by library and by program", records, written)?;
        Ok::<_, Error>(billed)
    })?;
    let by_script = tokio::task::block_in_place(|| by_script(setting, samples))?;
    same("the bill, by program and by script", billed, by_script)
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, one: T, other: T) -> Result<(), Error> {
    if one == other {
        return Ok(());
    }
    Err(format!("{what}: {one} and {other} should be the same, so their times cannot be compared").into())
}

/// `finops-host run`; gives the number of records written and the sum of the bill.
fn by_program(setting: &Setting, samples: &mut Samples) -> Result<(u64, Decimal), Error> {
    let state = setting.fresh_state()?;
    let host = |arguments: &[&str]| {
        let mut command = Command::new(&setting.arguments.host);
        command
            .args(arguments)
            .arg(&setting.arguments.collector)
            .arg("--state-dir")
            .arg(state.path());
        command
            .args(["--log", "error", "--json"])
            .env("FINOPS_HOST_NOW", finops_tests::program::NOW);
        command
    };
    // Its code cache lies in the state directory: filled here, so that the run compiles nothing.
    measured(
        &setting.arguments.scripts,
        setting.directory(),
        &host(&["inspect"]),
    )?;
    let mut run = host(&["run"]);
    run.arg("--config")
        .arg(setting.snowflake())
        .args(["--since", SINCE]);
    let (used, output) = measured(&setting.arguments.scripts, setting.directory(), &run)?;
    samples.add(&RUN_WALL, used.wall);
    samples.add(&RUN_CPU, used.cpu);
    samples.add(&RUN_PEAK, used.peak);

    let report: Value = serde_json::from_slice(&output)?;
    let runs = report.get("runs").and_then(Value::as_array);
    let written = runs
        .into_iter()
        .flatten()
        .map(|run| run.pointer("/counts/records").and_then(Value::as_u64));
    let written: Option<u64> = written.sum();
    let written = written.ok_or_else(|| format!("a run's report has no number of records: {report}"))?;
    Ok((written, billed(state.path())?))
}

/// The sum of the bill as the ledger has it.
fn billed(state: &Path) -> Result<Decimal, Error> {
    let mut sum = Decimal::ZERO;
    for record in books::snowflake_records(state)?
        .iter()
        .filter(|record| record.stream == BILL)
    {
        sum = sum.checked_add(record.billed)?;
    }
    Ok(sum)
}

/// The Python script; gives the sum of the bill.
fn by_script(setting: &Setting, samples: &mut Samples) -> Result<Decimal, Error> {
    let state = setting.fresh_state()?;
    // The script's days end before `until`; the host's period ends now.
    let until = setting::now()?
        .strftime("%Y-%m-%d")
        .to_string()
        .parse::<jiff::civil::Date>()?
        .tomorrow()?;
    let mut script = Command::new(artifacts::python()?);
    script
        .arg(setting.arguments.scripts.join("baseline.py"))
        .args(["--port", &setting.simulator.addr.port().to_string()])
        .arg("--secrets")
        .arg(&setting.simulator.secrets)
        .arg("--database")
        .arg(state.path().join("baseline.db"))
        .args(["--since", SINCE, "--until", &until.to_string()]);
    let (used, output) = measured(&setting.arguments.scripts, setting.directory(), &script)?;
    samples.add(&PYTHON_WALL, used.wall);
    samples.add(&PYTHON_CPU, used.cpu);
    samples.add(&PYTHON_PEAK, used.peak);
    let said: Value = serde_json::from_slice(&output)?;
    let rows = said
        .get("rows")
        .and_then(Value::as_u64)
        .ok_or("the script did not say how many rows it stored")?;
    samples.add(&PYTHON_ROWS, rows);
    let billed = said
        .get("billed")
        .and_then(Value::as_str)
        .ok_or("the script did not say the sum of the bill")?;
    Ok(billed.parse()?)
}
