//! The AWS schemes: whose keys, what they sign for, and what a platform tells where the table is silent.

use super::*;
use crate::egress::credential::{AssumeRole, AwsIdentity, AwsSigV4, Place, Scope, Signed, WebIdentity};

const KEYS: &str =
    "scheme = \"aws-sigv4\"\naccess-key-id = { env = \"A\" }\nsecret-access-key = { env = \"S\" }\n";
const ROLE: &str = "arn:aws:iam::123456789012:role/finops";

fn aws(text: &str) -> AwsSigV4 {
    match scheme(text) {
        Scheme::AwsSigV4(aws) => aws,
        other => panic!("{other:?}"),
    }
}

/// Reads a table where the platform has set these variables, and no others.
fn told(text: &str, variables: &[(&str, &str)]) -> Result<AwsSigV4, ConfigErrors> {
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
        Scheme::AwsSigV4(aws) => Ok(aws),
        other => panic!("{other:?}"),
    }
}

fn sts(aws: &AwsSigV4) -> Option<&str> {
    aws.sts.as_ref().map(|url| url.url().as_str())
}

#[test]
fn keys_sign_for_what_the_host_tells_or_the_table_says() {
    let plain = aws(KEYS);
    assert_eq!(
        plain.identity,
        AwsIdentity::Keys {
            access_key_id: env("A"),
            secret_access_key: env("S"),
            session_token: None,
        }
    );
    assert_eq!(
        (&plain.role, sts(&plain), &plain.scope),
        (&None, None, &Scope::OfHost)
    );
    let fixed = |canonical| {
        Scope::Fixed(Signed {
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            canonical,
        })
    };
    let written = format!("{KEYS}region = \"us-east-1\"\nservice = \"s3\"\n");
    assert_eq!(aws(&written).scope, fixed(Canonical::Usual));
    let s3 = aws(&format!(
        "{written}s3 = true\nsession-token = {{ env = \"T\" }}\n"
    ));
    assert_eq!(s3.scope, fixed(Canonical::S3));
    assert_eq!(s3.identity.secrets(), [&env("S"), &env("A"), &env("T")]);
}

#[test]
fn a_role_is_assumed_at_the_sts_of_its_region() {
    let role = "assume-role = { role = \"arn:aws:iam::123456789012:role/finops\", external-id = \"x\", duration = \"1h\" }\n";
    let with = aws(&format!("{KEYS}{role}"));
    assert_eq!(
        with.role,
        Some(AssumeRole {
            role: ROLE.to_owned(),
            external_id: Some("x".to_owned()),
            session: "finops-host".to_owned(),
            duration: Some(Duration::from_secs(3600)),
        })
    );
    assert_eq!(sts(&with), Some("https://sts.us-east-1.amazonaws.com/"));
    let china = aws(&format!(
        "{KEYS}{role}region = \"cn-north-1\"\nservice = \"ce\"\n"
    ));
    assert_eq!(sts(&china), Some("https://sts.cn-north-1.amazonaws.com.cn/"));
    let own = aws(&format!("{KEYS}{role}sts-url = \"https://sts.example.com/\"\n"));
    assert_eq!(sts(&own), Some("https://sts.example.com/"));
}

