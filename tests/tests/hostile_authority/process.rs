//! The process around a guest: environment, arguments, files, sockets, standard streams, exit.

mod hostile {
    use finops_host::sandbox::RunError;
    use finops_tests::{
        artifacts,
        hostile::{Act, Stage, assert_done},
    };
    use std::{io::Write, process::Stdio};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_guest_finds_no_environment_files_sockets_or_input() {
        let stage = Stage::new().unwrap();
        // Where a file of that name would lie, were the working directory open.
        stage.place().file("token", stage.canary().secret()).unwrap();
        for act in ["environment", "files", "sockets", "stdin"] {
            assert_done(act, &stage.perform(&Act::new(act)).await.unwrap());
        }
        assert!(stage.place().path().join("token").is_file());
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_programs_own_environment_arguments_and_input_do_not_reach_a_guest() {
        let stage = Stage::new().unwrap();
        let place = stage.place();
        for act in ["environment", "files", "sockets", "stdin"] {
            let config = place
                .file("operator.toml", Act::new(act).operators_file())
                .unwrap();
            let mut program = place
                .command()
                .unwrap()
                .arg("run")
                .arg(artifacts::guest("hostile").unwrap())
                .arg("--config")
                .arg(config)
                .env("SECRET", stage.canary().secret())
                .env("HOME", "/root")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = program.stdin.take().unwrap();
            // The program may end before it is written; then nobody read it.
            let _ = input.write_all(stage.canary().secret().as_bytes());
            drop(input);
            let ran = program.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(0), "{act}: {text}");
            assert_eq!(stage.canary().found_in(text.as_bytes()), None, "{act}");
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_guest_that_exits_ends_its_own_run_as_broken_whatever_code_it_gives() {
        let stage = Stage::new().unwrap();
        for code in [0, 1, 7] {
            let summary = stage.perform(&Act::new("exit").set("count", code)).await.unwrap();
            assert!(
                matches!(summary.end, Err(RunError::Trap(_))),
                "{code}: {summary:?}"
            );
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
