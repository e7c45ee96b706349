//! Replies that are too large or too many, and requests that are.

mod hostile {
    use crate::ends::assert_trapped;
    use finops_host::sandbox::FailureKind;
    use finops_tests::hostile::{Act, Answer, Recorder, Stage, assert_done, assert_failed};
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    /// Answers by path: endless, a bomb, or as many bytes as the path says.
    async fn server() -> Recorder {
        let bomb = zipped(64 << 20);
        Recorder::plain(move |request| match request.target() {
            "/endless" => Answer::endless(&[], &[b'x'; 16 << 10]),
            "/bomb" => Answer::status(200, &[("content-encoding", "gzip")], &bomb),
            "/zipped" => Answer::status(200, &[("content-encoding", "gzip")], zipped(100_000)),
            bytes => Answer::ok(vec![b'x'; bytes.trim_start_matches('/').parse().unwrap()]),
        })
        .await
        .unwrap()
    }

    fn zipped(bytes: usize) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let piece = vec![0; 1 << 16];
        let mut left = bytes;
        while left > 0 {
            let now = left.min(piece.len());
            gzip.write_all(&piece[..now]).unwrap();
            left -= now;
        }
        gzip.finish().unwrap()
    }

    fn act(act: &str, server: &Recorder, path: &str, limits: &str) -> Act {
        let address = server.address();
        Act::new(act)
            .set("url", format!("http://{address}{path}"))
            .with(&format!(
                "[[allow]]\nhost = \"127.0.0.1\"\nport = {}\nmethods = [\"GET\", \"POST\"]\ninsecure-http = true\n\
                 [limits]\n{limits}",
                address.port()
            ))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reply_ends_with_its_limit_however_it_is_packed_and_read() {
        let stage = Stage::new().unwrap();
        let server = server().await;
        let small = "response = \"1MiB\"";
        for (what, path, limits, kind, words) in [
            (
                "read-on",
                "/endless",
                small,
                FailureKind::MalformedReply,
                "larger than 1048576",
            ),
            (
                "read-whole",
                "/endless",
                small,
                FailureKind::MalformedReply,
                "larger than 1048576",
            ),
            (
                "read-on",
                "/bomb",
                small,
                FailureKind::MalformedReply,
                "larger than 1048576",
            ),
            (
                "read-whole",
                "/bomb",
                "response-whole = \"256KiB\"",
                FailureKind::MalformedReply,
                "read it in pieces",
            ),
            (
                "read-whole",
                "/262145",
                "response-whole = \"256KiB\"",
                FailureKind::MalformedReply,
                "read it in pieces",
            ),
            (
                "read-on",
                "/endless",
                "received = \"1MiB\"",
                FailureKind::Throttled,
                "received",
            ),
        ] {
            let summary = stage.perform(&act(what, &server, path, limits)).await.unwrap();
            assert_failed(&format!("{what} {path} {limits}"), &summary, kind, words);
            assert!(summary.egress.received <= 2 << 20, "{:?}", summary.egress);
        }
        for (what, path, limits, note) in [
            ("read-on", "/1048576", small, "read 1048576 bytes"),
            ("read-on", "/zipped", small, "read 100000 bytes"),
            (
                "read-whole",
                "/262144",
                "response-whole = \"256KiB\"",
                "read 262144 bytes",
            ),
        ] {
            let summary = stage.perform(&act(what, &server, path, limits)).await.unwrap();
            assert_done(what, &summary);
            assert_eq!(summary.note.as_deref(), Some(note), "{what} {path}");
        }
        stage.assert_unharmed(&[&server]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn replies_that_are_kept_unread_and_calls_without_an_end_are_refused() {
        let stage = Stage::new().unwrap();
        let server = server().await;
        let memory = "in-flight = \"2MiB\"\nrequest-body = \"1MiB\"\nresponse-whole = \"1MiB\"";
        let summary = stage
            .perform(&act("keep-replies", &server, "/100", memory))
            .await
            .unwrap();
        assert_failed("kept", &summary, FailureKind::Throttled, "");
        let kept = act("keep-replies", &server, "/100", memory).set("count", 3);
        assert_done("a few", &stage.perform(&kept).await.unwrap());
        let before = server.requests().len();
        let endless = act("call-often", &server, "/1", "requests = 5");
        let summary = stage.perform(&endless).await.unwrap();
        assert_failed("calls", &summary, FailureKind::Throttled, "requests");
        assert_eq!(server.requests().len() - before, 5);
        stage.assert_unharmed(&[&server]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn large_bodies_are_refused_one_by_one_and_all_together() {
        let stage = Stage::new().unwrap();
        let server = server().await;
        let many = |count: i64, size: i64| {
            act("send-many", &server, "/1", "")
                .set("count", count)
                .set("size", size)
        };
        let summary = stage.perform(&many(1, 5 << 20)).await.unwrap();
        assert_failed("a body of 5 MiB", &summary, FailureKind::MalformedReply, "larger");
        let summary = stage.perform(&many(300, 0)).await.unwrap();
        assert_trapped("300 at once", &summary, "at most 256");
        let summary = stage.perform(&many(6, 4 << 20)).await.unwrap();
        assert_trapped("24 MiB in one call", &summary, "");
        assert!(server.requests().is_empty());
        assert_done("some", &stage.perform(&many(10, 1 << 20)).await.unwrap());
        assert_eq!(server.requests().len(), 10);
        stage.assert_unharmed(&[&server]).await.unwrap();
    }
}
