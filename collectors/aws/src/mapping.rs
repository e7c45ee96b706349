//! Cost Explorer's groups as cost records. Names that are not known pass through as they are.

use crate::{
    api::Api,
    cost_explorer::Row,
    cuts::{Cut, Dimension},
    overview::Overview,
    record_type::{self, Class},
    settings::Settings,
};
use finops_collector::{
    CostRecord, Decimal, excerpt,
    record::{ChargeCategory, ChargeFrequency, Finality, Quantity, Sku, SubAccount},
};

/// ServiceProviderName.
pub(crate) const PROVIDER: &str = "AWS";

/// FOCUS's category of a service, by its name in Cost Explorer.
const CATEGORIES: [(&str, &str); 62] = [
    ("Amazon Elastic Compute Cloud - Compute", "Compute"),
    ("EC2 - Other", "Compute"),
    ("EC2 Container Registry", "Compute"),
    ("Amazon EC2 Container Registry (ECR)", "Compute"),
    ("Amazon Elastic Container Service for Kubernetes", "Compute"),
    ("Amazon Elastic Kubernetes Service", "Compute"),
    ("Amazon Elastic Container Service", "Compute"),
    ("AWS Lambda", "Compute"),
    ("AWS Batch", "Compute"),
    ("AWS App Runner", "Compute"),
    ("Amazon Lightsail", "Compute"),
    ("Savings Plans for AWS Compute usage", "Compute"),
    ("Amazon Relational Database Service", "Databases"),
    ("Amazon DynamoDB", "Databases"),
    ("Amazon ElastiCache", "Databases"),
    ("Amazon MemoryDB", "Databases"),
    ("Amazon DocumentDB (with MongoDB compatibility)", "Databases"),
    ("Amazon Neptune", "Databases"),
    ("Amazon Keyspaces (for Apache Cassandra)", "Databases"),
    ("Amazon Timestream", "Databases"),
    ("Amazon Simple Storage Service", "Storage"),
    ("Amazon S3 Glacier", "Storage"),
    ("Amazon Glacier", "Storage"),
    ("Amazon Elastic File System", "Storage"),
    ("Amazon FSx", "Storage"),
    ("AWS Backup", "Storage"),
    ("AWS Storage Gateway", "Storage"),
    ("Amazon Virtual Private Cloud", "Networking"),
    ("Amazon CloudFront", "Networking"),
    ("Amazon Route 53", "Networking"),
    ("Amazon Elastic Load Balancing", "Networking"),
    ("Elastic Load Balancing", "Networking"),
    ("AWS Direct Connect", "Networking"),
    ("AWS Transit Gateway", "Networking"),
    ("AWS Global Accelerator", "Networking"),
    ("Amazon API Gateway", "Integration"),
    ("Amazon Simple Queue Service", "Integration"),
    ("Amazon Simple Notification Service", "Integration"),
    ("AWS Step Functions", "Integration"),
    ("Amazon EventBridge", "Integration"),
    ("CloudWatch Events", "Integration"),
    ("Amazon MQ", "Integration"),
    ("Amazon Athena", "Analytics"),
    ("Amazon Redshift", "Analytics"),
    ("Amazon Kinesis", "Analytics"),
    ("Amazon Managed Streaming for Apache Kafka", "Analytics"),
    ("Amazon OpenSearch Service", "Analytics"),
    ("Amazon Elastic MapReduce", "Analytics"),
    ("AWS Glue", "Analytics"),
    ("Amazon QuickSight", "Analytics"),
    ("Amazon SageMaker", "AI and Machine Learning"),
    ("Amazon Bedrock", "AI and Machine Learning"),
    ("AmazonCloudWatch", "Management and Governance"),
    ("AWS CloudTrail", "Management and Governance"),
    ("AWS Config", "Management and Governance"),
    ("AWS Cost Explorer", "Management and Governance"),
    ("AWS Systems Manager", "Management and Governance"),
    ("AWS Key Management Service", "Security"),
    ("AWS Secrets Manager", "Security"),
    ("AWS WAF", "Security"),
    ("Amazon GuardDuty", "Security"),
    ("Amazon Cognito", "Identity"),
];

/// FOCUS's category of a service; Other, with a warning, where it is not known.
pub(crate) fn service_category(api: &Api<'_>, service: &str) -> &'static str {
    match CATEGORIES.iter().find(|(name, _)| *name == service) {
        Some((_, category)) => category,
        None => {
            let service = excerpt(service, 80);
            api.warn_once(format!(
                "the service `{service}` is not known: its category is Other"
            ));
            "Other"
        }
    }
}

/// What is the same on every record of Cost Explorer.
pub(crate) fn base(api: &Api<'_>, settings: &Settings, row: &Row, service: &str) -> CostRecord {
    let currency = row.currency.as_str();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let shown = excerpt(currency, 20);
        api.warn_once(format!(
            "the currency `{shown}` is no ISO 4217 code: it is passed on as it is"
        ));
    }
    let category = service_category(api, service);
    CostRecord {
        effective_cost: row.effective,
        finality: if row.estimated {
            Finality::Open
        } else {
            Finality::Final
        },
        ..CostRecord::new(
            row.period,
            &settings.account,
            PROVIDER,
            (service, category),
            (row.billed, currency),
        )
    }
}

/// A record of the counted stream; none of a group without any amount.
pub(crate) fn record(
    api: &Api<'_>,
    settings: &Settings,
    overview: &Overview,
    cut: &Cut,
    row: &Row,
) -> Option<CostRecord> {
    let value = |dimension| cut.value(dimension, &row.keys);
    let account = value(Dimension::Account)?;
    let mut record = base(api, settings, row, value(Dimension::Service)?);
    record.sub_account = Some(SubAccount {
        id: account.to_owned(),
        name: overview.names.get(account).cloned(),
        kind: None,
    });
    match cut.class {
        Class::Usage => {
            let usage_type = value(Dimension::UsageType)?;
            record.frequency = Some(ChargeFrequency::UsageBased);
            record.consumed = consumed(row);
            record.sku = Some(Sku {
                meter: Some(usage_type.to_owned()),
                ..Sku::default()
            });
            record = record.extra("x_UsageType", usage_type);
        }
        Class::Other => {
            let record_type = value(Dimension::RecordType)?;
            let known = record_type::category(record_type);
            if known.is_none() {
                let shown = excerpt(record_type, 60);
                api.warn_once(format!(
                    "the record type `{shown}` is not known: its money counts as Adjustment, labelled x_RecordType"
                ));
            }
            (record.category, record.frequency) = known.unwrap_or((ChargeCategory::Adjustment, None));
            record = record.extra("x_RecordType", record_type);
        }
    }
    let empty = row.billed.is_zero() && row.effective.is_zero() && record.consumed.is_none();
    (!empty).then_some(record)
}

/// The quantity, where it has one unit. Quantities of several units add up to nothing.
pub(crate) fn consumed(row: &Row) -> Option<Quantity> {
    let (amount, unit) = row.quantity.as_ref()?;
    let sensible = *amount != Decimal::ZERO && !unit.is_empty() && unit != "N/A";
    sensible.then(|| Quantity::new(*amount, unit))
}
