//! The Azure schemes, and what AKS and App Service tell where the table is silent.

use super::*;
use crate::egress::credential::{Azure, AzureIdentity};

const APP: &str = "tenant = \"contoso.onmicrosoft.com\"\nclient-id = \"me\"\n";

fn told(text: &str, variables: &[(&str, &str)]) -> Result<Azure, ConfigErrors> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let around = Around {
        environment: &environment,
        files: Files::Left,
        ceiling: None,
    };
    let text = format!("[credentials.x]\n{text}");
    let config = crate::config::read(&text, Path::new("/etc/finops/a.toml"), &around)?;
    match config.credentials.into_iter().next().unwrap().scheme {
        Scheme::Azure(azure) => Ok(azure),
        other => panic!("{other:?}"),
    }
}

fn place(azure: &Azure) -> String {
    let scheme = Scheme::Azure(azure.clone());
    scheme.places()[0].url().url().to_string()
}

#[test]
fn an_app_is_known_by_its_tenant_and_proves_itself_in_three_ways() {
    for (text, secrets) in [
        (
            "scheme = \"azure-client-secret\"\nclient-secret = { env = \"S\" }\n",
            vec![env("S")],
        ),
        (
            "scheme = \"azure-client-certificate\"\ncertificate = { env = \"C\" }\nprivate-key = { env = \"K\" }\npassphrase = { env = \"P\" }\n",
            vec![env("K"), env("P"), env("C")],
        ),
        (
            "scheme = \"azure-workload-identity\"\ntoken = { file = \"token\" }\n",
            vec![SecretRef::File("/etc/finops/token".into())],
        ),
    ] {
        let azure = told(
            &format!("{text}{APP}"),
            &[("S", "x"), ("C", "x"), ("K", "x"), ("P", "x")],
        )
        .unwrap();
        assert_eq!(azure.scope, "https://management.azure.com/.default");
        assert_eq!(
            place(&azure),
            "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"
        );
        let found: Vec<SecretRef> = azure.identity.secrets().into_iter().cloned().collect();
        assert_eq!(found, secrets, "{text}");
    }
}

#[test]
fn aks_tells_who_a_workload_is() {
    let aks = [
        ("AZURE_CLIENT_ID", "me"),
        ("AZURE_TENANT_ID", "0000-1111"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token"),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ];
    let azure = told("scheme = \"azure-workload-identity\"\n", &aks).unwrap();
    assert_eq!(
        place(&azure),
        "https://login.microsoftonline.us/0000-1111/oauth2/v2.0/token"
    );
    let AzureIdentity::Federated { app, token } = &azure.identity else {
        panic!("federated")
    };
    assert_eq!(
        (app.client_id.as_str(), token),
        ("me", &SecretRef::File("/var/run/token".into()))
    );
    let error = told("scheme = \"azure-workload-identity\"\n", &[])
        .unwrap_err()
        .to_string();
    for (name, _) in &aks[..3] {
        assert!(error.contains(name), "{error}");
    }
    let plain = [
        ("AZURE_CLIENT_ID", "me"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_AUTHORITY_HOST", "http://login.example.com/"),
    ];
    let text = "scheme = \"azure-client-secret\"\nclient-secret = { file = \"s\" }\n";
    assert!(
        told(text, &plain)
            .unwrap_err()
            .to_string()
            .contains("no https URL")
    );
    let odd = [("AZURE_CLIENT_ID", "me"), ("AZURE_TENANT_ID", "a/../b")];
    assert!(
        told(text, &odd)
            .unwrap_err()
            .to_string()
            .contains("no tenant's id")
    );
}

#[test]
fn a_managed_identity_is_the_machines_or_the_apps() {
    let scheme = "scheme = \"azure-managed-identity\"\nclient-id = \"which\"\n";
    let machine = told(scheme, &[]).unwrap();
    assert_eq!(
        place(&machine),
        "http://169.254.169.254/metadata/identity/oauth2/token"
    );
    let AzureIdentity::Managed {
        header, client_id, ..
    } = &machine.identity
    else {
        panic!("managed")
    };
    assert_eq!((header, client_id.as_deref()), (&None, Some("which")));
    let service = [
        ("IDENTITY_ENDPOINT", "http://169.254.129.3:8081/msi/token"),
        ("IDENTITY_HEADER", "canary"),
    ];
    let app = told(scheme, &service).unwrap();
    assert_eq!(app.identity.secrets(), [&env("IDENTITY_HEADER")]);
    for bad in [
        &[
            ("IDENTITY_ENDPOINT", "http://10.0.0.1/"),
            ("IDENTITY_HEADER", "x"),
        ][..],
        &[("IDENTITY_ENDPOINT", "http://127.0.0.1/")],
    ] {
        assert!(told(scheme, bad).is_err(), "{bad:?}");
    }
}
