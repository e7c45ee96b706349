//! The interfaces of `wasi:http` over the store. Most of it is the crate's; what makes the host keep something is charged
//! here first. Each method stands here by name, so that one that a new version of the crate adds does not link unseen.

use super::{
    CALL, FIELDS, Http, UNSENT,
    fields::{FieldError, charged},
    reply,
};
use crate::sandbox::limits;
use http::{HeaderName, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};
use wasmtime_wasi_http::{
    FieldMap, RequestOptions, WasiHttpCtxView,
    p2::{
        HeaderError, HeaderResult, HttpError, HttpResult,
        bindings::http::{
            outgoing_handler,
            types::{self, Method, Scheme},
        },
        body::{HostFutureTrailers, HostIncomingBody, HostOutgoingBody},
        types::{
            HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest,
            HostOutgoingResponse, HostResponseOutparam,
        },
    },
};

/// Longest method and authority. A path may be as long as a URL.
const METHOD: usize = 16;
const AUTHORITY: usize = 512;

/// A store's `wasi:http` during one call.
pub(super) struct View<'a> {
    pub(super) table: &'a mut ResourceTable,
    pub(super) http: &'a mut Http,
}

impl View<'_> {
    fn inner(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http.hooks,
            table: self.table,
            ctx: &mut self.http.context,
        }
    }
}

/// Methods that are the crate's as they are.
macro_rules! as_it_is {
    ($interface:ident: $(fn $name:ident($($given:ident: $what:ty),*) -> $result:ty;)*) => {$(
        fn $name(&mut self, $($given: $what),*) -> $result {
            types::$interface::$name(&mut self.inner(), $($given),*)
        }
    )*};
}

impl outgoing_handler::Host for View<'_> {
    fn handle(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> HttpResult<Resource<HostFutureIncomingResponse>> {
        self.http.hooks.call = self.http.calls.remove(&request.rep());
        let handled = outgoing_handler::Host::handle(&mut self.inner(), request, options);
        self.http.hooks.call = None;
        handled
    }
}

impl types::Host for View<'_> {
    as_it_is! { Host:
        fn convert_error_code(error: HttpError) -> wasmtime::Result<types::ErrorCode>;
        fn convert_header_error(error: HeaderError) -> wasmtime::Result<types::HeaderError>;
    }

    /// The crate knows its own errors here, not those that a body from us ends with.
    fn http_error_code(
        &mut self,
        error: Resource<types::IoError>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref().and_then(reply::code))
    }
}

impl types::HostFields for View<'_> {
    as_it_is! { HostFields:
        fn new() -> wasmtime::Result<Resource<FieldMap>>;
        fn get(fields: Resource<FieldMap>, name: String) -> wasmtime::Result<Vec<Vec<u8>>>;
        fn has(fields: Resource<FieldMap>, name: String) -> wasmtime::Result<bool>;
        fn delete(fields: Resource<FieldMap>, name: String) -> HeaderResult<()>;
        fn entries(fields: Resource<FieldMap>) -> wasmtime::Result<Vec<(String, Vec<u8>)>>;
        fn drop(fields: Resource<FieldMap>) -> wasmtime::Result<()>;
    }

    fn from_list(&mut self, entries: Vec<(String, Vec<u8>)>) -> HeaderResult<Resource<FieldMap>> {
        let fields = self.new().map_err(HeaderError::trap)?;
        for (name, value) in entries {
            if let Err(error) = self.append(Resource::new_borrow(fields.rep()), name, value) {
                self.table.delete(fields)?;
                return Err(error);
            }
        }
        Ok(fields)
    }

    fn set(&mut self, fields: Resource<FieldMap>, name: String, values: Vec<Vec<u8>>) -> HeaderResult<()> {
        let known: HeaderName = name.parse()?;
        if known == CONTENT_LENGTH {
            // A number, once: the crate sees to it.
            return types::HostFields::set(&mut self.inner(), fields, name, values);
        }
        let account = self.http.in_flight();
        let values = values.into_iter().map(|value| charged(account, &known, value));
        let values = values.collect::<Result<Vec<_>, FieldError>>()?;
        let fields = self.table.get_mut(&fields)?;
        fields.remove_all(&mut self.http.hooks, name)?;
        for value in values {
            fields.append_raw(known.clone(), value)?;
        }
        Ok(())
    }

    fn append(&mut self, fields: Resource<FieldMap>, name: String, value: Vec<u8>) -> HeaderResult<()> {
        let known: HeaderName = name.parse()?;
        if known == CONTENT_LENGTH {
            return types::HostFields::append(&mut self.inner(), fields, name, value);
        }
        let value = charged(self.http.in_flight(), &known, value)?;
        self.table.get_mut(&fields)?.append_raw(known, value)?;
        Ok(())
    }

    /// The crate's copy shares what it copies until one of the two is changed; ours is charged at once.
    fn clone(&mut self, fields: Resource<FieldMap>) -> wasmtime::Result<Resource<FieldMap>> {
        let mut copy = FieldMap::new_mutable(FIELDS);
        for (name, value) in self.table.get(&fields)?.iter() {
            let value = charged(self.http.in_flight(), name, value.as_bytes().to_vec())?;
            copy.append_raw(name.clone(), value)?;
        }
        Ok(self.table.push(copy)?)
    }
}

