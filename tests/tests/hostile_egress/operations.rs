//! Which operation a call asks for, where the path does not tell: matchers on headers, query, form and JSON.

mod hostile {
    use crate::grant::{Granted, HOST};
    use finops_host::sandbox::FailureKind;
    use finops_tests::hostile::{Act, assert_failed};

    /// A way to ask for an operation: query, headers and body.
    struct Asks {
        what: &'static str,
        query: &'static str,
        headers: &'static [&'static str],
        body: &'static str,
    }

    const fn asks(
        what: &'static str,
        query: &'static str,
        headers: &'static [&'static str],
        body: &'static str,
    ) -> Asks {
        Asks {
            what,
            query,
            headers,
            body,
        }
    }

    fn act(granted: &Granted, matcher: &str, asks: &Asks) -> Act {
        let url = format!("https://{HOST}/api/v2/statements{}", asks.query);
        granted
            .call_with(&url, matcher)
            .set("method", "POST")
            .set("headers", asks.headers.to_vec())
            .set("body", asks.body)
    }

    async fn assert_only(matcher: &str, granted_form: Asks, attacks: &[Asks]) {
        let granted = Granted::new().await;
        for attack in attacks {
            let summary = granted.perform(&act(&granted, matcher, attack)).await;
            let what = format!("{matcher}: {}", attack.what);
            assert_failed(&what, &summary, FailureKind::Denied, "");
            granted.server.assert_untouched(&what).await.unwrap();
        }
        granted
            .assert_granted(matcher, &act(&granted, matcher, &granted_form))
            .await;
        granted.stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_operation_named_by_a_header_is_the_granted_one() {
        const JSON: &str = "content-type: application/x-amz-json-1.1";
        assert_only(
            r#"headers = { "x-amz-target" = ["Ce.GetCost", "Ce.ListTags"] }"#,
            asks("granted", "", &["X-Amz-Target: Ce.GetCost", JSON], "{}"),
            &[
                asks("none", "", &[JSON], "{}"),
                asks("another", "", &["x-amz-target: Ce.Delete", JSON], "{}"),
                asks("another case", "", &["x-amz-target: ce.getcost", JSON], "{}"),
                asks(
                    "a list of two",
                    "",
                    &["x-amz-target: Ce.GetCost, Ce.Delete"],
                    "{}",
                ),
                asks("a blank after it", "", &["x-amz-target: Ce.GetCost "], "{}"),
                asks("a longer one", "", &["x-amz-target: Ce.GetCostX"], "{}"),
                asks("empty", "", &["x-amz-target: "], "{}"),
                asks(
                    "twice",
                    "",
                    &["x-amz-target: Ce.GetCost", "X-Amz-Target: Ce.Delete"],
                    "{}",
                ),
                asks("in the query", "?X-Amz-Target=Ce.GetCost", &[], "{}"),
            ],
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_operation_named_by_a_query_parameter_is_the_granted_one() {
        assert_only(
            r#"query = { Action = "ListCosts" }"#,
            asks("granted", "?Version=1&Action=List%43osts", &[], ""),
            &[
                asks("none", "", &[], ""),
                asks("another", "?Action=Delete", &[], ""),
                asks("another case", "?Action=listcosts", &[], ""),
                asks("another case of the name", "?action=ListCosts", &[], ""),
                asks("both", "?Action=ListCosts&Action=Delete", &[], ""),
                asks(
                    "both, the other first",
                    "?Action=Delete&Action=ListCosts",
                    &[],
                    "",
                ),
                asks("both, in two cases", "?Action=ListCosts&action=Delete", &[], ""),
                asks("both, one encoded", "?Action=ListCosts&%41ction=Delete", &[], ""),
                asks("both, by a semicolon", "?Action=ListCosts;Action=Delete", &[], ""),
                asks("a NUL after it", "?Action=ListCosts%00", &[], ""),
                asks("a blank after it", "?Action=ListCosts+", &[], ""),
                asks("a list", "?Action[]=ListCosts", &[], ""),
                asks(
                    "in the body",
                    "",
                    &["content-type: application/x-www-form-urlencoded"],
                    "Action=ListCosts",
                ),
                asks("in a second query", "?x?Action=ListCosts", &[], ""),
            ],
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_operation_named_by_a_form_field_is_the_granted_one() {
        const FORM: &str = "content-type: application/x-www-form-urlencoded";
        assert_only(
            r#"form = { Action = "ListCosts" }"#,
            asks("granted", "", &[FORM], "Version=1&Action=ListCosts"),
            &[
                asks("no body", "", &[FORM], ""),
                asks("another", "", &[FORM], "Action=Delete"),
                asks("both", "", &[FORM], "Action=ListCosts&Action=Delete"),
                asks(
                    "both, one encoded",
                    "",
                    &[FORM],
                    "Action=ListCosts&%41ction=Delete",
                ),
                asks(
                    "both, in two cases",
                    "",
                    &[FORM],
                    "Action=ListCosts&ACTION=Delete",
                ),
                asks("no media type", "", &[], "Action=ListCosts"),
                asks("as text", "", &["content-type: text/plain"], "Action=ListCosts"),
                asks(
                    "as JSON",
                    "",
                    &["content-type: application/json"],
                    r#"{"Action": "ListCosts"}"#,
                ),
                asks(
                    "two media types",
                    "",
                    &["content-type: application/json, application/x-www-form-urlencoded"],
                    "Action=ListCosts",
                ),
                asks("in the query", "?Action=ListCosts", &[FORM], "Action=Delete"),
                asks("a line end after it", "", &[FORM], "Action=ListCosts\r\n"),
            ],
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_operation_named_by_a_json_member_is_the_granted_one() {
        const JSON: &str = "content-type: application/json";
        assert_only(
            r#"json = { operation = "list" }"#,
            asks(
                "granted",
                "",
                &[JSON],
                r#"{"limit": 5, "operation": "l\u0069st"}"#,
            ),
            &[
                asks("no body", "", &[JSON], ""),
                asks("another", "", &[JSON], r#"{"operation": "delete"}"#),
                asks(
                    "both",
                    "",
                    &[JSON],
                    r#"{"operation": "list", "operation": "delete"}"#,
                ),
                asks(
                    "both, the other first",
                    "",
                    &[JSON],
                    r#"{"operation": "delete", "operation": "list"}"#,
                ),
                asks(
                    "both, one escaped",
                    "",
                    &[JSON],
                    r#"{"operation": "list", "\u006fperation": "delete"}"#,
                ),
                asks(
                    "both, in two cases",
                    "",
                    &[JSON],
                    r#"{"operation": "list", "Operation": "delete"}"#,
                ),
                asks(
                    "deeper",
                    "",
                    &[JSON],
                    r#"{"x": {"operation": "list"}, "operation": "delete"}"#,
                ),
                asks("only deeper", "", &[JSON], r#"{"x": {"operation": "list"}}"#),
                asks("a list", "", &[JSON], r#"{"operation": ["list"]}"#),
                asks("an object", "", &[JSON], r#"{"operation": {"list": 1}}"#),
                asks("null", "", &[JSON], r#"{"operation": null}"#),
                asks(
                    "two documents",
                    "",
                    &[JSON],
                    r#"{"operation": "list"}{"operation": "delete"}"#,
                ),
                asks("a list of documents", "", &[JSON], r#"[{"operation": "list"}]"#),
                asks(
                    "a comment",
                    "",
                    &[JSON],
                    r#"{"operation": "list" /* , "operation": "delete" */}"#,
                ),
                asks(
                    "single quotes",
                    "",
                    &[JSON],
                    "{'operation': 'delete', \"operation\": \"list\"}",
                ),
                asks(
                    "a byte-order mark",
                    "",
                    &[JSON],
                    "\u{feff}{\"operation\": \"list\"}",
                ),
                asks("no media type", "", &[], r#"{"operation": "list"}"#),
                asks(
                    "as text",
                    "",
                    &["content-type: text/plain"],
                    r#"{"operation": "list"}"#,
                ),
                asks(
                    "as a form",
                    "",
                    &["content-type: application/x-www-form-urlencoded"],
                    r#"{"operation": "list"}"#,
                ),
            ],
        )
        .await;
    }
}
