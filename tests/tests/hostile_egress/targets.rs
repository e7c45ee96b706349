//! Where a call may go: host, port, method, path, and the ways to write them.

mod hostile {
    use crate::grant::{Granted, HOST};
    use finops_host::sandbox::FailureKind;
    use finops_tests::hostile::assert_failed;

    /// URLs that the rule does not grant, whichever way they are read.
    const DENIED: [(&str, &str); 4] = [
        ("another host", "https://evil.test/api/v2/statements"),
        ("a name below the granted one", "https://x.api.example.com/api/v2/statements"),
        ("another port", "https://api.example.com:8443/api/v2/statements"),
        ("another path", "https://api.example.com/api/v2/admin"),
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_url_that_the_rule_does_not_grant_is_denied_before_any_connection() {
        let granted = Granted::new().await;
        for (what, url) in DENIED {
            let summary = granted.perform(&granted.call(url)).await;
            assert_failed(what, &summary, FailureKind::Denied, "");
            assert_eq!(summary.egress.attempts, 0, "{what}");
            granted.server.assert_untouched(what).await.unwrap();
        }
        let url = format!("https://{HOST}/api/v2/statements");
        granted.assert_granted("the granted form", &granted.call(&url)).await;
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }
}
