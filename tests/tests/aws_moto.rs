//! The inventory against moto, which another author wrote: its pages, its XML and its check of signatures. The bill comes
//! from the simulator, since moto has none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    aws::{
        Key,
        moto::{Moto, Signatures},
        stage::{Stage, config},
    },
    books,
    program::Ran,
    proof::assert_no_leak,
};
use std::collections::BTreeMap;

const REGION: &str = "eu-west-1";

/// A stage whose inventory is moto's; both servers know one key.
struct Both {
    stage: Stage,
    moto: Moto,
}

impl Both {
    async fn new(signatures: Signatures, inventory: &str) -> Self {
        let moto = Moto::start(REGION, signatures).await.unwrap();
        let mut stage = Stage::new("", "").await.unwrap();
        // moto's clock is the machine's.
        let now = jiff::Timestamp::now().to_string();
        stage.set_now(&now).unwrap();
        stage.simulator.set_keys(vec![Key {
            id: moto.ready.key_id.clone(),
            secret: moto.ready.secret_key.clone(),
            token: None,
            expires: None,
        }]);
        let secrets = stage.place.path().join("secrets");
        std::fs::write(secrets.join("key-id.txt"), &moto.ready.key_id).unwrap();
        std::fs::write(secrets.join("secret-key.txt"), &moto.ready.secret_key).unwrap();
        std::fs::write(secrets.join("moto.pem"), &moto.ca_pem).unwrap();
        let text = config(
            &stage.simulator,
            &format!("regions = [\"{REGION}\"]\ninventory = {inventory}"),
            "",
        );
        let (bill, inventory) = text.split_once("[credentials.aws]").unwrap();
        let inventory = inventory
            .replace(&stage.simulator.addr().to_string(), &moto.addr().to_string())
            .replace("secrets/ca.pem", "secrets/moto.pem");
        stage
            .configure(&format!("{bill}[credentials.aws]{inventory}"))
            .unwrap();
        Self { stage, moto }
    }

    fn collect(&self) -> Ran {
        self.stage.collect().unwrap()
    }

    /// What was observed of a name, by one dimension.
    fn observed(&self, name: &str, key: &str) -> BTreeMap<String, String> {
        let connection = books::open(&self.stage.place.state()).unwrap();
        let sql = "SELECT json_extract(dims, '$.' || ?2), value FROM observation WHERE name = ?1";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([name, key], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// Expected observations.
fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn motos_inventory_is_observed_with_signatures_that_moto_accepts() {
    let both = Both::new(Signatures::Checked, r#"["ec2", "ebs", "rds", "s3"]"#).await;
    let ran = both.collect();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let instances = both.observed("instance", "instance");
    let ids: Vec<&String> = instances.keys().collect();
    let mut expected: Vec<&String> = both.moto.ready.instances.iter().collect();
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!(
        instances.values().filter(|value| *value == "1").count(),
        ids.len() - 1
    );
    let volumes = both.observed("volume", "volume");
    let mut expected: Vec<&String> = both.moto.ready.volumes.iter().collect();
    expected.sort();
    assert_eq!(volumes.keys().collect::<Vec<_>>(), expected);
    assert_eq!(volumes.values().filter(|value| *value == "100").count(), 1);
    assert_eq!(
        both.observed("database-storage", "database"),
        pairs(&[("db-0", "20"), ("db-1", "20")])
    );
    assert_eq!(
        both.observed("bucket", "bucket"),
        pairs(&[("moto-one", "1"), ("moto-two", "1")])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn motos_clusters_and_functions_are_observed_without_their_environment() {
    let both = Both::new(Signatures::Unchecked, r#"["eks", "lambda"]"#).await;
    let ran = both.collect();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        both.observed("cluster", "cluster"),
        pairs(&[("prod", "1"), ("test", "1")])
    );
    assert_eq!(
        both.observed("nodes", "cluster"),
        pairs(&[("prod", "2"), ("test", "2")])
    );
    assert_eq!(
        both.observed("function-memory", "function"),
        pairs(&[("f0", "256"), ("f1", "256"), ("f2", "256")])
    );
    let secrets = ["moto-function-secret", &both.moto.ready.secret_key];
    assert_no_leak(&both.stage.place, &secrets, &[&ran], "function-memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_refused_by_moto() {
    let both = Both::new(Signatures::Checked, r#"["ec2", "ebs", "rds", "s3"]"#).await;
    let secrets = both.stage.place.path().join("secrets");
    std::fs::write(secrets.join("secret-key.txt"), "aSecretThatNobodyKnows0123456789").unwrap();
    let ran = both.collect();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    for operation in [
        "DescribeInstances",
        "DescribeVolumes",
        "DescribeDBInstances",
        "ListBuckets",
    ] {
        let says = format!("inventory of {REGION}: {operation}: ");
        assert!(ran.stderr.contains(&says), "{operation}: {}", ran.stderr);
    }
    assert_eq!(both.observed("instance", "instance"), BTreeMap::new());
}
