//! The descriptor on its way out.

use crate::{bindings::finops::collector::types, descriptor as own};

impl From<own::Descriptor> for types::Descriptor {
    fn from(descriptor: own::Descriptor) -> Self {
        Self {
            name: descriptor.name,
            version: descriptor.version,
            provider: descriptor.provider,
            text: descriptor.text,
            settings: descriptor.settings.into_iter().map(Into::into).collect(),
            streams: descriptor.streams.into_iter().map(Into::into).collect(),
            observations: descriptor.observations.into_iter().map(Into::into).collect(),
            hosts: descriptor.hosts.into_iter().map(Into::into).collect(),
            credentials: descriptor.credentials.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<own::Stream> for types::Stream {
    fn from(stream: own::Stream) -> Self {
        Self {
            name: stream.name,
            text: stream.text,
            grain: stream.grain.into(),
            anchor: stream.anchor.into(),
            basis: stream.basis.into(),
            role: match stream.role {
                own::Role::Counted => types::Role::Counted,
                own::Role::ViewOf(parent) => types::Role::ViewOf(parent),
            },
            supersedes: stream.supersedes.map(|it| types::Supersede {
                stream: it.stream,
                by: it.by,
            }),
            latency: stream.latency,
            look_back: match stream.look_back {
                own::LookBack::Days(days) => types::LookBack::Days(days),
                own::LookBack::Months { previous, until_day } => {
                    types::LookBack::Months(types::MonthWindow { previous, until_day })
                }
            },
            cadence: stream.cadence,
            retention: stream.retention,
            key_version: stream.key_version,
            key_tags: stream.key_tags,
        }
    }
}

impl From<own::Setting> for types::Setting {
    fn from(setting: own::Setting) -> Self {
        Self {
            key: setting.key,
            kind: setting.kind.into(),
            list_of: setting.list_of,
            required: setting.required,
            default: setting.default,
            allowed: setting.allowed,
            text: setting.text,
        }
    }
}

impl From<own::ObservationKind> for types::ObservationKind {
    fn from(kind: own::ObservationKind) -> Self {
        Self {
            name: kind.name,
            unit: kind.unit,
            text: kind.text,
        }
    }
}

impl From<own::HostWish> for types::HostWish {
    fn from(wish: own::HostWish) -> Self {
        Self {
            host: wish.host,
            methods: wish.methods,
            paths: wish.paths,
            headers: wish.headers,
            credential: wish.credential,
            text: wish.text,
        }
    }
}

impl From<own::CredentialWish> for types::CredentialWish {
    fn from(wish: own::CredentialWish) -> Self {
        Self {
            name: wish.name,
            schemes: wish.schemes,
            text: wish.text,
        }
    }
}
