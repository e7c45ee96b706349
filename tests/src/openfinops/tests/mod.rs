#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
//! Tests of the recorder, of the real server's harness, and of the one against the other.

mod against_each_other;
mod real_server;
mod recorder;

use serde_json::{Value, json};

const INGEST: &str = "/api/v1/telemetry/ingest";
const REGISTER: &str = "/api/v1/agents/register";
const AGENTS: &str = "/api/v1/agents";
const RECENT: &str = "/api/v1/telemetry/recent";

/// A batch as the host sends one, with these cost entries.
fn batch(batch_id: &str, timestamp: i64, cost_entries: &[Value]) -> Value {
    json!({
        "agent_id": "finops-host/snowflake/0123456789ab",
        "timestamp": timestamp,
        "hostname": "collector-1",
        "cloud_provider": "snowflake",
        "region": "global",
        "metrics": { "schema": "finops-host/1", "batch_id": batch_id, "cost_entries": cost_entries, "observations": [] },
        "events": [{ "time": timestamp, "kind": "finished" }],
        "traces": [],
    })
}

/// A cost entry in the server's own shape.
fn entry(entry_id: &str, currency: &str, amount: &str) -> Value {
    json!({
        "entry_id": entry_id,
        "timestamp": 1_785_585_600,
        "resource_id": "FINOPS_WH",
        "category": "snowflake_compute",
        "amount": amount.parse::<f64>().unwrap(),
        "currency": currency,
        "region": "aws-eu-central-1",
        "tags": { "finops_host.amount": amount },
        "description": "warehouse metering",
        "billing_period": "daily",
    })
}

/// The registration of the agent that sends [`batch`].
fn registration() -> Value {
    json!({
        "agent_id": "finops-host/snowflake/0123456789ab",
        "hostname": "collector-1",
        "cloud_provider": "snowflake",
        "region": "global",
    })
}
