//! The log, notes and failures: floods of words.

mod hostile {
    use crate::ends::{assert_limit, assert_trapped};
    use finops_host::sandbox::{FailureKind, failure::LimitReached, limits::MESSAGE};
    use finops_tests::hostile::{Act, Stage, assert_done, assert_failed};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn log_lines_without_an_end_fill_the_log_and_no_more_also_where_they_are_empty() {
        let stage = Stage::new().unwrap();
        for act in ["flood-log", "flood-empty-log", "flood-stdout"] {
            let flood = |count: i64| {
                Act::new(act)
                    .set("count", count)
                    .with("[limits]\nlog = \"16KiB\"\ncpu = \"200ms\"")
            };
            let collectors = || stage.log().lines_with("\"target\":\"collector\"").len();
            let before = collectors();
            let summary = stage.perform(&flood(0)).await.unwrap();
            assert_limit(act, &summary, LimitReached::Cpu(Duration::from_millis(200)));
            assert!(summary.counts.log <= 16 << 10, "{act}: {:?}", summary.counts);
            assert!(summary.counts.log_dropped > 0, "{act}: {:?}", summary.counts);
            // Other tests of this process log meanwhile, though not much.
            assert!(collectors() - before < 1_000, "{act}");
            let summary = stage.perform(&flood(2)).await.unwrap();
            assert_done(act, &summary);
            assert_eq!(summary.counts.log_dropped, 0, "{act}");
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn notes_of_a_thousand_rounds_count_as_log_lines() {
        let stage = Stage::new().unwrap();
        let act = Act::new("forever-more")
            .set("size", 4_000)
            .with("[limits]\nlog = \"16KiB\"");
        let summary = stage.perform(&act).await.unwrap();
        assert_limit("more", &summary, LimitReached::Rounds(1_000));
        assert!(summary.counts.log <= 16 << 10, "{:?}", summary.counts);
        assert!(summary.counts.log_dropped > 900, "{:?}", summary.counts);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_line_note_or_failure_is_cut() {
        let stage = Stage::new().unwrap();
        let long = |act: &str, size: i64| {
            let limits = "[limits]\nmemory = \"400MiB\"";
            Act::new(act).set("size", size).with(limits)
        };
        let summary = stage.perform(&long("long-line", 5 << 20)).await.unwrap();
        assert_done("long line", &summary);
        assert!(summary.counts.log < 2 * MESSAGE as u64, "{:?}", summary.counts);
        let summary = stage.perform(&long("long-note", 5 << 20)).await.unwrap();
        assert_done("long note", &summary);
        assert!(summary.note.unwrap().len() < 500);
        let summary = stage.perform(&long("long-failure", 5 << 20)).await.unwrap();
        assert_failed("long failure", &summary, FailureKind::Internal, "fff");
        assert!(summary.error.as_ref().unwrap().len() < 500);
        // What does not fit through the border ends the guest.
        for act in ["long-line", "long-note", "long-failure"] {
            let summary = stage.perform(&long(act, 50 << 20)).await.unwrap();
            assert_trapped(act, &summary, "");
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
