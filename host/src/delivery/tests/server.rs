//! A small OpenFinOps: registers, ingests, lists; keeps every body that it was sent; answers ingest as a script says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What happens to the body of one ingest request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    Lost,
}

/// What the sender sees.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Status, extra header lines, body.
    Status(u16, &'static str, String),
    /// The connection is closed without an answer.
    Reset,
    /// The connection stays open without an answer.
    Hang,
}

pub(super) fn success() -> Answer {
    Answer::Status(
        200,
        "",
        r#"{"status":"success","message":"Telemetry data received"}"#.to_owned(),
    )
}

pub(super) fn status(status: u16) -> Answer {
    Answer::Status(status, "", r#"{"error":"no"}"#.to_owned())
}

type Policy = Box<dyn FnMut(&Value) -> (Fate, Answer) + Send>;

#[derive(Default)]
struct State {
    policy: Option<Policy>,
    /// Answers to `/recent` that are given instead of the true ones.
    recent: VecDeque<Answer>,
    /// As `recent`, for registration.
    register: VecDeque<Answer>,
    bodies: Vec<Vec<u8>>,
    stored: Vec<Value>,
    agents: Vec<String>,
    requests: Vec<String>,
    hanging: Vec<TcpStream>,
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        };
        let state = server.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        server
    }

    /// From now on each ingest request is handled so.
    pub(super) fn policy(&self, policy: impl FnMut(&Value) -> (Fate, Answer) + Send + 'static) {
        self.state.lock().unwrap().policy = Some(Box::new(policy));
    }

    /// The next ingest requests are handled so; those after them succeed.
    pub(super) fn script(&self, script: impl IntoIterator<Item = (Fate, Answer)>) {
        let mut script: VecDeque<_> = script.into_iter().collect();
        self.policy(move |_| script.pop_front().unwrap_or((Fate::Stored, success())));
    }

    pub(super) fn recent(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().recent = answers.into_iter().collect();
    }

    pub(super) fn register(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().register = answers.into_iter().collect();
    }

    /// As after a restart with an empty database for agents.
    pub(super) fn forget_agents(&self) {
        self.state.lock().unwrap().agents.clear();
    }

    /// Every body that arrived, stored or not.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().bodies.clone()
    }

    pub(super) fn stored(&self) -> Vec<Value> {
        self.state.lock().unwrap().stored.clone()
    }

    pub(super) fn agents(&self) -> Vec<String> {
        self.state.lock().unwrap().agents.clone()
    }

    /// How many requests began so, such as `POST /api/v1/agents/register`.
    pub(super) fn requests(&self, start: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .requests
            .iter()
            .filter(|request| request.starts_with(start))
            .count()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some((head, body)) = read(&mut stream).await else {
        return;
    };
    let answer = answer(&head, body, &mut state.lock().unwrap());
    match answer {
        Answer::Reset => {}
        Answer::Hang => state.lock().unwrap().hanging.push(stream),
        Answer::Status(status, headers, body) => {
            let text = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }
}

/// The request line and the whole body; `None` where the sender went away before the end.
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let (head, start) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..end].to_vec()).unwrap(), end + 4);
        }
    };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse::<usize>()
                .ok()
        })
        .unwrap_or(0);
    while bytes.len() < start + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let line = head.lines().next().unwrap().to_owned();
    Some((line, bytes[start..start + length].to_vec()))
}

fn answer(line: &str, body: Vec<u8>, state: &mut State) -> Answer {
    state.requests.push(line.to_owned());
    let ok = |body: Value| Answer::Status(200, "", body.to_string());
    if line.starts_with("POST /api/v1/agents/register ") {
        if let Some(answer) = state.register.pop_front() {
            return answer;
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        for field in ["agent_id", "hostname", "cloud_provider", "region"] {
            if body[field].as_str().is_none_or(str::is_empty) {
                return status(400);
            }
        }
        state.agents.push(body["agent_id"].as_str().unwrap().to_owned());
        return ok(json!({"status": "success"}));
    }
    if line.starts_with("GET /api/v1/agents ") {
        let agents: Vec<Value> = state
            .agents
            .iter()
            .map(|agent| json!({"agent_id": agent}))
            .collect();
        return ok(json!({"agents": agents}));
    }
    if line.starts_with("GET /api/v1/telemetry/recent?hours=") {
        return state.recent.pop_front().unwrap_or_else(|| {
            let rows: Vec<Value> = state.stored.iter().rev().take(1_000).cloned().collect();
            ok(json!({"count": rows.len(), "telemetry": rows, "hours": 24}))
        });
    }
    assert!(line.starts_with("POST /api/v1/telemetry/ingest "), "{line}");
    state.bodies.push(body.clone());
    let body: Value = serde_json::from_slice(&body).unwrap();
    let (fate, answer) = match &mut state.policy {
        Some(policy) => policy(&body),
        None => (Fate::Stored, success()),
    };
    if fate == Fate::Stored {
        state.stored.push(body);
    }
    answer
}
