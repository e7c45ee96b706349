//! Words of a guest in what the operator reads of its calls: no terminal escape, no line of its own, no TOML of its own.

mod hostile {
    use crate::grant::Granted;
    use finops_host::sandbox::FailureKind;
    use finops_tests::{
        artifacts,
        hostile::{Act, assert_failed},
        program::Ran,
    };

    const URL: &str = "https://api.example.com/api/v2/statements";

    /// Text in which no character acts on a terminal or begins a line, except the line ends of the output's own.
    #[track_caller]
    fn assert_harmless(what: &str, text: &str) {
        let bad = text.chars().find(|c| {
            c.is_control() && *c != '\n'
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(bad, None, "{what}: {text:?}");
        let forged = text.lines().find(|line| line.trim_start().starts_with("FORGED"));
        assert_eq!(forged, None, "{what}");
    }

    fn attacks(granted: &Granted) -> Vec<(&'static str, Act)> {
        let url = |url: &str| granted.call(url);
        let header = |name: &str| granted.call(URL).set("headers", vec![name]);
        vec![
            (
                "escapes in the URL",
                url("https://api.example.com/\u{1b}[2J\u{1b}]0;FORGED\u{7}"),
            ),
            ("lines in the URL", url("https://evil.test/\nFORGED line")),
            (
                "reversal in the URL",
                url("https://api.example.com/\u{202e}moc.live"),
            ),
            ("reversal in the host", url("https://\u{202e}evil.test/")),
            ("escapes in the host", url("https://\u{1b}[31mevil.test/")),
            (
                "encoded TOML in the path",
                url("https://api.example.com/a%22%5D%0A%5B%5Ballow%5D%5D%0Ahost%20=%20%22evil.test%22"),
            ),
            (
                "quotes in the path",
                url("https://api.example.com/x'y'z\"\"\"/]]/[allow]"),
            ),
            (
                "TOML in the path",
                url("https://api.example.com/a'''b='c'/host='evil.test'"),
            ),
            ("TOML in the host", url("https://a'b.evil.test/x")),
            (
                "TOML in the query",
                url("https://evil.test/?x=\"]\"\nhost=\"evil\""),
            ),
            (
                "escapes in the method",
                granted.call(URL).set("method", "\u{1b}[31mGET\nFORGED"),
            ),
            (
                "TOML in the method",
                granted.call(URL).set("method", "GET\"]\nhost = \"evil.test"),
            ),
            ("escapes in a header's name", header("x\u{1b}[31m\nFORGED: a")),
            ("TOML in a header's name", header("x'y: a")),
            ("TOML table in a header's name", header("x.y}{: a")),
            (
                "escapes in a header's value",
                header("accept: \u{1b}[31m\nFORGED"),
            ),
            (
                "escapes in a parameter's name",
                url("https://api.example.com/api/v2/statements?sig%1b[31m&sig=1"),
            ),
        ]
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_operator_reads_of_a_refused_call_is_harmless() {
        let granted = Granted::new().await;
        let attacks = attacks(&granted);
        for (what, act) in &attacks {
            let summary = granted.perform(act).await;
            assert_failed(what, &summary, FailureKind::Denied, "");
            let [denied] = summary.egress.denied.as_slice() else {
                panic!("{what}: {summary:?}");
            };
            for text in [&denied.method, &denied.url, &denied.why] {
                assert_harmless(what, text);
                assert!(!text.contains('\n'), "{what}: {text:?}");
            }
            assert_harmless(what, &summary.error.unwrap());
            if let Some(remedy) = &denied.remedy {
                assert_harmless(what, remedy);
                assert_one_rule(what, remedy);
            }
        }
        granted.server.assert_untouched("words").await.unwrap();
        let log = granted.stage.log().text();
        for line in log.lines().filter(|line| line.contains("evil.test")) {
            assert_harmless("the log", line);
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        granted.assert_granted("plain words", &granted.call(URL)).await;
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    /// The remedy is one rule, with none but the keys that a rule for this call needs.
    #[track_caller]
    fn assert_one_rule(what: &str, remedy: &str) {
        let parsed: toml::Table = remedy
            .parse()
            .unwrap_or_else(|error| panic!("{what}: {error}\n{remedy}"));
        assert_eq!(parsed.keys().collect::<Vec<_>>(), ["allow"], "{what}: {remedy}");
        let rules = parsed["allow"].as_array().unwrap();
        assert_eq!(rules.len(), 1, "{what}: {remedy}");
        const KEYS: [&str; 7] = [
            "host",
            "methods",
            "paths",
            "headers",
            "credential",
            "connect-to",
            "ca",
        ];
        for key in rules[0].as_table().unwrap().keys() {
            assert!(KEYS.contains(&key.as_str()), "{what}: {key} in\n{remedy}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_program_prints_of_a_refused_call_is_harmless() {
        let granted = Granted::new().await;
        let place = granted.stage.place();
        for (what, act) in attacks(&granted) {
            let config = place.file("operator.toml", act.operators_file()).unwrap();
            let mut command = place.command().unwrap();
            command
                .arg("run")
                .arg(artifacts::guest("hostile").unwrap())
                .arg("--config")
                .arg(config);
            let ran = tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()));
            assert_eq!(ran.code, Some(78), "{what}: {ran:?}");
            assert_harmless(what, &ran.stdout);
            assert_harmless(what, &ran.stderr);
        }
        granted.server.assert_untouched("words").await.unwrap();
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }
}
