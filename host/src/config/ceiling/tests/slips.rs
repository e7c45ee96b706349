//! Host files with slips, and those that are warned of.

use super::*;

#[test]
fn a_ceiling_with_a_slip_is_refused_with_its_line() {
    let with = |more: &str| format!("[[directory]]\npath = \"tenants/a\"\n{more}\n");
    for (text, parts) in [
        (
            with("host = [\"a.b\"]"),
            &[
                "host.toml:3:1: `directory.host`: unknown key",
                "did you mean `hosts`?",
            ][..],
        ),
        (with("env-prefix = \"\""), &["no prefix", "ending with `_`"]),
        (with("env-prefix = \"A\""), &["no prefix", "ending with `_`"]),
        (with("schemes = [\"baerer\"]"), &["did you mean `bearer`?"]),
        (with("hosts = [\"*\"]"), &["is no host"]),
        (with("addresses = [\"10.0.0.0/99\"]"), &["10.20.0.0/16"]),
        (with("destinations = [\"books\"]"), &["no URL"]),
        (with("secrets = [\"/\"]"), &["the root of all files"]),
        (with("reveal = \"yes\""), &["true or false"]),
        (
            with("[directory.limits]\nmemory = \"1B\""),
            &["`directory.limits.memory`", "out of range"],
        ),
        ("[[directory]]\nhosts = []\n".to_owned(), &["`path` is missing"]),
        (
            "[directory]\npath = \"a\"\n".to_owned(),
            &["this is a table", "[[directory]]"],
        ),
        (
            "[[directori]]\npath = \"a\"\n".to_owned(),
            &["did you mean `directory`?"],
        ),
        (
            "[[directory]]\npath = \"a\"\n[[directory]]\npath = \"a/b\"\n".to_owned(),
            &[
                "host.toml:3:1: `directory.path`",
                "overlaps /etc/finops/a of line 1",
            ],
        ),
        (
            "[[directory]]\npath = \"a\"\n[[directory]]\npath = \"a\"\n".to_owned(),
            &["overlaps"],
        ),
    ] {
        let shown = ceilings(&text).expect_err(&text);
        for part in parts {
            assert!(shown.contains(part), "no {part:?} in {shown}");
        }
    }
    // a name that only begins alike is another directory
    assert!(ceilings("[[directory]]\npath = \"a\"\n[[directory]]\npath = \"ab\"\n").is_ok());
}

#[test]
fn a_root_of_secrets_in_the_directory_cannot_lead_out_of_it() {
    let text = "[[directory]]\npath = \"a\"\nsecrets = [\"a/secrets\"]\n";
    let resolve = |path: &Path| {
        Ok(if path.ends_with("secrets") {
            PathBuf::from("/root")
        } else {
            path.to_owned()
        })
    };
    let errors = host::read(text, Path::new("/etc/host.toml"), &resolve).unwrap_err();
    let shown = errors.to_string();
    assert!(
        shown.contains("host.toml:3:") && shown.contains("leads to /root"),
        "{shown}"
    );
    // outside of it, links are the operator's own
    let text = text.replace("a/secrets", "/var/run/secrets");
    assert!(host::read(&text, Path::new("/etc/host.toml"), &resolve).is_ok());
}

#[test]
fn tenants_that_could_use_each_others_secrets_are_warned_of() {
    let warnings = |more: &str| {
        let text = format!(
            "[[directory]]\npath = \"a\"\nsecrets = [\"/s/a\"]\nenv-prefix = \"A_\"\n[[directory]]\npath = \"b\"\n{more}\n"
        );
        host::read(&text, Path::new("/etc/host.toml"), &|path| Ok(path.to_owned()))
            .unwrap()
            .warnings
            .join("\n")
    };
    assert_eq!(warnings("secrets = [\"/s/b\"]\nenv-prefix = \"B_\""), "");
    assert!(warnings("secrets = [\"/s\"]").contains("host.toml:5: its secrets overlap the files of line 1"));
    assert!(warnings("secrets = [\"/etc/a/x\"]").contains("secrets overlap"));
    assert!(warnings("env-prefix = \"A_B_\"").contains("`A_B_` overlaps `A_` of line 1"));
    assert!(warnings("reveal = true").contains("MAY REVEAL SECRETS"));
}
