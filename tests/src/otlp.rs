//! A receiver of traces and metrics by OTLP that keeps every byte it gets, and receivers that misbehave.
//! What must hold: it shares no code with the host but OpenTelemetry's own messages.

use crate::Error;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{Metric, metric::Data, number_data_point},
    trace::v1::Span,
};
use prost::Message;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(180);

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Well,
    /// It breaks the connection.
    Resets,
    /// It never answers.
    Silent,
    /// With a status of 500.
    Fails,
    /// With a body that has no end.
    Endless,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The path.
    pub path: String,
    /// Its head, headers included.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    arrived: Mutex<Vec<Arrived>>,
    news: Condvar,
    /// Connections that are left open.
    open: Mutex<Vec<TcpStream>>,
}

/// A receiver on a port of its own.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Starts it. Its threads end with the test's process.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn start(manner: Manner) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&of_thread);
                // A peer that goes away is no fault of the receiver's.
                std::thread::spawn(move || drop(receive(stream, manner, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Its address, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that arrived so far.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        lock(&self.shared.arrived).clone()
    }

    /// Waits until so many messages have arrived.
    ///
    /// # Errors
    /// Where they do not.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Arrived>, Error> {
        let mut arrived = lock(&self.shared.arrived);
        while arrived.len() < count {
            let (next, waited) = self
                .shared
                .news
                .wait_timeout(arrived, LONG)
                .unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return Err(format!("only {} of {count} messages arrived", next.len()).into());
            }
            arrived = next;
        }
        Ok(arrived.clone())
    }

    /// All spans that arrived so far.
    ///
    /// # Errors
    /// Where a message cannot be read.
    pub fn spans(&self) -> Result<Vec<Span>, Error> {
        let mut spans = Vec::new();
        for message in self.arrived() {
            if message.path == "/v1/traces" {
                let message = ExportTraceServiceRequest::decode(message.body.as_slice())?;
                let scopes = message
                    .resource_spans
                    .into_iter()
                    .flat_map(|spans| spans.scope_spans);
                spans.extend(scopes.flat_map(|scope| scope.spans));
            }
        }
        Ok(spans)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receive(stream: TcpStream, manner: Manner, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        head.push_str(&line);
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    lock(&shared.arrived).push(Arrived { path, head, body });
    shared.news.notify_all();
    answer(stream, manner, shared)
}

fn answer(mut stream: TcpStream, manner: Manner, shared: &Shared) -> std::io::Result<()> {
    match manner {
        Manner::Well => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        Manner::Fails => stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"),
        Manner::Resets => rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
            .map_err(std::io::Error::from),
        Manner::Silent => {
            lock(&shared.open).push(stream);
            Ok(())
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"4\r\nmore\r\n")?;
            }
        }
    }
}

/// An attribute as text; empty if it is not there.
#[must_use]
pub fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

/// The whole numbers of a message of metrics, by the names that Prometheus has for them: `name{label="text"}`.
///
/// # Errors
/// Where it cannot be read.
pub fn whole_numbers(body: &[u8]) -> Result<BTreeMap<String, i64>, Error> {
    let mut numbers = BTreeMap::new();
    for metric in metrics(body)? {
        let points = match metric.data {
            Some(Data::Sum(sum)) => sum.data_points,
            Some(Data::Gauge(gauge)) => gauge.data_points,
            _ => continue,
        };
        for point in points {
            if let Some(number_data_point::Value::AsInt(number)) = point.value {
                let labels: Vec<String> = point
                    .attributes
                    .iter()
                    .map(|label| {
                        let text = attribute(std::slice::from_ref(label), &label.key);
                        format!("{}=\"{text}\"", label.key)
                    })
                    .collect();
                let labels = match labels.is_empty() {
                    true => String::new(),
                    false => format!("{{{}}}", labels.join(",")),
                };
                numbers.insert(format!("{}{labels}", metric.name), number);
            }
        }
    }
    Ok(numbers)
}

/// The families of a message of metrics.
///
/// # Errors
/// Where it cannot be read.
pub fn metrics(body: &[u8]) -> Result<Vec<Metric>, Error> {
    let message = ExportMetricsServiceRequest::decode(body)?;
    let resources = message.resource_metrics.into_iter();
    let scopes = resources.flat_map(|metrics| metrics.scope_metrics);
    Ok(scopes.flat_map(|scope| scope.metrics).collect())
}
