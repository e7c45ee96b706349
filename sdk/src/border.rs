//! Plain types to and from the types of the bindings. Decimals become text here and nowhere else.

use crate::{
    Completeness, CostRecord, Failure, FailureKind, HttpRequest, Level, Observation, Outcome, Period,
    Progress, Receipt, Request, Seal, Source,
    bindings::finops::collector as wit,
    descriptor as own, record,
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
same_cases!(record::ChargeCategory => cost::ChargeCategory { Usage, Purchase, Tax, Credit, Adjustment });
same_cases!(record::ChargeFrequency => cost::ChargeFrequency { OneTime, Recurring, UsageBased });
same_cases!(record::Finality => types::Finality { Open, Final });
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

impl From<&record::Quantity> for cost::Quantity {
    fn from(quantity: &record::Quantity) -> Self {
        Self {
            amount: quantity.amount.to_string(),
            unit: quantity.unit.clone(),
        }
    }
}

impl From<&record::Pricing> for cost::Pricing {
    fn from(pricing: &record::Pricing) -> Self {
        Self {
            category: pricing.category.clone(),
            quantity: pricing.quantity.as_ref().map(Into::into),
            list_unit_price: pricing.list_unit_price.map(|price| price.to_string()),
            contracted_unit_price: pricing.contracted_unit_price.map(|price| price.to_string()),
            currency: pricing.currency.clone(),
            card: pricing.card.clone(),
        }
    }
}

impl From<&record::Commitment> for cost::Commitment {
    fn from(commitment: &record::Commitment) -> Self {
        Self {
            id: commitment.id.clone(),
            name: commitment.name.clone(),
            category: commitment.category.clone(),
            kind: commitment.kind.clone(),
            status: commitment.status.clone(),
            quantity: commitment.quantity.as_ref().map(Into::into),
        }
    }
}

impl From<&CostRecord> for cost::CostRecord {
    fn from(record: &CostRecord) -> Self {
        let sub_account = |it: &record::SubAccount| cost::SubAccount {
            id: it.id.clone(),
            name: it.name.clone(),
            kind: it.kind.clone(),
        };
        let resource = |it: &record::Resource| cost::CostResource {
            id: it.id.clone(),
            name: it.name.clone(),
            kind: it.kind.clone(),
        };
        let region = |it: &record::Location| cost::Location {
            id: it.id.clone(),
            name: it.name.clone(),
            zone: it.zone.clone(),
        };
        let sku = |it: &record::Sku| cost::Sku {
            id: it.id.clone(),
            price_id: it.price_id.clone(),
            meter: it.meter.clone(),
        };
        let reservation = |it: &record::Reservation| cost::Reservation {
            id: it.id.clone(),
            status: it.status.clone(),
        };
        let invoice = |it: &record::Invoice| cost::Invoice {
            id: it.id.clone(),
            detail_id: it.detail_id.clone(),
        };
        Self {
            charge_period: record.charge_period.into(),
            billing_period: record.billing_period.map(Into::into),
            category: record.category.into(),
            correction: record.correction,
            frequency: record.frequency.map(Into::into),
            description: record.description.clone(),
            finality: record.finality.into(),
            basis: record.basis.map(Into::into),
            line_id: record.line_id.clone(),
            billing_account_id: record.billing_account_id.clone(),
            billing_account_name: record.billing_account_name.clone(),
            sub_account: record.sub_account.as_ref().map(sub_account),
            service_provider: record.service_provider.clone(),
            host_provider: record.host_provider.clone(),
            invoice_issuer: record.invoice_issuer.clone(),
            invoice: record.invoice.as_ref().map(invoice),
            service_name: record.service_name.clone(),
            service_category: record.service_category.clone(),
            service_subcategory: record.service_subcategory.clone(),
            region: record.region.as_ref().map(region),
            resource: record.resource.as_ref().map(resource),
            sku: record.sku.as_ref().map(sku),
            currency: record.currency.clone(),
            billed_cost: record.billed_cost.to_string(),
            effective_cost: record.effective_cost.to_string(),
            list_cost: record.list_cost.map(|cost| cost.to_string()),
            contracted_cost: record.contracted_cost.map(|cost| cost.to_string()),
            consumed: record.consumed.as_ref().map(Into::into),
            pricing: record.pricing.as_ref().map(Into::into),
            commitment: record.commitment.as_ref().map(Into::into),
            reservation: record.reservation.as_ref().map(reservation),
            tags: record.tags.clone(),
            extra: record.extra.clone(),
        }
    }
}

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
