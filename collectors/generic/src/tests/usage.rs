use super::{DAY_START, HOUR, day, decimal, field, warnings};
use crate::{Generic, settings::HEALTH};
use finops_collector::{
    Collector, Completeness, Failure, FailureKind, HttpRequest,
    period::DAY,
    testing::{FakeHost, reply},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Series by what their query holds: labels as JSON, and the first of the values by hour from midnight.
type Scripted = Rc<RefCell<BTreeMap<&'static str, Vec<(Value, Vec<&'static str>)>>>>;

/// A Prometheus that has the values of `scripted`, and is healthy in all hours that it is asked for.
fn prometheus(scripted: &Scripted, warning: &'static str) -> FakeHost {
    let scripted = Rc::clone(scripted);
    let answer = move |request: &HttpRequest| {
        assert_eq!(
            (request.method.as_str(), request.url.as_str(), request.repeatable),
            ("POST", "http://prom.internal:9090/api/v1/query_range", true)
        );
        let query = field(request, "query");
        let time = |name: &str| field(request, name).parse::<i64>().unwrap();
        let (start, end, step) = (time("start"), time("end"), time("step"));
        assert_eq!((step, start % HOUR, end % HOUR), (HOUR, 0, 0));
        let scripted = scripted.borrow();
        let result: Vec<Value> = if query == HEALTH {
            let values: Vec<Value> = (start..=end).step_by(3_600).map(|at| json!([at, "1"])).collect();
            vec![json!({"metric": {}, "values": values})]
        } else {
            let of = scripted.iter().find(|(part, _)| query.contains(**part));
            let series = of.map(|(_, series)| series.clone()).unwrap_or_default();
            let series = series.into_iter().map(|(labels, values)| {
                let at = |hour: usize| DAY_START + (i64::try_from(hour).unwrap() + 1) * HOUR;
                let values = values
                    .iter()
                    .enumerate()
                    .filter(|(hour, text)| !text.is_empty() && at(*hour) <= end);
                let values: Vec<Value> = values.map(|(hour, text)| json!([at(hour), text])).collect();
                json!({"metric": labels, "values": values})
            });
            series.collect()
        };
        let mut body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
        if !warning.is_empty() {
            body["warnings"] = json!([warning]);
        }
        Ok(reply(200, &body.to_string()))
    };
    FakeHost::answering(answer).describing(Generic::describe())
}

fn settings(more: Value) -> Value {
    let mut value = json!({
        "scheme": "http", "host": "prom.internal", "port": 9090, "account": "hq", "scope": "fra1", "currency": "EUR",
        "rates": ["cpu: 0.0310 per core-hour list 0.0400", "cpu: 0.02 per core-hour where dc = fra1"],
    });
    value
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    value
}

