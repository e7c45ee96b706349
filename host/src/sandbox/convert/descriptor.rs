//! What a component says of itself.

use super::basis;
use crate::{component::descriptor as plain, foreign::Foreign, sandbox::bindings::finops::collector::types};

/// A descriptor as plain data. Its defaults must be JSON.
pub(in crate::sandbox) fn descriptor(given: types::Descriptor) -> Result<plain::Descriptor, String> {
    let settings = given
        .settings
        .into_iter()
        .map(setting)
        .collect::<Result<_, _>>()?;
    Ok(plain::Descriptor {
        name: given.name,
        version: given.version,
        provider: given.provider,
        text: given.text,
        settings,
        streams: given.streams.into_iter().map(stream).collect(),
        observations: given
            .observations
            .into_iter()
            .map(|it| plain::ObservationKind {
                name: it.name,
                unit: it.unit,
                text: it.text,
            })
            .collect(),
        hosts: given
            .hosts
            .into_iter()
            .map(|it| plain::HostWish {
                host: it.host,
                methods: it.methods,
                paths: it.paths,
                headers: it.headers,
                credential: it.credential,
                text: it.text,
            })
            .collect(),
        credentials: given
            .credentials
            .into_iter()
            .map(|it| plain::CredentialWish {
                name: it.name,
                schemes: it.schemes,
                text: it.text,
            })
            .collect(),
    })
}

fn setting(given: types::Setting) -> Result<plain::Setting, String> {
    let default = match &given.default {
        Some(text) => Some(serde_json::from_str(text).map_err(|error| {
            format!(
                "the default of its setting `{}` is no JSON ({error})",
                Foreign::from(given.key.as_str())
            )
        })?),
        None => None,
    };
    Ok(plain::Setting {
        key: given.key,
        kind: match given.kind {
            types::SettingKind::Text => plain::SettingKind::Text,
            types::SettingKind::Integer => plain::SettingKind::Integer,
            types::SettingKind::Decimal => plain::SettingKind::Decimal,
            types::SettingKind::Boolean => plain::SettingKind::Boolean,
            types::SettingKind::Date => plain::SettingKind::Date,
            types::SettingKind::DatedDecimal => plain::SettingKind::DatedDecimal,
        },
        list_of: given.list_of,
        required: given.required,
        default,
        allowed: given.allowed,
        text: given.text,
    })
}

fn stream(given: types::Stream) -> plain::Stream {
    plain::Stream {
        name: given.name,
        text: given.text,
        grain: match given.grain {
            types::Grain::Hour => plain::Grain::Hour,
            types::Grain::Day => plain::Grain::Day,
            types::Grain::Month => plain::Grain::Month,
        },
        anchor: match given.anchor {
            types::Anchor::ChargeStart => plain::Anchor::ChargeStart,
            types::Anchor::BillingPeriod => plain::Anchor::BillingPeriod,
        },
        basis: basis(given.basis),
        view_of: match given.role {
            types::Role::Counted => None,
            types::Role::ViewOf(parent) => Some(parent),
        },
        supersedes: given.supersedes.map(|it| plain::Supersede {
            stream: it.stream,
            by: it.by,
        }),
        latency: given.latency,
        look_back: match given.look_back {
            types::LookBack::Days(days) => plain::LookBack::Days(days),
            types::LookBack::Months(window) => plain::LookBack::Months {
                previous: window.previous,
                until_day: window.until_day,
            },
        },
        cadence: given.cadence,
        retention: given.retention,
        key_version: given.key_version,
        key_tags: given.key_tags,
    }
}
