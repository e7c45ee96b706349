//! From starting a program to its first connection: what a schedule pays each time.
//! What must hold: code is cached, and the peer is a bare listener, so that nothing but the program is measured.

use crate::{
    figure::{PYTHON_START, RUN_START, Samples},
    setting::{SINCE, Setting},
    stopwatch::nanoseconds,
};
use finops_tests::{Error, artifacts, program::NOW};
use std::{
    fs,
    net::TcpListener,
    process::{Command, Stdio},
    time::Instant,
};

/// One round: the program, and the Python script.
pub(crate) fn measure(setting: &Setting, samples: &mut Samples) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let state = setting.fresh_state()?;
    let host = |arguments: &[&str]| {
        let mut command = Command::new(&setting.arguments.host);
        command.args(arguments).arg(&setting.arguments.collector);
        command
            .arg("--state-dir")
            .arg(state.path())
            .args(["--log", "error"]);
        command.env("FINOPS_HOST_NOW", NOW);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // Its code cache lies in the state directory.
    host(&["inspect"]).status()?;
    let text = fs::read_to_string(setting.snowflake())?;
    let here = text.replace(&setting.simulator.addr.to_string(), &format!("127.0.0.1:{port}"));
    let config = setting.directory().join("start.toml");
    fs::write(&config, here)?;
    let mut run = host(&["run"]);
    run.arg("--config").arg(&config);
    samples.add(&RUN_START, until_it_connects(&listener, run)?);

    let mut script = Command::new(artifacts::python()?);
    script
        .arg(setting.arguments.scripts.join("baseline.py"))
        .args(["--port", &port.to_string()])
        .arg("--secrets")
        .arg(&setting.simulator.secrets)
        .arg("--database")
        .arg(state.path().join("baseline.db"))
        .args(["--since", SINCE, "--until", "2026-08-04"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    samples.add(&PYTHON_START, until_it_connects(&listener, script)?);
    Ok(())
}

/// Nanoseconds from the start of a program to its first connection; then the program is over.
fn until_it_connects(listener: &TcpListener, mut program: Command) -> Result<u64, Error> {
    let watch = Instant::now();
    let mut child = program.spawn()?;
    let (connection, _) = listener.accept()?;
    let spent = watch.elapsed();
    drop(connection);
    child.kill()?;
    child.wait()?;
    nanoseconds(spent)
}
