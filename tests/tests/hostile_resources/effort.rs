//! Time and memory of a guest that an ordinary compiler made.

mod hostile {
    use crate::ends::{assert_limit, assert_trapped};
    use finops_host::sandbox::failure::LimitReached;
    use finops_tests::hostile::{Act, Stage, assert_done};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_loop_without_an_end_is_stopped_by_its_cpu_time_whatever_it_calls() {
        let stage = Stage::new().unwrap();
        for act in [
            "spin",
            "spin-log",
            "spin-clock",
            "spin-call",
            "spin-open",
            "spin-random",
        ] {
            let act = |count: i64| {
                Act::new(act)
                    .set("count", count)
                    .with("[limits]\ncpu = \"200ms\"")
            };
            let what = act(0).operators_file();
            let summary = stage.perform(&act(0)).await.unwrap();
            assert_limit(&what, &summary, LimitReached::Cpu(Duration::from_millis(200)));
            assert!(summary.usage.cpu_ms >= 200, "{what}: {:?}", summary.usage);
            assert_done(&what, &stage.perform(&act(10)).await.unwrap());
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_year_of_sleep_is_stopped_by_the_wall_clock() {
        let stage = Stage::new().unwrap();
        let act = |count: i64| {
            Act::new("sleep")
                .set("count", count)
                .with("[limits]\nwall = \"400ms\"")
        };
        let summary = stage.perform(&act(0)).await.unwrap();
        assert_limit("sleep", &summary, LimitReached::Wall(Duration::from_millis(400)));
        assert!(
            summary.usage.cpu_ms < 200,
            "sleep costs no CPU: {:?}",
            summary.usage
        );
        assert_done("a nap", &stage.perform(&act(1)).await.unwrap());
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn growth_by_small_steps_is_stopped_by_the_memory() {
        let stage = Stage::new().unwrap();
        let act = |count: i64| {
            Act::new("grow")
                .set("count", count)
                .with("[limits]\nmemory = \"32MiB\"")
        };
        let summary = stage.perform(&act(0)).await.unwrap();
        assert_limit("grow", &summary, LimitReached::Memory(32 << 20));
        assert!(summary.usage.memory <= 32 << 20, "{:?}", summary.usage);
        assert_done("a little", &stage.perform(&act(8)).await.unwrap());
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn recursion_without_an_end_ends_the_guest_and_not_the_host() {
        let stage = Stage::new().unwrap();
        let act = |count: i64| Act::new("recurse").set("count", count);
        assert_trapped("recurse", &stage.perform(&act(0)).await.unwrap(), "");
        assert_done("a little", &stage.perform(&act(100)).await.unwrap());
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_of_50_mb_leaves_a_short_error_and_a_bounded_log() {
        let stage = Stage::new().unwrap();
        let act = |size: i64| {
            Act::new("panic-long")
                .set("size", size)
                .with("[limits]\nmemory = \"400MiB\"\nlog = \"64KiB\"")
        };
        for (size, dropped) in [(50 << 20, true), (100, false)] {
            let summary = stage.perform(&act(size)).await.unwrap();
            assert_trapped("panic", &summary, "unreachable");
            assert!(summary.error.as_ref().unwrap().len() < 500, "{:?}", summary.error);
            assert!(summary.counts.log <= 64 << 10, "{:?}", summary.counts);
            assert_eq!(summary.counts.log_dropped > 0, dropped, "{:?}", summary.counts);
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn asking_to_be_called_again_has_an_end() {
        let stage = Stage::new().unwrap();
        let summary = stage.perform(&Act::new("forever-more")).await.unwrap();
        assert_limit("more", &summary, LimitReached::Rounds(1_000));
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
