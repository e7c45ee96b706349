//! What a collector asks for against what an operator's file grants. It informs the operator; egress decides.
//!
//! What must hold: a wish is said to be granted only if every call that it names is allowed as it stands; what is granted
//! beyond all wishes is named.

mod calls;
#[cfg(test)]
mod tests;
mod unasked;

use super::Config;
use crate::{
    component::descriptor::{CredentialWish, Descriptor},
    egress::rule::HostPattern,
    foreign::Foreign,
};
use serde::Serialize;

/// Wishes and grants side by side. Names and hosts may be a guest's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Whether the file pins this component.
    pub pin: Pin,
    /// The settings, and those that the collector does not have.
    pub settings: Vec<SettingState>,
    /// The wishes for calls.
    pub calls: Vec<CallState>,
    /// The wishes for credentials.
    pub credentials: Vec<CredentialState>,
    /// What is granted but not asked for.
    pub unasked: Vec<Unasked>,
}

/// Whether the file pins the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pin {
    /// It pins none.
    None,
    /// It pins this one.
    This,
    /// It pins another: this one does not load.
    Another,
}

/// How far a wish is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granted {
    /// Wholly.
    Yes,
    /// In part.
    Partly,
    /// Not at all.
    No,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingState {
    /// Its key.
    pub key: String,
    /// What the file does about it.
    pub state: Setting,
    /// Where the file gives it: the line.
    pub line: Option<usize>,
    /// What is wrong and what to do, where something is.
    pub problem: Option<String>,
}

/// What a file does about a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// Gives it.
    Given,
    /// Leaves it to its default.
    Default,
    /// Leaves it out; it is optional and has no default.
    Absent,
    /// Leaves it out, though it is required.
    Missing,
    /// Gives a value that it does not take.
    Unfit,
    /// Gives a setting that the collector does not have.
    Unknown,
}

/// One wish for calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallState {
    /// The host, under the file's settings.
    pub host: String,
    /// Methods.
    pub methods: Vec<String>,
    /// Path prefixes.
    pub paths: Vec<String>,
    /// Request headers.
    pub headers: Vec<String>,
    /// The credential.
    pub credential: Option<String>,
    /// How far it is granted.
    pub granted: Granted,
    /// The lines of the rules that grant it.
    pub lines: Vec<usize>,
    /// What is lacking.
    pub lacks: Vec<String>,
}

/// One wish for a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialState {
    /// Its name.
    pub name: String,
    /// The schemes that would do.
    pub schemes: Vec<String>,
    /// The scheme that the file gives.
    pub scheme: Option<&'static str>,
    /// How far it is granted.
    pub granted: Granted,
    /// Where it stands in the file: the line.
    pub line: Option<usize>,
    /// Whether the collector may read the secret.
    pub revealed: bool,
    /// What is lacking.
    pub lacks: Vec<String>,
}

/// Something that is granted but not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unasked {
    /// Where it stands in the file: the line.
    pub line: usize,
    /// What it is.
    pub what: String,
}

/// Compares a collector's description with an operator's file.
#[must_use]
pub fn compare(descriptor: &Descriptor, sha256: &str, config: &Config) -> Comparison {
    let (values, errors) = config.settings_as_far(descriptor);
    let problem = |key: &str| {
        let keys = [
            format!("settings.{key}"),
            format!("settings.{}", Foreign::from(key)),
        ];
        let error = errors
            .as_ref()?
            .errors()
            .iter()
            .find(|error| keys.contains(&error.key))?;
        let remedy = error.remedy.as_ref().map(|remedy| format!("; {remedy}"));
        Some(format!("{}{}", error.what, remedy.unwrap_or_default()))
    };
    let known = descriptor.settings.iter().map(|setting| {
        let line = config.line_of_setting(&setting.key);
        let problem = problem(&setting.key);
        let state = match (line, &problem, &setting.default) {
            (Some(_), Some(_), _) => Setting::Unfit,
            (Some(_), None, _) => Setting::Given,
            (None, Some(_), _) => Setting::Missing,
            (None, None, Some(_)) => Setting::Default,
            (None, None, None) => Setting::Absent,
        };
        SettingState {
            key: setting.key.clone(),
            state,
            line,
            problem,
        }
    });
    let unknown = config.setting_keys().filter(|key| {
        let is_known = descriptor.settings.iter().any(|setting| setting.key == **key);
        !is_known
    });
    let unknown = unknown.map(|key| SettingState {
        key: key.to_owned(),
        state: Setting::Unknown,
        line: config.line_of_setting(key),
        problem: problem(key),
    });
    let wishes: Vec<_> = descriptor
        .hosts
        .iter()
        .map(|wish| calls::Wish::new(wish, &values))
        .collect();
    Comparison {
        pin: match config.sha256.as_deref() {
            None => Pin::None,
            Some(pin) if pin == sha256 => Pin::This,
            Some(_) => Pin::Another,
        },
        settings: known.chain(unknown).collect(),
        calls: wishes.iter().map(|wish| calls::state(wish, config)).collect(),
        credentials: descriptor
            .credentials
            .iter()
            .map(|wish| credential(wish, config))
            .collect(),
        unasked: unasked::all(&wishes, &descriptor.credentials, config),
    }
}

fn credential(wish: &CredentialWish, config: &Config) -> CredentialState {
    let spec = config.credentials.iter().find(|spec| spec.name == wish.name);
    let mut lacks = Vec::new();
    let scheme = spec.map(|spec| spec.scheme.name());
    match scheme {
        None => lacks.push(format!("there is no [credentials.{}]", wish.name)),
        Some(scheme) if !wish.schemes.iter().any(|wanted| wanted == scheme) => {
            lacks.push(format!("its scheme `{scheme}` is none of those asked for"));
        }
        Some(_) => {}
    }
    let used = |rule: &crate::egress::rule::Rule| rule.credential.as_ref() == Some(&wish.name);
    if spec.is_some() && !config.rules.iter().any(used) {
        lacks.push("no rule puts it on".to_owned());
    }
    CredentialState {
        name: wish.name.clone(),
        schemes: wish.schemes.clone(),
        scheme,
        granted: match (spec, lacks.is_empty()) {
            (None, _) => Granted::No,
            (Some(_), true) => Granted::Yes,
            (Some(_), false) => Granted::Partly,
        },
        line: spec.map(|spec| spec.line),
        revealed: spec.is_some_and(|spec| spec.reveal),
        lacks,
    }
}

/// Whether all hosts of the second are hosts of the first.
fn covers(outer: &HostPattern, inner: &HostPattern) -> bool {
    match (outer, inner) {
        (outer, HostPattern::Exact(name)) => outer.matches(name),
        (HostPattern::Below(suffix), HostPattern::Below(inner)) => suffix == inner || outer.matches(inner),
        (HostPattern::Exact(_), HostPattern::Below(_)) => false,
    }
}
