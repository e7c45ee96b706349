//! The schemes that put a secret on as it is: basic, query, and a Kubernetes secret that changes under them.

use super::{
    super::{RefusalKind, credential::Value},
    canary::Logs,
    server::{Server, answer, header, parts},
    *,
};
use std::{fs, os::unix::fs::symlink, path::Path};

const URL: &str = "http://api.example.com/v1/cost";
const SECRET: &str = "canary/secret+1&";

fn basic(username: Value, password: Option<SecretRef>) -> CredentialSpec {
    credential(Scheme::Basic { username, password })
}

fn query(directory: &tempfile::TempDir) -> CredentialSpec {
    credential(Scheme::Query {
        parameters: vec![("api_key".to_owned(), file(directory, "key", SECRET))],
    })
}

#[tokio::test]
async fn basic_sends_user_and_password() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let password = file(&directory, "password", "open sesame");
    let spec = basic(Value::Plain("Aladdin".to_owned()), Some(password));
    let egress = Setup::with_credential(server.address, spec).egress();
    egress.send(get(URL)).await.unwrap();
    assert_eq!(
        header(&server.only(), "authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
}

#[tokio::test]
async fn a_key_can_stand_in_for_the_user_name_without_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let spec = basic(Value::Secret(file(&directory, "key", "key-1")), None);
    let egress = Setup::with_credential(server.address, spec).egress();
    egress.send(get(URL)).await.unwrap();
    assert_eq!(header(&server.only(), "authorization"), Some("Basic a2V5LTE6"));
    let colon = basic(Value::Secret(file(&directory, "key", "key:1")), None);
    let egress = Setup::with_credential(server.address, colon).egress();
    assert_eq!(
        egress.send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Credential
    );
}

#[tokio::test]
async fn a_query_secret_is_added_behind_what_the_guest_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let egress = Setup::with_credential(server.address, query(&directory)).egress();
    egress.send(get(&format!("{URL}?b=%2f&a=1+2"))).await.unwrap();
    egress.send(get(URL)).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        parts(&seen[0]).1,
        "/v1/cost?b=%2f&a=1+2&api_key=canary%2Fsecret%2B1%26"
    );
    assert_eq!(parts(&seen[1]).1, "/v1/cost?api_key=canary%2Fsecret%2B1%26");
}

#[tokio::test]
async fn a_guest_cannot_set_the_parameter_of_a_query_secret() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let mut spec = query(&directory);
    if let Scheme::Query { parameters } = &mut spec.scheme {
        parameters[0].0 = "Account Token".to_owned();
    }
    let egress = Setup::with_credential(server.address, spec).egress();
    for query in [
        "Account%20Token=x",
        "account+token=x",
        "a=1&%41ccount%20toke%6e=x",
        "Account%20Token",
        "Account%20Token=",
    ] {
        let refusal = egress.send(get(&format!("{URL}?{query}"))).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Denied, "{query}");
    }
    assert_eq!(server.seen().len(), 0);
    egress.send(get(&format!("{URL}?account=x"))).await.unwrap();
}

#[tokio::test]
async fn secrets_of_basic_and_query_come_back_in_no_form_and_are_never_shown() {
    let logs = Logs::start();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::answering(|request| {
        let echoed = header(request, "authorization").unwrap_or(parts(request).1);
        answer(200, &[], format!("you sent {echoed}").as_bytes())
    })
    .await;
    let password = || Some(file(&directory, "password", "canary-password-1"));
    let user = || Value::Plain("me".to_owned());
    for spec in [query(&directory), basic(user(), password())] {
        let egress = Setup::with_credential(server.address, spec).egress();
        let refusal = whole(egress.send(get(URL)).await.unwrap()).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Echoed);
        logs.assert_unseen(
            &[SECRET, "canary-password-1", "me:canary-password-1"],
            &egress,
            &[refusal],
        );
    }
    let redirect = Server::answering(|request| {
        let to = format!("location: https://elsewhere.example{}", parts(request).1);
        answer(302, &[&to], b"")
    })
    .await;
    let egress = Setup::with_credential(redirect.address, query(&directory)).egress();
    assert_eq!(egress.send(get(URL)).await.unwrap_err().kind, RefusalKind::Echoed);
    let egress = Setup::with_credential("127.0.0.1:9".parse().unwrap(), query(&directory)).egress();
    let refusal = egress.send(get(URL)).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unreachable);
    logs.assert_unseen(&[SECRET], &egress, &[refusal]);
}

/// Swaps the `..data` link as the kubelet does: a new directory, a new link, and a rename over the old one.
fn publish(volume: &Path, version: &str, secret: &str) {
    let directory = format!("..{version}");
    fs::create_dir(volume.join(&directory)).unwrap();
    fs::write(volume.join(&directory).join("token"), secret).unwrap();
    symlink(&directory, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

#[tokio::test]
async fn a_secret_volume_that_is_swapped_is_followed() {
    let volume = tempfile::tempdir().unwrap();
    publish(volume.path(), "2026_08_01", "secret-token-1");
    symlink("..data/token", volume.path().join("token")).unwrap();
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let token = SecretRef::File(volume.path().join("token"));
    let egress = Setup::with_credential(server.address, credential(Scheme::Bearer { token })).egress();
    egress.send(get(URL)).await.unwrap();
    publish(volume.path(), "2026_08_02", "secret-token-2");
    fs::remove_dir_all(volume.path().join("..2026_08_01")).unwrap();
    egress.send(get(URL)).await.unwrap();
    let seen = server.seen();
    assert_eq!(header(&seen[0], "authorization"), Some("Bearer secret-token-1"));
    assert_eq!(header(&seen[1], "authorization"), Some("Bearer secret-token-2"));
}

#[tokio::test]
async fn a_secret_that_changes_while_it_is_refused_is_tried_once() {
    let directory = tempfile::tempdir().unwrap();
    let token = file(&directory, "token", "secret-token-1");
    let path = directory.path().join("token");
    let server = Server::answering(move |request| {
        // In place, with as many bytes, and perhaps within one tick of the file system's clock.
        fs::write(&path, "secret-token-2").unwrap();
        let good = header(request, "authorization") == Some("Bearer secret-token-2");
        answer(if good { 200 } else { 401 }, &[], b"")
    })
    .await;
    let egress = Setup::with_credential(server.address, credential(Scheme::Bearer { token })).egress();
    assert_eq!(egress.send(post(URL, "x")).await.unwrap().status, 200);
    assert_eq!(server.seen().len(), 2);
    let refusing = Server::start(vec![answer(401, &[], b"")]).await;
    let same = Setup::with_credential(refusing.address, bearer(&directory, "secret-token-3")).egress();
    assert_eq!(same.send(get(URL)).await.unwrap().status, 401);
    assert_eq!(refusing.seen().len(), 1);
}
