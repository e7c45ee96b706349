//! The import `http`: every request goes to the services' one egress function.

use super::{
    bindings::finops::collector::http::{self as wit, Host, HostResponse, Request},
    convert,
    failure::{Failure, FailureKind},
    guest::Guest,
    imports::{no_memory, to_failure},
    seam::Services,
};
use crate::egress::{self, InFlight, Reply, Surplus};
use wasmtime::component::Resource;

/// A reply whose body the guest reads in pieces.
#[allow(unreachable_pub)] // the generated bindings re-export it
pub struct OpenReply {
    status: u16,
    headers: Vec<(String, String)>,
    body: egress::Body,
}

/// Piece size where the guest leaves it to the host.
const PIECE: usize = 64 << 10;
/// Largest piece that a guest gets at once.
const MAX_PIECE: usize = 4 << 20;
/// Most requests of one `send-many`; more are refused before any is sent.
const MAX_MANY: usize = 256;

/// A guest's request, its body charged to the run.
fn request(given: Request, account: &InFlight) -> Result<egress::Request, wit::Failure> {
    let body = given.body.map(|body| account.body(body));
    Ok(egress::Request {
        method: given.method,
        url: given.url,
        headers: given.headers,
        body: body.transpose().map_err(|full| told(no_memory(full)))?,
        repeatable: given.repeatable,
        surplus: Surplus::Refuse,
    })
}

/// Sends one request.
async fn sent(
    services: &dyn Services,
    request: Result<egress::Request, wit::Failure>,
) -> Result<Reply, wit::Failure> {
    let reply = services.send(request?).await;
    reply.map_err(|refusal| told(to_failure(refusal)))
}

fn told(failure: Failure) -> wit::Failure {
    convert::failure_for_guest(&failure)
}

impl From<Reply> for OpenReply {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status,
            headers: reply.headers,
            body: reply.body,
        }
    }
}

impl Host for Guest {
    async fn send(&mut self, given: Request) -> wasmtime::Result<Result<Resource<OpenReply>, wit::Failure>> {
        let services = &*self.services;
        match sent(services, request(given, services.in_flight())).await {
            Ok(reply) => Ok(Ok(self.table.push(reply.into())?)),
            Err(failure) => Ok(Err(failure)),
        }
    }

    async fn send_many(
        &mut self,
        given: Vec<Request>,
    ) -> wasmtime::Result<Vec<Result<Resource<OpenReply>, wit::Failure>>> {
        if given.len() > MAX_MANY {
            return Err(wasmtime::Error::msg(format!(
                "send-many takes at most {MAX_MANY} requests at once"
            )));
        }
        // All bodies are charged before the first request waits for its place.
        let services = &*self.services;
        let requests: Vec<_> = given
            .into_iter()
            .map(|one| request(one, services.in_flight()))
            .collect();
        let replies = futures::future::join_all(requests.into_iter().map(|one| sent(services, one))).await;
        replies
            .into_iter()
            .map(|reply| {
                Ok(match reply {
                    Ok(reply) => Ok(self.table.push(reply.into())?),
                    Err(failure) => Err(failure),
                })
            })
            .collect()
    }
}

impl HostResponse for Guest {
    async fn status(&mut self, reply: Resource<OpenReply>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&reply)?.status)
    }

    async fn headers(&mut self, reply: Resource<OpenReply>) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.table.get(&reply)?.headers.clone())
    }

    async fn read(
        &mut self,
        reply: Resource<OpenReply>,
        max: u32,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, wit::Failure>> {
        let max = if max == 0 {
            PIECE
        } else {
            (max as usize).min(MAX_PIECE)
        };
        let reply = self.table.get_mut(&reply)?;
        Ok(match reply.body.chunk(max).await {
            Ok(piece) => Ok(piece.map(Vec::from)),
            Err(refusal) => Err(told(to_failure(refusal))),
        })
    }

    async fn read_all(
        &mut self,
        reply: Resource<OpenReply>,
        max: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Failure>> {
        let max = usize::try_from(max.min(self.response_whole)).unwrap_or(usize::MAX);
        let account = self.services.in_flight().clone();
        let reply = self.table.get_mut(&reply)?;
        let mut whole = match account.gather() {
            Ok(whole) => whole,
            Err(full) => return Ok(Err(told(no_memory(full)))),
        };
        loop {
            match reply.body.chunk(MAX_PIECE).await {
                Ok(None) => {
                    let size = u64::try_from(whole.len()).unwrap_or(u64::MAX);
                    self.largest_whole = self.largest_whole.max(size);
                    return Ok(Ok(whole.into_vec()));
                }
                Ok(Some(piece)) if whole.len() + piece.len() <= max => {
                    if let Err(full) = whole.add(&account, &piece) {
                        return Ok(Err(told(no_memory(full))));
                    }
                }
                Ok(Some(_)) => {
                    let message = format!("the reply is larger than {max} bytes; read it in pieces");
                    return Ok(Err(told(Failure::new(FailureKind::MalformedReply, message))));
                }
                Err(refusal) => return Ok(Err(told(to_failure(refusal)))),
            }
        }
    }

    async fn drop(&mut self, reply: Resource<OpenReply>) -> wasmtime::Result<()> {
        self.table.delete(reply)?;
        Ok(())
    }
}
