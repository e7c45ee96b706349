//! How OpenAI is asked, and what is made of its answers.

use super::*;
use finops_collector::{Completeness, FailureKind};

#[test]
fn the_question_is_the_documented_one_and_names_no_end_that_may_lie_in_the_future() {
    let start = midnight("2026-07-31");
    for (until, end) in [("2026-08-04", None), ("2026-08-03", Some(midnight("2026-08-03")))] {
        let host = billing(&page(&[]));
        host.run::<OpenAi>(&settings(), days("2026-07-31", until))
            .unwrap();
        let asked: Vec<_> = host.requests().into_iter().map(|request| request.url).collect();
        let base = "https://api.openai.com/v1/organization";
        let end = end.map_or_else(String::new, |end| format!("&end_time={end}"));
        assert_eq!(
            asked,
            [
                format!("{base}/projects?limit=100&include_archived=true"),
                format!(
                    "{base}/costs?start_time={start}&bucket_width=1d&limit=31{end}&group_by=project_id&group_by=line_item"
                )
            ]
        );
    }
}

#[test]
fn days_are_complete_two_days_after_their_end() {
    let all = ["2026-07-31", "2026-08-01", "2026-08-02", "2026-08-03"];
    let host = billing(&page(
        &all.map(|day| bucket(day, &json!([line("web search", &json!(1))]))),
    ));
    run(&host).unwrap();
    let complete: Vec<_> = host
        .commits()
        .iter()
        .map(|commit| commit.seal.as_ref().unwrap().completeness == Completeness::Complete)
        .collect();
    assert_eq!(complete, [true, false, false, false]);
    assert_eq!(warnings(&host), Vec::<String>::new());
}

#[test]
fn pages_are_asked_for_until_the_last_and_a_failure_between_them_leaves_whole_days() {
    for broken in [false, true] {
        let first = json!({"data": [
            bucket("2026-07-31", &json!([line("web search", &json!(1))])),
            bucket("2026-08-01", &json!([line("web search", &json!(1))]))
        ], "has_more": true, "next_page": "page=2&limit=9"});
        let second = page(&[bucket("2026-08-02", &json!([line("web search", &json!(1))]))]);
        let host = host(move |request| {
            Ok(
                match (request.url.ends_with("&page=page%3D2%26limit%3D9"), broken) {
                    (false, _) => reply(200, &first.to_string()),
                    (true, false) => reply(200, &second.to_string()),
                    (true, true) => reply(
                        429,
                        r#"{"error":{"message":"m","type":"requests","param":null,"code":null}}"#,
                    ),
                },
            )
        });
        let ran = run(&host);
        match broken {
            false => assert_eq!((ran.unwrap().len(), host.records("spend").len()), (1, 3)),
            true => {
                assert_eq!(ran.unwrap_err().kind, FailureKind::Throttled);
                // The last day of the page is not yet committed when the next page fails.
                assert_eq!(host.records("spend").len(), 1);
            }
        }
        assert_eq!(host.open_writers(), 0);
    }
}

#[test]
fn a_server_that_wants_brackets_gets_them() {
    let costs = page(&[bucket("2026-07-31", &json!([line("web search", &json!(1))]))]).to_string();
    let host = host(move |request| {
        Ok(
            match request
                .url
                .contains("&group_by%5B%5D=project_id&group_by%5B%5D=line_item")
            {
                true => reply(200, &costs),
                false => reply(
                    400,
                    r#"{"error":{"message":"expected an array","type":"invalid_request_error","param":"group_by","code":null}}"#,
                ),
            },
        )
    });
    run(&host).unwrap();
    assert_eq!((host.requests().len(), host.records("spend").len()), (3, 1));
    let other = super::host(|_| {
        Ok(reply(
            400,
            r#"{"error":{"message":"no","type":"invalid_request_error","param":"limit","code":null}}"#,
        ))
    });
    assert_eq!(run(&other).unwrap_err().kind, FailureKind::Provider);
    assert_eq!(other.requests().len(), 2);
}

