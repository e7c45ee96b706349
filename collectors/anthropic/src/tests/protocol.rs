//! How Anthropic is asked, and what is made of its answers.

use super::*;
use finops_collector::{Completeness, FailureKind};

#[test]
fn the_question_is_the_documented_one_with_its_version() {
    let host = billing(&page(&[]));
    run(&host).unwrap();
    let asked: Vec<_> = host.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(
        asked,
        [
            "https://api.anthropic.com/v1/organizations/workspaces?limit=100&include_archived=true",
            "https://api.anthropic.com/v1/organizations/cost_report?starting_at=2026-08-01T00%3A00%3A00Z&bucket_width=1d\
             &limit=31&group_by%5B%5D=workspace_id&group_by%5B%5D=description"
        ]
    );
    let version = ("anthropic-version".to_owned(), "2023-06-01".to_owned());
    assert!(
        host.requests()
            .iter()
            .all(|request| request.headers.contains(&version))
    );
}

#[test]
fn days_are_complete_a_day_after_their_end_and_what_was_not_asked_for_is_left_out() {
    let told = ["2026-08-01", "2026-08-02", "2026-08-03", "2026-08-04"];
    let host = billing(&page(&told.map(|day| bucket(day, &json!([line(&json!("1"))])))));
    run(&host).unwrap();
    let complete: Vec<_> = host
        .commits()
        .iter()
        .map(|commit| commit.seal.as_ref().unwrap().completeness == Completeness::Complete)
        .collect();
    assert_eq!(complete, [true, false, false]);
}

#[test]
fn pages_are_asked_for_until_the_last_and_an_overload_is_waited_for_a_little() {
    let asked = std::cell::Cell::new(0);
    let first = json!({"data": [bucket("2026-08-01", &json!([line(&json!("1"))]))], "has_more": true,
        "next_page": "page_MjAyNi0wOC0wMg=="});
    let second = page(&[bucket("2026-08-02", &json!([line(&json!("1"))]))]);
    let host = host(move |request| {
        asked.set(asked.get() + 1);
        Ok(
            match (
                asked.get(),
                request.url.ends_with("&page=page_MjAyNi0wOC0wMg%3D%3D"),
            ) {
                (1, _) => reply(
                    529,
                    r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
                ),
                (_, false) => reply(200, &first.to_string()),
                (_, true) => reply(200, &second.to_string()),
            },
        )
    });
    run(&host).unwrap();
    assert_eq!((host.records("spend").len(), host.sleeps().len()), (2, 1));
}

#[test]
fn what_is_no_page_of_costs_is_never_an_empty_bill() {
    for (body, kind) in [
        (
            "<!DOCTYPE html><title>Log in</title>",
            FailureKind::MalformedReply,
        ),
        (
            r#"{"data":[{"starting_at":"2026-08-01T00:00:00Z","resul"#,
            FailureKind::MalformedReply,
        ),
        (
            r#"{"data":[{"starting_at":"2026-08-01","results":[]}],"has_more":false}"#,
            FailureKind::MalformedReply,
        ),
        (
            r#"{"data":[{"starting_at":"2026-08-01T05:00:00Z","results":[]}],"has_more":false}"#,
            FailureKind::MalformedReply,
        ),
        (r#"{"data":[],"has_more":true}"#, FailureKind::Incomplete),
    ] {
        let host = host(move |_| Ok(reply(200, body)));
        let failure = run(&host).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.starts_with("the costs: "), "{failure}");
        assert!(host.commits().is_empty());
    }
}

fn used(tier: &str) -> Value {
    json!({"uncached_input_tokens": 1000, "cache_read_input_tokens": 200, "output_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 2}, "api_key_id": null, "workspace_id": null,
        "model": "claude-sonnet-5", "service_tier": tier, "context_window": "0-200k"})
}

fn observing(usage: &Value) -> FakeHost {
    using(usage, &json!([line(&json!("1"))]))
}

fn using(usage: &Value, lines: &Value) -> FakeHost {
    let (usage, costs) = (
        usage.to_string(),
        page(&[bucket("2026-08-02", lines)]).to_string(),
    );
    let host = host(move |request| {
        Ok(match request.url.contains("/usage_report/messages?") {
            true => reply(200, &usage),
            false => reply(200, &costs),
        })
    });
    host.run::<Anthropic>(
        &json!({"organization": "org-1"}),
        days("2026-08-01", "2026-08-04"),
    )
    .unwrap();
    host
}