fn script(series: &[(Value, &[&'static str])]) -> Scripted {
    let series = series
        .iter()
        .map(|(labels, values)| (labels.clone(), values.to_vec()))
        .collect();
    Rc::new(RefCell::new(BTreeMap::from([("node_cpu_seconds_total", series)])))
}

#[test]
fn an_hours_use_is_priced_exactly_and_keeps_its_digits() {
    let scripted = script(&[
        (
            json!({"instance": "n1:9100", "rack": "r7"}),
            &["3.2514278293746532"],
        ),
        (
            json!({"instance": "n2:9100", "dc": "fra1", "rack": "r7"}),
            &["1e-07"],
        ),
    ]);
    let host = prometheus(&scripted, "").at(DAY_START + HOUR + 301);
    let outcomes = host.run::<Generic>(&settings(json!({})), day()).unwrap();
    assert_eq!(
        outcomes[0].note.as_deref(),
        Some("hours read: 1 whole, 0 incomplete, 0 left as they were")
    );
    let commits = host.commits();
    assert_eq!(
        (commits.len(), commits[0].partitions.as_slice()),
        (1, [DAY_START].as_slice())
    );
    assert_eq!(commits[0].source.scope, "fra1");
    let records = host.records("usage");
    let [one, two] = records.as_slice() else {
        unreachable!()
    };
    // The quantity gives way by the three places of the price: 0.031 x 3.251427829374653 is exact.
    let pricing = one.pricing.clone().unwrap();
    assert_eq!(
        one.consumed.clone().unwrap().amount,
        decimal("3.2514278293746532")
    );
    assert_eq!(pricing.quantity.unwrap().amount, decimal("3.251427829374653"));
    assert_eq!(one.effective_cost, decimal("0.100794262710614243"));
    assert_eq!(
        (one.billed_cost, one.list_cost),
        (decimal("0"), Some(decimal("0.13005711317498612")))
    );
    assert_eq!(
        (pricing.card.as_deref(), pricing.contracted_unit_price),
        (Some("cpu@default"), Some(decimal("0.031")))
    );
    assert_eq!(one.resource.clone().unwrap().id, "n1:9100");
    assert_eq!(one.region, None);
    assert_eq!(two.effective_cost, decimal("0.000000002"));
    assert_eq!(two.region.clone().unwrap().zone.as_deref(), Some("r7"));
    assert_eq!(two.sku.clone().unwrap().id.as_deref(), Some("cpu[dc=fra1]"));
    assert_eq!(
        two.line_id.as_deref(),
        Some(r#"cpu{dc="fra1",instance="n2:9100",rack="r7"}"#)
    );
    assert_ne!(one.line_id, two.line_id);
    assert_eq!(warnings(&host), "");
}

#[test]
fn what_is_invoiced_is_billed_too() {
    let host = prometheus(&script(&[(json!({"instance": "n1"}), &["2"])]), "").at(DAY_START + 2 * HOUR);
    host.run::<Generic>(&settings(json!({"invoiced": true})), day())
        .unwrap();
    assert_eq!(host.records("usage")[0].billed_cost, decimal("0.062"));
}

#[test]
fn an_hour_is_not_read_before_its_last_scrapes_have_arrived() {
    let scripted = script(&[(json!({"instance": "n1"}), &["2", "2", "2"])]);
    let host = prometheus(&scripted, "").at(DAY_START + 2 * HOUR + 299);
    host.run::<Generic>(&settings(json!({})), day()).unwrap();
    assert_eq!(host.commits()[0].partitions, [DAY_START]);
}

#[test]
fn gaps_and_what_is_no_number_leave_an_hour_partial_and_nothing_leaves_it_alone() {
    let scripted = script(&[
        (json!({"instance": "n1"}), &["1", "", "1", "1", "", "1"]),
        (json!({"instance": "n2"}), &["1", "1", "NaN", "1", "", "1"]),
    ]);
    let host = prometheus(&scripted, "").at(DAY_START + 7 * HOUR);
    host.run::<Generic>(&settings(json!({})), day()).unwrap();
    let of = |completeness: Completeness| {
        let commits = host.commits();
        let commit = commits
            .iter()
            .find(|commit| commit.seal.as_ref().unwrap().completeness == completeness);
        let partitions = commit.unwrap().partitions.clone();
        partitions
            .iter()
            .map(|start| (start - DAY_START) / HOUR)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Completeness::Complete), [0, 3, 5]);
    assert_eq!(of(Completeness::Partial), [1, 2]);
    assert_eq!(host.records("usage").len(), 8);
    let warnings = warnings(&host);
    assert!(
        warnings
            .contains("2026-08-03T01:00:00Z and 1 more until 2026-08-03T04:00:00Z: a series of `cpu` pauses"),
        "{warnings}"
    );
    assert!(
        warnings.contains("2026-08-03T02:00:00Z: `cpu` has a sample that is no number"),
        "{warnings}"
    );
}

#[test]
fn a_whole_hour_gives_way_to_a_whole_reading_only() {
    let scripted = script(&[(json!({"instance": "n1"}), &["1", "1", "1"])]);
    let host = prometheus(&scripted, "").at(DAY_START + 4 * HOUR);
    host.run::<Generic>(&settings(json!({})), day()).unwrap();
    let before = host.records("usage");
    scripted.borrow_mut().get_mut("node_cpu_seconds_total").unwrap()[0].1 = vec!["5", "", "NaN"];
    host.run::<Generic>(&settings(json!({})), day()).unwrap();
    let after = host.records("usage");
    assert_eq!(after.len(), 3);
    assert_eq!(after[0].consumed.clone().unwrap().amount, decimal("5"));
    assert_eq!(after[1..], before[1..]);
}

#[test]
fn a_servers_warning_makes_every_hour_partial() {
    let scripted = script(&[(json!({"instance": "n1"}), &["1", "1"])]);
    let host = prometheus(&scripted, "some blocks were not loaded\u{1b}").at(DAY_START + 3 * HOUR);
    host.run::<Generic>(&settings(json!({})), day()).unwrap();
    assert_eq!(host.commits().len(), 1);
    assert_eq!(
        host.commits()[0].seal.as_ref().unwrap().completeness,
        Completeness::Partial
    );
    assert!(
        warnings(&host).contains("not loaded\\u{1b}"),
        "{}",
        warnings(&host)
    );
}

#[test]
fn use_without_a_rate_is_observed_and_warned_of_and_never_booked_at_zero() {
    let scripted = script(&[
        (json!({"instance": "n1"}), &["1.5", "2"]),
        (json!({"instance": "n2", "dc": "fra1"}), &["1", "1"]),
    ]);
    let host = prometheus(&scripted, "").at(DAY_START + 3 * HOUR);
    let rates = json!({"rates": ["cpu: 0.02 per core-hour where dc = fra1"]});
    host.run::<Generic>(&settings(rates), day()).unwrap();
    assert_eq!(host.records("usage").len(), 2);
    assert_eq!(
        host.commits()[0].seal.as_ref().unwrap().completeness,
        Completeness::Partial
    );
    let observed = host.observations();
    assert_eq!((observed.len(), observed[0].value), (1, decimal("3.5")));
    assert_eq!(
        observed[0].dimensions,
        [("instance".into(), "n1".into()), ("meter".into(), "cpu".into())]
    );
    assert!(
        warnings(&host).contains("1 series have no rate"),
        "{}",
        warnings(&host)
    );
}

#[test]
fn what_was_whole_is_read_again_for_a_day_and_what_was_not_for_as_long_as_it_is_asked_for() {
    let scripted = script(&[(json!({"instance": "n1"}), &["1", "", "1", "1"])]);
    let host = prometheus(&scripted, "").at(DAY_START + 5 * HOUR);
    host.run::<Generic>(&settings(json!({"health": ""})), day())
        .unwrap();
    let hours = |host: &FakeHost| {
        let commits = host.commits();
        let starts = commits.iter().flat_map(|commit| commit.partitions.clone());
        starts.map(|start| (start - DAY_START) / HOUR).collect::<Vec<_>>()
    };
    let first = hours(&host);
    assert_eq!(first, [0, 2, 3]);
    scripted.borrow_mut().get_mut("node_cpu_seconds_total").unwrap()[0].1 = vec!["1"; 24];
    let host = host.at(DAY_START + DAY + 3 * HOUR);
    host.run::<Generic>(&settings(json!({"health": ""})), day())
        .unwrap();
    let again = hours(&host);
    assert_eq!(again[first.len()..], [vec![1], (3..24).collect()].concat());
}

#[test]
fn errors_say_which_meter_and_what_to_do_and_commit_nothing() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#;
    for (answer, kind, says) in [
        (
            Ok((400, body)),
            FailureKind::Settings,
            "meter `cpu`: Prometheus does not take the query",
        ),
        (
            Ok((200, "<html>")),
            FailureKind::MalformedReply,
            "meter `cpu`: a page of HTML",
        ),
        (
            Ok((200, r#"{"status":"success","data":{"result":[{"metric"#)),
            FailureKind::MalformedReply,
            "truncated",
        ),
        (
            Ok((200, r#"{"status":"success"}"#)),
            FailureKind::MalformedReply,
            "no array",
        ),
        (
            Ok((200, r#"{"status":"error","data":{"result":[]}}"#)),
            FailureKind::MalformedReply,
            "success",
        ),
        (
            Err(Failure::unreachable("no answer")),
            FailureKind::Unreachable,
            "meter `cpu`: no answer",
        ),
    ] {
        let host = FakeHost::answering(move |_| answer.clone().map(|(status, body)| reply(status, body)));
        let host = host.describing(Generic::describe()).at(DAY_START + 3 * HOUR);
        let failure = host.run::<Generic>(&settings(json!({})), day()).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(host.commits().is_empty() && host.open_writers() == 0);
    }
}