#[test]
fn costs_are_read_without_names_where_projects_may_not_be_listed() {
    let costs = page(&[bucket("2026-07-31", &json!([line("web search", &json!(1))]))]).to_string();
    let forbidden =
        r#"{"error":{"message":"missing scopes","type":"invalid_request_error","param":null,"code":null}}"#;
    let host = FakeHost::answering(move |request| {
        Ok(match request.url.contains("/projects?") {
            true => reply(403, forbidden),
            false => reply(200, &costs),
        })
    })
    .describing(OpenAi::describe())
    .at(midnight("2026-08-03") + 43_200);
    run(&host).unwrap();
    let project = host.records("spend")[0].sub_account.clone().unwrap();
    assert_eq!((project.id.as_str(), project.name), ("proj_a", None));
    assert!(warnings(&host)[0].contains("without their names"));
}

#[test]
fn what_is_no_page_of_costs_is_never_an_empty_bill() {
    for (body, kind) in [
        (
            "<!DOCTYPE html><title>Log in</title>",
            FailureKind::MalformedReply,
        ),
        (
            r#"{"data":[{"start_time":1785456000,"resul"#,
            FailureKind::MalformedReply,
        ),
        (r#"{"data":[]}"#, FailureKind::MalformedReply),
        (
            r#"{"data":[],"has_more":true,"next_page":null}"#,
            FailureKind::Incomplete,
        ),
        (
            r#"{"data":[],"has_more":true,"next_page":"https://evil.example/"}"#,
            FailureKind::MalformedReply,
        ),
    ] {
        let host = host(move |_| Ok(reply(200, body)));
        let failure = run(&host).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.starts_with("the costs: "), "{failure}");
        assert!(
            host.commits().is_empty() && !host.requests().iter().any(|asked| asked.url.contains("//evil"))
        );
    }
}

#[test]
fn tokens_are_observed_by_day_project_and_model_and_a_refusal_of_them_costs_no_money() {
    let settings = json!({"organization": "org-1"});
    let used = page(&[bucket("2026-08-02", &json!([
        {"object": "organization.usage.completions.result", "input_tokens": 1000, "input_cached_tokens": 400,
            "output_tokens": 50, "num_model_requests": 7, "project_id": "proj_a", "model": "gpt-5-mini", "user_id": null}
    ]))])
    .to_string();
    let costs = page(&[bucket("2026-08-02", &json!([line("web search", &json!(1))]))]).to_string();
    let host = host(move |request| {
        let url = &request.url;
        Ok(
            match (
                url.contains("/usage/completions?"),
                url.contains("/usage/embeddings?"),
            ) {
                (true, _) => reply(200, &used),
                (_, true) => reply(
                    403,
                    r#"{"error":{"message":"no","type":null,"param":null,"code":null}}"#,
                ),
                _ => reply(200, &costs),
            },
        )
    });
    host.run::<OpenAi>(&settings, days("2026-07-31", "2026-08-04"))
        .unwrap();
    assert_eq!(host.records("spend").len(), 1);
    let mut observed: Vec<_> = host
        .observations()
        .into_iter()
        .map(|seen| (seen.name, seen.value.to_string(), seen.dimensions))
        .collect();
    observed.sort();
    let dimensions: Vec<_> = [
        ("day", "2026-08-02"),
        ("endpoint", "completions"),
        ("project", "proj_a"),
        ("model", "gpt-5-mini"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let expected: Vec<_> = [
        ("cached-input-tokens", "400"),
        ("input-tokens", "1000"),
        ("output-tokens", "50"),
        ("requests", "7"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned(), dimensions.clone()))
    .into();
    assert_eq!(observed, expected);
    assert!(
        warnings(&host)
            .iter()
            .any(|text| text.contains("the usage of embeddings is not observed"))
    );
}

#[test]
fn an_organization_that_is_none_is_a_mistake_in_the_settings() {
    for organization in ["", "org 1", "org-1?x"] {
        let host = billing(&page(&[]));
        let ran = host.run::<OpenAi>(
            &json!({"organization": organization}),
            days("2026-08-01", "2026-08-04"),
        );
        assert_eq!(ran.unwrap_err().kind, FailureKind::Settings, "{organization}");
        assert!(host.requests().is_empty());
    }
}
