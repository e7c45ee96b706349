//! Runs a provider simulator until SIGTERM or Ctrl-C: for the demo and for trying things by hand.

use clap::{Args, Parser, Subcommand};
use finops_tests::{
    Error, anthropic, aws, azure,
    confluent::{self, Confluent},
    databricks, datadog,
    elastic::Elastic,
    gcp, generic, github, mongodb_atlas, openai,
    program::NOW,
    provider::{self, Api, Start},
    redis_cloud, snowflake,
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
    Aws(Nearby),
    /// An Azure tenant: Cost Management, a FOCUS export and Resource Graph over HTTPS, at 2026-08-03T12:00:00Z
    Azure(Nearby),
    /// A Databricks workspace with its account's billing tables over HTTPS, at 2026-08-03T12:00:00Z
    Databricks(Nearby),
    /// A Confluent Cloud organization's cost list over HTTPS, at 2026-08-03T12:00:00Z
    Confluent(Large),
    /// An Elastic Cloud organization's costs by instance over HTTPS, at 2026-08-03T12:00:00Z
    Elastic(Large),
    /// A Google Cloud billing export in BigQuery, and some projects, over HTTPS
    Gcp(Gcp),
    /// An OpenAI organization: costs and usage over HTTPS, at 2026-08-03T12:00:00Z
    Openai(Nearby),
    /// An Anthropic organization: cost and usage reports over HTTPS, at 2026-08-03T12:00:00Z
    Anthropic(Nearby),
    /// A MongoDB Atlas organization: invoices and clusters over HTTPS, at 2026-08-03T12:00:00Z
    MongodbAtlas(Nearby),
    /// A Redis Cloud account: cost reports and databases over HTTPS, at 2026-08-03T12:00:00Z
    RedisCloud(Nearby),
    /// GitHub's usage report over HTTPS, at 2026-08-03T12:00:00Z
    GithubActions(Nearby),
    /// A Datadog account on the EU site over HTTPS, at 2026-08-03T12:00:00Z
    Datadog(Nearby),
    /// A Prometheus and a file server over HTTPS, at 2026-08-03T12:06:00Z
    Generic(Nearby),
}

#[derive(Args)]
struct Nearby {
    /// HTTPS port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where ca.pem and the secrets are written
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Args)]
struct Large {
    #[command(flatten)]
    nearby: Nearby,
    /// How often each line of the bill stands there, each time of something else: 10000 makes more than a million lines
    #[arg(long, default_value_t = 1)]
    copies: u32,
}

#[derive(Args)]
struct Gcp {
    /// HTTPS port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where ca.pem and the access token are written
    #[arg(long)]
    dir: PathBuf,
    /// Where the clock starts (RFC 3339); default: 2026-08-03T12:00:00Z
    #[arg(long)]
    now: Option<jiff::Timestamp>,
    /// Rows on a page of a result
    #[arg(long, default_value_t = 1000)]
    page_rows: usize,
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
        Provider::Databricks(options) => {
            serve(databricks::Workspace::new(Default::default()), options, NOW).await
        }
        Provider::Confluent(options) => {
            let set = confluent::Options {
                copies: usize::try_from(options.copies).unwrap_or(usize::MAX),
                ..confluent::Options::default()
            };
            serve(Confluent::new(set), options.nearby, NOW).await
        }
        Provider::Elastic(options) => serve(Elastic::new(options.copies), options.nearby, NOW).await,
        Provider::Gcp(options) => run_gcp(options).await,
        Provider::Openai(options) => serve(openai::OpenAi::new(Default::default()), options, NOW).await,
        Provider::Anthropic(options) => {
            serve(anthropic::Anthropic::new(Default::default()), options, NOW).await
        }
        Provider::MongodbAtlas(options) => {
            serve(mongodb_atlas::Atlas::new(Default::default()), options, NOW).await
        }
        Provider::RedisCloud(options) => {
            serve(redis_cloud::RedisCloud::new(Default::default()), options, NOW).await
        }
        Provider::Datadog(options) => serve(datadog::Datadog::new(Default::default()), options, NOW).await,
        Provider::GithubActions(options) => {
            serve(github::GitHub::new(Default::default()), options, NOW).await
        }
        Provider::Generic(options) => serve(generic::Generic::load(), options, "2026-08-03T12:06:00Z").await,
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nowhere_to_say_it = writeln!(std::io::stderr(), "simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A provider on the shared stage.
async fn serve<A: Api>(api: Result<A, Error>, options: Nearby, now: &str) -> Result<(), Error> {
    let stopped = stopped()?;
    let start = Start {
        port: options.port,
        ..Start::at(now)?
    };
    let simulator = provider::Simulator::start(api?, start).await?;
    simulator.write_files(&options.dir)?;
    let port = simulator.addr().port();
    say(&serde_json::json!({"ready": true, "port": port, "dir": options.dir}))?;
    stopped.await;
    Ok(())
}

async fn run_aws(options: Nearby) -> Result<(), Error> {
    let stopped = stopped()?;
    let simulator = aws::Simulator::start(aws::Options {
        port: options.port,
        ..aws::Options::default()
    })
    .await?;
    simulator.deliver(jiff::civil::date(2026, 7, 1))?;
    simulator.write_files(&options.dir)?;
    let port = simulator.addr().port();
    say(&serde_json::json!({"ready": true, "port": port, "dir": options.dir}))?;
    stopped.await;
    Ok(())
}

async fn run_azure(options: Nearby) -> Result<(), Error> {
    let stopped = stopped()?;
    let simulator = azure::Simulator::start(azure::Options {
        port: options.port,
        ..azure::Options::default()
    })
    .await?;
    simulator.deliver(azure::bill::SHOP, jiff::civil::date(2026, 7, 1))?;
    simulator.write_files(&options.dir)?;
    let port = simulator.addr().port();
    say(&serde_json::json!({"ready": true, "port": port, "dir": options.dir}))?;
    stopped.await;
    Ok(())
}

async fn run_gcp(options: Gcp) -> Result<(), Error> {
    let stopped = stopped()?;
    let simulator = gcp::Simulator::start(gcp::Options {
        port: options.port,
        now: options.now.unwrap_or(gcp::Options::default().now),
        rows_per_page: options.page_rows,
        ..gcp::Options::default()
    })
    .await?;
    simulator.write_files(&options.dir)?;
    let port = simulator.addr().port();
    say(&serde_json::json!({"ready": true, "port": port, "dir": options.dir}))?;
    stopped.await;
    Ok(())
}

/// Ends with SIGTERM or Ctrl-C; both are listened to from the call on.
fn stopped() -> Result<impl Future<Output = ()>, Error> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

fn say(ready: &serde_json::Value) -> Result<(), Error> {
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    Ok(out.flush()?)
}

async fn run(options: Snowflake) -> Result<(), Error> {
    let stopped = stopped()?;
    let now = match options.now.as_deref() {
        None => Some(snowflake::NOW),
        Some("system") => None,
        Some(text) => Some(text.parse()?),
    };
    let simulator = snowflake::Simulator::start(snowflake::Options {
        port: options.port,
        control_port: options.control_port,
        partition_rows: options.partition_rows,
        currency_rows: options.currency_rows,
        now,
        ..snowflake::Options::default()
    })
    .await?;
    simulator.write_files(&options.dir)?;
    let ready = serde_json::json!({
        "ready": true,
        "port": simulator.addr().port(),
        "control_port": simulator.control_addr().port(),
        "dir": options.dir,
    });
    say(&ready)?;
    stopped.await;
    Ok(())
}
