//! systemd's units: what systemd's own tools say of them, and a real systemd that runs them.

use crate::account::{self, Account};
use finops_tests::deploy::{
    may_mount,
    systemd::{Machine, analyze, units},
};
use std::{collections::BTreeSet, fs, path::PathBuf};

fn services() -> Vec<PathBuf> {
    let mut units = units().unwrap();
    units.retain(|unit| unit.extension().is_some_and(|kind| kind == "service"));
    assert_eq!(units.len(), 2);
    units
}

/// The settings of [Service] that are no command's own.
fn walls(unit: &PathBuf) -> BTreeSet<String> {
    let text = fs::read_to_string(unit).unwrap();
    let (_, service) = text.split_once("[Service]").unwrap();
    let (service, _) = service.split_once("\n[Install]").unwrap_or((service, ""));
    let own = ["Type", "Exec", "Environment", "Timeout", "Restart"];
    service
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'))
        .filter(|line| !own.iter().any(|own| line.starts_with(own)) || line.starts_with("ExecPaths"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn both_services_have_the_same_walls() {
    let [one, other] = services().try_into().unwrap();
    let walls_of_one = walls(&one);
    assert!(walls_of_one.len() > 35, "{walls_of_one:?}");
    assert_eq!(walls_of_one, walls(&other));
}

#[test]
#[ignore = "needs Debian's package systemd: cargo xtask test-extra"]
fn systemd_understands_every_unit() {
    let home = tempfile::tempdir().unwrap();
    for unit in units().unwrap() {
        // It looks whether the program is there: another that is stands for it.
        let text = fs::read_to_string(&unit).unwrap();
        let name = unit.file_name().unwrap().to_string_lossy();
        let copy = home.path().join(name.replace('@', "@snowflake"));
        fs::write(&copy, text.replace("/usr/local/bin/finops-host ", "/bin/true ")).unwrap();
    }
    for copy in fs::read_dir(home.path()).unwrap() {
        let said = analyze(
            &["verify", "--man=no", "--recursive-errors=one"],
            &copy.unwrap().path(),
        )
        .unwrap();
        assert_eq!(said, "", "{said}");
    }
}

#[test]
#[ignore = "needs Debian's package systemd: cargo xtask test-extra"]
fn systemd_rates_the_services_as_hardly_exposed() {
    for unit in services() {
        // Tenths of 10; it was 1.1 when this was written, most of it for the network.
        let said = analyze(
            &["security", "--offline=true", "--threshold=15", "--no-pager"],
            &unit,
        )
        .unwrap();
        assert!(said.contains("Overall exposure level"), "{said}");
    }
    // The threshold does refuse.
    let home = tempfile::tempdir().unwrap();
    let bare = home.path().join("bare.service");
    fs::write(&bare, "[Service]\nExecStart=/bin/true\n").unwrap();
    analyze(
        &["security", "--offline=true", "--threshold=15", "--no-pager"],
        &bare,
    )
    .unwrap_err();
}

/// A machine at the account's time, with its operator's file for the unit, and its secrets.
fn machine(account: &Account, unit: &str, interval: &str) -> Machine {
    let credentials = format!("/run/credentials/{unit}");
    let file = account
        .file(
            "/usr/local/lib/finops-host/collectors/snowflake.wasm",
            &format!("{credentials}/secret_finops.p8"),
            &format!("{credentials}/secret_ca.pem"),
        )
        .replace("[collector]\n", &format!("[collector]\n{interval}"));
    let secrets = tempfile::tempdir().unwrap();
    for (name, bytes) in account.secrets() {
        fs::write(secrets.path().join(name), bytes).unwrap();
    }
    Machine::new(&account.now, &[("snowflake.toml", &file)], secrets.path()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's packages systemd and musl-tools: cargo xtask test-extra"]
async fn a_real_systemd_runs_the_program_behind_all_its_walls() {
    if !may_mount("units under systemd").unwrap() {
        return;
    }
    let account = Account::open().await;
    tokio::task::block_in_place(|| {
        let unit = "finops-host-run@snowflake.service";
        let machine = machine(&account, unit, "");
        let ended = machine.run(unit).unwrap();
        assert_eq!(ended.result, "success 0", "{ended:?}");
        println!(
            "{}",
            ended
                .stderr
                .lines()
                .find(|line| line.contains("confined"))
                .unwrap_or("not confined")
        );
        account::holds_the_whole_bill(&machine.state());
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's packages systemd and musl-tools: cargo xtask test-extra"]
async fn a_real_systemd_has_the_service_serve_behind_the_same_walls_until_it_is_stopped() {
    if !may_mount("the service under systemd").unwrap() {
        return;
    }
    let account = Account::open().await;
    tokio::task::block_in_place(|| {
        let unit = "finops-host.service";
        let machine = machine(&account, unit, "interval = \"12h\"\n");
        let ended = machine.run_until(unit, "a run ended").unwrap();
        assert_eq!(ended.result, "success 0", "{ended:?}");
        assert!(ended.stderr.contains("listening on"), "{ended:?}");
        account::holds_the_whole_bill(&machine.state());
    });
}
