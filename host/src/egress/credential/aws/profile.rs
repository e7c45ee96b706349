//! The shared credentials file: one profile's keys. What must hold: no program is run and no other file is read for it.

use super::{
    super::{CredentialError, Secret, rsa::Found},
    SessionKeys,
};
use zeroize::Zeroizing;

/// The keys of a profile.
pub(super) fn keys((text, at): Found<'_>, profile: &str) -> Result<SessionKeys, CredentialError> {
    let mut within = false;
    let mut seen = false;
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.expose().lines() {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            let name = name.0.trim();
            // In the `config` file, sections are called `profile NAME`.
            within = name == profile || name.strip_prefix("profile ").map(str::trim) == Some(profile);
            seen |= within;
            continue;
        }
        // An indented line belongs to a nested setting.
        if !within || line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = || Some(Secret::new(Zeroizing::new(value.trim().to_owned())));
        match key.trim().to_ascii_lowercase().as_str() {
            "aws_access_key_id" => id = value(),
            "aws_secret_access_key" => secret = value(),
            "aws_session_token" => token = value(),
            "credential_process" => {
                return Err(at.unusable(
                    "the profile has its keys from a program, and none is ever run: use another scheme",
                ));
            }
            _ => {}
        }
    }
    if !seen {
        return Err(at.unusable("it holds no such profile"));
    }
    let missing = "the profile holds no `aws_access_key_id` and `aws_secret_access_key`: where it names a role, write it as `assume-role`";
    let (Some(id), Some(secret)) = (id, secret) else {
        return Err(at.unusable(missing));
    };
    SessionKeys::of((&id, at), (&secret, at), token.as_ref().map(|token| (token, at)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::super::SecretRef, *};

    const FILE: &str = "# keys\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key=one\n\n\
                        [ prod ]\naws_secret_access_key = a=b/c+d\naws_access_key_id = AKIDPROD\ns3 =\n  aws_session_token = no\n\
                        aws_session_token = tok\n[profile dev]\nregion = us-east-1\n[odd]\ncredential_process = /bin/keys hunter2\n";

    fn read(profile: &str) -> Result<SessionKeys, String> {
        let text = Secret::new(Zeroizing::new(FILE.to_owned()));
        let at = SecretRef::File("credentials".into());
        keys((&text, &at), profile).map_err(|error| error.to_string())
    }

    #[test]
    fn a_profile_gives_its_own_keys() {
        let prod = read("prod").unwrap();
        let keys = prod.keys();
        assert_eq!(
            (keys.id, keys.secret, keys.token),
            ("AKIDPROD", "a=b/c+d", Some("tok"))
        );
        let default = read("default").unwrap();
        let keys = default.keys();
        assert_eq!((keys.id, keys.secret, keys.token), ("AKIDDEFAULT", "one", None));
    }

    #[test]
    fn a_profile_without_keys_says_why() {
        for (profile, why) in [
            ("dev", "assume-role"),
            ("none", "no such profile"),
            ("odd", "none is ever run"),
        ] {
            let error = read(profile).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
        }
    }
}
