//! The host's own memory, as the operating system counts it, while guests attack.

mod hostile {
    use finops_tests::{
        artifacts,
        hostile::Act,
        program::{Place, program},
    };
    use std::process::Command;

    /// Runs its arguments and prints the largest resident set of any process below it, in KiB.
    const MEASURE: &str = "import resource, subprocess, sys\n\
        done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n\
        print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

    /// The exit code and the peak of memory, in MiB, of the program's run of an act.
    fn run(place: &Place, act: &Act) -> (i32, u64) {
        let config = place.file("operator.toml", act.operators_file()).unwrap();
        let output = Command::new("python3")
            .args(["-c", MEASURE])
            .arg(program().unwrap())
            .arg("run")
            .arg(artifacts::guest("hostile").unwrap())
            .arg("--config")
            .arg(config)
            .env("FINOPS_HOST_STATE_DIR", place.state())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (code, peak) = text.trim().split_once(' ').unwrap();
        (code.parse().unwrap(), peak.parse::<u64>().unwrap() >> 10)
    }

    #[test]
    fn the_hosts_memory_stays_small_whatever_a_guest_does() {
        let place = Place::new().unwrap();
        // The first run compiles; its child needs more than any run does.
        assert_eq!(run(&place, &Act::new("behave")).0, 0);
        let (code, usual) = run(&place, &Act::new("behave"));
        assert_eq!(code, 0);
        for (act, size, limits) in [
            ("flood-log", 0, "cpu = \"1s\""),
            ("flood-empty-log", 0, "cpu = \"1s\""),
            ("spin-call", 0, "cpu = \"1s\""),
            ("records", 2_000, "staged = \"64MiB\""),
            ("large-observations", 20_000, "staged = \"64MiB\""),
            ("forever-more", 4_000, ""),
        ] {
            let act = Act::new(act)
                .set("size", size)
                .with(&format!("[limits]\nmemory = \"32MiB\"\n{limits}"));
            let (code, peak) = run(&place, &act);
            let what = act.operators_file();
            assert_eq!(code, 65, "{what}");
            assert!(
                peak < usual + 32 + 64,
                "{peak} MiB against {usual} MiB of a good run:\n{what}"
            );
        }
        assert_eq!(run(&place, &Act::new("behave")).0, 0);
    }
}
