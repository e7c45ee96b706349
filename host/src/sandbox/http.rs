//! The import `http`: every request goes to the services' one egress function.

use super::{
    bindings::finops::collector::http::{self as wit, Host, HostResponse, Request},
    convert,
    failure::{Failure, FailureKind},
    guest::Guest,
    imports::{served, to_failure},
};
use crate::egress::{self, Reply};
use bytes::Bytes;
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

fn request(given: Request) -> egress::Request {
    egress::Request {
        method: given.method,
        url: given.url,
        headers: given.headers,
        body: given.body.map(Bytes::from),
        repeatable: given.repeatable,
    }
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
        match served(self.services.send(request(given)).await)? {
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
        let services = &self.services;
        let replies =
            futures::future::join_all(given.into_iter().map(|one| services.send(request(one)))).await;
        replies
            .into_iter()
            .map(|reply| {
                Ok(match served(reply)? {
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
            Err(refusal) => Err(convert::failure_for_guest(&to_failure(refusal))),
        })
    }

    async fn read_all(
        &mut self,
        reply: Resource<OpenReply>,
        max: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Failure>> {
        let max = usize::try_from(max.min(self.response_whole)).unwrap_or(usize::MAX);
        let reply = self.table.get_mut(&reply)?;
        let mut whole = Vec::new();
        loop {
            match reply.body.chunk(MAX_PIECE).await {
                Ok(None) => return Ok(Ok(whole)),
                Ok(Some(piece)) if whole.len() + piece.len() <= max => whole.extend_from_slice(&piece),
                Ok(Some(_)) => {
                    let message = format!("the reply is larger than {max} bytes; read it in pieces");
                    let failure = Failure::new(FailureKind::MalformedReply, message);
                    return Ok(Err(convert::failure_for_guest(&failure)));
                }
                Err(refusal) => return Ok(Err(convert::failure_for_guest(&to_failure(refusal)))),
            }
        }
    }

    async fn drop(&mut self, reply: Resource<OpenReply>) -> wasmtime::Result<()> {
        self.table.delete(reply)?;
        Ok(())
    }
}
