//! The Dockerfile and its ignored files, as text: its first stage needs a base image, which cannot be had where tests run.

use finops_tests::{artifacts, deploy::examples};
use std::fs;

/// The instructions of the last stage, comments and continuations aside.
fn last_stage() -> Vec<String> {
    let text = fs::read_to_string(examples().join("Dockerfile")).unwrap();
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    let from = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    lines[from..].to_vec()
}

#[test]
fn the_image_has_what_xtask_lays_out_and_nothing_else_and_no_shell_is_needed() {
    assert_eq!(
        last_stage(),
        [
            "FROM scratch",
            "COPY --from=build /src/target/image/root/ /",
            "COPY --from=build --chown=65532:65532 /src/target/image/owned/ /",
            "USER 65532:65532",
            "ENV FINOPS_HOST_STATE_DIR=/state",
            "VOLUME [\"/state\"]",
            "EXPOSE 9464",
            "STOPSIGNAL SIGTERM",
            "ENTRYPOINT [\"/finops-host\"]",
            "CMD [\"--help\"]",
        ]
    );
}

#[test]
fn nothing_that_was_built_or_is_secret_goes_into_the_build() {
    let text = fs::read_to_string(artifacts::root().join(".dockerignore")).unwrap();
    let ignored: Vec<&str> = text.lines().collect();
    for pattern in [
        "**/target",
        "**/*.wasm",
        ".git",
        "**/secrets",
        "**/*.p8",
        "**/*.pem",
        "**/*.key",
        "**/.env",
    ] {
        assert!(ignored.contains(&pattern), "{pattern}");
    }
    assert!(!text.contains('!'), "an exception brings something back");
    // What the build needs is not among it: the workspaces, and what the program is compiled from.
    for needed in [
        "Cargo.lock",
        "Cargo.toml",
        ".cargo",
        "collectors",
        "decimal",
        "host",
        "sdk",
        "tests",
        "wit",
        "xtask",
    ] {
        assert!(!ignored.contains(&needed), "{needed}");
        assert!(artifacts::root().join(needed).exists(), "{needed}");
    }
}
