//! The composition: what docker-compose itself reads in it, held against what it promises, and its operator's file in the container
//! that it describes.

use finops_tests::deploy::{
    USER,
    container::{Access, Container},
    examples, may_mount,
    pod::{list, text},
    yaml,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command};

fn folder() -> PathBuf {
    examples().join("compose")
}

/// The composition as docker-compose understands it, its short forms written out.
fn composition() -> Value {
    let output = Command::new("docker-compose")
        .args(["--file", "compose.yaml", "config"])
        .current_dir(folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    yaml::documents(&said).unwrap().remove(0)
}

#[test]
#[ignore = "needs Debian's package docker-compose: cargo xtask test-extra"]
fn every_service_is_read_only_without_privileges_and_bounded() {
    let composition = composition();
    let services = composition["services"].as_object().unwrap();
    assert_eq!(services.len(), 2);
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(
            service["security_opt"],
            json!(["no-new-privileges:true"]),
            "{name}"
        );
        assert!(
            service.get("mem_limit").is_some() && service.get("pids_limit").is_some(),
            "{name}"
        );
        assert!(
            list(service, "/tmpfs")
                .iter()
                .all(|mount| mount.as_str().unwrap().contains("noexec")),
            "{name}"
        );
        for absent in [
            "privileged",
            "cap_add",
            "ports",
            "network_mode",
            "pid",
            "env_file",
            "environment",
        ] {
            assert!(service.get(absent).is_none(), "{name}: {absent}");
        }
        // Neither has a shell's string for it.
        assert_eq!(service["healthcheck"]["test"][0], "CMD", "{name}");
    }
    let host = &services["finops-host"];
    assert_eq!(host["user"], format!("{USER}:{USER}"));
    assert_eq!(
        host["command"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        "serve /etc/finops-host/instances --listen 127.0.0.1:9464 --parallel 4"
    );
    let mounts = list(host, "/volumes");
    let files = mounts
        .iter()
        .find(|mount| text(mount, "/target") == "/etc/finops-host/instances");
    assert_eq!(files.unwrap()["read_only"], true);
    // The destination has no authentication: it is on the inner network alone.
    assert_eq!(composition["networks"]["destination"]["internal"], true);
    let networks: Vec<&String> = services["openfinops"]["networks"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(networks, ["destination"]);
}

#[test]
#[ignore = "needs Debian's packages docker-compose and musl-tools: cargo xtask test-extra"]
fn its_operators_file_is_understood_with_its_collector_and_finds_its_secret() {
    if !may_mount("the composition's container").unwrap() {
        return;
    }
    let composition = composition();
    let host = &composition["services"]["finops-host"];
    let home = tempfile::tempdir().unwrap();
    let mut container = Container::new().unwrap();
    container.named_volume().unwrap();
    for mount in list(host, "/volumes") {
        if text(mount, "/type") == "bind" {
            container.mount(
                Access::ReadOnly,
                text(mount, "/source").as_ref(),
                text(mount, "/target"),
            );
        }
    }
    for secret in list(host, "/secrets") {
        let name = text(secret, "/source");
        let file = home.path().join(name);
        fs::write(&file, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        std::os::unix::fs::chown(&file, Some(USER), Some(USER)).unwrap();
        container.mount(Access::ReadOnly, &file, &format!("/run/secrets/{name}"));
    }
    let mut checked = 0;
    for entry in fs::read_dir(folder().join("instances")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = fs::read_to_string(folder().join("instances").join(&name)).unwrap();
        let component = text
            .split("component = \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let path = format!("/etc/finops-host/instances/{name}");
        let ran = container
            .run(
                "/finops-host",
                &["check", &path, "--component", component, "--json"],
            )
            .unwrap();
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        checked += 1;
    }
    assert_eq!(checked, 1);
}
