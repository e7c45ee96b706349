//! A name server for tests in a network namespace: each name has answers, the n-th look-up gets the n-th, and the last one
//! stays.
//! What must hold: it serves the system's own resolver, so that what is tested is what runs.

use crate::Error;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::UdpSocket, task::JoinHandle};

const A: u16 = 1;
const AAAA: u16 = 28;
/// Header, and flags of an answer with recursion.
const HEADER: usize = 12;
const ANSWER: [u8; 2] = [0x81, 0x80];
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];

#[derive(Debug, Default)]
struct Zone {
    answers: BTreeMap<String, Vec<Vec<IpAddr>>>,
    asked: BTreeMap<(String, u16), usize>,
}

impl Zone {
    /// The addresses of a name for this look-up, which is counted.
    fn answer(&mut self, name: &str, kind: u16) -> Option<Vec<IpAddr>> {
        let count = self.asked.entry((name.to_owned(), kind)).or_default();
        let turn = *count;
        *count += 1;
        let turns = self.answers.get(name).or(self.answers.get("*"))?;
        turns.get(turn).or(turns.last()).cloned()
    }
}

/// The server, at port 53 of 127.0.0.1. It ends when it is dropped.
pub struct Names {
    zone: Arc<Mutex<Zone>>,
    serving: JoinHandle<()>,
}

impl Names {
    /// Begins to serve; there are no names yet.
    ///
    /// # Errors
    /// Where the port cannot be had: outside of a namespace.
    pub async fn serve() -> Result<Self, Error> {
        let socket = UdpSocket::bind("127.0.0.1:53").await?;
        let zone = Arc::<Mutex<Zone>>::default();
        let served = Arc::clone(&zone);
        let serving = tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let reply = buffer.get(..length).and_then(|query| {
                    let (name, kind, end) = question(query)?;
                    let addresses = locked(&served).answer(&name, kind);
                    reply(query.get(..end)?, kind, addresses.as_deref())
                });
                if let Some(reply) = reply {
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        });
        Ok(Self { zone, serving })
    }

    /// Sets the answers of a name, written without a dot at the end; `*` stands for all others.
    ///
    /// # Errors
    /// Where one of them is no address.
    pub fn set(&self, name: &str, turns: &[&[&str]]) -> Result<(), Error> {
        let parse = |turn: &&[&str]| turn.iter().map(|address| address.parse()).collect();
        let turns: Result<_, _> = turns.iter().map(parse).collect();
        let mut zone = locked(&self.zone);
        zone.answers.insert(name.to_owned(), turns?);
        zone.asked.retain(|(known, _), _| known != name);
        Ok(())
    }

    /// How often a name's addresses were asked for since they were set.
    #[must_use]
    pub fn asked(&self, name: &str) -> usize {
        let zone = locked(&self.zone);
        let of = |kind| {
            zone.asked
                .get(&(name.to_owned(), kind))
                .copied()
                .unwrap_or_default()
        };
        of(A).max(of(AAAA))
    }
}

fn locked(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Names {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The name that a query asks for, the kind of record, and where the question ends (RFC 1035, 4.1.2).
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = query.get(at..)?.first_chunk()?;
    Some((labels.join("."), u16::from_be_bytes(*kind), at + 4))
}

/// A reply to a question with the addresses of that kind; none at all: there is no such name.
fn reply(question: &[u8], kind: u16, addresses: Option<&[IpAddr]>) -> Option<Vec<u8>> {
    let mut reply = question.get(..2)?.to_vec();
    reply.extend_from_slice(if addresses.is_some() {
        &ANSWER
    } else {
        &NO_SUCH_NAME
    });
    let mut count = 0_u16;
    let mut records = Vec::new();
    for address in addresses.unwrap_or_default() {
        let bytes = match address {
            IpAddr::V4(four) if kind == A => four.octets().to_vec(),
            IpAddr::V6(six) if kind == AAAA => six.octets().to_vec(),
            _ => continue,
        };
        count += 1;
        // The name of the question; the kind; class IN; not to be kept.
        records.extend_from_slice(&[0xc0, 0x0c]);
        records.extend_from_slice(&kind.to_be_bytes());
        records.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        records.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
        records.extend_from_slice(&bytes);
    }
    reply.extend_from_slice(&[0, 1]);
    reply.extend_from_slice(&count.to_be_bytes());
    reply.extend_from_slice(&[0; 4]);
    reply.extend_from_slice(question.get(HEADER..)?);
    reply.extend_from_slice(&records);
    Some(reply)
}
