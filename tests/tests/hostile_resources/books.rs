//! The ledger's disk and locks: too much of everything, and half of something.

mod hostile {
    use crate::ends::{assert_limit, assert_trapped};
    use finops_host::{
        ledger::store::open_read_only,
        sandbox::{FailureKind, failure::LimitReached},
    };
    use finops_tests::hostile::{Act, Stage, assert_done, assert_failed};

    /// Each kind of attack has an account of its own: what lowers the figures of another would be held, and stay staged.
    fn act(act: &str, count: i64, size: i64, limits: &str) -> Act {
        let account = format!("{act} {}", limits.replace(['\n', '"'], " "));
        Act::new(act)
            .set("account", account)
            .set("count", count)
            .set("size", size)
            .with(&format!("[limits]\n{limits}"))
    }

    /// Rows that a run has staged and not committed.
    fn staged(stage: &Stage) -> i64 {
        let ledger = open_read_only(&stage.place().state()).unwrap();
        let sql = "SELECT (SELECT count(*) FROM staged_record) + (SELECT count(*) FROM staged_writer)";
        ledger.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn endless_writing_ends_with_the_limit_that_it_reaches() {
        let stage = Stage::new().unwrap();
        // What, how much of what size, under which limits; and how much of it is well.
        for (what, size, limits, limit, well) in [
            ("records", 0, "records = 100", LimitReached::Records(100), 100),
            (
                "records",
                1_000,
                "staged = \"1MiB\"",
                LimitReached::Staged(1 << 20),
                40,
            ),
            ("writers", 0, "writers = 4", LimitReached::Writers(4), 4),
            ("partitions", 0, "", LimitReached::Partitions(1_000), 1_000),
            (
                "write-days",
                0,
                "writers = 1\npartitions = 10",
                LimitReached::Partitions(10),
                10,
            ),
            (
                "drop-writers",
                0,
                "writers = 1\npartitions = 10",
                LimitReached::Partitions(10),
                10,
            ),
            (
                "observations",
                0,
                "observations = 20",
                LimitReached::Observations(20),
                20,
            ),
            (
                "large-observations",
                20_000,
                "staged = \"1MiB\"",
                LimitReached::Staged(1 << 20),
                40,
            ),
        ] {
            // Partitions are told in one call: a list without an end would be the guest's memory.
            let endless = if what == "partitions" { well + 1 } else { 0 };
            let summary = stage.perform(&act(what, endless, size, limits)).await.unwrap();
            assert_limit(what, &summary, limit);
            assert_eq!(staged(&stage), 0, "{what}");
            let summary = stage.perform(&act(what, well, size, limits)).await.unwrap();
            assert_done(what, &summary);
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_single_thing_that_is_too_large_is_refused_and_nothing_of_it_stays() {
        let stage = Stage::new().unwrap();
        for (what, (count, size), words, (well, well_size)) in [
            ("batch", (10_001, 0), "at most 10000", (10_000, 0)),
            ("huge-record", (0, 33 << 10), "larger than 32 KiB", (0, 30 << 10)),
            ("wide-record", (0, 17 << 10), "larger than 32 KiB", (0, 15 << 10)),
            ("tags", (65, 0), "more than 64 tags", (64, 0)),
            ("extra", (65, 0), "more than 64 tags", (64, 0)),
            ("checkpoint", (0, (64 << 10) + 1), "checkpoint", (0, 64 << 10)),
            (
                "large-observations",
                (1, 33 << 10),
                "larger than 32 KiB",
                (1, 30 << 10),
            ),
            ("long-sources", (1, 2_000), "longer than 1024 bytes", (1, 1_000)),
        ] {
            let summary = stage.perform(&act(what, count, size, "")).await.unwrap();
            assert_failed(what, &summary, FailureKind::Internal, words);
            assert_eq!(staged(&stage), 0, "{what}");
            let summary = stage.perform(&act(what, well, well_size, "")).await.unwrap();
            assert_done(what, &summary);
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thing_of_many_megabytes_ends_the_guest_at_the_border_or_in_its_own_memory() {
        let stage = Stage::new().unwrap();
        let large = "memory = \"256MiB\"";
        let summary = stage
            .perform(&act("checkpoint", 0, 20 << 20, large))
            .await
            .unwrap();
        assert_trapped("checkpoint of 20 MiB", &summary, "");
        let summary = stage
            .perform(&act("huge-record", 0, 40 << 20, large))
            .await
            .unwrap();
        assert_trapped("record of 40 MiB", &summary, "");
        let summary = stage.perform(&act("checkpoint", 0, 1 << 30, "")).await.unwrap();
        assert_limit("checkpoint of 1 GiB", &summary, LimitReached::Memory(128 << 20));
        assert_eq!(staged(&stage), 0);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_books_take_no_words_of_other_kinds_and_for_other_providers() {
        let stage = Stage::new().unwrap();
        for (what, kind, words) in [
            ("wrong-provider", FailureKind::Internal, "provider"),
            ("foreign-observation", FailureKind::Internal, "provider"),
            ("wrong-observation", FailureKind::Internal, "no observation"),
            ("unknown-stream", FailureKind::Internal, "no stream"),
            (
                "committed-twice",
                FailureKind::Internal,
                "two writers of one commit",
            ),
            ("outside-partition", FailureKind::MalformedReply, "lies outside"),
        ] {
            let summary = stage.perform(&Act::new(what)).await.unwrap();
            assert_failed(what, &summary, kind, words);
            assert_eq!(staged(&stage), 0, "{what}");
        }
        let ledger = open_read_only(&stage.place().state()).unwrap();
        let foreign: i64 = ledger
            .query_row(
                "SELECT count(*) FROM source WHERE provider <> 'hostile'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(foreign, 0, "a source of another provider is claimed");
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_not_committed_leaves_nothing_and_what_was_committed_stays() {
        let stage = Stage::new().unwrap();
        let records = |stage: &Stage| -> i64 {
            let ledger = open_read_only(&stage.place().state()).unwrap();
            let sql = "SELECT count(*) FROM record WHERE until_commit IS NULL";
            ledger.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let summary = stage.perform(&Act::new("never-committed")).await.unwrap();
        assert_done("never committed", &summary);
        assert_eq!((staged(&stage), records(&stage)), (0, 0), "never committed");
        let summary = stage.perform(&Act::new("half-written")).await.unwrap();
        assert_trapped("half written", &summary, "unreachable");
        assert_eq!((staged(&stage), records(&stage)), (0, 0), "half written");
        let act = Act::new("half-committed").set("amount", "7.25");
        let summary = stage.perform(&act).await.unwrap();
        assert_trapped("half committed", &summary, "unreachable");
        assert_eq!(summary.counts.receipts.added, 1);
        assert_eq!((staged(&stage), records(&stage)), (0, 1), "half committed");
        assert_done("the rest", &stage.perform(&Act::new("behave")).await.unwrap());
        stage.assert_unharmed(&[]).await.unwrap();
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn no_amount_and_no_day_of_a_guest_spoils_the_sums_of_others() {
        let stage = Stage::new().unwrap();
        let most = "170141183460469231731.687303715884105727";
        for amount in [most, "-170141183460469231731", "1e20", "1000000000000.000001"] {
            for account in ["one", "another"] {
                let act = Act::new("behave").set("account", account).set("amount", amount);
                let summary = stage.perform(&act).await.unwrap();
                assert_failed(
                    amount,
                    &summary,
                    FailureKind::MalformedReply,
                    "the most that a record",
                );
            }
        }
        let trillion = Act::new("behave").set("amount", "1000000000000");
        assert_done("a trillion", &stage.perform(&trillion).await.unwrap());
        let days = Act::new("extreme-days").set("account", "extreme");
        assert_done("days", &stage.perform(&days).await.unwrap());
        for arguments in [
            vec!["costs"],
            vec!["costs", "--by", "day"],
            vec!["status"],
            vec!["check", "--ledger"],
        ] {
            let ran = tokio::task::block_in_place(|| stage.place().call(&arguments).unwrap());
            assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
