//! Runs a provider simulator until SIGTERM or Ctrl-C: for the demo and for trying things by hand.

use clap::{Args, Parser, Subcommand};
use finops_tests::{
    Error, aws, azure,
    snowflake::{NOW, Options, Simulator},
};
use std::{io::Write, path::PathBuf, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};

/// Simulated providers on loopback.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    provider: Provider,
}

#[derive(Subcommand)]
enum Provider {
    /// A Snowflake account: SQL REST API v2 over HTTPS
    Snowflake(Snowflake),
    /// An AWS organization: Cost Explorer, exports in S3 and inventory over HTTPS, at 2026-08-03T12:00:00Z
    Aws(Aws),
    /// An Azure tenant: Cost Management, a FOCUS export and Resource Graph over HTTPS, at 2026-08-03T12:00:00Z
    Azure(Azure),
}

#[derive(Args)]
struct Azure {
    /// HTTPS port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where ca.pem and the client's secret are written
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Args)]
struct Aws {
    /// HTTPS port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where ca.pem and the keys are written
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Args)]
struct Snowflake {
    /// HTTPS port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Plain HTTP port that takes faults, patches and the clock; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Where ca.pem, the keys and the tokens are written
    #[arg(long)]
    dir: PathBuf,
    /// Where the clock starts (RFC 3339), or `system`; default: 2026-08-03T12:00:00Z, the end of the data
    #[arg(long)]
    now: Option<String>,
    /// Rows in a partition of a result
    #[arg(long, default_value_t = 1000)]
    partition_rows: usize,
    /// Big mode: repeat the currency view's rows until there are about so many
    #[arg(long)]
    currency_rows: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ran = match Cli::parse().provider {
        Provider::Snowflake(options) => run(options).await,
        Provider::Aws(options) => run_aws(options).await,
        Provider::Azure(options) => run_azure(options).await,
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nowhere_to_say_it = writeln!(std::io::stderr(), "simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_aws(options: Aws) -> Result<(), Error> {
    let simulator = aws::Simulator::start(aws::Options {
        port: options.port,
        ..aws::Options::default()
    })
    .await?;
    simulator.deliver(jiff::civil::date(2026, 7, 1))?;
    simulator.write_files(&options.dir)?;
    until_stopped(&serde_json::json!({
        "ready": true,
        "port": simulator.addr().port(),
        "dir": options.dir,
    }))
    .await
}

async fn run_azure(options: Azure) -> Result<(), Error> {
    let simulator = azure::Simulator::start(azure::Options {
        port: options.port,
        ..azure::Options::default()
    })
    .await?;
    simulator.deliver(azure::bill::SHOP, jiff::civil::date(2026, 7, 1))?;
    simulator.write_files(&options.dir)?;
    until_stopped(&serde_json::json!({
        "ready": true,
        "port": simulator.addr().port(),
        "dir": options.dir,
    }))
    .await
}

async fn run(options: Snowflake) -> Result<(), Error> {
    let now = match options.now.as_deref() {
        None => Some(NOW),
        Some("system") => None,
        Some(text) => Some(text.parse()?),
    };
    let simulator = Simulator::start(Options {
        port: options.port,
        control_port: options.control_port,
        partition_rows: options.partition_rows,
        currency_rows: options.currency_rows,
        now,
        ..Options::default()
    })
    .await?;
    simulator.write_files(&options.dir)?;
    until_stopped(&serde_json::json!({
        "ready": true,
        "port": simulator.addr().port(),
        "control_port": simulator.control_addr().port(),
        "dir": options.dir,
    }))
    .await
}

/// Says that the simulator is ready, and waits for the signal to stop.
async fn until_stopped(ready: &serde_json::Value) -> Result<(), Error> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}
