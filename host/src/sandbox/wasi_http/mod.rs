//! The import `wasi:http`: what ordinary HTTP clients are compiled to. Every call ends in [`Services::send`], as those of
//! `finops:collector/http` do; the crate behind it never opens a connection.
//! What must hold: what a guest can make the host keep (header fields, requests, unsent bodies, calls under way, replies)
//! is charged to the run's memory for bytes in flight, and whatever keeps it holds the permit.

mod fields;
mod reply;
mod request;
mod view;

use super::{
    guest::Guest,
    limits::{self, Limits},
    seam::Services,
};
use crate::egress::{Held, InFlight};
use http::{HeaderName, Request, Response};
use std::{collections::BTreeMap, sync::Arc};
use view::View;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi_http::{
    ForbiddenHeaderFilter, RequestOptions, Result, WasiBody, WasiHttpCtx, WasiHttpHooks,
    p2::bindings::{self, http as wasi},
};

/// Most bytes that one write to an outgoing body takes.
const CHUNK: usize = 64 << 10;
/// Writes that wait in an outgoing body besides the one that is read.
const CHUNKS: usize = 1;
/// Memory of an outgoing body that is not sent yet: all that its writes can leave waiting.
const UNSENT: usize = CHUNK * (CHUNKS + 1);
/// Memory of a request and of its call: URL and method, and what the host's task for it needs.
const CALL: usize = 32 << 10;
/// Size of one set of header fields, as the crate counts it: with some overhead for each.
const FIELDS: usize = limits::HEADER_BYTES + limits::HEADERS * 128;

/// Links `wasi:http/types` and `wasi:http/outgoing-handler`. What stands behind them decides on every call; while a
/// component describes itself all are denied.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let options = bindings::LinkOptions::default();
    wasi::outgoing_handler::add_to_linker::<_, Outgoing>(linker, view)?;
    wasi::types::add_to_linker::<_, Outgoing>(linker, &options.into(), view)
}

fn view(guest: &mut Guest) -> View<'_> {
    View {
        table: &mut guest.table,
        http: &mut guest.http,
    }
}

/// Names [`View`] to the linker.
struct Outgoing;

impl HasData for Outgoing {
    type Data<'a> = View<'a>;
}

/// What a store keeps for `wasi:http`.
pub(super) struct Http {
    context: WasiHttpCtx,
    hooks: Hooks,
    /// Memory of requests that are not handed over yet, by the number of their handle.
    calls: BTreeMap<u32, Held>,
}

impl Http {
    pub(super) fn new(limits: &Limits, services: &Arc<dyn Services>) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(FIELDS);
        Self {
            context,
            hooks: Hooks {
                services: Arc::clone(services),
                request_body: usize::try_from(limits.request_body).unwrap_or(usize::MAX),
                call: None,
            },
            calls: BTreeMap::new(),
        }
    }

    fn in_flight(&self) -> &InFlight {
        self.hooks.services.in_flight()
    }
}

/// What the crate asks of us.
struct Hooks {
    services: Arc<dyn Services>,
    /// Most bytes of a request's body.
    request_body: usize,
    /// Memory of the request that is being handed over.
    call: Option<Held>,
}

impl WasiHttpHooks for Hooks {
    /// None here: egress drops what the grant does not want, and counts it.
    fn is_forbidden_header(&mut self, _: &HeaderName) -> bool {
        false
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|_| false)
    }

    /// Egress does.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Worker)>> + Send> {
        let services = Arc::clone(&self.services);
        let most = self.request_body;
        let call = self.call.take();
        Box::new(async move {
            let options = options.unwrap_or_default();
            let request = request::read(request, services.in_flight(), most).await?;
            let reply = reply::awaited(services.send(request), &options).await?;
            let reply = reply::response(reply, services.in_flight(), &options)?;
            drop(call);
            Ok((reply, Box::new(std::future::ready(Ok(()))) as Worker))
        })
    }
}

/// What else is to be done for a reply: nothing.
type Worker = Box<dyn Future<Output = Result<()>> + Send>;

/// The crate has a sender of its own behind the feature `default-send-request`, which knows no grant. Were it switched on
/// by any dependency, this name would be found twice, and finops-host would not compile.
mod no_second_way {
    mod ours {
        pub(super) fn default_hooks() {}
    }
    #[allow(unused_imports)]
    use ours::*;
    #[allow(unused_imports)]
    use wasmtime_wasi_http::*;
    const _: fn() = default_hooks;
}
