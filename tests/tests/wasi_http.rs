//! Components that call out over `wasi:http`, as ordinary HTTP clients do: each call goes through the operator's grant, and
//! what a guest can make the host keep is bounded. The attacks run through the real program, against a server on loopback
//! that writes down every connection and byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts,
    program::{Place, Ran},
};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
};

const CANARY: &str = "canary-5f1c0e77a2";

/// Writes down what it is asked, and answers as the test says. It ends with the test's process.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    fn start(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (notes, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                notes.lock().unwrap().connections += 1;
                let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &notes, &*answer));
            }
        });
        Self { address, seen }
    }

    /// Answers each request with this head and body.
    fn answering(head: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self::start(move |stream| {
            let length = body.len();
            let head = format!("HTTP/1.1 {head}content-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
        })
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

fn serve(mut stream: TcpStream, notes: &Mutex<Seen>, answer: &dyn Fn(&mut TcpStream)) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
    notes
        .lock()
        .unwrap()
        .requests
        .push(String::from_utf8_lossy(&request).into_owned());
    answer(&mut stream);
}

/// Whether a request is there with its body. The host sends no chunked bodies.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}

fn bill() -> Server {
    Server::answering("200 OK\r\n", "12.50")
}

fn guest() -> PathBuf {
    artifacts::guest("fetch").unwrap()
}

/// One run of the guest against a server that `api.example` stands for.
fn perform(place: &Place, server: &Server, settings: &str, more: &str) -> Ran {
    place.file("token", CANARY).unwrap();
    let config = format!(
        r#"[collector]
name = "fetch"

[settings]
{settings}

[[allow]]
host = "api.example"
methods = ["GET", "POST"]
credential = "api"
connect-to = "{}"
insecure-http = true

[credentials.api]
scheme = "bearer"
token = {{ file = "token" }}

{more}
"#,
        server.address
    );
    let config = place.file("fetch.toml", config).unwrap();
    place.run(&guest(), &config).unwrap()
}

fn run(server: &Server, settings: &str, more: &str) -> (Place, Ran) {
    let place = Place::new().unwrap();
    let ran = perform(&place, server, settings, more);
    (place, ran)
}

const GOOD: &str = "act = \"record\"\nurl = \"http://api.example/bill\"";

/// What the run says of itself.
fn summary(ran: &Ran) -> serde_json::Value {
    ran.json().unwrap()["runs"][0].clone()
}

fn note(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    summary(ran)["note"].as_str().unwrap().to_owned()
}

/// Asserts that the secret is nowhere, and that the host still serves the same guest when it behaves.
#[track_caller]
fn assert_lives(place: &Place, ran: &Ran) {
    assert!(
        !ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY),
        "{ran:?}"
    );
    let ran = perform(place, &bill(), GOOD, "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let costs = place.call(&["costs", "--json"]).unwrap().json().unwrap();
    assert_eq!(costs["rows"][0]["effective"], "12.5", "{costs}");
}

#[test]
fn a_granted_call_carries_the_hosts_credential_and_its_reply_becomes_a_record() {
    let server = bill();
    let (place, ran) = run(&server, GOOD, "");
    assert_eq!(note(&ran), "recorded");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_ascii_lowercase();
    assert!(head.starts_with("get /bill http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: api.example\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nauthorization: bearer {CANARY}\r\n")),
        "{head}"
    );
    assert!(head.contains("\r\nuser-agent: finops-host/"), "{head}");
    assert_lives(&place, &ran);
}

