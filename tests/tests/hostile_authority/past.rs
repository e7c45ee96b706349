//! Last year's figures: a guest cannot empty, lower or raise them unasked. Such commits wait for the operator.

mod hostile {
    use finops_host::{
        cli::exit::Exit,
        ledger::{
            query::{CostFilter, costs},
            store::open_read_only,
        },
    };
    use finops_tests::{
        artifacts,
        hostile::{Act, Stage, assert_done},
        program::{Place, Ran},
    };

    /// A day more than a year ago, and one that is read again in each run.
    const PAST: i64 = 400;

    fn act(act: &str, amount: &str) -> Act {
        Act::new(act).set("count", PAST).set("amount", amount)
    }

    fn total(state: &std::path::Path) -> Vec<String> {
        let ledger = open_read_only(state).unwrap();
        let rows = costs(&ledger, &CostFilter::default()).unwrap();
        rows.iter().map(|row| row.effective.to_string()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_guest_does_to_an_old_partition_is_held_and_the_books_stay_as_they_are() {
        let stage = Stage::new().unwrap();
        let state = stage.place().state();
        assert_done(
            "the past",
            &stage.perform(&act("write-day", "100")).await.unwrap(),
        );
        for attack in [
            act("empty-day", "0"),
            act("write-day", "1"),
            act("write-day", "0"),
            act("write-day", "-100"),
            act("write-day", "1000000"),
        ] {
            let what = attack.operators_file();
            let summary = stage.perform(&attack).await.unwrap();
            assert_done(&what, &summary);
            assert_eq!(summary.counts.receipts.held, 1, "{what}");
            assert_eq!(total(&state), ["100"], "{what}");
        }
        // Unchanged figures are no attack.
        let summary = stage.perform(&act("write-day", "100")).await.unwrap();
        assert_eq!(summary.counts.receipts.held, 0);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    fn run(place: &Place, act: &Act) -> Ran {
        let config = place.file("operator.toml", act.operators_file()).unwrap();
        place.run(&artifacts::guest("hostile").unwrap(), &config).unwrap()
    }

    #[test]
    fn the_program_says_69_shows_what_is_held_and_applies_it_only_by_the_operators_word() {
        let place = Place::new().unwrap();
        assert_eq!(run(&place, &act("write-day", "100")).code, Some(0));
        let ran = run(&place, &act("empty-day", "0"));
        assert_eq!(ran.code, Some(Exit::Refused as i32), "{ran:?}");
        assert_eq!(total(&place.state()), ["100"]);
        let held = place
            .call(&["ledger", "review", "--json"])
            .unwrap()
            .json()
            .unwrap();
        assert_eq!(held["held"].as_array().unwrap().len(), 1, "{held}");
        assert!(
            held["held"][0]["reason"].as_str().unwrap().contains("look-back"),
            "{held}"
        );
        let number = held["held"][0]["commit"].to_string();
        let accepted = place.call(&["ledger", "accept", number.as_str()]).unwrap();
        assert_eq!(accepted.code, Some(0), "{accepted:?}");
        assert_eq!(total(&place.state()), [""; 0]);
        assert_eq!(place.call(&["check", "--ledger"]).unwrap().code, Some(0));
    }
}
