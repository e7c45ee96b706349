//! What belongs to another instance of the same state directory: its source, partitions, checkpoint and secret.

mod hostile {
    use finops_host::{
        ledger::{
            query::{CostFilter, costs},
            record::Source,
            store::open_read_only,
        },
        sandbox::FailureKind,
    };
    use finops_tests::hostile::{Act, Stage, assert_done, assert_failed};

    const CHECKPOINT: &str = "checkpoint of the first instance";

    fn first(act: &str) -> Act {
        Act::new(act)
            .instance("first")
            .set("account", "theirs")
            .set("amount", "100")
            .set("text", CHECKPOINT)
    }

    fn second(act: &str) -> Act {
        Act::new(act).instance("second").set("account", "theirs")
    }

    /// What the first instance's account comes to.
    fn theirs(stage: &Stage) -> Vec<String> {
        let filter = CostFilter {
            source: Some(Source {
                provider: "hostile".to_owned(),
                billing_account: "theirs".to_owned(),
                scope: String::new(),
            }),
            ..CostFilter::default()
        };
        let ledger = open_read_only(&stage.place().state()).unwrap();
        let rows = costs(&ledger, &filter).unwrap();
        rows.iter().map(|row| row.effective.to_string()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_instances_source_partitions_and_checkpoint_are_out_of_reach_until_the_operator_gives_them()
     {
        let stage = Stage::new().unwrap();
        let summary = stage.perform(&first("leave-checkpoint")).await.unwrap();
        assert_done("the first instance", &summary);
        for attack in [
            second("behave"),
            second("empty-day"),
            second("leave-checkpoint"),
            second("never-committed"),
            second("observations").set("count", 1),
        ] {
            let what = attack.operators_file();
            let summary = stage.perform(&attack).await.unwrap();
            assert_failed(&what, &summary, FailureKind::Denied, "`finops-host ledger adopt`");
            assert_eq!(theirs(&stage), ["100"], "{what}");
        }
        let summary = stage.perform(&second("look-around")).await.unwrap();
        assert_done("looking around", &summary);
        assert_eq!(summary.note.as_deref(), Some(""), "nothing of the first instance");
        let summary = stage.perform(&first("look-around")).await.unwrap();
        let note = summary.note.unwrap();
        assert!(
            note.contains("partition theirs") && note.contains(CHECKPOINT),
            "{note}"
        );

        let adopt = ["ledger", "adopt", "hostile/theirs", "second"];
        let ran = tokio::task::block_in_place(|| stage.place().call(&adopt).unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let summary = stage
            .perform(&second("behave").set("amount", "200"))
            .await
            .unwrap();
        assert_done("adopted", &summary);
        assert_eq!(theirs(&stage), ["200"]);
        let summary = stage.perform(&first("behave")).await.unwrap();
        assert_failed("the former owner", &summary, FailureKind::Denied, "\"second\"");
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_secret_is_revealed_that_the_operator_does_not_reveal_by_name() {
        let stage = Stage::new().unwrap();
        let file = "[[allow]]\nhost = \"api.example\"\ncredential = \"api\"\n\
                    [credentials.api]\nscheme = \"bearer\"\ntoken = { file = \"canary\" }";
        for name in ["api", "API", "other", "", "api\0", "../canary", "canary", "token"] {
            let attack = Act::new("reveal").set("text", name).with(file);
            let summary = stage.perform(&attack).await.unwrap();
            assert_failed(name, &summary, FailureKind::Denied, "not granted");
        }
        // Another instance that may see the secret changes nothing for this one.
        let revealing = format!("{file}\nreveal = true");
        let other = Act::new("behave").instance("other").with(&revealing);
        assert_done(
            "revealing",
            &stage
                .perform(&other)
                .await
                .unwrap_or_else(|error| panic!("{error}")),
        );
        let attack = Act::new("reveal").set("text", "api").with(file);
        let summary = stage.perform(&attack).await.unwrap();
        assert_failed("beside it", &summary, FailureKind::Denied, "not granted");
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_secret_is_revealed_where_the_operator_says_so_by_name() {
        let stage = Stage::new().unwrap();
        let file = "[[allow]]\nhost = \"api.example\"\ncredential = \"api\"\n\
                    [credentials.api]\nscheme = \"bearer\"\ntoken = { file = \"canary\" }\nreveal = true";
        let act = Act::new("reveal").set("text", "api").with(file);
        let summary = stage.perform(&act).await.unwrap();
        assert_done("granted", &summary);
        assert_eq!(summary.note.as_deref(), Some(stage.canary().secret()));
    }
}
