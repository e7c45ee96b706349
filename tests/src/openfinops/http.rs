//! One plain HTTP/1.0 exchange over a connection of its own, byte for byte what a test says.
//! What must hold: nothing is added, retried or hidden, so that a test sees what a server really did.

use serde_json::Value;
use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write as _};
use std::net::{SocketAddr, TcpStream};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(Error::other)
    }
}

/// GET.
pub fn get(address: SocketAddr, path: &str) -> Result<Reply> {
    exchange(address, "GET", path, &[], b"")
}

/// POST of JSON.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Result<Reply> {
    exchange(
        address,
        "POST",
        path,
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    )
}

/// Any exchange; the headers `host` and `content-length` are added.
pub fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply> {
    let mut request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&[request.as_bytes(), body].concat())?;
    read(BufReader::new(stream))
}

/// Reads by content-length where there is one. The real server, after an answer to a body that it did not look at, reads
/// on until the client closes: whoever waits for it to close first waits for ever.
fn read(mut stream: impl BufRead) -> Result<Reply> {
    let bad = |what: &str| Error::new(ErrorKind::InvalidData, format!("not an HTTP reply: {what}"));
    let status_line = line(&mut stream)?;
    let status = status_line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let mut reply = Reply {
        status: status.ok_or_else(|| bad(&status_line))?,
        headers: vec![],
        body: String::new(),
    };
    loop {
        let header = line(&mut stream)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(": ").ok_or_else(|| bad(&header))?;
        reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = reply
        .header("content-length")
        .map(|length| length.parse().map_err(|_| bad(length)))
        .transpose()?;
    let mut body = vec![0; length.unwrap_or(0)];
    match length {
        Some(_) => stream.read_exact(&mut body)?,
        None => drop(stream.read_to_end(&mut body)?),
    }
    reply.body = String::from_utf8(body).map_err(Error::other)?;
    Ok(reply)
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if line.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
