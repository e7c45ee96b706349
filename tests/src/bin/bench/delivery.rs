//! Delivery to a server on this machine that answers every batch at once.
//! What must hold: everything was delivered.

use crate::{
    figure::{DELIVERY, POSTED, Samples},
    ledger::expect,
    records::rate,
    stopwatch::nanoseconds,
};
use axum::{Json, Router, extract::DefaultBodyLimit, routing::any};
use finops_host::{
    clock::{SharedClock, SystemClock},
    delivery::{DeliveryConfig, Until, deliver},
    ledger::{DestinationId, Ledger},
};
use finops_tests::Error;
use serde_json::json;
use std::{sync::Arc, time::Instant};
use tokio::net::TcpListener;

/// Delivers all that waits.
pub(crate) async fn measure(
    ledger: &Ledger,
    destination: DestinationId,
    samples: &mut Samples,
) -> Result<(), Error> {
    let answer = || any(|_: axum::body::Bytes| async { Json(json!({ "status": "success", "agents": [] })) });
    let routes = Router::new()
        .fallback_service(answer())
        .layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = DeliveryConfig::new(format!("http://{}", listener.local_addr()?), "bench");
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let clock: SharedClock = Arc::new(SystemClock::default());
    let watch = Instant::now();
    let report = deliver(ledger.store(), destination.0, &config, &clock, Until::Drained).await?;
    samples.add(&DELIVERY, rate(POSTED, nanoseconds(watch.elapsed())?)?);
    server.abort();
    expect("settled", report.settled, POSTED)
}
