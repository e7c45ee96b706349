//! From the contract's generated types to the host's plain data and back. What must hold: money is parsed exactly or
//! refused; sizes are checked here, so that nothing larger goes further.

mod descriptor;
mod record;

pub(super) use self::{descriptor::descriptor, record::records};

use super::{
    bindings::finops::collector::types,
    failure::{Failure, FailureKind},
    limits,
};
use crate::{
    component::descriptor::Basis,
    foreign::Foreign,
    ledger::record::{Period, Source},
};
use finops_decimal::Decimal;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A guest's failure as plain data, its message cut to size.
pub(super) fn failure(failure: types::Failure) -> Failure {
    let mut message = failure.message;
    if message.len() > limits::MESSAGE {
        let cut = message.floor_char_boundary(limits::MESSAGE);
        message.truncate(cut);
    }
    Failure {
        kind: kind(failure.kind),
        message: Foreign::new(message),
        status: failure.status,
    }
}

/// A failure as the guest sees it.
pub(super) fn failure_for_guest(failure: &Failure) -> types::Failure {
    let kind = match failure.kind {
        FailureKind::Settings => types::FailureKind::Settings,
        FailureKind::Denied => types::FailureKind::Denied,
        FailureKind::Unreachable => types::FailureKind::Unreachable,
        FailureKind::Credential => types::FailureKind::Credential,
        FailureKind::Throttled => types::FailureKind::Throttled,
        FailureKind::Provider => types::FailureKind::Provider,
        FailureKind::MalformedReply => types::FailureKind::MalformedReply,
        FailureKind::Incomplete => types::FailureKind::Incomplete,
        FailureKind::Internal => types::FailureKind::Internal,
    };
    types::Failure {
        kind,
        message: failure.message.raw().to_owned(),
        status: failure.status,
    }
}

fn kind(kind: types::FailureKind) -> FailureKind {
    match kind {
        types::FailureKind::Settings => FailureKind::Settings,
        types::FailureKind::Denied => FailureKind::Denied,
        types::FailureKind::Unreachable => FailureKind::Unreachable,
        types::FailureKind::Credential => FailureKind::Credential,
        types::FailureKind::Throttled => FailureKind::Throttled,
        types::FailureKind::Provider => FailureKind::Provider,
        types::FailureKind::MalformedReply => FailureKind::MalformedReply,
        types::FailureKind::Incomplete => FailureKind::Incomplete,
        types::FailureKind::Internal => FailureKind::Internal,
    }
}

/// An instant of the contract.
pub(super) fn instant(seconds: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_second(seconds).map_err(|_| {
        internal(format!(
            "{seconds} seconds since 1970 is no instant between the years -9999 and 9999"
        ))
    })
}

/// A source of the contract.
pub(super) fn source(source: types::Source) -> Source {
    Source {
        provider: source.provider,
        billing_account: source.billing_account,
        scope: source.scope,
    }
}

/// A source as the guest sees it.
pub(super) fn source_for_guest(source: Source) -> types::Source {
    types::Source {
        provider: source.provider,
        billing_account: source.billing_account,
        scope: source.scope,
    }
}

/// A period as the guest sees it.
pub(super) fn period_for_guest(period: Period) -> types::Period {
    types::Period {
        start: period.start().as_second(),
        end: period.end().as_second(),
    }
}

/// An exact decimal of the contract.
pub(super) fn decimal(name: &str, text: &str) -> Result<Decimal, Failure> {
    text.parse().map_err(|error| {
        Failure::new(
            FailureKind::MalformedReply,
            format!("{name} `{}`: {error}", Foreign::from(text)),
        )
    })
}

fn internal(message: String) -> Failure {
    Failure::new(FailureKind::Internal, message)
}

/// Name and value pairs, each name once.
pub(super) fn pairs(what: &str, pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Failure> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs {
        if let Some(before) = map.insert(name, value) {
            return Err(internal(format!(
                "a {what} is there twice, once with the value `{}`",
                Foreign::from(before)
            )));
        }
    }
    Ok(map)
}

fn basis(basis: types::Basis) -> Basis {
    match basis {
        types::Basis::Billed => Basis::Billed,
        types::Basis::ListPrice => Basis::ListPrice,
        types::Basis::Estimated => Basis::Estimated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_given_twice_is_refused() {
        let twice = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert!(pairs("tag", twice).is_err());
    }
}
