//! The simulator against its fact sheet, by a plain HTTP client that knows nothing of collectors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod big;
mod data;
mod dialect;
mod login;
mod mishaps;
mod protocol;

use super::{
    Options, Simulator,
    identity::{ACCOUNT_IDENTIFIER, HOST, ROLE, USER, WAREHOUSE, identity},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Certificate, Client, Method, Response, StatusCode};
use serde_json::{Value, json};

/// A running simulator and a client that trusts its certificate.
struct Account {
    simulator: Simulator,
    client: Client,
    token: String,
}

impl Account {
    async fn start(options: Options) -> Self {
        // Another test of this process may have been first.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let simulator = Simulator::start(options).await.unwrap();
        let known = identity().unwrap();
        let client = Client::builder()
            .user_agent("finops-tests/0.1")
            .resolve(HOST, simulator.addr())
            .tls_certs_only([Certificate::from_pem(known.authority.ca_pem.as_bytes()).unwrap()])
            .build()
            .unwrap();
        let token = token(&claims(&simulator));
        Self {
            simulator,
            client,
            token,
        }
    }

    async fn with_partitions_of(rows: usize) -> Self {
        Self::start(Options {
            partition_rows: rows,
            ..Options::default()
        })
        .await
    }

    fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.simulator.addr().port())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, self.url(path))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT")
            .header("Content-Type", "application/json")
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    async fn submit(&self, body: &Value) -> (StatusCode, Value) {
        answer(self.post("/api/v2/statements", body).await).await
    }

    /// Runs a statement and gives its first partition's answer.
    async fn sql(&self, statement: &str, binds: &[&str]) -> Value {
        let (status, body) = self.submit(&body(statement, binds)).await;
        assert_eq!(status, StatusCode::OK, "{statement}: {body}");
        body
    }

    /// All rows of a statement, of all partitions.
    async fn rows(&self, statement: &str, binds: &[&str]) -> Vec<Value> {
        let first = self.sql(statement, binds).await;
        let mut rows = first["data"].as_array().unwrap().clone();
        let handle = first["statementHandle"].as_str().unwrap();
        let partitions = first["resultSetMetaData"]["partitionInfo"]
            .as_array()
            .unwrap()
            .len();
        for number in 1..partitions {
            let path = format!("/api/v2/statements/{handle}?partition={number}");
            let (_, next) = answer(self.get(&path).await).await;
            rows.extend(next["data"].as_array().unwrap().iter().cloned());
        }
        rows
    }

    /// The error of a statement that fails with 422.
    async fn error(&self, statement: &str) -> (String, String) {
        let (status, body) = self.submit(&body(statement, &[])).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{statement}: {body}");
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }
}

/// A submission as the fact sheet shows it.
fn body(statement: &str, binds: &[&str]) -> Value {
    let bindings: serde_json::Map<String, Value> = binds
        .iter()
        .enumerate()
        .map(|(at, value)| ((at + 1).to_string(), json!({"type": "TEXT", "value": value})))
        .collect();
    json!({"statement": statement, "timeout": 120, "database": "SNOWFLAKE", "schema": "ACCOUNT_USAGE", "warehouse": WAREHOUSE,
        "role": ROLE, "bindings": bindings, "parameters": {"TIMEZONE": "UTC", "QUERY_TAG": "finops-host"}})
}

async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Good claims at the simulator's time.
fn claims(simulator: &Simulator) -> Value {
    let subject = format!("{ACCOUNT_IDENTIFIER}.{USER}");
    let iat = simulator.account.now().as_second();
    json!({"iss": format!("{subject}.{}", identity().unwrap().fingerprint), "sub": subject, "iat": iat, "exp": iat + 3600})
}

fn token(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(identity().unwrap().key_pem.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}
