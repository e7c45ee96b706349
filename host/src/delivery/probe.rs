//! Whether a destination would take what is delivered: asked by reading alone, so that it has nothing more afterwards.

use super::{
    client::{Client, ClientError, MAX_REPLY},
    outcome::{Exchange, Extent, Outcome, failure},
    registration::answered,
    report::DeliveryConfig,
};
use jiff::Timestamp;
use serde::Serialize;

/// Where the server says how it is.
const HEALTH: &str = "health";
/// Where it lists who sends to it: what tells it from any other server.
const AGENTS: &str = "api/v1/agents";
/// How the agents of this program are called.
const OURS: &str = "finops-host/";

/// A destination as it shows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its address.
    pub endpoint: String,
    /// How many agents it lists.
    pub agents: usize,
    /// How many of them are this program's, on whatever machine.
    pub ours: usize,
    /// Why nothing would be delivered; none: it would.
    pub problem: Option<String>,
}

/// Asks a destination for its health and its agents. Nothing is posted.
///
/// # Errors
/// Where no client can be made of what the operator's file says.
pub async fn probe(config: &DeliveryConfig, now: Timestamp) -> Result<Seen, ClientError> {
    let client = Client::new(&config.endpoint, config.ca.as_deref(), config.timeouts)?;
    let mut seen = Seen {
        endpoint: config.endpoint.clone(),
        agents: 0,
        ours: 0,
        problem: None,
    };
    for path in [HEALTH, AGENTS] {
        let exchange = client.get(path, MAX_REPLY, None).await;
        seen.problem = problem(&exchange, now);
        if seen.problem.is_some() {
            break;
        }
        if path == AGENTS {
            match answered(&exchange) {
                Some(agents) => {
                    seen.agents = agents.len();
                    seen.ours = agents.iter().filter(|agent| agent.starts_with(OURS)).count();
                }
                None => {
                    let why = "it answers, but not as OpenFinOps does; is `endpoint` in [openfinops] right?";
                    seen.problem = Some(why.to_owned());
                }
            }
        }
    }
    Ok(seen)
}

/// What is wrong with an answer; none with a success that came whole.
fn problem(exchange: &Exchange, now: Timestamp) -> Option<String> {
    let reply = match exchange {
        Exchange::NotConnected(why) | Exchange::Lost(why) => return Some(why.clone()),
        Exchange::Answered(reply) => reply,
    };
    match failure(reply, now) {
        Some(
            Outcome::Retry { why, .. }
            | Outcome::Ambiguous(why)
            | Outcome::Rejected(why)
            | Outcome::Configuration(why)
            | Outcome::TooLarge(why)
            | Outcome::Unexpected(why),
        ) => Some(why),
        Some(Outcome::Settled) | None => match &reply.extent {
            Extent::Whole => None,
            Extent::Cut => Some(format!("it answers with more than {MAX_REPLY} bytes")),
            Extent::Lost(why) => Some(format!("the answer was lost: {why}")),
        },
    }
}
