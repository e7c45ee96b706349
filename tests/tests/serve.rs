//! `serve`: many instances in one process, each on its own schedule; broken ones among them, files that change, and its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    crash::Errand,
    served::{Served, of},
    snowflake::golden::{self, State},
    stage::{self, Stage},
};
use rustix::process::Signal;
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A directory of operator's files, and the destination that they name.
struct Site {
    errand: Errand,
    directory: PathBuf,
}

impl Site {
    fn new() -> Self {
        let errand = Errand::new().unwrap();
        let directory = errand.place.path().join("instances");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        Self { errand, directory }
    }

    /// The file of an instance of the test guest.
    fn text(&self, name: &str, collector: &str, settings: &str) -> String {
        format!(
            "[collector]\nname = \"{name}\"\ncomponent = \"{}\"\n{collector}\n\n[settings]\naccount = \"{name}\"\n{settings}\n\n\
             [openfinops]\nendpoint = \"{}\"\n",
            artifacts::guest("hostile").unwrap().display(),
            self.errand.recorder.url()
        )
    }

    fn instance(&self, name: &str, collector: &str, settings: &str) -> PathBuf {
        self.write(name, &self.text(name, collector, settings))
    }

    /// Written beside and moved there, as careful programs do.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(format!("{name}.toml"));
        let beside = self.errand.place.file(&format!("{name}.new"), text).unwrap();
        fs::rename(beside, &path).unwrap();
        path
    }

    fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    fn serve_with(&self, more: &[&str]) -> Served {
        Served::start(&self.errand.place, &self.directory, more).unwrap()
    }

    fn assert_arrives(&self, served: &mut Served, amount: &str) {
        // Delivery tells when it has sent something; what it tells first may be of an earlier run.
        while self.errand.arrived().unwrap() != amount.parse().unwrap() {
            served.says("delivered").unwrap();
        }
    }
}

/// A GET as a supervisor makes it: status and body.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[track_caller]
fn assert_stops_well(served: Served) -> Vec<serde_json::Value> {
    let (code, lines) = served.stop().unwrap();
    assert_eq!(code, Some(0), "{lines:#?}");
    lines
}

fn runs(state: &Path, instance: &str) -> i64 {
    books::open(state)
        .unwrap()
        .query_row(
            "SELECT count(*) FROM run WHERE instance = ?1",
            [instance],
            |row| row.get(0),
        )
        .unwrap()
}

#[test]
fn all_instances_of_a_directory_run_and_their_money_arrives() {
    let site = Site::new();
    for (name, amount) in [("one", "1.10"), ("two", "2.20"), ("three", "3.30")] {
        site.instance(
            name,
            "interval = \"1h\"",
            &format!("act = \"behave\"\namount = \"{amount}\""),
        );
    }
    let mut served = site.serve();
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < 3 {
        let line = served
            .wait_for(|line| of(line, "message") == "a run ended")
            .unwrap();
        assert_eq!(of(&line, "outcome"), "done", "{line}");
        ended.insert(of(&line, "instance").to_owned());
    }
    site.assert_arrives(&mut served, "6.60");
    assert_stops_well(served);
    site.errand.assert_lawful().unwrap();
    for name in ["one", "two", "three"] {
        assert_eq!(runs(&site.errand.place.state(), name), 1, "{name}");
    }
}

#[test]
fn broken_files_and_hostile_components_hold_up_no_other() {
    let site = Site::new();
    site.write("syntax", "[collector\n");
    site.write("nameless", "[collector]\nname = \"nameless\"\n");
    site.write("missing", "[collector]\ncomponent = \"nowhere.wasm\"\n");
    site.instance(
        "pinned",
        &format!("sha256 = \"{}\"", "0".repeat(64)),
        "act = \"behave\"",
    );
    site.errand
        .place
        .file("instances/rubbish.wasm", "no component")
        .unwrap();
    site.write("rubbish", "[collector]\ncomponent = \"rubbish.wasm\"\n");
    site.instance("panics", "", "act = \"panic\"");
    site.instance("spins", "", "act = \"spin\"\n\n[limits]\ncpu = \"1s\"");
    site.instance("well", "", "act = \"behave\"\namount = \"5\"");
    let mut served = site.serve_with(&["--parallel", "1"]);
    let read = served
        .wait_for(|line| of(line, "message") == "files are read")
        .unwrap();
    assert_eq!(
        (read["instances"].as_u64(), read["refused"].as_u64()),
        (Some(3), Some(5)),
        "{read}"
    );
    let said = |part: &str| {
        let lines = served.seen().iter().map(|line| of(line, "message"));
        lines.filter(|line| line.contains(part)).count()
    };
    for part in [
        "syntax.toml",
        "names no component",
        "nowhere.wasm",
        "sha256",
        "rubbish.wasm",
    ] {
        assert_eq!(said(part), 1, "{part}: {:#?}", served.seen());
    }
    let mut outcomes = std::collections::BTreeMap::new();
    while outcomes.len() < 3 {
        let line = served
            .wait_for(|line| {
                of(line, "message").starts_with("a run ended")
                    || of(line, "message").starts_with("a run failed")
            })
            .unwrap();
        outcomes.insert(of(&line, "instance").to_owned(), of(&line, "outcome").to_owned());
    }
    let expected = [("panics", "trap"), ("spins", "limit"), ("well", "done")];
    assert_eq!(
        outcomes,
        expected
            .map(|(name, how)| (name.to_owned(), how.to_owned()))
            .into()
    );
    site.assert_arrives(&mut served, "5");
    assert_stops_well(served);
    site.errand.assert_lawful().unwrap();
}

