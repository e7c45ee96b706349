//! A plain HTTP client over `wasi:http`.

use wasip2::{
    http::{
        outgoing_handler::handle,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
            OutgoingRequest, RequestOptions, Scheme, http_error_code,
        },
    },
    io::streams::StreamError,
};

/// What to send.
pub struct Call {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Nanoseconds.
    pub first_byte_timeout: Option<u64>,
}

/// A reply whose body is not read yet.
pub struct Reply(pub IncomingResponse);

fn no_way(what: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("the guest found no way: {what}")))
}

impl Call {
    pub fn get(url: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            first_byte_timeout: None,
        }
    }

    /// The request without its body.
    pub fn request(&self) -> Result<OutgoingRequest, ErrorCode> {
        let fields = Fields::from_list(&self.headers)
            .map_err(|error| ErrorCode::InternalError(Some(format!("the headers are refused: {error:?}"))))?;
        let request = OutgoingRequest::new(fields);
        let method = match self.method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => Method::Other(other.to_owned()),
        };
        request.set_method(&method).map_err(|()| no_way("the method"))?;
        let (scheme, rest) = self.url.split_once("://").ok_or_else(|| no_way("the scheme"))?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => Scheme::Other(other.to_owned()),
        };
        request
            .set_scheme(Some(&scheme))
            .map_err(|()| no_way("the scheme"))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        request
            .set_authority(Some(authority))
            .map_err(|()| no_way("the authority"))?;
        request
            .set_path_with_query(Some(path))
            .map_err(|()| no_way("the path"))?;
        Ok(request)
    }

    /// Hands a request over.
    pub fn start(&self, request: OutgoingRequest) -> Result<FutureIncomingResponse, ErrorCode> {
        let options = self.first_byte_timeout.map(|timeout| {
            let options = RequestOptions::new();
            let _ = options.set_first_byte_timeout(Some(timeout));
            options
        });
        handle(request, options)
    }

    /// Sends it whole and waits for the reply's head.
    pub fn fetch(&self) -> Result<Reply, ErrorCode> {
        let request = self.request()?;
        let body = if self.body.is_empty() {
            None
        } else {
            Some(request.body().map_err(|()| no_way("the body"))?)
        };
        let reply = self.start(request)?;
        if let Some(body) = body {
            // The reply says why, if the host takes no more.
            if write(&body, &self.body).is_ok() {
                OutgoingBody::finish(body, None)?;
            }
        }
        wait(&reply)
    }
}

/// Writes to a body as far as the host takes it.
pub fn write(body: &OutgoingBody, bytes: &[u8]) -> Result<(), StreamError> {
    let Ok(stream) = body.write() else {
        return Err(StreamError::Closed);
    };
    bytes
        .chunks(4096)
        .try_for_each(|piece| stream.blocking_write_and_flush(piece))
}

/// Waits for the reply's head.
pub fn wait(reply: &FutureIncomingResponse) -> Result<Reply, ErrorCode> {
    reply.subscribe().block();
    match reply.get() {
        Some(Ok(reply)) => reply.map(Reply),
        _ => Err(no_way("a wait for the reply")),
    }
}

impl Reply {
    /// Status and headers on one line.
    pub fn head(&self) -> String {
        let mut head = self.0.status().to_string();
        for (name, value) in self.0.headers().entries() {
            head.push_str(&format!(" {name}={}", String::from_utf8_lossy(&value)));
        }
        head
    }

    /// Reads the body to its end, and gives what came of it.
    fn pieces(self, mut take: impl FnMut(&[u8])) -> Result<(), ErrorCode> {
        let body: IncomingBody = self.0.consume().map_err(|()| no_way("no body"))?;
        let stream = body.stream().map_err(|()| no_way("no stream"))?;
        loop {
            match stream.blocking_read(1 << 20) {
                Ok(piece) => take(&piece),
                Err(StreamError::Closed) => return Ok(()),
                Err(StreamError::LastOperationFailed(error)) => {
                    let unknown = || ErrorCode::InternalError(Some(error.to_debug_string()));
                    return Err(http_error_code(&error).unwrap_or_else(unknown));
                }
            }
        }
    }

    /// The whole body.
    pub fn whole(self) -> Result<Vec<u8>, ErrorCode> {
        let mut whole = Vec::new();
        self.pieces(|piece| whole.extend_from_slice(piece))?;
        Ok(whole)
    }

    /// How many bytes the body had, and how it ended.
    pub fn drain(self) -> (u64, Result<(), ErrorCode>) {
        let mut read = 0;
        let end = self.pieces(|piece| read += piece.len() as u64);
        (read, end)
    }
}
