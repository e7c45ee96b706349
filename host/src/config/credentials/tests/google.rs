//! The Google schemes.

use super::*;
use crate::egress::credential::{Google, GoogleIdentity};

fn google(text: &str) -> Google {
    match scheme(text) {
        Scheme::Google(google) => google,
        other => panic!("{other:?}"),
    }
}

fn places(google: &Google) -> Vec<String> {
    let scheme = Scheme::Google(google.clone());
    scheme
        .places()
        .iter()
        .map(|place| place.url().url().to_string())
        .collect()
}

#[test]
fn a_service_accounts_key_is_shown_to_google_alone() {
    let text = "scheme = \"google-service-account\"\nkey = { file = \"key.json\" }\n";
    let plain = google(text);
    assert_eq!(places(&plain), ["https://oauth2.googleapis.com/token"]);
    assert_eq!(
        plain.scope,
        "https://www.googleapis.com/auth/cloud-platform.read-only"
    );
    assert_eq!(
        plain.identity.secrets(),
        [&SecretRef::File("/etc/finops/key.json".into())]
    );
    let scopes = google(&format!("{text}scopes = [\"a\", \"b\"]\n"));
    assert_eq!(scopes.scope, "a b");
    assert!(refused(&format!("{text}scopes = \"a\"\n")).contains("a list of scopes"));
}

#[test]
fn the_metadata_server_is_at_its_name_or_on_loopback() {
    let text = "scheme = \"google-metadata\"\n";
    let plain = google(text);
    assert_eq!(places(&plain), ["http://metadata.google.internal/"]);
    assert_eq!(plain.scope, "");
    google(&format!("{text}endpoint = \"http://169.254.169.254/\"\n"));
    assert!(
        refused(&format!("{text}endpoint = \"http://metadata.example.com/\"\n"))
            .contains("documented address")
    );
}

#[test]
fn a_federated_identity_may_impersonate_a_service_account() {
    let text = "scheme = \"google-workload-identity\"\naudience = \"//iam.googleapis.com/x\"\ntoken = { file = \"token\" }\n";
    let plain = google(text);
    assert_eq!(places(&plain), ["https://sts.googleapis.com/v1/token"]);
    let GoogleIdentity::Federated(federated) = &plain.identity else {
        panic!("federated")
    };
    assert_eq!(federated.token_type, "urn:ietf:params:oauth:token-type:jwt");
    let with = google(&format!(
        "{text}impersonate = \"reader@p.iam.gserviceaccount.com\"\n"
    ));
    assert_eq!(
        places(&with)[1],
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/reader@p.iam.gserviceaccount.com:generateAccessToken"
    );
    for bad in ["reader", "a@b/../c", "a@b?x"] {
        assert!(
            refused(&format!("{text}impersonate = \"{bad}\"\n")).contains("no address"),
            "{bad}"
        );
    }
}