#[test]
fn a_body_is_sent_whole_with_a_length_of_the_hosts() {
    let server = bill();
    let settings = "act = \"show\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\nbody = \"a=b\"\nbytes = 300000\n\
                    headers = \"content-length: 300000|content-type: application/x-www-form-urlencoded\"";
    let (_, ran) = run(&server, settings, "");
    assert!(note(&ran).starts_with("200 "), "{ran:?}");
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 300000"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded"),
        "{head}"
    );
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(body.len(), 300_000);
    assert!(
        summary(&ran)["egress"]["dropped-headers"]
            .as_object()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn inspect_says_that_such_calls_go_through_the_grant() {
    let place = Place::new().unwrap();
    let ran = place.call(&["inspect".as_ref(), guest().as_os_str()]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let import = ran
        .stdout
        .lines()
        .find(|line| line.contains("wasi:http/outgoing-handler"));
    assert!(import.unwrap().contains("grant"), "{ran:?}");
}

#[test]
fn a_redirect_is_returned_and_not_followed() {
    let server = Server::answering("302 Found\r\nlocation: http://evil.example/\r\n", "");
    let (place, ran) = run(&server, "act = \"show\"\nurl = \"http://api.example/bill\"", "");
    assert!(note(&ran).starts_with("302 "), "{ran:?}");
    assert!(note(&ran).contains("location=http://evil.example/"), "{ran:?}");
    assert_eq!(server.connections(), 1);
    assert_lives(&place, &ran);
}

mod hostile {
    use super::*;

    #[test]
    fn a_call_that_no_rule_allows_is_denied_before_any_connection() {
        let server = bill();
        for url in [
            "http://evil.example/bill",
            "https://api.example/bill/%2e%2e/x",
            "http://api.example:8080/bill",
            "http://api.example//bill",
            "http://api.example/a;b",
            "http://api.example./bill",
            "http://user:password@api.example/bill",
            "http://api.example@evil.example/bill",
            "http://127.0.0.1/bill",
            "http://0x7f.1/bill",
            "http://169.254.169.254/latest/meta-data",
            "http://api.example/bill?sig=mine",
        ] {
            let (place, ran) = run(&server, &format!("act = \"show\"\nurl = \"{url}\""), "");
            assert_eq!(ran.code, Some(78), "{url}: {ran:?}");
            let error = summary(&ran)["error"].as_str().unwrap().to_owned();
            assert!(error.contains("HttpRequestDenied"), "{url}: {error}");
            assert_eq!(
                summary(&ran)["egress"]["denied"].as_array().unwrap().len(),
                1,
                "{url}"
            );
            assert!(!ran.stdout.contains("sig=mine") && !ran.stderr.contains("sig=mine"));
            if url == "http://evil.example/bill" {
                assert_lives(&place, &ran);
            }
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn methods_beyond_the_grant_are_denied() {
        let server = bill();
        for method in ["DELETE", "TRACE", "CONNECT", "get", "PROPFIND"] {
            let settings =
                format!("act = \"show\"\nurl = \"http://api.example/bill\"\nmethod = \"{method}\"");
            let (_, ran) = run(&server, &settings, "");
            assert_eq!(ran.code, Some(78), "{method}: {ran:?}");
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_call_while_the_component_describes_itself_is_denied() {
        let server = bill();
        let place = Place::new().unwrap();
        let mut bytes = std::fs::read(guest()).unwrap();
        let mark = b"FETCH-WHILE-DESCRIBING:";
        let at = bytes
            .windows(mark.len())
            .position(|window| window == mark)
            .unwrap()
            + mark.len();
        let url = format!("http://{}/bill", server.address);
        bytes[at..at + url.len()].copy_from_slice(url.as_bytes());
        let wasm = place.file("describes.wasm", bytes).unwrap();
        let ran = place
            .call(&["inspect".as_ref(), wasm.as_os_str(), "--json".as_ref()])
            .unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stdout.contains("HttpRequestDenied while it described itself"),
            "{ran:?}"
        );
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    #[test]
    fn headers_that_the_host_answers_for_are_dropped_and_counted_and_the_credential_wins() {
        let server = bill();
        let own = "Authorization: Bearer mine|Host: evil.example|Transfer-Encoding: chunked|Connection: upgrade|\
                   X-HTTP-Method-Override: DELETE|X-Forwarded-For: 10.0.0.1|Cookie: a=b|User-Agent: mine|\
                   Accept-Encoding: br|X-Api-Key: mine|Accept: text/csv|accept-language: de";
        let settings = format!("act = \"show\"\nurl = \"http://api.example/bill\"\nheaders = \"{own}\"");
        let (place, ran) = run(&server, &settings, "");
        assert!(note(&ran).ends_with("body 12.50"), "{ran:?}");
        let head = server.requests().remove(0).to_ascii_lowercase();
        let mut names: Vec<_> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned()))
            .collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "host",
            "user-agent",
        ];
        assert_eq!(names, expected, "{head}");
        assert!(
            head.contains("host: api.example\r\n") && head.contains("accept: text/csv\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("authorization: bearer {CANARY}")),
            "{head}"
        );
        assert!(!head.contains("mine") && !head.contains("br\r\n"), "{head}");
        let dropped = &summary(&ran)["egress"]["dropped-headers"];
        for name in [
            "authorization",
            "host",
            "transfer-encoding",
            "connection",
            "x-http-method-override",
            "x-forwarded-for",
            "cookie",
            "user-agent",
            "accept-encoding",
            "x-api-key",
        ] {
            assert_eq!(dropped[name], 1, "{name}: {dropped}");
        }
        assert_eq!(dropped.as_object().unwrap().len(), 10, "{dropped}");
        assert_lives(&place, &ran);
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        let server = bill();
        for value in ["text/csv\\r\\nauthorization: mine", "a\\nb", "a\\u0000b"] {
            let settings =
                format!("act = \"show\"\nurl = \"http://api.example/bill\"\nheaders = \"accept: {value}\"");
            let (_, ran) = run(&server, &settings, "");
            assert_eq!(ran.code, Some(65), "{ran:?}");
            assert!(ran.stdout.contains("the headers are refused"), "{ran:?}");
        }
        let settings = "act = \"show\"\nurl = \"http://api.example/bill\"\nheaders = \"accept: \u{e9}\"";
        let (place, ran) = run(&server, settings, "");
        assert_eq!(ran.code, Some(78), "{ran:?}");
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    #[test]
    fn a_body_beside_its_length_is_not_sent() {
        let server = bill();
        for (said, bytes) in [(5, 3), (5, 9), (5, 0), (0, 4)] {
            let settings = format!(
                "act = \"lie\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\nbytes = {bytes}\n\
                 headers = \"content-length: {said}\""
            );
            let (_, ran) = run(&server, &settings, "");
            assert!(note(&ran).contains("reply Err("), "{said} {bytes}: {ran:?}");
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_body_given_up_or_with_trailers_is_not_sent() {
        let server = bill();
        for act in ["given-up", "trailers"] {
            let settings =
                format!("act = \"{act}\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\nbytes = 9");
            let (place, ran) = run(&server, &settings, "");
            assert_eq!(ran.code, Some(65), "{act}: {ran:?}");
            assert_lives(&place, &ran);
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_body_that_is_never_finished_ends_with_the_wall_clock() {
        let server = bill();
        let settings =
            "act = \"unfinished\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\nbytes = 9";
        let (place, ran) = run(&server, settings, "[limits]\nwall = \"1s\"");
        assert_eq!(ran.code, Some(65), "{ran:?}");
        assert!(ran.stdout.contains("`[limits] wall`"), "{ran:?}");
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    #[test]
    fn a_body_of_40_megabytes_is_refused() {
        let server = bill();
        let settings =
            "act = \"show\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\nbytes = 40000000";
        let (place, ran) = run(&server, settings, "");
        assert_eq!(ran.code, Some(65), "{ran:?}");
        assert!(
            ran.stdout.contains("HttpRequestBodySize(Some(4194304))"),
            "{ran:?}"
        );
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    /// Chunks of zeros for ever.
    fn endless() -> Server {
        Server::start(|stream| {
            let chunk = [&b"10000\r\n"[..], &[0; 1 << 16], b"\r\n"].concat();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while stream.write_all(&chunk).is_ok() {}
        })
    }

    #[test]
    fn a_reply_without_end_is_cut_off_at_its_limit() {
        let settings = "act = \"drain\"\nurl = \"http://api.example/bill\"";
        let (place, ran) = run(&endless(), settings, "[limits]\nresponse = \"3MiB\"");
        let note = note(&ran);
        assert!(note.contains("HttpResponseBodySize"), "{note}");
        let read: u64 = note.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(read > 1 << 20 && read <= 3 << 20, "{note}");
        assert_lives(&place, &ran);
    }

    #[test]
    fn a_compressed_bomb_counts_as_what_it_becomes() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let server = Server::answering("200 OK\r\ncontent-encoding: gzip\r\n", encoder.finish().unwrap());
        let settings = "act = \"drain\"\nurl = \"http://api.example/bill\"";
        let (place, ran) = run(&server, settings, "[limits]\nresponse = \"3MiB\"");
        assert!(note(&ran).contains("HttpResponseBodySize"), "{ran:?}");
        assert_lives(&place, &ran);
    }

    #[test]
    fn a_server_that_hangs_is_left_at_the_guests_timeout_or_the_wall_clock() {
        let server = Server::start(|stream| {
            // Until the host gives up.
            let _ = stream.read(&mut [0]);
        });
        let waits = "act = \"show\"\nurl = \"http://api.example/bill\"";
        let (_, ran) = run(&server, &format!("{waits}\ntimeout = 200"), "");
        assert_eq!(ran.code, Some(69), "{ran:?}");
        assert!(ran.stdout.contains("HttpResponseTimeout"), "{ran:?}");
        let (place, ran) = run(&server, waits, "[limits]\nwall = \"1s\"");
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert_eq!(server.connections(), 2);
        assert_lives(&place, &ran);
    }

    #[test]
    fn an_echoed_secret_is_withheld() {
        let server = Server::answering("200 OK\r\n", format!("you sent {CANARY}"));
        let (place, ran) = run(&server, "act = \"show\"\nurl = \"http://api.example/bill\"", "");
        assert_eq!(ran.code, Some(65), "{ran:?}");
        assert!(ran.stdout.contains("ConfigurationError"), "{ran:?}");
        assert_lives(&place, &ran);
    }

    const SMALL: &str = "[limits]\nin-flight = \"4MiB\"\nrequest-body = \"64KiB\"\nresponse-whole = \"1MiB\"";

    #[test]
    fn replies_that_nobody_reads_hold_a_bounded_memory() {
        let server = bill();
        let settings = "act = \"leak-replies\"\nurl = \"http://api.example/bill\"\ncount = 100";
        let (place, ran) = run(&server, settings, SMALL);
        let note = note(&ran);
        assert!(
            note.contains("leaked 7, then") && note.contains("bytes in flight"),
            "{note}"
        );
        assert_lives(&place, &ran);
    }

    #[test]
    fn bodies_that_are_never_sent_hold_a_bounded_memory() {
        let server = bill();
        let settings =
            "act = \"leak-bodies\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\ncount = 2000";
        let (place, ran) = run(&server, settings, SMALL);
        // 160 KiB each
        assert_eq!(note(&ran), "opened 25, then no more");
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    #[test]
    fn two_thousand_requests_with_large_bodies_at_once_hold_a_bounded_memory() {
        let server = bill();
        let settings = "act = \"many\"\nurl = \"http://api.example/bill\"\nmethod = \"POST\"\ncount = 2000\nbytes = 1000000";
        let (place, ran) = run(&server, settings, SMALL);
        let note = note(&ran);
        let started: u64 = note
            .trim_start_matches("started ")
            .split(',')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(started <= 25, "{note}");
        assert!(note.ends_with("sent 0, answered 0"), "{note}");
        assert_eq!(server.connections(), 0);
        assert_lives(&place, &ran);
    }

    #[test]
    fn leaked_handles_end_the_guest() {
        let server = bill();
        for (settings, says) in [
            // Empty fields are small: the handles run out.
            ("act = \"leak-fields\"\ncount = 20000", "broke down"),
            // Long ones are charged.
            (
                "act = \"leak-fields\"\ncount = 20000\nheaders = \"x-a: LONG\"",
                "bytes in flight",
            ),
            // Calls whose bodies nobody writes, and whose replies nobody takes.
            (
                "act = \"leak-calls\"\ncount = 20000\nurl = \"http://evil.example/\"",
                "broke down",
            ),
        ] {
            let settings = settings.replace("LONG", &"x".repeat(30_000));
            let (place, ran) = run(&server, &settings, SMALL);
            assert_eq!(ran.code, Some(65), "{ran:?}");
            assert!(ran.stdout.contains(says), "{says}: {ran:?}");
            assert_lives(&place, &ran);
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn names_of_megabytes_are_not_kept() {
        let (_, ran) = run(&bill(), "act = \"long-method\"", "");
        assert_eq!(note(&ran), "method Err(()), path Err(()), authority Err(())");
    }

    #[test]
    fn a_collector_cannot_serve() {
        let (place, ran) = run(&bill(), "act = \"serve\"", "");
        assert_eq!(ran.code, Some(65), "{ran:?}");
        assert!(ran.stdout.contains("serves no requests"), "{ran:?}");
        assert_lives(&place, &ran);
    }
}