#[test]
fn tokens_are_observed_and_those_of_the_priority_tier_are_warned_of() {
    let host = observing(&page(&[bucket(
        "2026-08-02",
        &json!([used("standard"), used("priority")]),
    )]));
    let told = |tier: &str| -> Vec<(String, String)> {
        let mut told: Vec<_> = host
            .observations()
            .into_iter()
            .filter(|seen| {
                seen.dimensions
                    .iter()
                    .any(|(name, value)| name == "service-tier" && value == tier)
            })
            .map(|seen| (seen.name, seen.value.to_string()))
            .collect();
        told.sort();
        told
    };
    let standard = [
        ("cache-read-tokens", "200"),
        ("cache-write-1h-tokens", "0"),
        ("cache-write-5m-tokens", "4"),
        ("output-tokens", "30"),
        ("uncached-input-tokens", "1000"),
        ("web-searches", "2"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(told("standard"), standard);
    assert_eq!(told("priority").len(), 7);
    assert!(told("priority").contains(&("uncosted-tokens".to_owned(), "1234".to_owned())));
    let one = host.observations().remove(0);
    let names: Vec<_> = one.dimensions.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["day", "workspace", "model", "service-tier", "context-window"]
    );
    assert_eq!(one.dimensions[1].1, "default");
    let warned = warnings(&host);
    assert!(
        warned
            .iter()
            .any(|text| text.contains("1234 tokens of 2026-08-02 to 2026-08-02")),
        "{warned:?}"
    );
}

#[test]
fn without_use_of_the_priority_tier_nobody_is_warned() {
    let host = observing(&page(&[bucket(
        "2026-08-02",
        &json!([used("standard"), used("batch")]),
    )]));
    assert!(
        !warnings(&host).iter().any(|text| text.contains("Priority")),
        "{:?}",
        warnings(&host)
    );
}

#[test]
fn usage_that_cannot_be_read_is_warned_of_and_costs_no_money() {
    let host = observing(&json!({"data": [{"starting_at": "2026-08-02T00:00:00Z"}]}));
    assert_eq!((host.records("spend").len(), host.observations().len()), (1, 0));
    assert!(
        warnings(&host).iter().any(|text| text.contains("not observed")),
        "{:?}",
        warnings(&host)
    );
}

#[test]
fn a_line_has_the_tokens_of_the_usage_report_where_it_alone_can_be_meant() {
    let mut used = used("standard");
    used["workspace_id"] = json!("wrkspc_01");
    let usage = page(&[bucket("2026-08-02", &json!([used]))]);
    let mut cached = line(&json!("2"));
    cached["token_type"] = json!("cache_creation.ephemeral_5m_input_tokens");
    let mut nothing_used = line(&json!("3"));
    nothing_used["token_type"] = json!("cache_creation.ephemeral_1h_input_tokens");
    let mut other_tier = line(&json!("4"));
    other_tier["service_tier"] = json!("batch");
    let mut money_back = line(&json!("-5"));
    money_back["token_type"] = json!("output_tokens");
    let search = json!({"amount": "6", "currency": "USD", "cost_type": "web_search"});
    let lines = json!([
        line(&json!("1")),
        cached,
        nothing_used,
        other_tier,
        money_back,
        search
    ]);
    let consumed = |host: &FakeHost| -> Vec<Option<String>> {
        let records = host.records("spend");
        let quantities = records.iter().map(|record| record.consumed.clone());
        quantities
            .map(|of| of.map(|of| format!("{} {}", of.amount, of.unit)))
            .collect()
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(
        consumed(&using(&usage, &lines)),
        [told("1000 Tokens"), told("4 Tokens"), None, None, None, None]
    );
    // Two lines of the same kind in two places: the report does not tell how many tokens each stands for.
    let mut elsewhere = line(&json!("1"));
    elsewhere["inference_geo"] = json!("us");
    let twice = json!([line(&json!("1")), elsewhere]);
    assert_eq!(consumed(&using(&usage, &twice)), [None, None]);
}
