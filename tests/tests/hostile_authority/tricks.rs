//! Words that would fool a terminal, a log, a table or a TOML file, in every text that a guest controls.
//! What must hold, whatever the operator reads: no control, bidirectional or invisible character, and no line that a guest
//! began.

mod hostile {
    use finops_tests::{
        artifacts,
        hostile::Act,
        program::{Place, Ran},
    };
    use serde_json::Value;

    /// Asserts that a call printed nothing that acts on a terminal, and no line or JSON member of a guest's making.
    #[track_caller]
    fn assert_harmless(what: &str, ran: &Ran) {
        for text in [&ran.stdout, &ran.stderr] {
            let bad = text.chars().find(|&c| {
                c != '\n' && c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
            });
            assert_eq!(bad, None, "{what}: {text:?}");
            let forged = text.lines().find(|line| line.trim_start().starts_with("FORGED"));
            assert_eq!(forged, None, "{what}: {text}");
        }
        // On standard error each line is a log line of the host's own form.
        for line in ran.stderr.lines().filter(|line| !line.starts_with("error: ")) {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{what}: {line}"));
            assert!(
                line["timestamp"].is_string() && line["level"].is_string(),
                "{what}: {line}"
            );
        }
    }

    fn run(place: &Place, act: &Act, json: bool) -> Ran {
        let config = place.file("operator.toml", act.operators_file()).unwrap();
        let guest = artifacts::guest("hostile").unwrap();
        let mut command = place.command().unwrap();
        command
            .arg("run")
            .arg(guest)
            .arg("--config")
            .arg(config)
            .args(["--log", "trace"]);
        if json {
            command.arg("--json");
        }
        Ran::of(&command.output().unwrap())
    }

    #[test]
    fn nothing_that_a_guest_says_in_a_run_fools_whoever_reads_of_it() {
        let place = Place::new().unwrap();
        for (act, code) in [
            ("say", 0),
            ("say-note", 0),
            ("say-failure", 69),
            ("say-stream", 65),
            ("say-partition", 65),
            ("say-control", 65),
        ] {
            for json in [false, true] {
                let ran = run(&place, &Act::new(act), json);
                assert_eq!(ran.code, Some(code), "{act}: {ran:?}");
                assert_harmless(act, &ran);
            }
        }
        // Held, so that there is something to review.
        let past = |amount: &str| Act::new("write-day").set("count", 400).set("amount", amount);
        assert_eq!(run(&place, &past("100"), true).code, Some(0));
        assert_eq!(run(&place, &past("1"), true).code, Some(69));

        let guest = artifacts::guest("hostile").unwrap();
        let guest = guest.to_str().unwrap();
        let by = "provider,service,resource,region,sub-account";
        for arguments in [
            vec!["costs"],
            vec!["costs", "--json"],
            vec!["costs", "--by", by],
            vec!["costs", "--by", by, "--json"],
            vec!["status"],
            vec!["status", "--json"],
            vec!["ledger", "review"],
            vec!["ledger", "review", "--json"],
            vec!["check", "--ledger"],
            vec!["check", "--ledger", "--json"],
            vec!["inspect", guest],
            vec!["inspect", guest, "--json"],
            vec!["inspect", guest, "--config", "operator.toml"],
            vec!["init", guest],
            vec!["destination", "list"],
        ] {
            let what = arguments.join(" ");
            let ran = place.call(&arguments).unwrap();
            assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
            assert_harmless(&what, &ran);
            if arguments.contains(&"--json") {
                ran.json().unwrap();
            }
        }
    }

    #[test]
    fn json_keeps_the_very_names_that_a_guest_wrote() {
        let place = Place::new().unwrap();
        assert_eq!(run(&place, &Act::new("say"), true).code, Some(0));
        let status = place.call(&["status", "--json"]).unwrap().json().unwrap();
        let account = status["streams"][0]["source"]["billing_account"]
            .as_str()
            .unwrap();
        assert!(
            account.starts_with("account\u{1b}[2J\u{9b}31m\r\nFORGED"),
            "{account:?}"
        );
    }

    #[test]
    fn what_init_prints_grants_nothing_that_was_hidden_in_a_text() {
        let place = Place::new().unwrap();
        let guest = artifacts::guest("hostile").unwrap();
        let ran = place.call(&["init".as_ref(), guest.as_os_str()]).unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let file: toml::Table = ran
            .stdout
            .parse()
            .unwrap_or_else(|error| panic!("{error}\n{}", ran.stdout));
        let mut keys: Vec<_> = file.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["allow", "collector", "settings"], "{}", ran.stdout);
        let settings: Vec<_> = file["settings"].as_table().unwrap().keys().collect();
        assert_eq!(settings, ["act"]);
        let rules = file["allow"].as_array().unwrap();
        assert_eq!(rules.len(), 1, "{}", ran.stdout);
        assert_eq!(rules[0]["host"].as_str(), Some("api.example"));
    }
}