#[test]
fn a_changed_file_is_taken_over_a_broken_one_is_not_and_a_deleted_one_is_gone() {
    let site = Site::new();
    // An hour's turn does not come in this test: what runs, runs because a file changed.
    let slow = "interval = \"24h\"\njitter = \"0s\"";
    site.instance("acme", slow, "act = \"say-failure\"");
    let mut served = site.serve();
    served.says_of("acme", "a run failed").unwrap();
    // Broken: the former version stays.
    let text = site.text("acme", slow, "act = \"behave\"\namount = \"4\"");
    site.write("acme", &text.replace("[settings]", "[setings]"));
    let why = served.says("its former version stays in force").unwrap();
    assert!(of(&why, "message").contains("settings"), "{why}");
    // Mended: it had failed, so it runs at once.
    site.write("acme", &text);
    served.says_of("acme", "a run ended").unwrap();
    site.assert_arrives(&mut served, "4");
    // Another instance appears.
    let other = site.instance("other", slow, "act = \"behave\"\namount = \"3\"");
    served.says_of("other", "a run ended").unwrap();
    site.assert_arrives(&mut served, "7");
    fs::remove_file(other).unwrap();
    let read = served.says("files are read").unwrap();
    assert_eq!(read["instances"].as_u64(), Some(1), "{read}");
    served.signal(Signal::HUP).unwrap();
    served.says("asked to read the files again").unwrap();
    let read = served.says("files are read").unwrap();
    assert_eq!(read["instances"].as_u64(), Some(1), "{read}");
    assert_stops_well(served);
    assert_eq!(runs(&site.errand.place.state(), "acme"), 2);
    site.errand.assert_lawful().unwrap();
}

#[test]
fn instances_that_name_different_destinations_are_not_served_together() {
    let site = Site::new();
    site.instance("a-first", "", "act = \"behave\"\namount = \"1\"");
    let text = site.text("b-second", "", "act = \"behave\"\namount = \"2\"");
    site.write(
        "b-second",
        &text.replace("endpoint = \"http://127.0.0.1", "endpoint = \"http://localhost"),
    );
    let mut served = site.serve();
    let why = served.says("share one ledger").unwrap();
    let said = of(&why, "message");
    assert!(
        said.contains("b-second.toml") && said.contains("a-first.toml"),
        "{said}"
    );
    site.assert_arrives(&mut served, "1");
    assert_stops_well(served);
}

#[test]
fn after_a_restart_one_run_makes_up_for_all_that_were_missed_and_none_runs_before_its_turn() {
    let mut site = Site::new();
    site.instance(
        "hourly",
        "cron = \"0 * * * *\"",
        "act = \"behave\"\namount = \"1\"",
    );
    site.instance(
        "daily",
        "cron = \"0 6 * * *\"",
        "act = \"behave\"\namount = \"2\"",
    );
    let mut served = site.serve();
    for _ in 0..2 {
        served
            .wait_for(|line| of(line, "message") == "a run ended")
            .unwrap();
    }
    site.assert_arrives(&mut served, "3");
    assert_stops_well(served);
    // Noon has become half past four: the hourly one missed four turns, the daily one none.
    site.errand.pass(jiff::SignedDuration::from_mins(270)).unwrap();
    let mut served = site.serve();
    served.says_of("hourly", "a run ended").unwrap();
    let lines = assert_stops_well(served);
    let begun = lines
        .iter()
        .filter(|line| of(line, "message") == "a run begins")
        .count();
    assert_eq!(begun, 1, "{lines:#?}");
    let state = site.errand.place.state();
    assert_eq!((runs(&state, "hourly"), runs(&state, "daily")), (2, 1));
}

