//! The agent list of the destination: a source's agent is registered before its first batch, and again when the list has
//! lost it. Registration only names the sender; money never waits for more than a refusal that also concerns the batch.

use super::{
    body::agent_id,
    client::{Client, MAX_REPLY},
    outcome::{Exchange, Extent, Outcome, classify},
};
use crate::{foreign::Foreign, ledger::outbox::BatchSource};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// The list is read again after this long.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

const LIST: &str = "api/v1/agents";
const REGISTER: &str = "api/v1/agents/register";

/// What is known of the destination's agents.
#[derive(Clone, Debug, Default)]
pub struct Agents {
    known: BTreeSet<String>,
    read_at: Option<Timestamp>,
}

impl Agents {
    /// Forgets all: the destination may have been restarted.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Makes sure that a source's agent is registered.
    ///
    /// # Errors
    /// The outcome that the batch would meet too: retry, configuration, or an unexpected 2xx.
    pub async fn ensure(
        &mut self,
        client: &Client,
        source: &BatchSource,
        hostname: &str,
        now: Timestamp,
        at_most: Option<Duration>,
    ) -> Result<(), Outcome> {
        if self.read_at.is_none_or(|read| now.duration_since(read) >= FRESH) {
            self.known = listed(&client.get(LIST, MAX_REPLY, at_most).await);
            self.read_at = Some(now);
        }
        let agent = agent_id(source);
        if self.known.contains(&agent) {
            return Ok(());
        }
        let body = json!({
            "agent_id": agent, "hostname": hostname, "cloud_provider": source.provider, "region": "global",
            "config": {"program": "finops-host", "version": env!("CARGO_PKG_VERSION"), "instance": source.instance},
        });
        let exchange = client
            .post(REGISTER, body.to_string().into_bytes(), at_most)
            .await;
        match classify(&exchange, now) {
            Outcome::Settled => {}
            Outcome::Ambiguous(why) | Outcome::Rejected(why) | Outcome::TooLarge(why) => {
                let agent = Foreign::new(agent.clone());
                tracing::warn!(%agent, "the agent could not be registered, its batches are sent all the same: {why}");
            }
            refused @ (Outcome::Retry { .. } | Outcome::Configuration(_) | Outcome::Unexpected(_)) => {
                return Err(refused);
            }
        }
        self.known.insert(agent);
        Ok(())
    }
}

/// Which of these sources the destination lists already; none where it cannot be asked, since sending meets the same trouble.
pub async fn known(client: &Client, sources: &[BatchSource], at_most: Option<Duration>) -> Vec<String> {
    still_known(client, sources, at_most).await.unwrap_or_default()
}

/// Which of these sources the destination lists; `None` where it cannot be asked.
pub async fn still_known(
    client: &Client,
    sources: &[BatchSource],
    at_most: Option<Duration>,
) -> Option<Vec<String>> {
    let listed = answered(&client.get(LIST, MAX_REPLY, at_most).await)?;
    let agents = sources.iter().map(agent_id);
    Some(agents.filter(|agent| listed.contains(agent)).collect())
}

/// The agents that a reply names; none where it cannot be read, since registering once more does no harm.
fn listed(exchange: &Exchange) -> BTreeSet<String> {
    answered(exchange).unwrap_or_default()
}

/// The agents that a reply names; `None` where it cannot be read.
pub(super) fn answered(exchange: &Exchange) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct List {
        agents: Vec<Agent>,
    }
    #[derive(Deserialize)]
    struct Agent {
        agent_id: String,
    }
    match exchange {
        Exchange::Answered(reply) if (200..=299).contains(&reply.status) && reply.extent == Extent::Whole => {
            serde_json::from_slice::<List>(&reply.body)
                .ok()
                .map(|list| list.agents.into_iter().map(|agent| agent.agent_id).collect())
        }
        _ => None,
    }
}
