//! The environment of the real program: a proxy or a key log named there changes nothing.

mod hostile {
    use crate::grant::Granted;
    use finops_tests::{
        artifacts,
        hostile::{Answer, Recorder},
        program::Ran,
    };

    const URL: &str = "https://api.example.com/api/v2/statements";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_proxy_and_a_key_log_in_the_environment_have_no_effect() {
        let granted = Granted::new().await;
        let proxy = Recorder::plain(|_| Answer::ok("proxied")).await.unwrap();
        let place = granted.stage.place();
        let key_log = place.path().join("keys.log");
        let config = place
            .file("operator.toml", granted.call(URL).operators_file())
            .unwrap();
        let mut command = place.command().unwrap();
        for name in [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ] {
            command.env(name, format!("http://{}", proxy.address()));
        }
        command
            .env("NO_PROXY", "")
            .env("SSLKEYLOGFILE", &key_log)
            .env("SSL_CERT_FILE", place.path().join("no-such-file.pem"))
            .args(["--log", "trace", "run"])
            .arg(artifacts::guest("hostile").unwrap())
            .arg("--config")
            .arg(config)
            .arg("--json");
        let ran = tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(granted.server.requests().len(), 1, "the granted form works");
        proxy.assert_untouched("proxy").await.unwrap();
        assert!(!key_log.exists());
        for (what, text) in [("standard output", &ran.stdout), ("the log", &ran.stderr)] {
            assert_eq!(granted.stage.canary().found_in(text), None, "{what}: {text}");
        }
        granted.stage.assert_unharmed(&[&proxy]).await.unwrap();
    }
}
