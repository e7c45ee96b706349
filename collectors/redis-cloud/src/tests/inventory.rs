//! Subscriptions and databases, and the password that must not be seen.

use super::fake::{host_but, line, run, says};
use finops_collector::testing::{FakeHost, reply};
use serde_json::{Value, json};

fn database(id: u64, security: bool) -> Value {
    let mut database = json!({"databaseId": id, "name": format!("cache-{id}"), "provider": "AWS", "region": "eu-west-1",
        "status": "active", "memoryLimitInGb": 2.5, "memoryUsedInMb": 512, "clustering": {"numberOfShards": 2},
        "throughputMeasurement": {"by": "operations-per-second", "value": 1000}});
    if security {
        database["security"] = json!({"password": "hunter2-in-clear", "sslClientAuthentication": false});
    }
    database
}

fn host(list: Value) -> FakeHost {
    host_but(&[line("2026-08-01", "2026-08-02", "1")], move |request| {
        let path = request.url.strip_prefix("https://api.redislabs.com/v1")?;
        let many: Vec<Value> = (100..200).map(|id| database(id, false)).collect();
        let body = match path {
            "/subscriptions" => json!({"accountId": 1001, "subscriptions": [
                {"id": 7, "name": "prod", "status": "active", "paymentMethodType": "marketplace"}]}),
            "/subscriptions/7/databases?offset=0&limit=100" => list.clone(),
            "/fixed/subscriptions" => {
                json!({"accountId": 2002, "subscriptions": [{"id": 8, "name": "small", "status": "active"}]})
            }
            "/fixed/subscriptions/8/databases?offset=0&limit=100" => {
                json!({"subscription": {"subscriptionId": 8, "databases": many}})
            }
            "/fixed/subscriptions/8/databases?offset=100&limit=100" => {
                json!({"subscription": {"subscriptionId": 8, "databases": []}})
            }
            _ => return None,
        };
        Some(reply(200, &body.to_string()))
    })
}

#[test]
fn databases_are_counted_over_both_plans_and_all_pages_and_no_password_is_kept() {
    let list = json!({"accountId": 1001, "subscription": [{"subscriptionId": 7, "databases": [database(1, true), database(2, true)]}]});
    let host = host(list);
    run(&host).unwrap();
    let observations = host.observations();
    let sum = |name: &str| {
        let of = observations.iter().filter(|one| one.name == name);
        finops_collector::Decimal::sum(of.map(|one| one.value))
            .unwrap()
            .to_string()
    };
    for (name, expected) in [
        ("subscriptions", "2"),
        ("databases", "102"),
        ("database-memory-limit", "255"),
        ("database-memory-used", "52224"),
        ("database-shards", "204"),
        ("database-throughput", "102000"),
    ] {
        assert_eq!(sum(name), expected, "{name}");
    }
    assert!(says(&host, "marketplace") && says(&host, "account 2002"));
    let kept = format!("{observations:?} {:?} {:?}", host.logs(), host.commits());
    assert!(!kept.contains("hunter2"));
    assert!(host.sleeps().len() > 5, "calls are not paced");
}

#[test]
fn a_list_that_is_not_as_documented_is_not_counted_and_shows_no_password() {
    let mut odd = database(1, true);
    odd["databaseId"] = json!("one");
    let host = host(json!({"subscription": [{"databases": [odd]}]}));
    run(&host).unwrap();
    assert!(says(&host, "databases of the subscription 7 are not counted"));
    assert!(!says(&host, "hunter2"));
    assert_eq!(host.records("spend").len(), 1);
}
