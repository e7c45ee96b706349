//! What comes back: headers, caps, secrets.

use super::{
    super::RefusalKind,
    server::{Server, answer, pieces},
    *,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

const URL: &str = "http://api.example.com/v1/cost";
/// Has what base64, percent-encoding and JSON write differently.
const SECRET: &str = "s3cr3t/+\"~?tok\\en>>";

async fn outcome(setup: &Setup) -> Result<Vec<u8>, RefusalKind> {
    let reply = setup
        .egress()
        .send(get(URL))
        .await
        .map_err(|refusal| refusal.kind)?;
    whole(reply).await.map_err(|refusal| refusal.kind)
}

/// What a guest gets of this answer to a call that carries [`SECRET`].
async fn with_secret(answer: Vec<u8>) -> Result<Vec<u8>, RefusalKind> {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer]).await;
    let setup = Setup::with_credential(server.address, bearer(&directory, SECRET));
    outcome(&setup).await
}

async fn without_secret(answer: Vec<u8>, limits: Limits) -> Result<Vec<u8>, RefusalKind> {
    let server = Server::start(vec![answer]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.limits = limits;
    outcome(&setup).await
}

/// The ways in which a provider could write the secret.
fn written() -> Vec<String> {
    let every = |escape: fn(u8) -> String| SECRET.bytes().map(escape).collect::<String>();
    let base64 = STANDARD.encode(SECRET);
    vec![
        SECRET.to_owned(),
        base64.clone(),
        base64.replace('/', "\\/"),
        base64.replace('/', "%2f").replace('+', "%2B").replace('=', "%3d"),
        URL_SAFE_NO_PAD.encode(SECRET),
        STANDARD.encode(format!("x{SECRET}yz")),
        STANDARD.encode(format!("user:name:{SECRET}\n")),
        URL_SAFE_NO_PAD.encode(format!("Basic {SECRET}")),
        every(|byte| format!("%{byte:02x}")),
        every(|byte| format!("%{byte:02X}")),
        SECRET.replace('/', "%2F").replace('"', "%22"),
        every(|byte| format!("\\u{byte:04x}")),
        serde_json::to_string(SECRET).unwrap(),
        serde_json::to_string(SECRET).unwrap().replace('/', "\\/"),
    ]
}

#[tokio::test]
async fn a_body_that_repeats_the_secret_is_withheld_however_it_is_written_and_cut() {
    for text in written() {
        let body = format!("{{\"a\": 1, \"echo\": {text}, \"b\": 2}}");
        let cut: Vec<&[u8]> = body.as_bytes().chunks(3).collect();
        for answer in [answer(200, &[], body.as_bytes()), pieces(&cut)] {
            assert_eq!(with_secret(answer).await, Err(RefusalKind::Echoed), "{text}");
        }
    }
}

#[tokio::test]
async fn no_beginning_of_the_secret_is_given_before_its_end_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let (begin, end) = SECRET.split_at(SECRET.len() - 1);
    let padding = "x".repeat(4096);
    let answer = pieces(&[padding.as_bytes(), begin.as_bytes(), end.as_bytes()]);
    let server = Server::start(vec![answer]).await;
    let setup = Setup::with_credential(server.address, bearer(&directory, SECRET));
    let mut reply = setup.egress().send(get(URL)).await.unwrap();
    let mut given = Vec::new();
    let refusal = loop {
        match reply.body.chunk(1000).await {
            Ok(piece) => given.extend_from_slice(&piece.unwrap()),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.kind, RefusalKind::Echoed);
    assert!(given.iter().all(|byte| *byte == b'x'));
    assert_eq!(reply.body.chunk(0).await.unwrap_err(), refusal);
}

#[tokio::test]
async fn a_header_that_repeats_the_secret_fails_the_call() {
    let headers = ["location: https://x.example/?t=", "x-any: "];
    for header in headers {
        for text in written() {
            let answer = answer(302, &[&format!("{header}{text}")], b"");
            assert_eq!(with_secret(answer).await, Err(RefusalKind::Echoed), "{text}");
        }
    }
}

#[tokio::test]
async fn bodies_that_only_look_like_the_secret_pass_unchanged() {
    let near = format!(
        "{} %41%zz%4 \\u00 \\n {}",
        &SECRET[1..],
        STANDARD.encode(&SECRET[..10])
    );
    let body = near.repeat(2000);
    let cut: Vec<&[u8]> = body.as_bytes().chunks(4099).collect();
    assert_eq!(with_secret(pieces(&cut)).await, Ok(body.clone().into_bytes()));
    assert_eq!(with_secret(answer(200, &[], b"")).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_redirect_is_given_back_and_cookies_and_hop_headers_are_not() {
    let headers = [
        "location: http://169.254.169.254/",
        "Set-Cookie: a=b",
        "authentication-info: x",
        "keep-alive: timeout=5",
        "upgrade: h2c",
        "connection: x-hop",
        "x-hop: y",
        "etag: \"1\"",
    ];
    let server = Server::start(vec![answer(302, &headers, b"moved")]).await;
    let reply = Setup::new(vec![plain(server.address)])
        .egress()
        .send(get(URL))
        .await
        .unwrap();
    assert_eq!(reply.status, 302);
    let names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-length", "location", "etag"]);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_reply_larger_than_its_limit_is_cut_off() {
    let limits = Limits {
        response: 1000,
        ..Limits::default()
    };
    assert_eq!(
        without_secret(answer(200, &[], &[b'x'; 1000]), limits).await,
        Ok(vec![b'x'; 1000])
    );
    assert_eq!(
        without_secret(answer(200, &[], &[b'x'; 1001]), limits).await,
        Err(RefusalKind::TooLarge)
    );
    let limits = Limits {
        received: 1000,
        ..Limits::default()
    };
    assert_eq!(
        without_secret(answer(200, &[], &[b'x'; 1001]), limits).await,
        Err(RefusalKind::Throttled)
    );
}

#[tokio::test]
async fn pieces_are_as_small_as_the_guest_wants() {
    let server = Server::start(vec![answer(200, &[], b"abcdefgh")]).await;
    let mut reply = Setup::new(vec![plain(server.address)])
        .egress()
        .send(get(URL))
        .await
        .unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = reply.body.chunk(3).await.unwrap() {
        pieces.push(String::from_utf8(piece.to_vec()).unwrap());
    }
    assert_eq!(pieces, ["abc", "def", "gh"]);
}

#[tokio::test]
async fn a_compressed_reply_is_decoded_and_counted_as_decoded() {
    let zipped = answer(200, &["content-encoding: gzip"], &gzip_stored(b"hello, world"));
    assert_eq!(
        without_secret(zipped.clone(), Limits::default()).await,
        Ok(b"hello, world".to_vec())
    );
    let limits = Limits {
        response: 11,
        ..Limits::default()
    };
    assert_eq!(without_secret(zipped, limits).await, Err(RefusalKind::TooLarge));
    // A hundred kilobytes that become twenty megabytes.
    let bomb = answer(200, &["content-encoding: gzip"], &gzip_bomb(80_000));
    let limits = Limits {
        response: 5 << 20,
        ..Limits::default()
    };
    assert_eq!(without_secret(bomb, limits).await, Err(RefusalKind::TooLarge));
}

#[tokio::test]
async fn a_secret_inside_a_compressed_body_is_found() {
    let zipped = gzip_stored(format!("echo {SECRET}").as_bytes());
    let answer = answer(200, &["content-encoding: gzip"], &zipped);
    assert_eq!(with_secret(answer).await, Err(RefusalKind::Echoed));
}

#[tokio::test]
async fn a_body_cut_short_or_wrongly_encoded_is_malformed() {
    let mut short = answer(200, &[], b"1234567890");
    short.truncate(short.len() - 3);
    let mut zipped = gzip_stored(b"hello, world");
    zipped.truncate(zipped.len() - 9);
    for answer in [
        short,
        answer(200, &["content-encoding: gzip"], &zipped),
        answer(200, &["content-encoding: gzip"], b"plain text"),
        answer(200, &["content-encoding: br"], b"whatever"),
    ] {
        assert_eq!(
            without_secret(answer, Limits::default()).await,
            Err(RefusalKind::Malformed)
        );
    }
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let long = format!("x-long: {}", "y".repeat(40_000));
    let many: Vec<String> = (0..63).map(|n| format!("x-{n}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        without_secret(answer(200, &[&long], b""), Limits::default()).await,
        Err(RefusalKind::TooLarge)
    );
    assert_eq!(
        without_secret(answer(200, &many, b""), Limits::default()).await,
        Err(RefusalKind::TooLarge)
    );
    assert_eq!(
        without_secret(answer(200, &many[..62], b""), Limits::default()).await,
        Ok(Vec::new())
    );
}

#[tokio::test]
async fn a_head_reply_that_speaks_of_compression_has_no_body() {
    let server = Server::start(vec![answer(200, &["content-encoding: gzip"], b"")]).await;
    let mut rule = plain(server.address);
    rule.methods = vec![Method::Head];
    let request = Request {
        method: "HEAD".to_owned(),
        ..get(URL)
    };
    let reply = Setup::new(vec![rule]).egress().send(request).await.unwrap();
    assert_eq!(whole(reply).await.unwrap(), b"");
}

/// A gzip member of one stored block.
fn gzip_stored(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(content);
    let mut crc = !0_u32;
    for byte in content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    out.extend_from_slice(&(!crc).to_le_bytes());
    out.extend_from_slice(&u32::from(length).to_le_bytes());
    out
}

/// A gzip member that writes one letter, then repeats it 258 times over and over (fixed Huffman codes: 13 bits each).
fn gzip_bomb(repeats: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code = |value: u32, length: u32| bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    code(0x30 + u32::from(b'a'), 8);
    for _ in 0..repeats {
        code(0b1100_0101, 8);
        code(0, 5);
    }
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(bits.chunks(8).map(|byte| {
        byte.iter()
            .enumerate()
            .fold(0_u8, |sum, (at, bit)| sum | u8::from(*bit) << at)
    }));
    out
}
