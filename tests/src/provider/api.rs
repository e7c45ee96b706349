//! What a provider brings to its simulator.

use super::{Asked, Reply};

/// A provider's API over data of its own. Its state, if it has any, lies behind a lock: requests come side by side.
pub trait Api: Send + Sync + 'static {
    /// Every host that it answers for; the certificate names them.
    fn hosts(&self) -> Vec<String>;

    /// The files that a client needs, by name: tokens, keys. `ca.pem` is written beside them.
    fn secrets(&self) -> Vec<(&'static str, String)>;

    /// What the request asks for, as faults and counts name it.
    fn operation(&self, asked: &Asked) -> String;

    /// The right answer, after the provider's own check of who asks.
    fn answer(&self, asked: &Asked) -> Reply;
}
