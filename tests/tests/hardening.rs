//! The process's own walls, through the real program: what it gives up, what it may touch, and that it still does its work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

use finops_tests::{
    artifacts,
    program::{NOW, Place, Ran, program},
    snowflake::golden::State,
    stage::{Stage, config},
};
use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

/// A user who is not root and owns nothing.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Asserts that the program told what confines it, and whether anything does.
#[track_caller]
fn is_confined(ran: &Ran) -> bool {
    let confined = ran.stderr.contains("confined by landlock");
    assert!(
        confined || ran.stderr.contains("the process is not confined"),
        "{ran:?}"
    );
    println!("landlock confines here: {confined}");
    confined
}

/// Mounts the secrets as Kubernetes does: a directory for each version, and a link that is swapped.
fn mount(place: &Path, version: u32) {
    let mounted = place.join("mounted");
    let directory = mounted.join(format!("..{version}"));
    fs::create_dir_all(&directory).unwrap();
    for name in ["finops.p8", "ca.pem"] {
        fs::copy(place.join("secrets").join(name), directory.join(name)).unwrap();
        let _ = symlink(Path::new("..data").join(name), mounted.join(name));
    }
    symlink(format!("..{version}"), mounted.join("..next")).unwrap();
    fs::rename(mounted.join("..next"), mounted.join("..data")).unwrap();
    if version > 1 {
        fs::remove_dir_all(mounted.join(format!("..{}", version - 1))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confined_run_collects_with_a_secret_that_is_rotated_behind_links() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let text = config(&stage.simulator, "", "");
    stage
        .configure(&text.replace("\"secrets/", "\"mounted/"))
        .unwrap();
    for version in 1..=2 {
        mount(stage.place.path(), version);
        let ran = stage.collect().unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        is_confined(&ran);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_writes_is_for_its_user_alone() {
    let mut stage = Stage::new("", "").await.unwrap();
    stage.go_to(State::Initial).unwrap();
    let state = stage.place.state();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    let ran = stage.collect().unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("was open to others (mode 0755)"), "{ran:?}");
    assert_eq!(mode(&state), 0o700);
    let mut seen = Vec::new();
    let mut left = vec![state];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
            if path.is_dir() {
                left.push(path.clone());
            }
            seen.push(path);
        }
    }
    assert!(seen.iter().any(|path| path.ends_with("ledger.db")));
    assert!(
        seen.iter()
            .any(|path| path.extension().is_some_and(|it| it == "code"))
    );
}

#[test]
fn another_users_state_directory_is_refused() {
    let place = Place::new().unwrap();
    fs::create_dir(place.state()).unwrap();
    if chown(place.state(), Some(NOBODY), None).is_err() {
        println!("not shown: only root can give a directory away");
        return;
    }
    let config = place.file("c.toml", "[settings]\nact = \"behave\"\n").unwrap();
    let ran = place.run(&artifacts::guest("hostile").unwrap(), &config).unwrap();
    assert_eq!(ran.code, Some(74), "{ran:?}");
    assert!(
        ran.stderr.contains("belongs to user 65534") && ran.stderr.contains("--state-dir"),
        "{ran:?}"
    );
    assert_eq!(fs::read_dir(place.state()).unwrap().count(), 0);
}

#[test]
fn a_run_as_root_is_warned_about_once_and_other_commands_are_not() {
    let place = Place::new().unwrap();
    let config = place.file("c.toml", "[settings]\nact = \"behave\"\n").unwrap();
    let guest = artifacts::guest("hostile").unwrap();
    let ran = place.run(&guest, &config).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let warning = "run finops-host as a user of its own";
    assert_eq!(
        ran.stderr.matches(warning).count(),
        usize::from(is_root()),
        "{ran:?}"
    );
    let guest = guest.to_str().unwrap();
    for arguments in [&["costs"][..], &["inspect", guest], &["init", guest]] {
        let ran = place.call(arguments).unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!ran.stderr.contains(warning), "{ran:?}");
    }
}

/// The program as a user who is not root, in a place that this user owns.
struct Nobody(Place);

impl Nobody {
    fn new() -> Self {
        let place = Place::new().unwrap();
        let from = program().unwrap();
        let to = place.path().join("finops-host");
        fs::hard_link(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(drop))
            .unwrap();
        fs::copy(artifacts::guest("hostile").unwrap(), place.path().join("c.wasm")).unwrap();
        if is_root() {
            for path in [place.path(), &place.path().join("c.wasm")] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        Self(place)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0.path().join("finops-host"));
        command
            .args(arguments)
            .env_clear()
            .env("FINOPS_HOST_STATE_DIR", self.0.state())
            .env("FINOPS_HOST_NOW", NOW)
            .current_dir(self.0.path());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.0.file(name, text).unwrap();
        if is_root() {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

#[test]
fn a_user_who_is_not_root_compiles_and_runs() {
    let nobody = Nobody::new();
    nobody.file("c.toml", "[settings]\nact = \"behave\"\n");
    let ran = Ran::of(
        &nobody
            .command(&["run", "c.wasm", "--config", "c.toml", "--json"])
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    is_confined(&ran);
    let costs = Ran::of(&nobody.command(&["costs", "--json"]).output().unwrap());
    assert_eq!(costs.json().unwrap()["rows"][0]["effective"], "1", "{costs:?}");
}

#[test]
fn a_running_collector_cannot_be_dumped_traced_or_given_privileges() {
    let nobody = Nobody::new();
    nobody.file(
        "c.toml",
        "[settings]\nact = \"sleep\"\n[limits]\nwall = \"60s\"\n",
    );
    let mut child = nobody
        .command(&["run", "c.wasm", "--config", "c.toml"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Once it has said this, all of it is done.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let confined = lines.find(|line| {
        let line = line.as_ref().unwrap();
        line.contains("confined")
    });
    let process = Path::new("/proc").join(child.id().to_string());
    let read = |name: &str| fs::read_to_string(process.join(name)).unwrap();
    let (status, limits) = (read("status"), read("limits"));
    // What cannot be dumped belongs to root, and so it can neither be traced nor read by others of its user.
    let owner = fs::metadata(process.join("mem")).unwrap().uid();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(confined.is_some());
    assert_eq!(owner, 0);
    let line = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.trim_start_matches(name)
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(line(&status, "NoNewPrivs:"), "1");
    assert_eq!(line(&status, "Umask:"), "0077");
    assert_eq!(line(&limits, "Max core file size"), "0");
}