#[test]
fn a_second_serve_over_the_same_state_is_refused_and_so_is_a_port_that_is_taken() {
    let site = Site::new();
    let mut served = site.serve();
    served.says("files are read").unwrap();
    let place = &site.errand.place;
    let directory = site.directory.to_str().unwrap();
    let second = place
        .call(&["serve", directory, "--listen", "127.0.0.1:0"])
        .unwrap();
    assert_eq!(second.code, Some(69), "{second:?}");
    assert!(second.stderr.contains("another `serve`"), "{second:?}");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let third = place.call(&["serve", directory, "--listen", &taken]).unwrap();
    assert_eq!(third.code, Some(78), "{third:?}");
    assert!(
        third.stderr.contains(&taken) && third.stderr.contains("--listen"),
        "{third:?}"
    );
    let nothing = place.call(&["serve", "nowhere"]).unwrap();
    assert_eq!(nothing.code, Some(78), "{nothing:?}");
    assert_stops_well(served);
}

#[test]
fn asked_to_stop_in_the_middle_of_a_run_it_ends_in_order_and_runs_again_when_its_turn_comes() {
    let mut site = Site::new();
    site.instance(
        "sleeps",
        "interval = \"1h\"",
        "act = \"sleep\"\ncount = 3600000\n\n[limits]\nwall = \"1h\"",
    );
    site.instance("well", "", "act = \"behave\"\namount = \"8\"");
    let mut served = site.serve();
    served.says_of("sleeps", "a run begins").unwrap();
    served.says_of("well", "a run ended").unwrap();
    site.assert_arrives(&mut served, "8");
    let lines = assert_stops_well(served);
    let stopped = lines
        .iter()
        .any(|line| of(line, "instance") == "sleeps" && of(line, "outcome") == "stopped");
    assert!(stopped, "{lines:#?}");
    site.errand.pass(jiff::SignedDuration::from_hours(3)).unwrap();
    let mut served = site.serve();
    served.says_of("sleeps", "a run begins").unwrap();
    assert_stops_well(served);
    site.errand.assert_lawful().unwrap();
}

#[test]
fn killed_in_the_middle_it_loses_nothing_and_counts_nothing_twice() {
    let mut site = Site::new();
    for name in ["one", "two", "three", "four"] {
        site.instance(name, "interval = \"1h\"", "act = \"behave\"\namount = \"1.25\"");
    }
    for _ in 0..3 {
        let mut served = site.serve();
        served
            .wait_for(|line| of(line, "message") == "a run begins")
            .unwrap();
        served.kill().unwrap();
        site.errand.pass(jiff::SignedDuration::from_hours(2)).unwrap();
    }
    let mut served = site.serve();
    site.assert_arrives(&mut served, "5");
    assert_stops_well(served);
    site.errand.assert_lawful().unwrap();
}

#[test]
fn under_a_host_file_each_directory_has_its_ceiling_and_the_host_file_says_how_to_serve() {
    let site = Site::new();
    let place = &site.errand.place;
    let tenant = |name: &str| {
        let directory = place.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        directory
    };
    let (alpha, beta) = (tenant("alpha"), tenant("beta"));
    let text =
        |name: &str, more: &str| site.text(name, "", &format!("act = \"behave\"\namount = \"2\"\n{more}"));
    fs::write(alpha.join("good.toml"), text("good", "")).unwrap();
    let greedy = "\n[[allow]]\nhost = \"bill.example\"\n\n[limits]\nmemory = \"64MiB\"";
    fs::write(beta.join("greedy.toml"), text("greedy", greedy)).unwrap();
    // A name that another tenant has, too: neither is believed.
    fs::write(alpha.join("same.toml"), text("same", "")).unwrap();
    fs::write(beta.join("same.toml"), text("same", "")).unwrap();
    let destination = site.errand.recorder.url();
    let host = place
        .file(
            "host.toml",
            format!(
                "[serve]\nparallel = 2\n\n[[directory]]\npath = \"alpha\"\ndestinations = [\"{destination}\"]\n\n\
                 [[directory]]\npath = \"beta\"\ndestinations = [\"{destination}\"]\n"
            ),
        )
        .unwrap();
    let mut served = Served::start(place, &host, &[]).unwrap();
    served.says_of("good", "a run ended").unwrap();
    let told = |part: &str| {
        served
            .seen()
            .iter()
            .filter(|line| of(line, "message").contains(part))
            .count()
    };
    assert_eq!(told("bill.example"), 1, "{:#?}", served.seen());
    assert_eq!(
        told("the instance name `same` is also that of"),
        2,
        "{:#?}",
        served.seen()
    );
    site.assert_arrives(&mut served, "2");
    assert_stops_well(served);
    assert_eq!(runs(&place.state(), "greedy") + runs(&place.state(), "same"), 0);
}