impl types::HostOutgoingRequest for View<'_> {
    as_it_is! { HostOutgoingRequest:
        fn method(request: Resource<HostOutgoingRequest>) -> wasmtime::Result<Method>;
        fn path_with_query(request: Resource<HostOutgoingRequest>) -> wasmtime::Result<Option<String>>;
        fn scheme(request: Resource<HostOutgoingRequest>) -> wasmtime::Result<Option<Scheme>>;
        fn set_scheme(request: Resource<HostOutgoingRequest>, scheme: Option<Scheme>)
            -> wasmtime::Result<Result<(), ()>>;
        fn authority(request: Resource<HostOutgoingRequest>) -> wasmtime::Result<Option<String>>;
        fn headers(request: Resource<HostOutgoingRequest>) -> wasmtime::Result<Resource<FieldMap>>;
    }

    fn new(&mut self, headers: Resource<FieldMap>) -> wasmtime::Result<Resource<HostOutgoingRequest>> {
        let call = self.http.in_flight().take(CALL)?;
        let request = types::HostOutgoingRequest::new(&mut self.inner(), headers)?;
        self.http.calls.insert(request.rep(), call);
        Ok(request)
    }

    fn drop(&mut self, request: Resource<HostOutgoingRequest>) -> wasmtime::Result<()> {
        self.http.calls.remove(&request.rep());
        types::HostOutgoingRequest::drop(&mut self.inner(), request)
    }

    /// The body's permit goes with the end that is read: it comes back when the body was read whole or given up.
    fn body(
        &mut self,
        request: Resource<HostOutgoingRequest>,
    ) -> wasmtime::Result<Result<Resource<HostOutgoingBody>, ()>> {
        let Ok(held) = self.http.in_flight().take(UNSENT) else {
            return Ok(Err(()));
        };
        let again = Resource::new_borrow(request.rep());
        let opened = types::HostOutgoingRequest::body(&mut self.inner(), request)?;
        if opened.is_ok() {
            let request: &mut HostOutgoingRequest = self.table.get_mut(&again)?;
            request.body = request.body.take().map(|body| {
                let charged = body.map_frame(move |frame| {
                    let _held = &held;
                    frame
                });
                charged.boxed_unsync()
            });
        }
        Ok(opened)
    }

    fn set_method(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        method: Method,
    ) -> wasmtime::Result<Result<(), ()>> {
        match &method {
            Method::Other(name) if name.len() > METHOD => Ok(Err(())),
            _ => types::HostOutgoingRequest::set_method(&mut self.inner(), request, method),
        }
    }

    fn set_path_with_query(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        path: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        match &path {
            Some(path) if path.len() > limits::URL => Ok(Err(())),
            _ => types::HostOutgoingRequest::set_path_with_query(&mut self.inner(), request, path),
        }
    }

    fn set_authority(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        authority: Option<String>,
    ) -> wasmtime::Result<Result<(), ()>> {
        match &authority {
            Some(authority) if authority.len() > AUTHORITY => Ok(Err(())),
            _ => types::HostOutgoingRequest::set_authority(&mut self.inner(), request, authority),
        }
    }
}

impl types::HostOutgoingBody for View<'_> {
    as_it_is! { HostOutgoingBody:
        fn write(body: Resource<HostOutgoingBody>)
            -> wasmtime::Result<Result<Resource<DynOutputStream>, ()>>;
        fn finish(body: Resource<HostOutgoingBody>, trailers: Option<Resource<FieldMap>>) -> HttpResult<()>;
        fn drop(body: Resource<HostOutgoingBody>) -> wasmtime::Result<()>;
    }
}

impl types::HostFutureIncomingResponse for View<'_> {
    as_it_is! { HostFutureIncomingResponse:
        fn get(reply: Resource<HostFutureIncomingResponse>)
            -> wasmtime::Result<Option<Result<Result<Resource<HostIncomingResponse>, types::ErrorCode>, ()>>>;
        fn subscribe(reply: Resource<HostFutureIncomingResponse>) -> wasmtime::Result<Resource<DynPollable>>;
        fn drop(reply: Resource<HostFutureIncomingResponse>) -> wasmtime::Result<()>;
    }
}

