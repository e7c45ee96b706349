//! What the real server does with each request, as plain data: its rows, its agents and its answers.
//! What must hold: the same answers as openfinops 0.3.0 gives, oddities included; a test compares the two.

use super::outcome::Storage;
use super::recorder::Route;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// What the server knows.
#[derive(Debug, Default)]
pub(super) struct Books {
    rows: Vec<Value>,
    /// The last heard stands last.
    agents: Vec<Agent>,
}

#[derive(Debug)]
struct Agent {
    id: String,
    fields: Map<String, Value>,
    heartbeat: i64,
}

/// The most rows that `/recent` shows.
const RECENT: usize = 1_000;

/// A request as the server sees it.
pub(super) struct Request<'a> {
    pub(super) route: Route,
    pub(super) query: &'a str,
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
}

/// Status and JSON.
pub(super) type Answer = (u16, Value);

impl Books {
    /// The server's answer at this moment (seconds since the epoch), and whether it kept anything of the request: with
    /// [`Storage::Lost`] it never does.
    pub(super) fn answer(&mut self, request: &Request<'_>, storage: Storage, now: i64) -> (Storage, Answer) {
        let answer = match request.route {
            Route::Health => (
                200,
                json!({ "status": "healthy", "timestamp": now, "version": "1.0.0", "uptime": 0 }),
            ),
            Route::Ingest => self.ingest(request, storage, now),
            Route::Register => self.register(request, storage, now),
            Route::Agents => (200, json!({ "agents": self.agents(now) })),
            Route::Recent => self.recent(request.query, now),
        };
        let writes = matches!(request.route, Route::Ingest | Route::Register) && answer.0 == 200;
        (if writes { storage } else { Storage::Lost }, answer)
    }

    /// The stored rows in the order of arrival.
    pub(super) fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// The registered agents.
    pub(super) fn agent_ids(&self) -> Vec<String> {
        self.agents.iter().map(|agent| agent.id.clone()).collect()
    }

    /// As if the agents' table had been emptied.
    pub(super) fn forget_agents(&mut self) {
        self.agents.clear();
    }

    fn ingest(&mut self, request: &Request<'_>, storage: Storage, now: i64) -> Answer {
        let fields = match object(request) {
            Ok(Some(fields)) => fields,
            Ok(None) => return (400, json!({ "error": "Invalid telemetry data" })),
            Err(answer) => return answer,
        };
        let Some(agent) = fields.get("agent_id").cloned() else {
            return (400, json!({ "error": "Invalid telemetry data" }));
        };
        if storage == Storage::Kept {
            let or = |key: &str, default: Value| fields.get(key).cloned().unwrap_or(default);
            self.rows.push(json!({
                "id": self.rows.len() + 1,
                "timestamp": or("timestamp", json!(now)),
                "agent_id": agent,
                "hostname": or("hostname", json!("unknown")),
                "cloud_provider": or("cloud_provider", json!("unknown")),
                "region": or("region", json!("unknown")),
                "metrics": or("metrics", json!({})),
                "events": or("events", json!([])),
                "traces": or("traces", json!([])),
                "created_at": wall_clock(now),
            }));
            if let Some(known) = self.agents.iter().position(|known| agent == known.id.as_str()) {
                let known = self.agents.remove(known);
                self.agents.push(Agent {
                    heartbeat: now,
                    ..known
                });
            }
        }
        (
            200,
            json!({ "status": "success", "message": "Telemetry data received" }),
        )
    }

    fn register(&mut self, request: &Request<'_>, storage: Storage, now: i64) -> Answer {
        let missing = || (400, json!({ "error": "Missing required fields" }));
        let fields = match object(request) {
            Ok(Some(fields)) => fields,
            Ok(None) => return missing(),
            Err(answer) => return answer,
        };
        if ["agent_id", "hostname", "cloud_provider", "region"]
            .iter()
            .any(|key| !fields.contains_key(*key))
        {
            return missing();
        }
        let id = fields
            .get("agent_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if storage == Storage::Kept {
            self.agents.retain(|known| known.id != id);
            self.agents.push(Agent {
                id,
                fields,
                heartbeat: now,
            });
        }
        (200, json!({ "status": "success", "message": "Agent registered" }))
    }

    fn agents(&self, now: i64) -> Vec<Value> {
        let shown = self.agents.iter().rev().map(|agent| {
            let field = |key: &str| agent.fields.get(key).cloned().unwrap_or(Value::Null);
            let status = match now - agent.heartbeat {
                ..300 => "healthy",
                300..900 => "warning",
                _ => "offline",
            };
            json!({
                "agent_id": agent.id,
                "hostname": field("hostname"),
                "cloud_provider": field("cloud_provider"),
                "region": field("region"),
                "last_heartbeat": agent.heartbeat,
                "status": status,
                "config": agent.fields.get("config").cloned().unwrap_or_else(|| json!({})),
                "registered_at": wall_clock(agent.heartbeat),
            })
        });
        shown.collect()
    }

    fn recent(&self, query: &str, now: i64) -> Answer {
        let hours = query.split('&').find_map(|pair| pair.strip_prefix("hours="));
        let Ok(hours) = hours.unwrap_or("24").parse::<i64>() else {
            return (500, json!({ "error": "Internal server error" }));
        };
        let cutoff = Moment::Number((now - hours * 3600) as f64);
        let mut rows: Vec<(Moment, &Value)> = self.rows.iter().map(|row| (Moment::of(row), row)).collect();
        rows.retain(|(moment, _)| *moment > cutoff);
        // Of equal timestamps the later arrival comes first, as from the server's index.
        rows.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        let rows: Vec<&Value> = rows.into_iter().rev().take(RECENT).map(|(_, row)| row).collect();
        (
            200,
            json!({ "count": rows.len(), "hours": hours, "telemetry": rows }),
        )
    }
}

/// A row's own timestamp, in SQLite's order of a REAL column: null, numbers, text.
#[derive(Debug, PartialEq, PartialOrd)]
enum Moment {
    Null,
    Number(f64),
    Text(String),
}

impl Moment {
    fn of(row: &Value) -> Self {
        match row.get("timestamp") {
            Some(Value::Number(number)) => number.as_f64().map_or(Self::Null, Self::Number),
            Some(Value::String(text)) => text
                .parse()
                .map_or_else(|_| Self::Text(text.clone()), Self::Number),
            _ => Self::Null,
        }
    }
}

/// The body's fields; none for a body that Flask takes but the server calls invalid, or the 500 that all else gives.
fn object(request: &Request<'_>) -> Result<Option<Map<String, Value>>, Answer> {
    let is_json = request
        .content_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim() == "application/json");
    let body = if is_json {
        serde_json::from_slice(request.body).ok()
    } else {
        None
    };
    match body {
        Some(Value::Object(fields)) if !fields.is_empty() => Ok(Some(fields)),
        Some(Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Null | Value::Bool(false)) => {
            Ok(None)
        }
        Some(Value::Bool(true) | Value::Number(_)) | None => {
            Err((500, json!({ "error": "Internal server error" })))
        }
    }
}

/// SQLite's CURRENT_TIMESTAMP.
fn wall_clock(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}
