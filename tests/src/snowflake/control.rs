//! The control port: plain HTTP on loopback, for the demo and for tests in other processes.

use super::{account::Account, faults::Fault};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = (StatusCode, Json<Value>);

/// `POST /_control/fault` (a fault as JSON), `/clear`, `/release`, `/clock` (`{"now": ...}`), `/restate`, `/bill`, `/retag`
/// and `GET /_control/report`.
pub(crate) fn router(account: Arc<Account>) -> Router {
    Router::new()
        .route("/_control/fault", post(fault))
        .route("/_control/clear", post(clear))
        .route("/_control/release", post(release))
        .route("/_control/clock", post(clock))
        .route("/_control/report", get(report))
        .route("/_control/{patch}", post(patch))
        .with_state(account)
}

fn done() -> Answer {
    (StatusCode::OK, Json(json!({"ok": true})))
}

fn failed(error: &dyn std::fmt::Display) -> Answer {
    (
        StatusCode::BAD_REQUEST,
        Json(json!({"ok": false, "error": error.to_string()})),
    )
}

async fn fault(State(account): State<Arc<Account>>, Json(body): Json<Value>) -> Answer {
    match serde_json::from_value::<Fault>(body) {
        Ok(fault) => {
            account.faults.add(fault);
            done()
        }
        Err(error) => failed(&error),
    }
}

async fn clear(State(account): State<Arc<Account>>) -> Answer {
    account.faults.clear();
    done()
}

async fn release(State(account): State<Arc<Account>>) -> Answer {
    account.faults.release();
    done()
}

async fn clock(State(account): State<Arc<Account>>, Json(body): Json<Value>) -> Answer {
    let now = body.get("now").and_then(Value::as_str).unwrap_or("");
    match now.parse() {
        Ok(now) => {
            account.set_now(now);
            done()
        }
        Err(error) => failed(&error),
    }
}

async fn patch(State(account): State<Arc<Account>>, Path(name): Path<String>) -> Answer {
    let applied = name.parse().and_then(|patch| account.apply(patch));
    match applied {
        Ok(()) => done(),
        Err(error) => failed(&error),
    }
}

async fn report(State(account): State<Arc<Account>>) -> Answer {
    let body = json!({
        "requests": account.requests(),
        "refusals": account.refusals().clone(),
        "statements": account.statements().records(),
        "now": account.now().to_string(),
    });
    (StatusCode::OK, Json(body))
}