impl types::HostIncomingResponse for View<'_> {
    as_it_is! { HostIncomingResponse:
        fn status(reply: Resource<HostIncomingResponse>) -> wasmtime::Result<u16>;
        fn headers(reply: Resource<HostIncomingResponse>) -> wasmtime::Result<Resource<FieldMap>>;
        fn consume(reply: Resource<HostIncomingResponse>)
            -> wasmtime::Result<Result<Resource<HostIncomingBody>, ()>>;
        fn drop(reply: Resource<HostIncomingResponse>) -> wasmtime::Result<()>;
    }
}

impl types::HostIncomingBody for View<'_> {
    as_it_is! { HostIncomingBody:
        fn stream(body: Resource<HostIncomingBody>) -> wasmtime::Result<Result<Resource<DynInputStream>, ()>>;
        fn finish(body: Resource<HostIncomingBody>) -> wasmtime::Result<Resource<HostFutureTrailers>>;
        fn drop(body: Resource<HostIncomingBody>) -> wasmtime::Result<()>;
    }
}

impl types::HostFutureTrailers for View<'_> {
    as_it_is! { HostFutureTrailers:
        fn subscribe(trailers: Resource<HostFutureTrailers>) -> wasmtime::Result<Resource<DynPollable>>;
        fn get(trailers: Resource<HostFutureTrailers>)
            -> wasmtime::Result<Option<Result<Result<Option<Resource<FieldMap>>, types::ErrorCode>, ()>>>;
        fn drop(trailers: Resource<HostFutureTrailers>) -> wasmtime::Result<()>;
    }
}

impl types::HostRequestOptions for View<'_> {
    as_it_is! { HostRequestOptions:
        fn new() -> wasmtime::Result<Resource<RequestOptions>>;
        fn connect_timeout(options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>>;
        fn set_connect_timeout(options: Resource<RequestOptions>, after: Option<u64>)
            -> wasmtime::Result<Result<(), ()>>;
        fn first_byte_timeout(options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>>;
        fn set_first_byte_timeout(options: Resource<RequestOptions>, after: Option<u64>)
            -> wasmtime::Result<Result<(), ()>>;
        fn between_bytes_timeout(options: Resource<RequestOptions>) -> wasmtime::Result<Option<u64>>;
        fn set_between_bytes_timeout(options: Resource<RequestOptions>, after: Option<u64>)
            -> wasmtime::Result<Result<(), ()>>;
        fn drop(options: Resource<RequestOptions>) -> wasmtime::Result<()>;
    }
}

// What a server would need. A collector serves nothing: it can make no response, and is given no request.

/// A collector tried to answer a request.
#[derive(Debug, thiserror::Error)]
#[error("a collector serves no requests: `outgoing-response` cannot be made")]
struct NoServer;

impl types::HostOutgoingResponse for View<'_> {
    as_it_is! { HostOutgoingResponse:
        fn status_code(response: Resource<HostOutgoingResponse>) -> wasmtime::Result<u16>;
        fn set_status_code(response: Resource<HostOutgoingResponse>, status: u16)
            -> wasmtime::Result<Result<(), ()>>;
        fn headers(response: Resource<HostOutgoingResponse>) -> wasmtime::Result<Resource<FieldMap>>;
        fn body(response: Resource<HostOutgoingResponse>)
            -> wasmtime::Result<Result<Resource<HostOutgoingBody>, ()>>;
        fn drop(response: Resource<HostOutgoingResponse>) -> wasmtime::Result<()>;
    }

    fn new(&mut self, _: Resource<FieldMap>) -> wasmtime::Result<Resource<HostOutgoingResponse>> {
        Err(wasmtime::Error::new(NoServer))
    }
}

impl types::HostIncomingRequest for View<'_> {
    as_it_is! { HostIncomingRequest:
        fn method(request: Resource<HostIncomingRequest>) -> wasmtime::Result<Method>;
        fn path_with_query(request: Resource<HostIncomingRequest>) -> wasmtime::Result<Option<String>>;
        fn scheme(request: Resource<HostIncomingRequest>) -> wasmtime::Result<Option<Scheme>>;
        fn authority(request: Resource<HostIncomingRequest>) -> wasmtime::Result<Option<String>>;
        fn headers(request: Resource<HostIncomingRequest>) -> wasmtime::Result<Resource<FieldMap>>;
        fn consume(request: Resource<HostIncomingRequest>)
            -> wasmtime::Result<Result<Resource<HostIncomingBody>, ()>>;
        fn drop(request: Resource<HostIncomingRequest>) -> wasmtime::Result<()>;
    }
}

impl types::HostResponseOutparam for View<'_> {
    as_it_is! { HostResponseOutparam:
        fn set(out: Resource<HostResponseOutparam>,
            response: Result<Resource<HostOutgoingResponse>, types::ErrorCode>) -> wasmtime::Result<()>;
        fn send_informational(out: Resource<HostResponseOutparam>, status: u16, headers: Resource<FieldMap>)
            -> HttpResult<()>;
        fn drop(out: Resource<HostResponseOutparam>) -> wasmtime::Result<()>;
    }
}
