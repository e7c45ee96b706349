//! Plain types to and from the types of the bindings. Decimals become text here and nowhere else.

mod descriptor;
mod record;

use crate::{
    Completeness, Failure, FailureKind, HttpRequest, Level, Observation, Outcome, Period, Progress, Receipt,
    Request, Seal, Source,
    bindings::finops::collector as wit,
    descriptor as own, record as charge,
    request::{Checkpoint, CommittedPartition, StreamRequest},
};
use wit::{cost, http, ledger, log, observations, types};

/// Two enums with the same cases, one way.
macro_rules! same_cases {
    ($from:ty => $to:ty { $($case:ident),+ }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$case => Self::$case),+ }
            }
        }
    };
}

same_cases!(own::Grain => types::Grain { Hour, Day, Month });
same_cases!(own::Anchor => types::Anchor { ChargeStart, BillingPeriod });
same_cases!(own::Basis => types::Basis { Billed, ListPrice, Estimated });
same_cases!(own::SettingKind => types::SettingKind { Text, Integer, Decimal, Boolean, Date, DatedDecimal });
same_cases!(charge::ChargeCategory => cost::ChargeCategory { Usage, Purchase, Tax, Credit, Adjustment });
same_cases!(charge::ChargeFrequency => cost::ChargeFrequency { OneTime, Recurring, UsageBased });
same_cases!(charge::Finality => types::Finality { Open, Final });
same_cases!(Progress => types::Progress { Done, More });
same_cases!(Level => log::Level { Debug, Info, Warn, Error });
same_cases!(Completeness => types::Completeness { Complete, Partial });
same_cases!(types::Completeness => Completeness { Complete, Partial });
same_cases!(FailureKind => types::FailureKind {
    Settings, Denied, Unreachable, Credential, Throttled, Provider, MalformedReply, Incomplete, Internal
});
same_cases!(types::FailureKind => FailureKind {
    Settings, Denied, Unreachable, Credential, Throttled, Provider, MalformedReply, Incomplete, Internal
});

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.into(),
            message: failure.message,
            status: failure.status,
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self {
            kind: failure.kind.into(),
            message: failure.message,
            status: failure.status,
        }
    }
}

impl From<Period> for types::Period {
    fn from(period: Period) -> Self {
        Self {
            start: period.start,
            end: period.end,
        }
    }
}

impl From<types::Period> for Period {
    fn from(period: types::Period) -> Self {
        Self {
            start: period.start,
            end: period.end,
        }
    }
}

impl From<Source> for types::Source {
    fn from(source: Source) -> Self {
        Self {
            provider: source.provider,
            billing_account: source.billing_account,
            scope: source.scope,
        }
    }
}

impl From<types::Source> for Source {
    fn from(source: types::Source) -> Self {
        Self {
            provider: source.provider,
            billing_account: source.billing_account,
            scope: source.scope,
        }
    }
}

impl From<types::CollectRequest> for Request {
    fn from(request: types::CollectRequest) -> Self {
        Self {
            settings: request.settings,
            now: request.now,
            backfill: request.backfill,
            streams: request.streams.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<types::StreamRequest> for StreamRequest {
    fn from(stream: types::StreamRequest) -> Self {
        let committed = |held: types::CommittedPartition| CommittedPartition {
            source: held.source.into(),
            start: held.start,
            completeness: held.completeness.into(),
            observed_through: held.observed_through,
        };
        let checkpoint = |held: types::Checkpoint| Checkpoint {
            source: held.source.into(),
            value: held.value,
        };
        Self {
            name: stream.name,
            due: stream.due,
            period: stream.period.into(),
            committed: stream.committed.into_iter().map(committed).collect(),
            checkpoints: stream.checkpoints.into_iter().map(checkpoint).collect(),
        }
    }
}

impl From<Outcome> for types::Outcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            progress: outcome.progress.into(),
            note: outcome.note,
        }
    }
}

impl From<&HttpRequest> for http::Request {
    fn from(request: &HttpRequest) -> Self {
        Self {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            repeatable: request.repeatable,
        }
    }
}

impl From<&Seal> for ledger::Seal {
    fn from(seal: &Seal) -> Self {
        let control = seal.control.as_ref().map(|control| ledger::ControlTotals {
            rows: control.rows,
            billed_cost: control
                .billed_cost
                .iter()
                .map(|(code, sum)| (code.clone(), sum.to_string()))
                .collect(),
        });
        Self {
            completeness: seal.completeness.into(),
            observed_through: seal.observed_through,
            control,
            checkpoint: seal.checkpoint.clone(),
        }
    }
}

impl From<ledger::Receipt> for Receipt {
    fn from(receipt: ledger::Receipt) -> Self {
        Self {
            written: receipt.written,
            unchanged: receipt.unchanged,
            revised: receipt.revised,
            added: receipt.added,
            withdrawn: receipt.withdrawn,
            merged: receipt.merged,
            held: receipt.held,
        }
    }
}

impl From<&Observation> for observations::Observation {
    fn from(observation: &Observation) -> Self {
        Self {
            name: observation.name.clone(),
            source: observation.source.clone().into(),
            at: observation.at,
            dimensions: observation.dimensions.clone(),
            value: observation.value.to_string(),
            unit: observation.unit.clone(),
        }
    }
}
