//! Provider simulators, hostile guests, end-to-end and crash tests of finops-host.
//!
//! What must hold: a simulator is written from its provider's fact sheet, never from the collector that it tests.

pub mod anthropic;
pub mod artifacts;
pub mod aws;
pub mod azure;
pub mod books;
pub mod buckets;
pub mod chromium;
pub mod confluent;
pub mod crash;
pub mod databricks;
pub mod datadog;
pub mod deploy;
pub mod disk;
pub mod elastic;
pub mod gcp;
pub mod generic;
pub mod github;
pub mod hostile;
pub mod mongodb_atlas;
pub mod openai;
pub mod openfinops;
#[cfg(feature = "telling-host")]
pub mod otlp;
pub mod plan;
pub mod program;
pub mod proof;
pub mod provider;
pub mod redis_cloud;
pub mod served;
pub mod snowflake;
pub mod stage;
pub mod terminal;
pub mod three_providers;
pub mod tls;

/// Why a simulator could not do what a test asked of it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
