//! What runs in AWS, through the sandbox into the observations: all regions, all pages, and what may not be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    aws::{Act, Fault, inventory::FUNCTION_SECRET, stage::Stage},
    books,
    proof::assert_no_leak,
};
use std::collections::BTreeMap;

const ALL: &str = "regions = [\"eu-west-1\", \"us-east-1\"]\ncloudwatch = true";

/// Observed values by name and the dimensions `keys`, joined by commas.
fn observed(stage: &Stage, name: &str, keys: &[&str]) -> BTreeMap<String, String> {
    let connection = books::open(&stage.place.state()).unwrap();
    let mut statement = connection
        .prepare("SELECT dims, value FROM observation WHERE name = ?")
        .unwrap();
    let rows = statement
        .query_map([name], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .unwrap();
    rows.map(|row| {
        let (dimensions, value) = row.unwrap();
        let dimensions: serde_json::Value = serde_json::from_str(&dimensions).unwrap();
        let of = |key: &&str| dimensions[*key].as_str().unwrap_or("-").to_owned();
        (keys.iter().map(of).collect::<Vec<_>>().join(","), value)
    })
    .collect()
}

#[track_caller]
fn assert_observed(stage: &Stage, name: &str, keys: &[&str], expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, String> = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(observed(stage, name, keys), expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_every_region_is_observed_and_no_environment_variable_is() {
    let mut stage = Stage::new(ALL, "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    let ran = stage.collect_with(&["--log", "trace"]).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_observed(
        &stage,
        "instance",
        &["instance", "type", "lifecycle", "tag:team", "tag:Name"],
        &[
            ("i-0aaa,m5.large,on-demand,core,api & <web>", "1"),
            ("i-0bbb,m5.large,spot,web,-", "1"),
            ("i-0ccc,c5.xlarge,on-demand,-,-", "0"),
            ("i-0ddd,t3.micro,on-demand,-,-", "0"),
            ("i-0eee,t3.micro,on-demand,-,-", "1"),
        ],
    );
    assert_observed(
        &stage,
        "instance-cpu",
        &["instance"],
        &[("i-0aaa", "12.345678901234567")],
    );
    assert_observed(
        &stage,
        "volume",
        &["volume", "type"],
        &[("vol-01,gp3", "100"), ("vol-02,gp2", "8")],
    );
    assert_observed(&stage, "cluster", &["cluster"], &[("prod", "1")]);
    assert_observed(
        &stage,
        "nodes",
        &["cluster", "group", "capacity"],
        &[("prod,blue,ON_DEMAND", "3"), ("prod,green,SPOT", "5")],
    );
    assert_observed(
        &stage,
        "function-memory",
        &["function"],
        &[("f1", "512"), ("f2", "128")],
    );
    assert_observed(
        &stage,
        "function-invocations",
        &["function"],
        &[("f1", "38"), ("f2", "0")],
    );
    assert_observed(
        &stage,
        "function-duration",
        &["function"],
        &[("f1", "81234.56"), ("f2", "0")],
    );
    assert_observed(
        &stage,
        "database",
        &["database", "engine"],
        &[("db-1,postgres", "1"), ("docs-1,docdb", "1")],
    );
    assert_observed(
        &stage,
        "database-storage",
        &["database"],
        &[("db-1", "200"), ("docs-1", "1")],
    );
    assert_observed(
        &stage,
        "bucket",
        &["region", "bucket"],
        &[
            ("eu-west-1,lake", "1"),
            ("eu-west-1,acme-billing", "1"),
            ("us-east-1,far", "1"),
        ],
    );
    assert_observed(
        &stage,
        "bucket-size",
        &["bucket", "storage"],
        &[("lake,StandardStorage", "1500")],
    );
    assert_observed(&stage, "bucket-objects", &["bucket"], &[("lake", "123456")]);
    assert_no_leak(&stage.place, &[FUNCTION_SECRET], &[&ran], "i-0bbb");
    assert_eq!(stage.simulator.refusals(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_that_may_not_be_read_or_is_broken_keeps_no_other_and_no_money_away() {
    let mut stage = Stage::new("regions = [\"eu-west-1\"]", "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    stage.simulator.deny("eks:ListClusters");
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Truncated).at("ec2:DescribeVolumes"));
    stage
        .simulator
        .faults()
        .add(Fault::new(Act::Html).at("rds:DescribeDBInstances"));
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(65), "{ran:?}");
    for says in [
        "inventory of eu-west-1: ListClusters: the role lacks the permission eks:ListClusters",
        "inventory of eu-west-1: DescribeVolumes: the reply is cut off or no XML",
        "inventory of eu-west-1: DescribeDBInstances: ",
    ] {
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
    }
    assert_eq!(observed(&stage, "instance", &["instance"]).len(), 5);
    assert_eq!(observed(&stage, "bucket", &["bucket"]).len(), 2);
    assert_eq!(observed(&stage, "volume", &["volume"]).len(), 0);
    assert!(
        !finops_tests::aws::books::spend(&stage.place.state())
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_carry_their_tags_and_none_is_taken_for_another_where_tags_cannot_be_read() {
    let settings = "regions = [\"eu-west-1\", \"us-east-1\"]\ninventory = [\"s3\"]\nbucket-tags = true";
    let mut stage = Stage::new(settings, "").await.unwrap();
    stage.set_now("2026-08-03T12:00:00Z").unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_observed(
        &stage,
        "bucket",
        &["bucket", "tag:team", "tag:stage"],
        &[
            ("lake,data,prod", "1"),
            ("acme-billing,-,-", "1"),
            ("far,-,-", "1"),
        ],
    );
    assert_eq!(stage.simulator.refusals(), [""; 0]);

    let mut denied = Stage::new(settings, "").await.unwrap();
    denied.set_now("2026-08-03T12:00:00Z").unwrap();
    denied.simulator.deny("tagging:GetResources");
    let ran = denied.collect().unwrap();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("GetResources"), "{}", ran.stderr);
    assert_eq!(observed(&denied, "bucket", &["bucket"]).len(), 0);
}