#[test]
fn health_status_and_metrics_tell_how_instances_stand() {
    let site = Site::new();
    site.instance("well", "interval = \"1h\"", "act = \"behave\"\namount = \"2.50\"");
    site.write("broken", "[collector\n");
    let mut served = site.serve();
    let address = served.address().unwrap();
    served.says_of("well", "a run ended").unwrap();
    site.assert_arrives(&mut served, "2.50");
    assert_eq!(get(address, "/livez"), (200, "alive\n".to_owned()));
    assert_eq!(get(address, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(get(address, "/").0, 404);
    let (status, body) = get(address, "/statusz");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    let well = &told["instances"]["well"];
    assert_eq!(well["last"]["outcome"], "done", "{told:#}");
    assert_eq!(well["activity"]["is"], "waiting", "{told:#}");
    assert!(
        told["instances"]["broken"]["refused"]
            .as_str()
            .unwrap()
            .contains("broken.toml"),
        "{told:#}"
    );
    let (status, metrics) = get(address, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "finops_runs_total{instance=\"well\",outcome=\"done\"} 1",
        "finops_config_files{state=\"refused\"} 1",
        "finops_instance_fit{instance=\"broken\"} 0",
    ] {
        assert!(metrics.lines().any(|seen| seen == line), "{line}: {metrics}");
    }
    assert_stops_well(served);
}

#[test]
fn check_tells_beforehand_what_serve_would_refuse() {
    let site = Site::new();
    site.instance("well", "", "act = \"behave\"");
    site.write("syntax", "[collector\n");
    site.instance(
        "pinned",
        &format!("sha256 = \"{}\"", "0".repeat(64)),
        "act = \"behave\"",
    );
    let ran = site
        .errand
        .place
        .call(&["check", site.directory.to_str().unwrap(), "--json"])
        .unwrap();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    let told = ran.json().unwrap();
    let wrong: Vec<(&str, bool)> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let name = file["path"].as_str().unwrap().rsplit('/').next().unwrap();
            (name, file["errors"].as_array().unwrap().is_empty())
        })
        .collect();
    assert_eq!(
        wrong,
        [
            ("pinned.toml", false),
            ("syntax.toml", false),
            ("well.toml", true)
        ],
        "{told:#}"
    );
}

#[test]
fn a_new_file_whose_component_lies_in_a_new_place_is_out_of_reach_of_a_confined_process_which_says_so() {
    let site = Site::new();
    site.instance("well", "interval = \"24h\"", "act = \"behave\"");
    let mut served = site.serve();
    served.says("files are read").unwrap();
    let confined = served
        .seen()
        .iter()
        .any(|line| of(line, "message").starts_with("confined by landlock"));
    let elsewhere = site.errand.place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(artifacts::guest("hostile").unwrap(), elsewhere.join("copy.wasm")).unwrap();
    let text = site.text("new", "", "act = \"behave\"");
    let here = artifacts::guest("hostile").unwrap().display().to_string();
    site.write(
        "new",
        &text.replace(&here, elsewhere.join("copy.wasm").to_str().unwrap()),
    );
    if confined {
        let why = served.says("copy.wasm").unwrap();
        assert!(of(&why, "message").contains("restart it"), "{why}");
    } else {
        served.says_of("new", "a run ended").unwrap();
    }
    assert_stops_well(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_reads_every_month_of_its_look_back_though_each_call_of_the_collector_commits_one() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let component = artifacts::collector("snowflake").unwrap();
    let keys = format!(
        "[collector]\ninterval = \"12h\"\nlook-back = 63\ncomponent = \"{}\"",
        component.display()
    );
    let text = stage::config(&stage.simulator, "", "[limits]\npartitions = 5000");
    stage.configure(&text.replace("[collector]", &keys)).unwrap();
    tokio::task::block_in_place(|| {
        let mut served = Served::start(&stage.place, stage.place.path(), &[]).unwrap();
        let ended = served.says_of("snowflake-test", "a run ended").unwrap();
        assert_eq!(of(&ended, "outcome"), "done", "{ended}");
        let (code, logged) = served.stop().unwrap();
        assert_eq!(code, Some(0), "{logged:#?}");
    });
    let found = books::snowflake_records(&stage.place.state()).unwrap();
    let counted = golden::totals(State::Initial).unwrap().counted;
    assert_eq!(books::counted(&found).unwrap(), counted);
    assert_eq!(found.len(), golden::records(State::Initial).unwrap().len());
}
