//! Files beside the operator's: those that are missing, and those that others can read.

use super::*;
use std::{fs, os::unix::fs::PermissionsExt};

/// A private directory with a configuration that names a secret.
fn on_disk(secret: Option<u32>) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.toml");
    let text = "[credentials.x]\nscheme = \"bearer\"\ntoken = { file = \"secret\" }\n";
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    if let Some(mode) = secret {
        fs::write(home.path().join("secret"), "HUNTER2").unwrap();
        fs::set_permissions(home.path().join("secret"), fs::Permissions::from_mode(mode)).unwrap();
    }
    (home, path)
}

#[test]
fn a_missing_key_file_is_found_on_loading() {
    let (_home, path) = on_disk(None);
    let error = Config::load(&path).unwrap_err().to_string();
    for part in [
        "a.toml:3:",
        "`credentials.x.token.file`",
        "secret cannot be read",
        "check the path",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_directory_in_place_of_a_key_file_is_found_on_loading() {
    let (home, path) = on_disk(None);
    fs::create_dir(home.path().join("secret")).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("secret is a directory"), "{error}");
}

#[test]
fn a_secret_that_others_can_read_only_warns() {
    let (_home, path) = on_disk(Some(0o644));
    let config = Config::load(&path).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("one warning: {:?}", config.warnings)
    };
    assert!(
        warning.contains("a.toml:3:") && warning.contains("chmod") && !warning.contains("HUNTER2"),
        "{warning}"
    );
    let (_home, path) = on_disk(Some(0o600));
    assert!(Config::load(&path).unwrap().warnings.is_empty());
}

#[test]
fn a_file_of_certificates_that_holds_none_is_found_on_loading() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.toml");
    let text = "[openfinops]\nendpoint = \"https://a.b\"\nca = \"ca.pem\"\n";
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (certificates, says) in [
        (None, "ca.pem cannot be read"),
        (Some("none"), "it holds no PEM certificate"),
        (Some(broken), "ca.pem: "),
    ] {
        if let Some(certificates) = certificates {
            fs::write(home.path().join("ca.pem"), certificates).unwrap();
        }
        let error = Config::load(&path).unwrap_err().to_string();
        for part in ["a.toml:3:6: `openfinops.ca`", says] {
            assert!(error.contains(part), "{error}");
        }
    }
}
