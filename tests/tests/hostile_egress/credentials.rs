//! Credentials in all schemes: a guest sets nothing that a scheme sets, never reaches where tokens are minted, and hears
//! neither a secret nor a token made of one.

mod hostile {
    use crate::grant::HOST;
    use finops_host::sandbox::FailureKind;
    use finops_tests::{
        hostile::{Act, Answer, Received, Recorder, Stage, assert_done, assert_failed},
        tls::Authority,
    };

    const URL: &str = "https://api.example.com/api/v2/statements";
    const TOKEN: &str = "minted-token-of-the-token-server";

    /// A provider's API and its token server, under two names; `credential` is the table's content.
    struct Scene {
        stage: Stage,
        api: Recorder,
        tokens: Recorder,
        file: String,
    }

    impl Scene {
        async fn new(
            credential: &str,
            answers: impl Fn(&Received) -> Answer + Send + Sync + 'static,
        ) -> Self {
            let stage = Stage::new().unwrap();
            let api = Authority::generate(HOST).unwrap();
            let login = Authority::generate("login.example.com").unwrap();
            stage.place().file("api.pem", &api.ca_pem).unwrap();
            stage.place().file("login.pem", &login.ca_pem).unwrap();
            let api = Recorder::tls(&api, answers).await.unwrap();
            let tokens = Recorder::tls(&login, |_| {
                let reply =
                    serde_json::json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600 });
                Answer::status(200, &[("content-type", "application/json")], reply.to_string())
            })
            .await
            .unwrap();
            let file = format!(
                "[[allow]]\nhost = \"{HOST}\"\nmethods = [\"GET\", \"POST\"]\npaths = [\"/api/v2/statements\"]\n\
                 credential = \"api\"\nconnect-to = \"{}\"\nca = \"api.pem\"\nMORE\n[credentials.api]\n{}\n",
                api.address(),
                credential.replace("TOKENS", &tokens.address().to_string()),
            );
            Self {
                stage,
                api,
                tokens,
                file,
            }
        }

        fn call(&self, url: &str, rule: &str) -> Act {
            Act::new("call")
                .set("url", url)
                .with(&self.file.replace("MORE", rule))
        }

        async fn assert_denied(&self, what: &str, act: &Act) {
            let summary = self.stage.perform(act).await.unwrap();
            assert_failed(what, &summary, FailureKind::Denied, "");
            self.api.assert_untouched(what).await.unwrap();
            self.tokens.assert_untouched(what).await.unwrap();
        }
    }

    const OAUTH: &str = "scheme = \"oauth2-client-credentials\"\ntoken-url = \"https://login.example.com/oauth/token\"\n\
                         client-id = \"reader\"\nclient-secret = { file = \"canary\" }\nconnect-to = \"TOKENS\"\nca = \"login.pem\"";

    /// A scheme, and what a guest may then not set: header names, and queries.
    const SCHEMES: &[(&str, &[&str], &[&str])] = &[
        (
            "scheme = \"bearer\"\ntoken = { file = \"canary\" }\nheaders = { \"X-Kind\" = \"fixed\" }",
            &["Authorization", "authorization", "X-KIND", "x-kind"],
            &[],
        ),
        (
            "scheme = \"basic\"\nusername = \"reader\"\npassword = { file = \"canary\" }",
            &["Authorization"],
            &[],
        ),
        (
            "scheme = \"headers\"\nheaders = { \"DD-API-KEY\" = { file = \"canary\" } }",
            &["DD-API-KEY", "dd-api-key", "Dd-Api-Key"],
            &[],
        ),
        (
            "scheme = \"query\"\nquery = { providers_key = { file = \"canary\" } }",
            &[],
            &[
                "providers_key=mine",
                "PROVIDERS_KEY=mine",
                "%70roviders_key=mine",
                "providers%5fkey=mine",
                "a=1&providers_key",
                "providers_key=",
            ],
        ),
        (
            "scheme = \"aws-sigv4\"\naccess-key-id = { file = \"id\" }\nsecret-access-key = { file = \"canary\" }\n\
             session-token = { file = \"session\" }\nregion = \"us-east-1\"\nservice = \"ce\"",
            &[
                "Authorization",
                "X-Amz-Date",
                "x-amz-security-token",
                "X-Amz-Content-Sha256",
            ],
            &["X-Amz-Signature=0", "x-amz-date=0", "X-Amz-Security-Token=0"],
        ),
        (OAUTH, &["Authorization"], &["access_token=mine"]),
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_guest_sets_nothing_that_the_credential_sets_even_where_a_rule_would_grant_it() {
        for (scheme, headers, queries) in SCHEMES {
            let scene = Scene::new(scheme, |_| Answer::ok("fine")).await;
            scene.stage.place().file("id", "AKIAIOSFODNN7EXAMPLE").unwrap();
            scene
                .stage
                .place()
                .file("session", scene.stage.canary().secret())
                .unwrap();
            for name in *headers {
                let what = format!("{name} under {scheme}");
                let act = scene.call(URL, "").set("headers", vec![format!("{name}: mine")]);
                scene.assert_denied(&what, &act).await;
                // Nor can the operator's rule give it away.
                let wide = format!("headers = {{ \"{name}\" = \"*\" }}");
                let refused = scene.stage.perform(&scene.call(URL, &wide)).await;
                assert!(refused.is_err(), "{what}: {refused:?}");
            }
            for query in *queries {
                let act = scene.call(&format!("{URL}?{query}"), "");
                scene
                    .assert_denied(&format!("?{query} under {scheme}"), &act)
                    .await;
            }
            // The granted form carries the credential, and works.
            let summary = scene.stage.perform(&scene.call(URL, "")).await.unwrap();
            assert_done(scheme, &summary);
            assert_eq!(scene.api.requests().len(), 1, "{scheme}");
            let minted = scene.tokens.requests().len();
            let is_signed = scheme.contains("sigv4");
            let at_api = scene.stage.canary().found_in(scene.api.bytes());
            match minted {
                0 => assert!(at_api.is_some() || is_signed, "{scheme}"),
                _ => assert_eq!(at_api, None, "{scheme}"),
            }
            scene.stage.assert_unharmed(&[]).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_tokens_are_minted_is_out_of_a_guests_reach() {
        let scene = Scene::new(OAUTH, |_| {
            Answer::redirect("https://login.example.com/oauth/token")
        })
        .await;
        for url in [
            "https://login.example.com/oauth/token",
            "https://login.example.com/oauth/token/",
            "https://LOGIN.example.com:443/OAuth/%74oken?grant_type=client_credentials",
            "https://login.example.com/oauth%2ftoken",
            "https://login.example.com/",
        ] {
            for method in ["GET", "POST"] {
                let act = scene
                    .call(url, "")
                    .set("method", method)
                    .set(
                        "body",
                        if method == "POST" {
                            "grant_type=client_credentials"
                        } else {
                            ""
                        },
                    )
                    .set("headers", vec!["content-type: application/x-www-form-urlencoded"]);
                scene.assert_denied(&format!("{method} {url}"), &act).await;
            }
        }
        // A rule that covers it is refused, whichever way it does.
        for (host, paths, more) in [
            ("login.example.com", "/", ""),
            ("login.example.com", "/oauth", ""),
            ("login.example.com", "/OAUTH/TOKEN", "encoded-slash = true"),
            ("*.example.com", "/oauth/token", ""),
        ] {
            let rule = format!(
                "[[allow]]\nhost = \"{host}\"\npaths = [\"{paths}\"]\nconnect-to = \"{}\"\nca = \"login.pem\"\n{more}\n",
                scene.tokens.address()
            );
            let refused = scene.stage.perform(&scene.call(URL, &rule)).await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("token URL"), "{host}{paths}: {error}");
        }
        scene.tokens.assert_untouched("so far").await.unwrap();

        // The host goes there itself, once; a redirect to it is handed to the guest and not followed.
        let summary = scene.stage.perform(&scene.call(URL, "")).await.unwrap();
        assert_done("granted", &summary);
        assert!(summary.note.unwrap().contains("status 307"));
        assert_eq!(scene.tokens.requests().len(), 1);
        let request = &scene.api.requests()[0];
        assert_eq!(
            request.header("authorization").unwrap(),
            format!("Bearer {TOKEN}")
        );
        scene.stage.assert_unharmed(&[&scene.api]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_that_was_minted_is_no_more_shown_than_the_secret_itself() {
        for (what, answer) in [
            (
                "raw",
                (|token| Answer::ok(format!("<{token}>"))) as fn(&str) -> Answer,
            ),
            ("in a header", |token| {
                Answer::status(200, &[("x-echo", token)], "")
            }),
            ("in single bytes", |token| {
                let bytes: Vec<_> = token.as_bytes().chunks(1).collect();
                Answer::chunked(&[], &bytes)
            }),
        ] {
            let scene = Scene::new(OAUTH, move |request| {
                let value = request.header("authorization").unwrap_or_default();
                answer(value.trim_start_matches("Bearer "))
            })
            .await;
            let summary = scene.stage.perform(&scene.call(URL, "")).await.unwrap();
            assert_failed(what, &summary, FailureKind::Credential, "repeats a secret");
            assert!(!scene.stage.told().contains(TOKEN), "{what}");
            assert_eq!(scene.stage.log().lines_with(TOKEN), [] as [String; 0], "{what}");
            scene.stage.assert_unharmed(&[&scene.api]).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_secret_is_revealed_only_where_the_operator_says_so() {
        let scene = Scene::new("scheme = \"bearer\"\ntoken = { file = \"canary\" }", |_| {
            Answer::ok("fine")
        })
        .await;
        let act = Act::new("reveal")
            .set("text", "api")
            .with(&scene.file.replace("MORE", ""));
        scene.assert_denied("reveal", &act).await;
        scene.stage.assert_unharmed(&[&scene.api]).await.unwrap();
        // Granted, it is the guest's, and this one logs it.
        let open = scene.file.replace("MORE", "") + "reveal = true\n";
        let summary = scene
            .stage
            .perform(&Act::new("reveal").set("text", "api").with(&open))
            .await
            .unwrap();
        assert_done("granted", &summary);
        assert!(scene.stage.canary().found_in(scene.stage.log().text()).is_some());
        scene.stage.assert_lives().await.unwrap();
    }
}