#[test]
fn a_web_identity_is_what_the_table_or_eks_tells() {
    let written = "scheme = \"aws-web-identity\"\nrole = \"arn:aws:iam::123456789012:role/finops\"\ntoken = { file = \"token\" }\nsession-name = \"me\"\n";
    let expected = |path: &str, session: &str| {
        AwsIdentity::WebIdentity(WebIdentity {
            role: ROLE.to_owned(),
            token: SecretRef::File(path.into()),
            session: session.to_owned(),
        })
    };
    assert_eq!(aws(written).identity, expected("/etc/finops/token", "me"));
    let eks = [
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
    ];
    let found = told("scheme = \"aws-web-identity\"\n", &eks).unwrap();
    assert_eq!(found.identity, expected("/var/run/token", "finops-host"));
    assert_eq!(sts(&found), Some("https://sts.us-east-1.amazonaws.com/"));
    let error = told("scheme = \"aws-web-identity\"\n", &[])
        .unwrap_err()
        .to_string();
    for name in ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_containers_endpoint_is_what_the_table_or_the_platform_tells() {
    let places = |aws: &AwsSigV4| -> Vec<String> {
        let places = Scheme::AwsSigV4(aws.clone());
        let shown = |place: &Place<'_>| match place {
            Place::Machine(url) => format!("machine {}", url.url()),
            Place::Minting(url) => format!("server {}", url.url()),
        };
        places.places().iter().map(shown).collect()
    };
    let scheme = "scheme = \"aws-container\"\n";
    let ecs = told(
        scheme,
        &[
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary"),
        ],
    )
    .unwrap();
    assert_eq!(places(&ecs), ["machine http://169.254.170.2/v2/credentials/x"]);
    assert_eq!(
        ecs.identity.secrets(),
        [&env("AWS_CONTAINER_AUTHORIZATION_TOKEN")]
    );
    let eks = told(
        scheme,
        &[
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://169.254.170.23/v1/credentials",
            ),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token"),
        ],
    )
    .unwrap();
    assert_eq!(places(&eks), ["machine http://169.254.170.23/v1/credentials"]);
    assert_eq!(
        eks.identity.secrets(),
        [&SecretRef::File("/var/run/token".into())]
    );
    let https = aws(&format!(
        "{scheme}endpoint = \"https://keys.example.com/\"\ntoken = {{ env = \"T\" }}\n"
    ));
    assert_eq!(places(&https), ["server https://keys.example.com/"]);
    for bad in [
        "http://10.0.0.1/",
        "http://keys.example.com/",
        "http://169.254.1.1/",
        "file:///etc/passwd",
    ] {
        let error = told(scheme, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad)]).unwrap_err();
        assert!(error.to_string().contains("documented address"), "{error}");
        let error = refused(&format!("{scheme}endpoint = \"{bad}\"\n"));
        assert!(error.contains("documented address"), "{error}");
    }
    assert!(told(scheme, &[]).is_err());
}

#[test]
fn an_instance_asks_its_metadata_service() {
    let scheme = "scheme = \"aws-instance\"\n";
    let AwsIdentity::Instance { url } = aws(scheme).identity else {
        panic!("instance")
    };
    assert_eq!(url.url().as_str(), "http://169.254.169.254/");
    assert!(refused(&format!("{scheme}endpoint = \"http://10.0.0.1/\"\n")).contains("on loopback"));
    aws(&format!("{scheme}endpoint = \"http://[fd00:ec2::254]/\"\n"));
}

#[test]
fn a_profile_is_read_from_the_file_that_the_table_names() {
    let text = "scheme = \"aws-profile\"\ncredentials-file = { file = \"credentials\" }\n";
    assert_eq!(
        aws(text).identity,
        AwsIdentity::Profile {
            file: SecretRef::File("/etc/finops/credentials".into()),
            profile: "default".to_owned(),
        }
    );
}

#[test]
fn what_does_not_fit_together_says_so() {
    for (text, why) in [
        (
            "region = \"us-east-1\"\nservice = \"a/b\"\n",
            "lower-case letters",
        ),
        ("service = \"ce\"\n", "in a region"),
        ("s3 = true\n", "without `service`"),
        ("sts-url = \"https://sts.example.com/\"\n", "alone"),
        ("assume-role = { role = \"finops\" }\n", "no ARN"),
        ("assume-role = { external-id = \"x\" }\n", "role"),
        (
            "assume-role = { role = \"arn:aws:iam::123456789012:role/finops\", session-name = \"a b\" }\n",
            "session's name",
        ),
        (
            "assume-role = { role = \"arn:aws:iam::123456789012:role/finops\", duration = \"1m\" }\n",
            "15m",
        ),
        (
            "assume-role = { role = \"arn:aws:iam::123456789012:role/finops\" }\nsts-url = \"http://sts.example.com/\"\n",
            "in the clear",
        ),
    ] {
        let error = refused(&format!("{KEYS}{text}"));
        assert!(error.contains(why), "{text}: {error}");
    }
}
